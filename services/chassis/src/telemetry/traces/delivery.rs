//! How spans get to the receiver, and what is told of it when they do not.

use std::{
    error::Error,
    io,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use reqwest::{Client, redirect};
use tokio::runtime::{Builder, Runtime};

use crate::errors::chain;

/// How long one delivery may take. A receiver is near; while one is waited for, the queue fills.
const TIMEOUT: Duration = Duration::from_secs(3);

/// How long making a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Largest answer that is read, in bytes: a receiver has little to say.
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// How often it is told at most that spans cannot be delivered.
const TELL_EVERY: Duration = Duration::from_mins(1);

/// Delivers batches of spans, on the thread that the SDK has for it. It has a runtime of its own, so that a receiver (or
/// a name server) that hangs holds up neither requests nor the end of the process.
#[derive(Debug)]
pub(super) struct Delivery {
    client: Client,
    runtime: Runtime,
    trouble: Mutex<Trouble>,
}

impl Delivery {
    pub(super) fn new() -> io::Result<Self> {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            // Between deliveries nobody would notice that a connection was closed.
            .pool_max_idle_per_host(0)
            .build()
            .map_err(io::Error::other)?;
        let runtime = Builder::new_current_thread().enable_all().build()?;
        Ok(Self { client, runtime, trouble: Mutex::default() })
    }

    async fn deliver(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Box<dyn Error>> {
        let mut answer = self.client.execute(request.try_into()?).await?.error_for_status()?;
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(format!("an answer of more than {MAX_ANSWER_BYTES} bytes").into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response::new(body.into()))
    }
}

#[async_trait]
impl HttpClient for Delivery {
    /// Never fails: what could not be delivered is lost, and told of here. The SDK would log it with every batch.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let delivered = self.runtime.block_on(self.deliver(request));
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match delivered {
            Ok(answer) => {
                if trouble.end() {
                    tracing::info!("traces are delivered again");
                }
                Ok(answer)
            }
            Err(problem) => {
                if let Some(batches) = trouble.add(Instant::now()) {
                    tracing::warn!(
                        error = chain(&*problem),
                        batches,
                        remedy =
                            "look whether the receiver at OTEL_EXPORTER_OTLP_ENDPOINT runs; requests are not affected",
                        "traces are lost"
                    );
                }
                Ok(Response::default())
            }
        }
    }
}

/// What could not be delivered.
#[derive(Debug, Default)]
struct Trouble {
    /// When it was last told of.
    told: Option<Instant>,
    /// Whether it goes on since then.
    goes_on: bool,
    /// How many batches were lost that nobody was told of.
    batches: u64,
}

impl Trouble {
    /// Notes a batch that was lost; how many there were, when it is time to tell.
    fn add(&mut self, now: Instant) -> Option<u64> {
        self.batches += 1;
        if self.told.is_some_and(|told| now.duration_since(told) < TELL_EVERY) {
            return None;
        }
        (self.told, self.goes_on) = (Some(now), true);
        Some(std::mem::take(&mut self.batches))
    }

    /// Notes that a batch was delivered; whether that is the end of what was told of.
    fn end(&mut self) -> bool {
        std::mem::take(&mut self.goes_on)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_once_a_minute_however_often_it_comes_and_goes() {
        let (mut trouble, start) = (Trouble::default(), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(!trouble.end(), "there was none");
        assert_eq!(trouble.add(start), Some(1));
        assert_eq!(trouble.add(after(1)), None);
        assert!(trouble.end());
        assert_eq!(trouble.add(after(59)), None);
        assert!(!trouble.end(), "nobody was told of it");
        assert_eq!(trouble.add(after(60)), Some(3));
        assert!(trouble.end());
    }
}
