//! The load generator: a closed loop of connections, each of which sends its next request when it has the response to the
//! one before.
//!
//! It shares the processors with what it measures, so it must cost little: one thread, prepared requests, two system
//! calls for each request, and no allocation for a response. It still compares every response to its last byte.

mod connection;
mod exchange;

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use futures_util::{
    future::try_join_all,
    stream::{FuturesUnordered, TryStreamExt as _},
};
use hdrhistogram::Histogram;
use tokio::{task::unconstrained, time::timeout};

use self::exchange::Check;
pub(crate) use self::{
    connection::Connection,
    exchange::{Body, Exchange, excerpt, request_line},
};

/// The longest that a response may take: 32 whole tables at once take the slowest contender seconds.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The distinct exchanges, and the order in which they are sent, over and over.
#[derive(Clone, Debug)]
pub(crate) struct Load {
    pub(crate) exchanges: Vec<Exchange>,
    pub(crate) order: Vec<usize>,
}

/// The measurement of one run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Sample {
    pub(crate) requests: u64,
    /// From the first request to the last response.
    pub(crate) elapsed: Duration,
    /// Latencies.
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// The connections of a load.
pub(crate) struct Client<'a> {
    load: &'a Load,
    connections: Vec<Connection>,
    /// Exchanges begun so far.
    begun: Cell<usize>,
}

impl<'a> Client<'a> {
    /// Opens connections to `port`.
    pub(crate) async fn connect(port: u16, connections: usize, load: &'a Load) -> Result<Self> {
        let connections = try_join_all((0..connections).map(|_| Connection::open(port))).await?;
        Ok(Self { load, connections, begun: Cell::new(0) })
    }

    /// Sends requests for `duration`, and waits for the last responses.
    pub(crate) async fn run(&mut self, duration: Duration) -> Result<Sample> {
        let latencies = RefCell::new(Histogram::new_with_max(u64::try_from(2 * TIMEOUT.as_micros())?, 3)?);
        let start = Instant::now();
        let (load, begun, end) = (self.load, &self.begun, start + duration);
        let loops = self.connections.iter_mut().map(|connection| repeat(connection, load, begun, end, &latencies));
        let loops = loops.collect::<FuturesUnordered<_>>().try_collect::<Vec<()>>();
        // Without tokio's budget, which would stop the loops after 128 reads and writes and poll them again.
        timeout(duration + TIMEOUT, unconstrained(loops)).await.context("no response in time")??;
        let (latencies, elapsed) = (latencies.into_inner(), start.elapsed());
        let quantile = |quantile| Duration::from_micros(latencies.value_at_quantile(quantile));
        Ok(Sample { requests: latencies.len(), elapsed, p50: quantile(0.5), p99: quantile(0.99) })
    }
}

async fn repeat(
    connection: &mut Connection,
    load: &Load,
    begun: &Cell<usize>,
    end: Instant,
    latencies: &RefCell<Histogram<u64>>,
) -> Result<()> {
    let mut sent = Instant::now();
    loop {
        let exchange = &load.exchanges[load.order[begun.get() % load.order.len()]];
        begun.set(begun.get() + 1);
        let mut check = Check::new(exchange);
        let outcome = connection.send(&exchange.request, |status, piece| check.take(status, piece)).await;
        outcome.and_then(|status| check.finish(status)).with_context(|| request_line(&exchange.request))?;
        let now = Instant::now();
        latencies.borrow_mut().saturating_record(u64::try_from(now.duration_since(sent).as_micros())?);
        if now >= end {
            return Ok(());
        }
        sent = now;
    }
}

/// A complete response, for requests that are not measured.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The response to `request`.
    pub(crate) async fn of(connection: &mut Connection, request: &[u8]) -> Result<Self> {
        let mut body = Vec::new();
        let keep = |_, piece: &[u8]| {
            body.extend_from_slice(piece);
            Ok(())
        };
        let status = timeout(TIMEOUT, connection.send(request, keep)).await.context("no response in time")??;
        Ok(Self { status, head: String::from_utf8_lossy(&connection.head).into_owned(), body })
    }

    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(':'));
        headers.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    #[cfg(test)]
    pub(crate) fn sample(status: u16, head: &str, body: &str) -> Self {
        Self { status, head: head.to_owned(), body: body.into() }
    }
}
