//! The `healthcheck` subcommand: asks the service in the same container over HTTP, so that an image needs neither a
//! shell nor curl.

use std::time::Duration;

use crate::http::Address;

/// What it asks, and load balancers as well.
pub const PATH: &str = "/readyz";

/// How long it waits for the answer: less than the task definitions give it (5 s), so that it can say what is wrong.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// The service is not ready.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotReady {
    /// Nobody answered.
    #[error("no answer from {0}")]
    NoAnswer(String, #[source] reqwest::Error),
    /// It said that it is not.
    #[error("{0} answered {1}")]
    Refused(String, reqwest::StatusCode),
}

/// Succeeds if the service that listens on `address` is ready.
pub(crate) async fn run(address: Address) -> Result<(), NotReady> {
    let url = format!("http://{}{PATH}", address.from_here());
    let no_answer = |error: reqwest::Error| NotReady::NoAnswer(url.clone(), error.without_url());
    let client = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(no_answer)?;
    let status = client.get(&url).send().await.map_err(no_answer)?.status();
    if status.is_success() { Ok(()) } else { Err(NotReady::Refused(url, status)) }
}
