//! The check of a request head, before the parser of actix-http sees it.
//!
//! actix-http answers a head that it refuses by itself, with an empty body, no id, and no trace in log or metrics. It has no
//! hook for that. So each head is checked by the same rules first: by `httparse` and `Uri`, which actix-http uses too, and by
//! its rules for the length of a body (RFC 9112, 6.3). A unit test compares the two.

use std::mem::MaybeUninit;

use actix_web::http::{Method, Uri};
use httparse::Status;

use super::rewriting::{encode_target, ignore_upgrades, wants_upgrade};
use crate::http::{
    Problem,
    limits::{MAX_HEAD_BYTES, head_too_large},
};

/// Largest head that is read to its end, in bytes. [`MAX_HEAD_BYTES`] counts targets, names and values alone; this leaves
/// room for what stands between them.
pub(super) const MAX_BUFFERED_BYTES: usize = 2 * MAX_HEAD_BYTES;

/// Most headers in a request, as actix-http has it.
const MAX_HEADERS: usize = 96;

/// The method of the request that stands for a refused one. Clients cannot use it.
pub(super) const REFUSED_METHOD: &str = "-";

/// The bytes at the beginning of a request.
#[derive(Debug)]
pub(super) enum Examined {
    /// The head is not complete yet.
    Incomplete,
    /// Empty lines of this many bytes, which may precede a request line (RFC 9112, 2.2).
    EmptyLines(usize),
    /// A head of `length` bytes, which the parser accepts.
    Accepted { length: usize, body: Body },
    /// A head of `length` bytes, which the parser accepts once it is replaced by `replacement`.
    Rewritten { length: usize, replacement: Vec<u8>, body: Body },
    /// The parser would refuse it.
    Refused(Problem),
}

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// This many bytes, and then the next head.
    Length(u64),
    /// Chunks, and then the next head.
    Chunked,
    /// Whatever the client sends, to the end of the connection.
    Endless,
}

/// Checks the head at the beginning of `input`.
pub(super) fn examine(input: &[u8]) -> Examined {
    let empty = empty_lines(input);
    if empty > 0 {
        return Examined::EmptyLines(empty);
    }
    match Head::parse(input) {
        Ok(None) if input.len() > MAX_BUFFERED_BYTES => Examined::Refused(head_too_large()),
        Ok(None) => Examined::Incomplete,
        Ok(Some(Head { length, body, upgrade: false })) => Examined::Accepted { length, body },
        Ok(Some(Head { length, body, upgrade: true })) => {
            let mut replacement = input[..length].to_vec();
            ignore_upgrades(&mut replacement);
            Examined::Rewritten { length, replacement, body }
        }
        Err(problem) => {
            encode_target(input).map_or_else(|| Examined::Refused(problem), |it| examine_encoded(input, it))
        }
    }
}

/// As [`examine`], for an `input` whose target was percent-encoded.
fn examine_encoded(input: &[u8], mut encoded: Vec<u8>) -> Examined {
    match Head::parse(&encoded) {
        Ok(None) if input.len() > MAX_BUFFERED_BYTES => Examined::Refused(head_too_large()),
        Ok(None) => Examined::Incomplete,
        Ok(Some(Head { length, body, upgrade })) => {
            let added = encoded.len() - input.len();
            encoded.truncate(length);
            if upgrade {
                ignore_upgrades(&mut encoded);
            }
            Examined::Rewritten { length: length - added, replacement: encoded, body }
        }
        Err(problem) => Examined::Refused(problem),
    }
}

/// The length of the empty lines at the beginning of `input`.
fn empty_lines(input: &[u8]) -> usize {
    let mut length = 0;
    loop {
        match &input[length..] {
            [b'\n', ..] => length += 1,
            [b'\r', b'\n', ..] => length += 2,
            _ => return length,
        }
    }
}

/// A complete head that the parser accepts.
struct Head {
    length: usize,
    body: Body,
    /// It asks for another protocol.
    upgrade: bool,
}

