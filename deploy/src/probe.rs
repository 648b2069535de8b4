//! Asking a service through its load balancer, at a constant rate: what answers, and what does not. This is the evidence
//! of a rollout; what the scheduler says of it is a claim.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Error, Result, anyhow, ensure};
use serde_json::Value;
use tokio::{
    task::{JoinHandle, JoinSet},
    time::{Instant, MissedTickBehavior, interval, sleep},
};

use crate::{aws::text, say};

/// How long one answer may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// So many answers in a row have to be of the new release. With a balancer that takes tasks in turn, one of four that was
/// left behind would have answered five of them.
const IN_A_ROW: usize = 20;

/// How long the balancer may take to send everything to the new release, once the scheduler says that it is there:
/// deregistration of the old tasks, and a round of health checks.
const PATIENCE: Duration = Duration::from_mins(2);

/// Requests to a service at a constant rate, each second the same number whatever the answers do: half of them for its
/// release, half for what it is there for.
pub(crate) struct Probe {
    seen: Arc<Mutex<Seen>>,
    asking: JoinHandle<()>,
}

/// What was answered so far.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    /// Answers by release, for those requests that ask for it.
    pub(crate) releases: BTreeMap<String, u64>,
    /// Requests in all.
    pub(crate) requests: u64,
    /// Requests that were not answered, or with a status of 500 and above.
    pub(crate) failed: u64,
    /// The first of these.
    first_failure: Option<String>,
    /// Release and container of the last answers.
    last: VecDeque<(String, String)>,
}

impl Probe {
    /// Starts asking the service at `url`, `per_second` times a second; `path` is what it is there for.
    pub(crate) fn start(url: &str, path: &str, per_second: u32) -> Result<Self> {
        // Without connections that are kept, each request is a decision of the balancer's.
        let client = client(url).timeout(ANSWER_TIMEOUT).pool_max_idle_per_host(0).build()?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let urls = [format!("{url}/health"), format!("{url}{path}")];
        let noting = seen.clone();
        let asking = tokio::spawn(async move {
            let mut ticks = interval(Duration::from_secs(1) / per_second.max(1));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
            let mut under_way = JoinSet::new();
            for url in urls.iter().cycle() {
                ticks.tick().await;
                while under_way.try_join_next().is_some() {}
                let (client, url, seen) = (client.clone(), url.clone(), noting.clone());
                under_way.spawn(async move {
                    let outcome = ask(&client, &url).await;
                    lock(&seen).note(outcome);
                });
            }
        });
        Ok(Self { seen, asking })
    }

    /// What was answered so far.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Waits until `release` alone answers, from `tasks` tasks at least.
    pub(crate) async fn prove(&self, release: &str, tasks: usize) -> Result<Seen> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.seen();
            let (alone, containers) = seen.answered_by(release);
            if alone && containers >= tasks {
                return Ok(seen);
            }
            ensure!(
                Instant::now() <= deadline,
                "the balancer does not answer with {tasks} tasks of release {release} alone, after {} s. Its last {} \
                 answers: {}{}",
                PATIENCE.as_secs(),
                seen.last.len(),
                seen.last_releases(),
                seen.first_failure.map_or(String::new(), |failure| format!("; first failure: {failure}"))
            );
            sleep(Duration::from_millis(200)).await;
        }
    }

    /// Stops asking, and gives what was answered.
    pub(crate) fn finish(self) -> Seen {
        self.asking.abort();
        self.seen()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.asking.abort();
    }
}

impl Seen {
    fn note(&mut self, outcome: Result<Option<(String, String)>>) {
        self.requests += 1;
        match outcome {
            Ok(None) => {}
            Ok(Some((release, container))) => {
                *self.releases.entry(release.clone()).or_default() += 1;
                self.last.push_back((release, container));
                // Enough to meet each of eight tasks in them, even where the balancer throws dice.
                if self.last.len() > 4 * IN_A_ROW {
                    self.last.pop_front();
                }
            }
            Err(error) => {
                self.failed += 1;
                self.first_failure.get_or_insert_with(|| format!("{error:#}"));
            }
        }
    }

    /// Whether `release` gave the last answers, and how many tasks of it are among all that are remembered.
    fn answered_by(&self, release: &str) -> (bool, usize) {
        let of_it = |(answered, _): &&(String, String)| answered == release;
        let alone = self.last.len() >= IN_A_ROW && self.last.iter().rev().take(IN_A_ROW).all(|answer| of_it(&answer));
        let containers: BTreeSet<_> = self.last.iter().filter(of_it).map(|(_, container)| container).collect();
        (alone, containers.len())
    }

    fn last_releases(&self) -> String {
        let mut counts = BTreeMap::<&str, usize>::new();
        for (release, _) in &self.last {
            *counts.entry(release).or_default() += 1;
        }
        listed(counts.iter().map(|(release, count)| format!("{count} of {release}")))
    }

    /// In one line.
    pub(crate) fn summary(&self) -> String {
        let releases = listed(self.releases.iter().map(|(release, count)| format!("{release} {count}")));
        format!("{} requests, {} failed; releases that answered: {releases}", self.requests, self.failed)
    }

    /// Says what failed first, if something did.
    pub(crate) fn tell_failures(&self) {
        if let Some(failure) = &self.first_failure {
            say::warn(format_args!("{} of {} requests failed, the first one: {failure}", self.failed, self.requests));
        }
    }
}

/// A client for the service at `url`. A proxy of the environment is for other hosts, not for a local AWS.
pub(crate) fn client(url: &str) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder();
    let url = reqwest::Url::parse(url).ok();
    let host = url.as_ref().and_then(reqwest::Url::host_str).unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    let loopback = address.map_or(host == "localhost" || host.ends_with(".localhost"), |address| address.is_loopback());
    if loopback { builder.no_proxy() } else { builder }
}

async fn ask(client: &reqwest::Client, url: &str) -> Result<Option<(String, String)>> {
    // The innermost cause says what happened: "connection refused".
    let answer = client.get(url).send().await.map_err(|error| anyhow!("{url}: {}", Error::from(error).root_cause()))?;
    let status = answer.status();
    ensure!(!status.is_server_error(), "{url}: {status}");
    if !url.ends_with("/health") {
        return Ok(None);
    }
    let health: Value = answer.json().await.with_context(|| format!("{url} did not answer as a service does"))?;
    let (release, container) = (text(&health, "/release"), text(&health, "/container"));
    Ok(Some((release.to_owned(), container.to_owned())))
}

fn listed(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() { "none".to_owned() } else { items.join(", ") }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(answers: &[(&str, &str)]) -> Seen {
        let mut seen = Seen::default();
        for (release, container) in answers {
            seen.note(Ok(Some(((*release).to_owned(), (*container).to_owned()))));
        }
        seen
    }

    #[test]
    fn one_task_that_was_left_behind_is_no_proof() {
        let all_new: Vec<_> = ["a", "b", "c", "d"].into_iter().cycle().take(40).map(|task| ("new", task)).collect();
        assert_eq!(answers(&all_new).answered_by("new"), (true, 4));
        let mut one_old = all_new.clone();
        one_old[35] = ("old", "e");
        assert!(!answers(&one_old).answered_by("new").0);
        assert!(!answers(&all_new[..10]).answered_by("new").0);
    }
}
