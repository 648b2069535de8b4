//! Connections: how they are made, kept and thrown away.
//!
//! A pool of this kind usually asks the server at every use whether the connection still works, which costs a round
//! trip for every request. Here a connection's health is known from its use instead: one that answered within the last
//! second is taken at its word, one that failed, or whose work was broken off, never comes back, and none grows old.

use std::{
    ops::{Deref, DerefMut},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use deadpool::managed::{Manager, Metrics, Object, RecycleError, RecycleResult};
use sqlx::{Connection as _, MySqlConnection, mysql::MySqlConnectOptions};
use tokio::time::timeout;

use super::{
    Settings,
    connecting::Connecting,
    session::{self, Limits},
};

/// Idle for longer than this, a connection is asked whether it still works before it is used again.
const PING_AFTER_IDLE: Duration = Duration::from_secs(1);

/// How long the answer to that may take.
const PING_TIMEOUT: Duration = Duration::from_millis(500);

/// Older than this, a connection is replaced: after a failover or a scaling of the database, load moves to where the
/// name leads now, even when the old server still answers.
pub(super) const MAX_AGE: Duration = Duration::from_mins(30);

/// The shortest time between two invalidations of connections that still serve reads. A server that refuses every write
/// gives a reason with each refusal; meanwhile reads should not spend their time on reconnecting.
const INVALIDATE_INTERVAL: Duration = Duration::from_secs(1);

/// The lock wait is shorter than the time allowed for a piece of work, which makes it an error with a name.
const LIMITS: Limits = Limits { lock_wait: Duration::from_secs(3), statement: Duration::from_secs(5) };

/// Makes connections for the pool.
pub(super) struct Connector {
    options: MySqlConnectOptions,
    connecting: Connecting,
    generation: Mutex<Generation>,
}

/// How soon invalidated connections are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalidation {
    /// At once: they are dead.
    AtOnce,
    /// At most once per [`INVALIDATE_INTERVAL`]: they still serve reads.
    Soon,
}

/// Pool generation: connections made before it are not used again.
#[derive(Default)]
struct Generation {
    /// Those that were made before this.
    until: Option<Instant>,
    /// When it was last asked for.
    asked: Option<Instant>,
}

impl Connector {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { options: settings.connect_options(), connecting: Connecting::new(), generation: Mutex::default() }
    }

    /// Marks every existing connection as unusable.
    pub(super) fn invalidate(&self, invalidation: Invalidation) {
        let mut generation = self.generation();
        generation.asked = Some(Instant::now());
        if invalidation == Invalidation::AtOnce {
            generation.until = generation.asked;
        }
    }

    /// A connection that was made then is unusable.
    pub(super) fn is_invalidated(&self, made: Instant) -> bool {
        let mut generation = self.generation();
        if generation.asked > generation.until
            && generation.until.is_none_or(|until| until.elapsed() > INVALIDATE_INTERVAL)
        {
            generation.until = generation.asked;
        }
        generation.until.is_some_and(|until| made < until)
    }

    fn generation(&self) -> MutexGuard<'_, Generation> {
        self.generation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Manager for Connector {
    type Type = MySqlConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<MySqlConnection> {
        let connect = || {
            let options = self.options.clone();
            async move { session::open(&options, LIMITS).await }
        };
        self.connecting.next(connect).await
    }

    async fn recycle(&self, connection: &mut MySqlConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.age() > MAX_AGE {
            return Err(RecycleError::message("too old"));
        }
        if self.is_invalidated(metrics.created) {
            return Err(RecycleError::message("others like it were of no use"));
        }
        if metrics.last_used() > PING_AFTER_IDLE {
            timeout(PING_TIMEOUT, connection.ping())
                .await
                .map_err(|_| RecycleError::message("no answer to a ping"))??;
        }
        Ok(())
    }
}

/// A connection in use. It goes back to the pool only if it was found `reusable`; it is closed when its work failed badly
/// or was broken off, since a reply, a transaction or a lock may be left on it.
pub(super) struct Lease {
    connection: Option<Object<Connector>>,
    /// Whether the connection can serve somebody else.
    pub(super) reusable: bool,
}

impl Lease {
    pub(super) fn new(connection: Object<Connector>) -> Self {
        Self { connection: Some(connection), reusable: false }
    }
}

impl Deref for Lease {
    type Target = MySqlConnection;
    fn deref(&self) -> &MySqlConnection {
        self.connection.as_deref().expect("taken only on drop")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut MySqlConnection {
        self.connection.as_deref_mut().expect("taken only on drop")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take()
            && !self.reusable
        {
            drop(Object::take(connection));
        }
    }
}
