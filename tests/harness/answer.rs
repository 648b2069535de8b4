//! A client that reads whole answers.

use http::{HeaderMap, Method, StatusCode};
use serde_json::Value;

use crate::TOKEN;

/// A client of one service.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: String,
}

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as text.
    pub body: String,
}

impl Client {
    /// A client of the service at `base`, a URL without a slash at its end.
    pub fn new(base: String) -> Self {
        let http = playground::http::client();
        Self { http, base }
    }

    /// The address of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A request with the token.
    pub fn authorized(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request(method, path).bearer_auth(TOKEN)
    }

    /// A request from a stranger.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// Gets `path` with `query` as a stranger.
    pub async fn get_with(&self, path: &str, query: &[(impl AsRef<str>, impl AsRef<str>)]) -> Answer {
        send(self.query(path, query)).await
    }

    /// A GET of `path` with `query` from a stranger.
    pub fn query(&self, path: &str, query: &[(impl AsRef<str>, impl AsRef<str>)]) -> reqwest::RequestBuilder {
        self.http.get(reqwest::Url::parse_with_params(&self.url(path), query).unwrap())
    }

    /// Gets `path` as a stranger.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// Posts `body` with the token.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.authorized(Method::POST, path).json(body)).await
    }

    /// Posts `body` with the token and an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> Answer {
        send(self.authorized(Method::POST, path).header("idempotency-key", key).json(body)).await
    }

    /// Puts `body` with the token and, perhaps, an `If-Match`.
    pub async fn put(&self, path: &str, etag: Option<&str>, body: &Value) -> Answer {
        let mut request = self.authorized(Method::PUT, path).json(body);
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        send(request).await
    }

    /// Deletes `path` with the token and, perhaps, an `If-Match`.
    pub async fn delete(&self, path: &str, etag: Option<&str>) -> Answer {
        let mut request = self.authorized(Method::DELETE, path);
        if let Some(etag) = etag {
            request = request.header("if-match", etag);
        }
        send(request).await
    }
}

/// Sends `request` and reads the whole answer; a connection closed without one fails the test.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.expect("an answer");
    let (status, headers) = (answer.status(), answer.headers().clone());
    Answer { status, headers, body: answer.text().await.expect("the whole body") }
}

impl Answer {
    /// The answer, which has to have that status.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        self
    }

    /// The body as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|problem| panic!("{problem}: {}", self.body))
    }

    /// A header, or an empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Checks that this is a problem of that status and type, as RFC 9457 has it, and gives its body. Nothing in it
    /// may come from the database or tell where it is.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, kind: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json", "{}", self.body);
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:problem-type:{kind}"));
        assert_eq!(problem["status"], status);
        for part in ["title", "detail"] {
            assert!(problem[part].as_str().is_some_and(|text| !text.is_empty()), "no {part}: {}", self.body);
        }
        assert!(!self.header("x-request-id").is_empty(), "no request id");
        for secret in ["127.0.0.1", "SQL", "sql", "mysql", "MariaDB", "Duplicate entry", "test_", TOKEN] {
            assert!(!self.body.contains(secret), "{secret:?} is in {}", self.body);
        }
        problem
    }
}
