//! One connection of the load, with one request under way at a time.

use std::{
    io::{self, ErrorKind, Read as _, Write as _},
    net::SocketAddr,
    time::Instant,
};

use anyhow::{Context as _, Result, bail, ensure};
use mio::{Interest, Registry, Token, net::TcpStream};

use super::{
    answer::{Head, Incoming},
    check::Check,
    exchange::Exchange,
};

/// Room for all small answers at once, and for large ones in few pieces.
const BUFFER: usize = 64 * 1024;

pub(super) struct Connection {
    stream: TcpStream,
    buffer: Box<[u8]>,
    /// How many bytes of the buffer wait for more: part of a head.
    filled: usize,
    /// How many bytes of the request have been sent.
    sent: usize,
    incoming: Option<Incoming>,
    check: Check,
    /// The number of the exchange under way.
    pub(super) exchange: usize,
    /// When its request was sent.
    pub(super) since: Instant,
}

/// What has come of an exchange.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The answer is not complete.
    Waiting,
    /// The answer is complete, and right.
    Answered,
}

impl Connection {
    pub(super) fn open(address: SocketAddr, registry: &Registry, token: Token) -> Result<Self> {
        let stream = std::net::TcpStream::connect(address).with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
        Ok(Self {
            stream,
            buffer: vec![0; BUFFER].into(),
            filled: 0,
            sent: 0,
            incoming: None,
            check: Check::default(),
            exchange: 0,
            since: Instant::now(),
        })
    }

    /// Begins an exchange, told with its number, at this moment.
    pub(super) fn begin(&mut self, (number, exchange): (usize, &Exchange), now: Instant) -> Result<()> {
        (self.exchange, self.since, self.sent) = (number, now, 0);
        self.send(exchange)
    }

    /// Sends as much of the request as there is room for, which nearly always is all of it.
    pub(super) fn send(&mut self, exchange: &Exchange) -> Result<()> {
        while self.sent < exchange.request.len() {
            match self.stream.write(&exchange.request[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
        Ok(())
    }

    /// Takes what has come.
    pub(super) fn receive(&mut self, exchange: &Exchange) -> Result<Progress> {
        loop {
            let room = self.buffer.len() - self.filled;
            match self.stream.read(&mut self.buffer[self.filled..]) {
                Ok(0) => bail!("the server has closed the connection"),
                Ok(count) => {
                    self.filled += count;
                    // Fewer bytes than there was room for: there are no more, and the kernel will say when there are.
                    if self.digest(exchange)? == Progress::Answered {
                        return Ok(Progress::Answered);
                    } else if count < room {
                        return Ok(Progress::Waiting);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Progress::Waiting),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    /// Takes what is in the buffer.
    fn digest(&mut self, exchange: &Exchange) -> Result<Progress> {
        let bytes = &self.buffer[..self.filled];
        let (incoming, head) = match &mut self.incoming {
            Some(incoming) => (incoming, 0),
            none => {
                let Some(Head { incoming, length }) = Incoming::begin(bytes, |_, _| ())? else {
                    ensure!(self.filled < self.buffer.len(), "the head of an answer is too long");
                    return Ok(Progress::Waiting);
                };
                self.check.begin(incoming.status);
                (none.insert(incoming), length)
            }
        };
        let used = head + incoming.take(&bytes[head..], |piece| self.check.take(exchange, piece))?;
        ensure!(used == self.filled, "more came than the answer to one request");
        self.filled = 0;
        if !incoming.is_complete() {
            return Ok(Progress::Waiting);
        }
        self.incoming = None;
        self.check.end(exchange)?;
        Ok(Progress::Answered)
    }
}

fn broken(error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("the connection broke: {error}")
}
