//! Answers as they come off the wire: where the head ends, and which bytes are the body's.

use std::str::FromStr;

use anyhow::{Context, Result, bail, ensure};

use super::chunked::Chunked;

/// More than any of the servers sends.
const MAX_HEADERS: usize = 32;

/// What is known of an answer that is on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Incoming {
    pub(super) status: u16,
    body: Framing,
}

/// How the body is delimited.
#[derive(Clone, Copy, Debug)]
enum Framing {
    /// So many bytes are left.
    Length(usize),
    Chunked(Chunked),
}

/// A whole head at the beginning of some bytes.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) incoming: Incoming,
    /// How many bytes it takes.
    pub(super) length: usize,
}

impl Incoming {
    /// The head at the beginning of `bytes`, if it is there to its end. `each` gets every header.
    pub(super) fn begin(bytes: &[u8], mut each: impl FnMut(&str, &[u8])) -> Result<Option<Head>> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut response = httparse::Response::new(&mut headers);
        let httparse::Status::Complete(length) = response.parse(bytes).context("what came is no HTTP")? else {
            return Ok(None);
        };
        let status = response.code.context("an answer without a status")?;
        let mut body = None;
        for header in response.headers.iter() {
            if header.name.eq_ignore_ascii_case("content-length") {
                body = Some(Framing::Length(number(header.value)?));
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                ensure!(header.value.eq_ignore_ascii_case(b"chunked"), "a transfer coding that is not chunked");
                body = Some(Framing::Chunked(Chunked::START));
            }
            each(header.name, header.value);
        }
        let Some(body) = body else { bail!("{status} without the length of a body") };
        Ok(Some(Head { incoming: Self { status, body }, length }))
    }

    /// Takes the next bytes, of which `each` gets the body's; says how many belonged to this answer.
    pub(super) fn take(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<usize> {
        match &mut self.body {
            Framing::Length(left) => {
                let body = &bytes[..bytes.len().min(*left)];
                *left -= body.len();
                each(body)?;
                Ok(body.len())
            }
            Framing::Chunked(decoder) => {
                let mut used = 0;
                while used < bytes.len() && *decoder != Chunked::End {
                    let piece = decoder.take(&bytes[used..]).ok().context("the chunked coding is broken")?;
                    used += piece.used;
                    each(piece.body)?;
                }
                Ok(used)
            }
        }
    }

    /// Whether it is there to its end.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self.body, Framing::Length(0) | Framing::Chunked(Chunked::End))
    }
}

fn number<T: FromStr>(value: &[u8]) -> Result<T> {
    let number = str::from_utf8(value).ok().and_then(|text| text.trim().parse().ok());
    number.context("a content-length that is no number")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Option<(u16, String, usize)>> {
        let Some(Head { mut incoming, length }) = Incoming::begin(bytes, |_, _| ())? else { return Ok(None) };
        let mut body = Vec::new();
        let used = incoming.take(&bytes[length..], |piece| {
            body.extend_from_slice(piece);
            Ok(())
        })?;
        let body = String::from_utf8(body)?;
        Ok(incoming.is_complete().then_some((incoming.status, body, bytes.len() - length - used)))
    }

    #[test]
    fn both_framings_are_understood() {
        let with_length = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1";
        assert_eq!(read(with_length).expect("an answer"), Some((404, "{}".to_owned(), 8)));
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert_eq!(read(chunked).expect("an answer"), Some((200, "{}".to_owned(), 0)));
    }

    #[test]
    fn half_an_answer_is_none_yet() {
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nbody";
        for length in 0..answer.len() {
            assert_eq!(read(&answer[..length]).expect("no fault"), None, "{length} bytes");
        }
    }

    #[test]
    fn an_answer_without_an_end_is_refused() {
        for bytes in ["HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "SSH-2.0-x\r\n\r\n"] {
            assert!(read(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
