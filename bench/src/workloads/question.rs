//! One request and what its answer has to be.

use anyhow::{Result, bail};
use serde_json::Value;

use super::expected::Expected;
use crate::client::{Answer, Exchange, excerpt, named};

/// A request to whichever server, and the answer that every server has to give.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    path: String,
    /// What is sent with it, which makes it a POST.
    body: Option<Value>,
    expected: Expected,
}

impl Question {
    /// Asks for `path`.
    pub(super) fn get(path: impl Into<String>, expected: Expected) -> Self {
        Self { path: path.into(), body: None, expected }
    }

    /// Sends `body` to `path`.
    pub(super) fn post(path: impl Into<String>, body: Value, expected: Expected) -> Self {
        Self { path: path.into(), body: Some(body), expected }
    }

    /// Whether our service lives, for which it asks nobody.
    pub(super) fn livez() -> Self {
        Self::get("/livez", Expected::Success)
    }

    /// The bytes to send to the server on `port`. There is nothing in them that a server could do without.
    pub(crate) fn request(&self, port: u16, token: &str) -> Vec<u8> {
        let Self { path, body, .. } = self;
        let request = match body {
            None => format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n"),
            Some(body) => {
                let body = body.to_string();
                format!(
                    "POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n\
                     content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        };
        request.into_bytes()
    }

    /// Holds an answer against what was expected; gives the exchange that later answers of this server are held
    /// against, byte for byte.
    pub(crate) fn confirm(&self, request: Vec<u8>, answer: &Answer) -> Result<Exchange> {
        match self.expected.confirm(answer) {
            Ok(body) => Ok(Exchange { request, status: answer.status, body }),
            Err(error) => bail!("{}: {error}; the body is {}", named(&request), excerpt(&answer.body)),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_sent_with_its_length_in_bytes() {
        let question = Question::post("/locations", json!({"name": "Ærø"}), Expected::Success);
        let request = String::from_utf8(question.request(8081, "secret")).expect("text");
        assert!(request.starts_with("POST /locations HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Bearer secret\r\n"), "{request}");
        assert!(request.ends_with("content-length: 16\r\n\r\n{\"name\":\"Ærø\"}"), "{request}");
    }
}
