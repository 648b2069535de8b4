//! The database, which may be away at any time: a pool of connections that are known to work, deadlines on everything,
//! and one place that says what an error means.
//!
//! Queries are free functions over [`MySqlConnection`] beside the model they serve. They run in
//! [`Database::read`], [`Database::write`] or [`Database::transaction`], which differ in what may be tried again.

mod cause;
mod certificates;
pub mod coalescing;
mod connecting;
mod connection;
mod error;
mod handshake;
mod metrics;
pub mod migrate;
mod pools;
mod probe;
pub mod provision;
mod session;
mod settings;
mod task;

use std::time::Duration;

use connection::{Connector, Lease};
use deadpool::managed::Pool;
pub use error::{Error, Unavailable};
pub(crate) use metrics::PoolMetrics;
pub(crate) use pools::WorkerPools;
pub use probe::PROBE_CONNECTIONS;
pub(crate) use probe::Probe;
pub use settings::{DEFAULT_ACQUIRE_TIMEOUT, DEFAULT_MAX_CONNECTIONS, Settings, Tls};
use sqlx::{Connection as _, MySqlConnection};
pub use task::TaskError;
pub(crate) use task::connect;
use tokio::time::timeout;

use crate::telemetry::db_span;

/// How long the database may take over one piece of work before its connection is given up as dead. Nothing that these
/// services ask for takes a tenth of it, and a client that waited longer has gone.
const WORK_TIMEOUT: Duration = Duration::from_secs(5);

/// How often work that the database rolled back to resolve a deadlock is begun again.
const DEADLOCK_RETRIES: u32 = 3;

/// How many requests may wait for each connection. At a millisecond of work for each, the last of them waits for 32 ms; when the
/// database is so slow that it would wait for `DB_ACQUIRE_TIMEOUT`, it hears of it now and not then.
const WAITING_PER_CONNECTION: usize = 32;

/// A bounded set of connections to the service's database, the share of one worker of the server; cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<Connector>,
    /// The pools of all workers, this one included.
    pools: WorkerPools,
    is_first: bool,
    acquire_timeout: Duration,
    coalescing: bool,
}

/// How many connections there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Connections {
    /// The most there can be.
    pub max: usize,
    /// Open and not in use.
    pub idle: usize,
    /// In use by a request.
    pub used: usize,
    /// Requests that wait for one.
    pub waiting: usize,
    /// Requests so far that were refused at once, as too many waited.
    pub overloads: u64,
    /// Requests so far that waited for `DB_ACQUIRE_TIMEOUT` in vain.
    pub timeouts: u64,
    /// Requests so far for which no connection could be opened.
    pub failures: u64,
}

impl Database {
    /// Runs a query that changes nothing. One that fails because its connection turned out to be dead, as all of them
    /// are after the database was restarted, is tried once more on a new one.
    pub async fn read<T>(&self, query: impl AsyncFn(&mut MySqlConnection) -> sqlx::Result<T>) -> Result<T, Error> {
        match self.run(&query).await {
            Err(Error::Unavailable(Unavailable::Lost(_))) => self.run(&query).await,
            other => other,
        }
    }

    /// Runs one statement that changes something. It is tried again only where the database says that it rolled it back
    /// to resolve a deadlock: whether a lost one was carried out cannot be known.
    pub async fn write<T>(&self, statement: impl AsyncFn(&mut MySqlConnection) -> sqlx::Result<T>) -> Result<T, Error> {
        let mut attempts = 0..DEADLOCK_RETRIES;
        loop {
            match self.run(&statement).await {
                Err(Error::Unavailable(Unavailable::Deadlock)) if attempts.next().is_some() => {}
                other => return other,
            }
        }
    }

    /// Runs several statements that take effect together or not at all. Where the database rolls them back to resolve
    /// a deadlock, `work` is called again from its beginning.
    pub async fn transaction<T>(
        &self,
        work: impl AsyncFn(&mut MySqlConnection) -> sqlx::Result<T>,
    ) -> Result<T, Error> {
        let work = &work;
        self.write(async move |connection: &mut MySqlConnection| {
            let mut transaction = db_span("BEGIN", connection.begin()).await?;
            match work(&mut transaction).await {
                Ok(value) => db_span("COMMIT", transaction.commit()).await.map(|()| value),
                Err(problem) => {
                    db_span("ROLLBACK", transaction.rollback()).await?;
                    Err(problem)
                }
            }
        })
        .await
    }

    /// How many connections there are now, on all workers.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.pools.connections()
    }

    /// Whether this is the share of the first worker, which does what is to be done once in a process.
    pub(crate) fn is_first(&self) -> bool {
        self.is_first
    }

    /// Whether reads may be answered together.
    fn coalesces(&self) -> bool {
        self.coalescing
    }

    async fn run<T>(&self, work: impl AsyncFnOnce(&mut MySqlConnection) -> sqlx::Result<T>) -> Result<T, Error> {
        let mut lease = self.acquire().await?;
        let error = match timeout(WORK_TIMEOUT, work(&mut lease)).await {
            Ok(Ok(value)) => {
                lease.reusable = true;
                return Ok(value);
            }
            Ok(Err(problem)) => Error::from(problem),
            Err(_) => Error::Unavailable(Unavailable::TooSlow),
        };
        lease.reusable = error.leaves_connection_reusable();
        if let Some(invalidation) = error.invalidates_other_connections() {
            self.pools.invalidate_connections(invalidation);
        }
        Err(error)
    }

    async fn acquire(&self) -> Result<Lease, Error> {
        let status = self.pool.status();
        if status.waiting >= status.max_size * WAITING_PER_CONNECTION {
            self.pools.count_overload();
            return Err(Error::Unavailable(Unavailable::Overloaded));
        }
        match timeout(self.acquire_timeout, self.pool.get()).await {
            Ok(Ok(connection)) => Ok(Lease::new(connection)),
            Ok(Err(problem)) => {
                self.pools.count_failure();
                Err(error::from_pool(problem))
            }
            Err(_) => {
                self.pools.count_timeout();
                Err(Error::Unavailable(Unavailable::PoolExhausted))
            }
        }
    }
}