impl Head {
    /// None where it is not complete.
    fn parse(input: &[u8]) -> Result<Option<Self>, Problem> {
        let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut []);
        let length = match request.parse_with_uninit_headers(input, &mut headers).map_err(syntax)? {
            Status::Complete(length) if length <= MAX_BUFFERED_BYTES => length,
            Status::Complete(_) => return Err(head_too_large()),
            Status::Partial => return Ok(None),
        };
        let method = request.method.unwrap_or_default();
        if method == REFUSED_METHOD || Method::from_bytes(method.as_bytes()).is_err() {
            return Err(Problem::malformed("the method has characters that no method has"));
        }
        if !is_target(request.path.unwrap_or_default()) {
            return Err(Problem::malformed(
                "the request target is not a URI; percent-encode whatever is not a letter, a digit or one of -._~",
            ));
        }
        let mut framing = Framing { minor_version: request.version.unwrap_or_default(), ..Framing::default() };
        for header in request.headers.iter() {
            framing.read(header)?;
        }
        Ok(Some(Self { length, body: framing.body(method)?, upgrade: framing.upgrade }))
    }
}

/// The target as the parser takes it.
fn is_target(target: &str) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/?&=%-._~+,:;@!$'()*".contains(byte);
    (target.starts_with('/') && target.as_bytes().iter().all(is_plain)) || Uri::try_from(target).is_ok()
}

/// The headers that say where a request ends.
#[derive(Default)]
struct Framing {
    /// The 1 of HTTP/1.1.
    minor_version: u8,
    has_host: bool,
    length: Option<u64>,
    is_chunked: bool,
    upgrade: bool,
}

impl Framing {
    fn read(&mut self, header: &httparse::Header) -> Result<(), Problem> {
        let value = header.value.trim_ascii();
        match header.name.len() {
            4 if header.name.eq_ignore_ascii_case("host") => {
                if self.has_host {
                    return Err(Problem::malformed("there is more than one Host header"));
                }
                self.has_host = true;
            }
            7 if header.name.eq_ignore_ascii_case("upgrade") => self.upgrade = true,
            10 if header.name.eq_ignore_ascii_case("connection") => self.upgrade |= wants_upgrade(value),
            14 if header.name.eq_ignore_ascii_case("content-length") => {
                if self.length.is_some() {
                    return Err(Problem::malformed("there is more than one Content-Length header"));
                }
                self.length = Some(length(value)?);
            }
            17 if header.name.eq_ignore_ascii_case("transfer-encoding") => {
                if self.is_chunked || self.minor_version == 0 || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Problem::malformed(
                        "the only Transfer-Encoding that is understood is `chunked`, once, in HTTP/1.1",
                    ));
                }
                self.is_chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    /// What follows the head.
    fn body(&self, method: &str) -> Result<Body, Problem> {
        if self.minor_version == 1 && !self.has_host {
            return Err(Problem::malformed("a Host header is required"));
        }
        match self.length {
            Some(_) if self.is_chunked => {
                Err(Problem::malformed("send either Content-Length or Transfer-Encoding, not both"))
            }
            None if self.minor_version == 0 && method == "POST" => {
                Err(Problem::malformed("a POST in HTTP/1.0 requires a Content-Length header"))
            }
            _ if self.is_chunked => Ok(Body::Chunked),
            None | Some(0) if method == "CONNECT" => Ok(Body::Endless),
            length => Ok(Body::Length(length.unwrap_or_default())),
        }
    }
}

fn length(value: &[u8]) -> Result<u64, Problem> {
    str::from_utf8(value)
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| Problem::malformed("Content-Length is not a number of bytes"))
}

fn syntax(error: httparse::Error) -> Problem {
    use httparse::Error;
    match error {
        Error::TooManyHeaders => Problem::head_too_large(format!("the request has more than {MAX_HEADERS} headers")),
        Error::Version => Problem::malformed("only the versions 1.1 and 1.0 of HTTP are supported"),
        Error::HeaderName => Problem::malformed("a header has an invalid name"),
        Error::HeaderValue => Problem::malformed("a header has an invalid value, such as a control character"),
        Error::NewLine => Problem::malformed("a line does not end in CR LF"),
        Error::Token | Error::Status => Problem::malformed(
            "the request does not begin with a method, a target and `HTTP/1.1`, a space between each",
        ),
    }
}
