//! A location service under load, a link between it and its database, and a record of what becomes of the requests.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use harness::{
    Client, Database, Link, PATIENCE, Seeded,
    load::{Exchange, Load, Mix, Outcome, acknowledged, failures},
    prepared, start,
};
use playground::service::Running;
use tokio::time::sleep;

use crate::figures::Figures;

/// Requests a second: fewer than one connection could serve.
const LOAD: u32 = 50;

/// Requests a second for which no database is needed.
const ALIVE: u32 = 50;

/// The 99th percentile of their times, whatever breaks. A thread that waited for the database would keep them waiting for
/// seconds; what a busy machine with two cores adds is less than this.
const ALIVE_P99: Duration = Duration::from_millis(300);

/// How long the load is on before something breaks: what comes then is compared with it.
const BEFORE: Duration = Duration::from_secs(3);

/// How soon everything has to be well again.
pub(crate) const RECOVERY: Duration = Duration::from_secs(5);

/// How long the load stays on after that.
const AFTER: Duration = Duration::from_secs(1);

/// The longest that a request may take: `DB_ACQUIRE_TIMEOUT` (2 s) for a connection and 5 s for its work, and a second
/// for a machine that is busy.
const DEADLINE: Duration = Duration::from_secs(8);

/// The most memory that a service may come to use, in MiB: the debug build at rest has 20.
pub(crate) const MEMORY: u64 = 64;

/// `DB_MAX_CONNECTIONS`, as it is by default.
const CONNECTIONS: usize = 8;

/// A location service with its sample data, which reaches its database through a link.
pub(crate) struct Scene {
    pub(crate) running: Running,
    pub(crate) client: Client,
    pub(crate) link: Link,
    pub(crate) database: Database,
}

impl Scene {
    /// One that is well.
    pub(crate) async fn on(database: Database) -> Self {
        let service = prepared("location", &database, Seeded::Yes).await;
        let link = Link::to(database.port()).await;
        link.mend();
        let service = service.set("DB_HOST", "127.0.0.1").set("DB_PORT", link.port().to_string());
        let (running, client) = start(&service).await;
        Self { running, client, link, database }
    }

    /// Puts the service under load, breaks something by `fault`, which mends it again, and holds the service to what is
    /// promised.
    pub(crate) async fn endures(&mut self, name: &str, fault: impl AsyncFnOnce(&Link)) -> Vec<Exchange> {
        let load = Load::start(&self.client, Mix::Location, LOAD);
        let alive = Load::start(&self.client, Mix::Alive, ALIVE);
        sleep(BEFORE).await;
        let begin = Instant::now();
        fault(&self.link).await;
        let end = Instant::now();
        sleep(RECOVERY + AFTER).await;
        let (exchanges, alive) = tokio::join!(load.finish(), alive.finish());

        let failed = failures(&exchanges);
        let recovery = failed.iter().filter_map(|failure| failure.sent.checked_duration_since(end)).max();
        let (paths, mut lost) = (acknowledged(&exchanges), 0);
        for path in &paths {
            lost += usize::from(self.client.get(path).await.status != 200);
        }
        let mut by_status = BTreeMap::new();
        for failure in &failed {
            *by_status.entry(failure.outcome.status().to_owned()).or_default() += 1;
        }
        let figures = Figures {
            fault: name.into(),
            lasted: end - begin,
            sent: exchanges.len(),
            failed: by_status,
            longest: exchanges.iter().map(|exchange| exchange.took).max().unwrap_or_default(),
            recovery: recovery.unwrap_or_default(),
            acknowledged: paths.len(),
            lost,
        };
        figures.tell();
        let (calm, shaken): (Vec<_>, Vec<_>) = alive.iter().partition(|exchange| exchange.due < begin);
        let (calm_p99, shaken_p99) = (percentile_99(&calm), percentile_99(&shaken));
        let (memory, connections) = (self.peak_memory(), self.link.most_carried());
        eprintln!("  /livez p99 {calm_p99:?} → {shaken_p99:?}; memory at most {memory} MiB, {connections} connections");

        let other: Vec<_> = failed.iter().filter(|failure| !matches!(failure.outcome, Outcome::NotNow)).collect();
        assert!(other.is_empty(), "what cannot be done is answered with 503 and Retry-After: {other:?}");
        assert!(figures.longest <= DEADLINE, "an answer took {:?}", figures.longest);
        assert!(figures.recovery <= RECOVERY, "it took {:?} to recover", figures.recovery);
        assert!(!paths.is_empty() && lost == 0, "{lost} of {} acknowledged writes are lost", paths.len());
        assert!(failures(&alive).is_empty(), "{:?}", failures(&alive));
        assert!(shaken_p99 <= ALIVE_P99, "/livez: p99 {calm_p99:?} before, {shaken_p99:?} from then on");
        assert!(memory <= MEMORY, "{memory} MiB");
        // One for the health check; and one that is closed may be counted for a moment beside the one that takes its
        // place, on each worker.
        assert!(connections <= CONNECTIONS + 3, "{connections} connections");
        assert!(self.running.process().ended().unwrap().is_none(), "it goes on");
        exchanges
    }

    /// The most memory that the service has used, in MiB.
    pub(crate) fn peak_memory(&mut self) -> u64 {
        peak_memory(&mut self.running)
    }
}

/// The most memory that a service has used, in MiB.
pub(crate) fn peak_memory(running: &mut Running) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", running.process().id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

fn percentile_99(exchanges: &[&Exchange]) -> Duration {
    let mut times: Vec<_> = exchanges.iter().map(|exchange| exchange.took).collect();
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

/// Waits until the service's probe of its database says so.
pub(crate) async fn health_is(client: &Client, status: u16) {
    harness::eventually("the probe has noticed", async || client.get("/health").await.status == status).await;
}

const _: () = assert!(DEADLINE.as_secs() < PATIENCE.as_secs(), "a client waits for longer than a service may take");
