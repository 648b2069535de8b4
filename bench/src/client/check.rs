//! Whether the answer under way is the one that was expected. Bodies that are known byte for byte are compared piece by
//! piece as they come; of the others and of wrong answers what comes is kept.

use anyhow::{Result, bail};

use super::exchange::{Body, Exchange, excerpt, named};

/// The comparison of one answer after the other.
#[derive(Debug, Default)]
pub(super) struct Check {
    status: u16,
    /// How many bytes of the body were as expected.
    agreed: usize,
    /// What came of a body that is looked at when it is complete.
    kept: Vec<u8>,
}

impl Check {
    /// A new answer begins.
    pub(super) fn begin(&mut self, status: u16) {
        self.status = status;
        self.agreed = 0;
        self.kept.clear();
    }

    /// More of its body.
    pub(super) fn take(&mut self, exchange: &Exchange, piece: &[u8]) -> Result<()> {
        match &exchange.body {
            Body::Exactly(expected) if self.status == exchange.status => {
                let end = self.agreed + piece.len();
                if expected.get(self.agreed..end) != Some(piece) {
                    let (request, piece) = (named(&exchange.request), excerpt(piece));
                    bail!("{request}: the body is another one, in what follows its byte {}: {piece}", self.agreed);
                }
                self.agreed = end;
            }
            _ => self.kept.extend_from_slice(piece),
        }
        Ok(())
    }

    /// It is complete.
    pub(super) fn end(&self, exchange: &Exchange) -> Result<()> {
        let right = self.status == exchange.status
            && match &exchange.body {
                Body::Exactly(expected) => self.agreed == expected.len(),
                other => other.admits(&self.kept),
            };
        if right {
            return Ok(());
        }
        let (request, status, body) = (named(&exchange.request), self.status, excerpt(&self.kept));
        match &exchange.body {
            Body::Exactly(expected) if status == exchange.status => {
                bail!("{request}: the body ends after {} bytes of {}", self.agreed, expected.len())
            }
            _ => bail!("{request}: answered {status} where {} was expected: {body}", exchange.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: u16, pieces: &[&str]) -> Result<()> {
        let exchange = Exchange {
            request: b"GET /locations/1 HTTP/1.1\r\n\r\n".into(),
            status: 200,
            body: Body::Exactly(b"{\"id\":1}".into()),
        };
        let mut check = Check::default();
        check.begin(status);
        pieces.iter().try_for_each(|piece| check.take(&exchange, piece.as_bytes()))?;
        check.end(&exchange)
    }

    #[test]
    fn a_body_may_come_in_pieces() {
        assert!(outcome(200, &["{\"id\"", "", ":1}"]).is_ok());
    }

    #[test]
    fn wrong_answers_are_told_with_their_request() {
        for (status, pieces, told) in [
            (
                503,
                &["{\"title\":", "\"too busy\"}"][..],
                "answered 503 where 200 was expected: {\"title\":\"too busy\"}",
            ),
            (200, &["{\"id\":2}"], "the body is another one"),
            (200, &["{\"id\":1}", "}"], "the body is another one, in what follows its byte 8: }"),
            (200, &["{\"id\""], "the body ends after 5 bytes of 8"),
        ] {
            let error = outcome(status, pieces).expect_err("wrong").to_string();
            assert!(error.starts_with("GET /locations/1: ") && error.contains(told), "{error}");
        }
    }
}
