//! The `healthcheck` subcommand: asks the service in the same container over HTTP, so that an image needs neither a
//! shell nor curl.

use std::{net::SocketAddr, time::Duration};

use crate::http::Address;

/// What it asks, and load balancers as well.
pub const PATH: &str = "/readyz";

/// How long it waits for the answer: less than the task definitions give it (5 s), so that it can say what is wrong.
pub const TIMEOUT: Duration = Duration::from_secs(3);

/// What the service is called there; the name is looked up nowhere.
const NAME: &str = "localhost";

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
    let mut first = None;
    for socket in address.reachable_at() {
        match ask(socket).await {
            Err(unanswered @ NotReady::NoAnswer(..)) => first = first.or(Some(unanswered)),
            answered => return answered,
        }
    }
    first.map_or(Ok(()), Err)
}

async fn ask(socket: SocketAddr) -> Result<(), NotReady> {
    let shown = format!("http://{socket}{PATH}");
    let no_answer = |error: reqwest::Error| NotReady::NoAnswer(shown.clone(), error.without_url());
    // A URL cannot have the interface of a link-local address in it.
    let client = reqwest::Client::builder().no_proxy().resolve(NAME, socket).timeout(TIMEOUT);
    let request = client.build().map_err(no_answer)?.get(format!("http://{NAME}:{}{PATH}", socket.port()));
    let status = request.send().await.map_err(no_answer)?.status();
    if status.is_success() { Ok(()) } else { Err(NotReady::Refused(shown, status)) }
}
