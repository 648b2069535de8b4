//! One HTTP/1.1 connection with one request at a time. httparse reads response heads and chunk sizes.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::{Buf as _, BytesMut};
use httparse::{EMPTY_HEADER, Status};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// More headers than any contender sends.
const MAX_HEADERS: usize = 32;
/// Bytes: a small response arrives in one read, and a large one in few.
const BUFFER: usize = 64 * 1024;

/// A connection to a server on this machine.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    /// Received bytes that are not read yet.
    buffer: BytesMut,
    /// The head of the last response.
    pub(super) head: Vec<u8>,
}

/// The delimitation of a body (RFC 9112, section 6).
enum Framing {
    Length(usize),
    Chunked,
}

impl Connection {
    /// Connects to `port` on the loopback interface.
    pub(crate) async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        let stream = stream.with_context(|| format!("cannot connect to port {port}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: BytesMut::with_capacity(BUFFER), head: Vec::new() })
    }

    /// Sends `request`, passes the status and the pieces of the body of its response to `take`, and returns the status.
    pub(super) async fn send(&mut self, request: &[u8], mut take: impl FnMut(u16, &[u8]) -> Result<()>) -> Result<u16> {
        self.stream.write_all(request).await.context("cannot send the request")?;
        let (length, status, framing) = loop {
            match parse_head(&self.buffer)? {
                Some(head) => break head,
                None => self.fill().await?,
            }
        };
        self.head.clear();
        self.head.extend_from_slice(&self.buffer.split_to(length));
        match framing {
            Framing::Length(length) => self.pass(length, &mut |piece| take(status, piece)).await?,
            Framing::Chunked => {
                while let size @ 1.. = self.chunk_size().await? {
                    self.pass(size, &mut |piece| take(status, piece)).await?;
                    self.end_chunk().await?;
                }
                // No contender sends trailers.
                self.end_chunk().await?;
            }
        }
        ensure!(self.buffer.is_empty(), "the server sent more than the response to one request");
        Ok(status)
    }

    async fn pass(&mut self, mut length: usize, take: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        while length > 0 {
            if self.buffer.is_empty() {
                self.fill().await?;
            }
            let piece = &self.buffer[..length.min(self.buffer.len())];
            take(piece)?;
            length -= piece.len();
            self.buffer.advance(piece.len());
        }
        Ok(())
    }

    async fn chunk_size(&mut self) -> Result<usize> {
        loop {
            match httparse::parse_chunk_size(&self.buffer) {
                Ok(Status::Complete((length, size))) => {
                    self.buffer.advance(length);
                    return Ok(usize::try_from(size)?);
                }
                Ok(Status::Partial) => self.fill().await?,
                Err(_) => bail!("invalid chunk size"),
            }
        }
    }

    async fn end_chunk(&mut self) -> Result<()> {
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        ensure!(self.buffer.starts_with(b"\r\n"), "a chunk does not end where its size says");
        self.buffer.advance(2);
        Ok(())
    }

    async fn fill(&mut self) -> Result<()> {
        self.buffer.reserve(BUFFER / 2);
        let count = self.stream.read_buf(&mut self.buffer).await.context("cannot read the response")?;
        ensure!(count > 0, "the server closed the connection");
        Ok(())
    }
}

/// The length of the head, the status and the framing; `None` until the head is complete.
fn parse_head(bytes: &[u8]) -> Result<Option<(usize, u16, Framing)>> {
    let mut headers = [EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    let Status::Complete(length) = response.parse(bytes).context("invalid HTTP response")? else { return Ok(None) };
    let value = |name| response.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
    let framing = match (value("content-length"), value("transfer-encoding")) {
        (_, Some(coding)) if coding.value.eq_ignore_ascii_case(b"chunked") => Framing::Chunked,
        (Some(length), None) => {
            let length = str::from_utf8(length.value).ok().and_then(|length| length.parse().ok());
            Framing::Length(length.context("invalid content-length")?)
        }
        _ => bail!("neither content-length nor chunks"),
    };
    Ok(Some((length, response.code.unwrap_or_default(), framing)))
}

#[cfg(test)]
mod tests {
    use tokio::{net::TcpListener, task::yield_now};

    use super::*;
    use crate::client::Response;

    /// The response of a server that sends `bytes` in pieces of `size`, and then closes the connection.
    async fn received(bytes: &'static str, size: usize) -> Result<Response> {
        let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = server.local_addr()?.port();
        tokio::spawn(async move {
            let (mut stream, _) = server.accept().await.expect("a client");
            stream.set_nodelay(true).expect("a socket");
            // A connection that is closed with unread bytes is reset.
            let _ = stream.read(&mut [0; 64]).await.expect("a request");
            for piece in bytes.as_bytes().chunks(size) {
                stream.write_all(piece).await.expect("a reader");
                yield_now().await;
            }
        });
        Response::of(&mut Connection::open(port).await?, b"GET / HTTP/1.1\r\n\r\n").await
    }

    #[tokio::test]
    async fn the_body_is_the_same_wherever_the_response_is_cut() {
        let with_length = "HTTP/1.1 404 Not Found\r\nETag: \"3\"\r\nContent-Length: 4\r\n\r\nbody";
        let chunked =
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nWiki\r\nA;x=y\r\npedia\r\nand\r\n0\r\n\r\n";
        for size in [1, 2, 3, 7, 64, 1_000] {
            let response = received(with_length, size).await.expect("a response");
            assert_eq!((response.status, response.header("etag")), (404, Some("\"3\"")));
            assert_eq!(response.body, b"body");
            assert_eq!(
                received(chunked, size).await.expect("a response").body,
                b"Wikipedia\r\nand",
                "pieces of {size}"
            );
        }
    }

    #[tokio::test]
    async fn invalid_responses_are_refused() {
        for (bytes, reason) in [
            ("HTTP/1.1 200 OK\r\n\r\n", "neither content-length"),
            ("HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "invalid content-length"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc", "more than the response"),
            ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc", "closed the connection"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nWikipedia", "a chunk does not end"),
            ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nx\r\n", "invalid chunk size"),
            ("SSH-2.0-x\r\n\r\n", "invalid HTTP response"),
        ] {
            let error = received(bytes, 1_000).await.expect_err(bytes).to_string();
            assert!(error.contains(reason), "{bytes}: {error}");
        }
    }
}
