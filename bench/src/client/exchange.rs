//! A request with the response that it must get, and the check of a response while it arrives.

use anyhow::{Result, ensure};
use regex::bytes::Regex;

/// The two, as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Vec<u8>,
    pub(crate) status: u16,
    pub(crate) body: Body,
}

/// The condition that a body must meet.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    Exactly(Vec<u8>),
    /// For bodies of which a part differs between responses.
    Matching(Regex),
}

/// The check of one response. A body that is known byte for byte is compared as it arrives, without a copy.
pub(super) struct Check<'a> {
    expected: &'a Exchange,
    /// Bytes of the body that were equal to the expected ones.
    equal: usize,
    /// Any other body.
    kept: Vec<u8>,
}

impl<'a> Check<'a> {
    pub(super) fn new(expected: &'a Exchange) -> Self {
        Self { expected, equal: 0, kept: Vec::new() }
    }

    /// Takes the next piece of the body.
    pub(super) fn take(&mut self, status: u16, piece: &[u8]) -> Result<()> {
        let wanted = self.expected.status;
        ensure!(status == wanted, "status {status} instead of {wanted}: {}", excerpt(piece));
        match &self.expected.body {
            Body::Exactly(body) => {
                let end = self.equal + piece.len();
                let equal = body.get(self.equal..end) == Some(piece);
                ensure!(equal, "unexpected body, in what follows byte {}: {}", self.equal, excerpt(piece));
                self.equal = end;
            }
            Body::Matching(_) => self.kept.extend_from_slice(piece),
        }
        Ok(())
    }

    /// Fails unless the complete response is the expected one.
    pub(super) fn finish(mut self, status: u16) -> Result<()> {
        self.take(status, b"")?;
        match &self.expected.body {
            Body::Exactly(body) => {
                ensure!(self.equal == body.len(), "the body ends after {} of {} bytes", self.equal, body.len());
            }
            Body::Matching(regex) => ensure!(regex.is_match(&self.kept), "unexpected body: {}", excerpt(&self.kept)),
        }
        Ok(())
    }
}

/// The first line of a request, for messages.
pub(crate) fn request_line(request: &[u8]) -> String {
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).trim_end_matches(" HTTP/1.1").to_owned()
}

/// The beginning of a body, for messages.
pub(crate) fn excerpt(body: &[u8]) -> String {
    const LENGTH: usize = 400;
    let text = String::from_utf8_lossy(&body[..body.len().min(LENGTH)]).into_owned();
    if body.len() > LENGTH { format!("{text} … ({} bytes)", body.len()) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: Body, status: u16, pieces: &[&str]) -> String {
        let exchange = Exchange { request: Vec::new(), status: 200, body };
        let mut check = Check::new(&exchange);
        let mut pieces = pieces.iter();
        let outcome = pieces.try_for_each(|piece| check.take(status, piece.as_bytes()));
        outcome.and_then(|()| check.finish(status)).err().map_or_else(String::new, |error| error.to_string())
    }

    #[test]
    fn a_body_is_compared_across_its_pieces() {
        for (status, pieces, reason) in [
            (200, &["{\"id\"", "", ":1}"][..], ""),
            (503, &["{\"title\":\"busy\"}"], "status 503 instead of 200: {\"title\":\"busy\"}"),
            (503, &[], "status 503 instead of 200: "),
            (200, &["{\"id\":2}"], "unexpected body, in what follows byte 0: {\"id\":2}"),
            (200, &["{\"id\":1}", "}"], "unexpected body, in what follows byte 8: }"),
            (200, &["{\"id\""], "the body ends after 5 of 8 bytes"),
        ] {
            assert_eq!(error(Body::Exactly(b"{\"id\":1}".into()), status, pieces), reason);
        }
        let body = || Body::Matching(Regex::new(r#"^\{"id":[0-9]+\}$"#).expect("valid"));
        assert_eq!(error(body(), 200, &["{\"id\":1", "2}"]), "");
        assert_eq!(error(body(), 200, &["{\"id\":x}"]), "unexpected body: {\"id\":x}");
    }
}
