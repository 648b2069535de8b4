//! A constant load on one service: requests are due at fixed times, whether or not earlier ones have been answered. A
//! client that waits for each answer before it asks again would hardly notice a stall.

mod mix;

use std::{
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use http::StatusCode;
pub use mix::{Kind, Mix, SLOW_BODY, in_halves};
use reqwest::RequestBuilder;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{MissedTickBehavior, interval},
};

use crate::{Client, PATIENCE, eventually};

/// A load that goes on until it is [finished](Load::finish).
pub struct Load {
    progress: Arc<Progress>,
    driver: JoinHandle<()>,
}

/// How far a load is.
#[derive(Default)]
struct Progress {
    stop: AtomicBool,
    sent: AtomicU32,
    ended: Mutex<Vec<Exchange>>,
}

/// A request and what came of it.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// What was sent.
    pub kind: Kind,
    /// When it was to be sent.
    pub due: Instant,
    /// When it was sent: a moment later, or long after where this process was busy.
    pub sent: Instant,
    /// When the answer was there to its end, or it was clear that none would come.
    pub ended: Instant,
    /// How long the client had to wait: from when the request was due, less [`SLOW_BODY`] where the client kept the
    /// service waiting for as long.
    pub took: Duration,
    /// What was answered.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// A read was answered; a write was carried out, and made what is at that path.
    Done(Option<String>),
    /// 503 with `Retry-After`: not now.
    NotNow,
    /// Anything else, with what was answered.
    Failed(String),
}

impl Outcome {
    /// `done`, the status of a refusal, or `none` where no answer came.
    pub fn status(&self) -> &str {
        match self {
            Self::Done(_) => "done",
            Self::NotNow => "503",
            Self::Failed(what) => what.get(..3).filter(|status| status.parse::<u16>().is_ok()).unwrap_or("none"),
        }
    }
}

impl Load {
    /// Sends so many requests of `mix` a second, on the runtime of the caller.
    pub fn start(client: &Client, mix: Mix, per_second: u32) -> Self {
        let progress = Arc::new(Progress::default());
        let pace = Duration::from_secs(1) / per_second;
        let driver = tokio::spawn(drive(client.clone(), mix, pace, Arc::clone(&progress)));
        Self { progress, driver }
    }

    /// Waits until so many requests have been sent.
    pub async fn reaches(&self, count: u32) {
        eventually("the load is on", async || self.progress.sent.load(Ordering::Relaxed) >= count).await;
    }

    /// What has ended so far, in the order in which it did.
    pub fn so_far(&self) -> Vec<Exchange> {
        self.progress.ended.lock().unwrap().clone()
    }

    /// Sends no more, waits for what is under way, and gives everything in the order in which it ended.
    pub async fn finish(self) -> Vec<Exchange> {
        self.progress.stop.store(true, Ordering::Relaxed);
        self.driver.await.unwrap();
        mem::take(&mut *self.progress.ended.lock().unwrap())
    }
}

async fn drive(client: Client, mix: Mix, pace: Duration, progress: Arc<Progress>) {
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut under_way = JoinSet::new();
    for number in 0.. {
        let due = ticks.tick().await.into_std();
        if progress.stop.load(Ordering::Relaxed) {
            break;
        }
        let (client, progress_of_all) = (client.clone(), Arc::clone(&progress));
        under_way.spawn(async move {
            let exchange = exchange(mix.request(&client, number), mix.kind(number), due).await;
            progress_of_all.ended.lock().unwrap().push(exchange);
        });
        progress.sent.fetch_add(1, Ordering::Relaxed);
    }
    under_way.join_all().await;
}

async fn exchange(request: RequestBuilder, kind: Kind, due: Instant) -> Exchange {
    let sent = Instant::now();
    let outcome = outcome(request).await.unwrap_or_else(|error| Outcome::Failed(error.to_string()));
    let ended = Instant::now();
    let own = if kind == Kind::SlowWrite { SLOW_BODY } else { Duration::ZERO };
    // A slow write may be answered before its body is complete, when it is refused.
    let took = ended.duration_since(due).saturating_sub(own);
    Exchange { kind, due, sent, ended, took, outcome }
}

async fn outcome(request: RequestBuilder) -> reqwest::Result<Outcome> {
    let answer = request.timeout(PATIENCE).send().await?;
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = answer.text().await?;
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Ok(match status {
        // A user without the place that was asked for: the user service could not reach the location service.
        StatusCode::OK if body.contains(r#""location_status":"unavailable""#) => Outcome::Failed(body),
        StatusCode::OK => Outcome::Done(None),
        StatusCode::CREATED => Outcome::Done(header("location")),
        StatusCode::SERVICE_UNAVAILABLE if header("retry-after").is_some() => Outcome::NotNow,
        status => Outcome::Failed(format!("{status}: {body}")),
    })
}

/// Those that were not answered as they should have been.
pub fn failures(exchanges: &[Exchange]) -> Vec<&Exchange> {
    exchanges.iter().filter(|exchange| !matches!(exchange.outcome, Outcome::Done(_))).collect()
}

/// The paths of what was made, as far as the client was told.
pub fn acknowledged(exchanges: &[Exchange]) -> Vec<&str> {
    exchanges
        .iter()
        .filter_map(|exchange| match &exchange.outcome {
            Outcome::Done(path) => path.as_deref(),
            _ => None,
        })
        .collect()
}
