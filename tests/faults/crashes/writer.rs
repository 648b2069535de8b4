//! A client that writes, and knows what it was told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fastrand::Rng;
use harness::{Client, oslo, with};
use http::Method;
use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::time::sleep;

use super::ledger::{Created, Ledger, Outcome, Updated};

/// How long a client waits for an answer: longer than a service may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a client waits before it tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// A client that makes places and changes them, at whichever replica.
pub(super) struct Writer {
    replicas: Vec<Client>,
    random: Rng,
    stop: Arc<AtomicBool>,
    ledger: Ledger,
}

/// What a request was answered.
struct Reply {
    status: u16,
    etag: String,
    body: String,
}

impl Writer {
    pub(super) fn new(replicas: Vec<Client>, random: Rng, stop: Arc<AtomicBool>) -> Self {
        Self { replicas, random, stop, ledger: Ledger::default() }
    }

    /// Writes until it is told to stop; what it knows then.
    pub(super) async fn run(mut self) -> Ledger {
        while !self.stop.load(Ordering::Relaxed) {
            let name = format!("crash-{:032x}", self.random.u128(..));
            if self.random.bool() {
                self.create_with_key(name).await;
            } else {
                self.create_once(name).await;
            }
        }
        self.ledger
    }

    /// Makes a place, and tries again under the same key, at whichever replica, until it is told that it is there. Then
    /// changes it a few times.
    async fn create_with_key(&mut self, name: String) {
        let key = format!("key-{:032x}", self.random.u128(..));
        let body = with(oslo(), "name", name.as_str());
        let reply = loop {
            let request = |client: &Client| {
                client.authorized(Method::POST, "/locations").header("idempotency-key", &key).json(&body)
            };
            match self.send(request).await {
                Some(reply) if reply.status == 201 => break Some(reply),
                _ if self.stop.load(Ordering::Relaxed) => break None,
                _ => sleep(PAUSE).await,
            }
        };
        let place = reply.as_ref().map(|reply| serde_json::from_str::<Value>(&reply.body).unwrap());
        let id = place.as_ref().and_then(|place| place["id"].as_u64());
        self.ledger.created.push(Created { name, outcome: id.map_or(Outcome::Unknown, Outcome::Acknowledged) });
        if let (Some(id), Some(reply)) = (id, reply) {
            self.update(id, reply.etag, body).await;
        }
    }

    /// Makes a place without a key, which must not be tried again.
    async fn create_once(&mut self, name: String) {
        let body = with(oslo(), "name", name.as_str());
        let reply = self.send(|client| client.authorized(Method::POST, "/locations").json(&body)).await;
        let outcome = match reply {
            Some(reply) if reply.status == 201 => {
                let place: Value = serde_json::from_str(&reply.body).unwrap();
                Outcome::Acknowledged(place["id"].as_u64().unwrap())
            }
            // Whether it was carried out is not told, and sometimes not known to the service either.
            _ => Outcome::Unknown,
        };
        self.ledger.created.push(Created { name, outcome });
    }

    /// Changes a place that nobody else changes, each time from the version that was seen last.
    async fn update(&mut self, id: u64, mut etag: String, body: Value) {
        let path = format!("/locations/{id}");
        let mut updated = Updated { id, version: version(&etag) };
        for population in 1..=self.random.u64(1..4) {
            let body = with(body.clone(), "population", population);
            let request = |client: &Client| client.authorized(Method::PUT, &path).header("if-match", &etag).json(&body);
            let seen = match self.send(request).await {
                Some(reply) if reply.status == 200 => Some(reply.etag),
                // An earlier try that was not answered has been carried out, or none has.
                _ => self.look(&path).await,
            };
            let Some(seen) = seen else { break };
            assert!(version(&seen) >= updated.version, "{path} went back from {} to {seen}", updated.version);
            updated.version = version(&seen);
            etag = seen;
        }
        self.ledger.updated.push(updated);
    }

    /// The version of what is at `path`, unless there is no telling.
    async fn look(&mut self, path: &str) -> Option<String> {
        let reply = self.send(|client| client.request(Method::GET, path)).await?;
        assert_ne!(reply.status, 404, "{path} is gone");
        (reply.status == 200).then_some(reply.etag)
    }

    /// Sends a request to a replica; none where no answer came.
    async fn send(&mut self, request: impl Fn(&Client) -> RequestBuilder) -> Option<Reply> {
        let client = &self.replicas[self.random.usize(..self.replicas.len())];
        let sent = Instant::now();
        let reply = async {
            let answer = request(client).timeout(PATIENCE).send().await?;
            let etag = answer.headers().get("etag").map(|etag| etag.to_str().unwrap().to_owned()).unwrap_or_default();
            Ok::<_, reqwest::Error>(Reply { status: answer.status().as_u16(), etag, body: answer.text().await? })
        };
        let reply = reply.await.ok();
        self.ledger.note(reply.as_ref().map(|reply| reply.status), sent.elapsed());
        reply
    }
}

/// The number in `"3"`.
fn version(etag: &str) -> u64 {
    etag.trim_matches('"').parse().unwrap()
}
