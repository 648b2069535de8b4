//! The load: so many connections, each of which sends the next request as soon as the one before is answered.
//!
//! It shares the machine with what it measures, so it is made to cost little: one thread, requests that are ready to be
//! sent, no allocation for an answer, two system calls for each. And yet it compares every answer to its last byte.

mod answer;
mod check;
mod chunked;
mod connection;
mod exchange;
mod single;

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use hdrhistogram::Histogram;
use mio::{Events, Poll, Token};

use self::connection::{Connection, Progress};
pub(crate) use self::{
    exchange::{Body, Exchange, excerpt, named},
    single::{Answer, Single},
};

/// How long all connections may be silent: 256 whole tables at once take the slowest server a while.
const PATIENCE: Duration = Duration::from_mins(1);
/// The longest latency that is told from others.
const LONGEST: Duration = Duration::from_mins(5);

/// What to send.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    /// The distinct requests with their answers.
    pub(crate) exchanges: Vec<Exchange>,
    /// Their numbers in the order in which they are sent; then it starts over.
    pub(crate) order: Vec<usize>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Sample {
    /// How many requests were answered.
    pub(crate) requests: u64,
    /// How long it took, to the last answer.
    pub(crate) elapsed: Duration,
    /// How long each waited, in microseconds.
    pub(crate) latencies: Histogram<u64>,
}

/// The connections of a load.
pub(crate) struct Client<'a> {
    queue: Queue<'a>,
    connections: Vec<Connection>,
    poll: Poll,
    events: Events,
}

/// What to send next.
struct Queue<'a> {
    load: &'a Load,
    begun: usize,
}

impl<'a> Client<'a> {
    /// Opens so many connections to a port of this machine.
    pub(crate) fn connect(port: u16, connections: usize, load: &'a Load) -> Result<Self> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let poll = Poll::new().context("cannot wait for connections")?;
        let open = |number| Connection::open(address, poll.registry(), Token(number));
        let connections = (0..connections).map(open).collect::<Result<Vec<_>>>()?;
        let events = Events::with_capacity(connections.len().max(1));
        Ok(Self { queue: Queue { load, begun: 0 }, connections, poll, events })
    }

    /// Sends requests for that long, and waits for all answers.
    pub(crate) fn drive(&mut self, duration: Duration) -> Result<Sample> {
        let Self { queue, connections, poll, events } = self;
        let longest = u64::try_from(LONGEST.as_micros())?;
        let mut latencies = Histogram::new_with_bounds(1, longest, 3)?;
        let start = Instant::now();
        let (end, mut now) = (start + duration, start);
        for connection in connections.iter_mut() {
            connection.begin(queue.next(), Instant::now())?;
        }
        let mut under_way = connections.len();
        while under_way > 0 {
            match poll.poll(events, Some(PATIENCE)) {
                // A signal, such as of the end of a child: what is to be done about it is done elsewhere.
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                polled => polled.context("cannot wait for answers")?,
            }
            ensure!(!events.is_empty(), "no answer came within {} s", PATIENCE.as_secs());
            for event in events.iter() {
                let connection = &mut connections[event.token().0];
                let exchange = &queue.load.exchanges[connection.exchange];
                connection.send(exchange)?;
                if connection.receive(exchange)? == Progress::Waiting {
                    continue;
                }
                now = Instant::now();
                let latency = now.duration_since(connection.since).as_micros();
                latencies.saturating_record(u64::try_from(latency)?);
                if now < end {
                    connection.begin(queue.next(), now)?;
                } else {
                    under_way -= 1;
                }
            }
        }
        Ok(Sample { requests: latencies.len(), elapsed: now.duration_since(start), latencies })
    }
}

impl<'a> Queue<'a> {
    /// The next exchange, with its number.
    fn next(&mut self) -> (usize, &'a Exchange) {
        let number = self.load.order[self.begun % self.load.order.len()];
        self.begun += 1;
        (number, &self.load.exchanges[number])
    }
}
