//! HTTP to servers on this machine.

use reqwest::{Client, Response};

/// A client that uses no proxy: `HTTP_PROXY` and its siblings are for servers elsewhere.
///
/// # Panics
/// Never: without TLS there is nothing to set up that could fail.
#[must_use]
pub fn client() -> Client {
    Client::builder().no_proxy().build().expect("a client without TLS")
}

/// The response to a GET of `url`, without a proxy.
pub async fn get(url: &str) -> reqwest::Result<Response> {
    client().get(url).send().await
}
