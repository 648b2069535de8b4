//! One request and its expected response.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::expected::Expected;
use crate::client::{Body, Exchange, Response, excerpt, request_line};

/// A request that every contender answers in the same way.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(super) path: String,
    /// The body of a POST; without one it is a GET.
    pub(super) body: Option<Value>,
    pub(super) expected: Expected,
}

impl Request {
    pub(super) fn get(path: impl Into<String>, expected: Expected) -> Self {
        Self { path: path.into(), body: None, expected }
    }

    /// The bytes for the server on `port`, with no header that is not required.
    pub(crate) fn bytes(&self, port: u16, token: &str) -> Vec<u8> {
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

    /// Checks a response; later responses of the same server are compared with the result byte for byte.
    pub(crate) fn confirm(&self, request: Vec<u8>, response: Response) -> Result<Exchange> {
        let pattern = self.expected.confirm(&response);
        let pattern = pattern.with_context(|| format!("{}: {}", request_line(&request), excerpt(&response.body)))?;
        let body = pattern.map_or(Body::Exactly(response.body), Body::Matching);
        Ok(Exchange { request, status: response.status, body })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_is_sent_with_its_length_in_bytes() {
        let request = Request { body: Some(json!({"name": "Ærø"})), ..Request::get("/locations", Expected::Success) };
        let request = request.bytes(8081, "secret");
        let request = String::from_utf8(request).expect("text");
        assert!(request.starts_with("POST /locations HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Bearer secret\r\n"), "{request}");
        assert!(request.ends_with("content-length: 16\r\n\r\n{\"name\":\"Ærø\"}"), "{request}");
    }
}
