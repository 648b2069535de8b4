//! A constant load on the location service: requests are due at fixed times, whether or not earlier ones have been
//! answered. A client that waits for each answer before it asks again would hardly notice a stall.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use http::{Method, StatusCode};
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use super::{Client, eventually, oslo, with};

/// A load that goes on until it is [finished](Load::finish).
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU32>,
    driver: JoinHandle<Vec<Exchange>>,
}

/// What a request asks for, and so whether a balancer may send it twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    /// A write with an `Idempotency-Key`.
    KeyedWrite,
    /// A write without one.
    Write,
}

/// A request and what came of it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) kind: Kind,
    /// When it was due and sent.
    pub(crate) sent: Instant,
    pub(crate) ended: Instant,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// A read was answered; a write was carried out, and made what is at that path.
    Done(Option<String>),
    /// 503 with `Retry-After`: not now.
    NotNow,
    /// Anything else, with what was answered.
    Failed(#[expect(dead_code, reason = "shown by Debug where a test fails")] String),
}

impl Load {
    /// Sends so many requests a second: of ten, eight are reads, and one of two writes has an `Idempotency-Key`.
    pub(crate) fn start(client: &Client, per_second: u32) -> Self {
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
        let pace = Duration::from_secs(1) / per_second;
        let driver = tokio::spawn(drive(client.clone(), pace, Arc::clone(&stop), Arc::clone(&sent)));
        Self { stop, sent, driver }
    }

    /// Waits until so many requests have been sent.
    pub(crate) async fn reaches(&self, count: u32) {
        eventually("the load is on", async || self.sent.load(Ordering::Relaxed) >= count).await;
    }

    /// Sends no more, and waits for what is under way.
    pub(crate) async fn finish(self) -> Vec<Exchange> {
        self.stop.store(true, Ordering::Relaxed);
        self.driver.await.unwrap()
    }
}

async fn drive(client: Client, pace: Duration, stop: Arc<AtomicBool>, sent: Arc<AtomicU32>) -> Vec<Exchange> {
    let mut due = interval(pace);
    due.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = Vec::new();
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        due.tick().await;
        under_way.push(tokio::spawn(exchange(client.clone(), number)));
        sent.fetch_add(1, Ordering::Relaxed);
    }
    join_all(under_way).await.into_iter().map(Result::unwrap).collect()
}

async fn exchange(client: Client, number: u32) -> Exchange {
    let (kind, path) = match number % 10 {
        0 => (Kind::KeyedWrite, "/locations"),
        1 => (Kind::Write, "/locations"),
        2 => (Kind::Read, "/locations?country=NO&limit=20"),
        _ => (Kind::Read, "/locations/3143244"),
    };
    let write = || client.authorized(Method::POST, path).json(&with(oslo(), "name", format!("Load {number}")));
    let request = match kind {
        Kind::Read => client.request(Method::GET, path),
        Kind::Write => write(),
        Kind::KeyedWrite => write().header("idempotency-key", format!("load-{:x}", fastrand::u128(..))),
    };
    let sent = Instant::now();
    let outcome = outcome(request).await.unwrap_or_else(|error| Outcome::Failed(error.to_string()));
    Exchange { kind, sent, ended: Instant::now(), outcome }
}

async fn outcome(request: reqwest::RequestBuilder) -> reqwest::Result<Outcome> {
    let answer = request.timeout(super::PATIENCE).send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.text().await?;
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(match status {
        StatusCode::OK => Outcome::Done(None),
        StatusCode::CREATED => Outcome::Done(header("location")),
        StatusCode::SERVICE_UNAVAILABLE if header("retry-after").is_some() => Outcome::NotNow,
        status => Outcome::Failed(format!("{status}: {body}")),
    })
}

/// Those that were not answered as they should have been.
pub(crate) fn failures(exchanges: &[Exchange]) -> Vec<&Exchange> {
    exchanges.iter().filter(|exchange| !matches!(exchange.outcome, Outcome::Done(_))).collect()
}

/// The paths of what was made, as far as the client was told.
pub(crate) fn acknowledged(exchanges: &[Exchange]) -> Vec<&str> {
    exchanges
        .iter()
        .filter_map(|exchange| match &exchange.outcome {
            Outcome::Done(path) => path.as_deref(),
            _ => None,
        })
        .collect()
}
