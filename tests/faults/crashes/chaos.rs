//! What is broken, and how it is mended.

use std::{
    fmt,
    time::{Duration, Instant},
};

use fastrand::Rng;
use harness::{Client, Link, PATIENCE};
use playground::{
    database::private::Breakable,
    ports,
    service::{Running, Service},
};
use tokio::time::sleep;

/// One thing that is broken, for a moment.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// A replica is killed.
    Service(usize),
    /// The database is killed.
    Database,
    /// A replica's link to the database is cut.
    Cut(usize),
    /// It is reset.
    Reset(usize),
    /// It loses all that is sent.
    Silence(usize),
}

impl Fault {
    pub(super) fn random(random: &mut Rng, replicas: usize) -> Self {
        let replica = random.usize(..replicas);
        match random.u8(..10) {
            0..4 => Self::Service(replica),
            4..6 => Self::Database,
            6..8 => Self::Cut(replica),
            8 => Self::Reset(replica),
            _ => Self::Silence(replica),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(replica) => write!(f, "service {replica} killed"),
            Self::Database => write!(f, "database killed"),
            Self::Cut(replica) => write!(f, "link {replica} cut"),
            Self::Reset(replica) => write!(f, "link {replica} reset"),
            Self::Silence(replica) => write!(f, "link {replica} silent"),
        }
    }
}

/// The replicas, their links, and the database: what can be broken.
pub(super) struct Chaos {
    server: Breakable,
    replicas: Vec<Replica>,
    longest_recovery: Duration,
}

struct Replica {
    service: Service,
    running: Running,
    link: Link,
}

impl Chaos {
    /// Starts so many replicas of `service` on `server`.
    pub(super) async fn start(service: &Service, server: Breakable, count: usize) -> Self {
        let mut replicas = Vec::new();
        for _ in 0..count {
            let link = Link::to(server.server().port).await;
            link.mend();
            let service = service.clone().set("DB_PORT", link.port().to_string());
            let mut running = service.start(ports::free().unwrap()).unwrap();
            running.healthy(PATIENCE).await.unwrap();
            replicas.push(Replica { service, running, link });
        }
        Self { server, replicas, longest_recovery: Duration::ZERO }
    }

    /// A client of each replica. A replica keeps its port.
    pub(super) fn clients(&self) -> Vec<Client> {
        self.replicas.iter().map(|replica| Client::new(replica.running.url(""))).collect()
    }

    /// Breaks something after a random while, and mends it after another.
    pub(super) async fn endure(&mut self, fault: Fault, random: &mut Rng) {
        sleep(Duration::from_millis(random.u64(50..500))).await;
        let lasts = Duration::from_millis(random.u64(50..1_000));
        match fault {
            Fault::Service(index) => {
                let Replica { service, running, .. } = &mut self.replicas[index];
                running.kill().await.unwrap();
                sleep(lasts).await;
                *running = service.start(running.port()).unwrap();
            }
            Fault::Database => {
                self.server.kill().await.unwrap();
                sleep(lasts).await;
                self.server.start_again(&[]).await.unwrap();
            }
            Fault::Cut(index) => self.break_link(index, lasts, async |link| link.cut().await).await,
            Fault::Reset(index) => self.break_link(index, lasts, async |link| link.reset().await).await,
            Fault::Silence(index) => self.break_link(index, lasts, async |link| link.silence()).await,
        }
    }

    async fn break_link(&self, index: usize, lasts: Duration, fault: impl AsyncFnOnce(&Link)) {
        let link = &self.replicas[index].link;
        fault(link).await;
        sleep(lasts).await;
        link.mend();
    }

    /// Waits until all is well again.
    pub(super) async fn mend(&mut self) {
        let mended = Instant::now();
        for replica in &mut self.replicas {
            replica.running.healthy(PATIENCE).await.unwrap();
        }
        self.longest_recovery = self.longest_recovery.max(mended.elapsed());
    }

    /// The longest that it took until all was well again.
    pub(super) fn recovery(&self) -> Duration {
        self.longest_recovery
    }
}
