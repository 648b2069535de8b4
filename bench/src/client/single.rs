//! One request after the other, with their answers as they are: for what is not measured.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use super::answer::{Head, Incoming};

/// The whole table takes the slowest server a few seconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection for single requests.
#[derive(Debug)]
pub(crate) struct Single(TcpStream);

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    /// Its body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

impl Single {
    /// Connects to that port of this machine.
    pub(crate) fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self(stream))
    }

    /// Sends a request and waits for its answer.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Result<Answer> {
        let mut body = Vec::new();
        let answer = self.stream(request, |piece| body.extend_from_slice(piece))?;
        Ok(Answer { body, ..answer })
    }

    /// Sends a request, and hands over the body of its answer piece by piece; the answer itself is without it.
    pub(crate) fn stream(&mut self, request: &[u8], mut each: impl FnMut(&[u8])) -> Result<Answer> {
        self.0.write_all(request)?;
        let (mut received, mut buffer) = (Vec::new(), vec![0; 64 * 1024]);
        let mut headers = Vec::new();
        let Head { mut incoming, length } = loop {
            self.read(&mut received, &mut buffer)?;
            let mut keep = |name: &str, value: &[u8]| {
                headers.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
            };
            if let Some(head) = Incoming::begin(&received, &mut keep)? {
                break head;
            }
        };
        received.drain(..length);
        loop {
            incoming.take(&received, |piece| {
                each(piece);
                Ok(())
            })?;
            if incoming.is_complete() {
                return Ok(Answer { status: incoming.status, headers, body: Vec::new() });
            }
            received.clear();
            self.read(&mut received, &mut buffer)?;
        }
    }

    fn read(&mut self, received: &mut Vec<u8>, buffer: &mut [u8]) -> Result<()> {
        loop {
            match self.0.read(buffer) {
                Ok(0) => bail!("the server has closed the connection"),
                Ok(count) => {
                    received.extend_from_slice(&buffer[..count]);
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("no answer"),
            }
        }
    }
}

#[cfg(test)]
impl Answer {
    /// An answer that is made up.
    pub(crate) fn sample(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { status, headers, body: body.into() }
    }
}
