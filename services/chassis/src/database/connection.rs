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

/// How often connections that still serve reads may be thrown away at most. While a server refuses every write, each
/// refusal is a reason to; reads go on meanwhile, and are not to be busy with connecting.
const CONDEMN_INTERVAL: Duration = Duration::from_secs(1);

/// The lock wait is shorter than the time allowed for a piece of work, which makes it an error with a name.
const LIMITS: Limits = Limits { lock_wait: Duration::from_secs(3), statement: Duration::from_secs(5) };

/// Makes connections for the pool.
pub(super) struct Connector {
    options: MySqlConnectOptions,
    connecting: Connecting,
    condemned: Mutex<Condemned>,
}

/// How soon connections are to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Invalidation {
    /// They are dead.
    AtOnce,
    /// They are of some use, and go when none have gone for a moment.
    Soon,
}

/// Which connections are not used again.
#[derive(Default)]
struct Condemned {
    /// Those that were made before this.
    until: Option<Instant>,
    /// When it was last asked for.
    asked: Option<Instant>,
}

impl Connector {
    pub(super) fn new(settings: &Settings) -> Self {
        Self { options: settings.connect_options(), connecting: Connecting::new(), condemned: Mutex::default() }
    }

    /// Has no connection that was made until now be used again.
    pub(super) fn invalidate(&self, invalidation: Invalidation) {
        let mut condemned = self.condemned();
        condemned.asked = Some(Instant::now());
        if invalidation == Invalidation::AtOnce {
            condemned.until = condemned.asked;
        }
    }

    /// Whether a connection that was made then is not to be used again.
    pub(super) fn is_invalidated(&self, made: Instant) -> bool {
        let mut condemned = self.condemned();
        if condemned.asked > condemned.until && condemned.until.is_none_or(|until| until.elapsed() > CONDEMN_INTERVAL) {
            condemned.until = condemned.asked;
        }
        condemned.until.is_some_and(|until| made < until)
    }

    fn condemned(&self) -> MutexGuard<'_, Condemned> {
        self.condemned.lock().unwrap_or_else(PoisonError::into_inner)
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
