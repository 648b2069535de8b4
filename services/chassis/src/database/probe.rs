//! The health check's own connection: a pool whose connections are all in use says nothing about the database.

use std::time::{Duration, Instant};

use sqlx::{
    Executor as _, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlDatabaseError},
    raw_sql,
};
use tokio::time::timeout;

use super::{
    Error, Settings, Unavailable,
    cause::{self, Class},
    connection::MAX_AGE,
    session::{self, Limits},
};

/// Connections that a task opens for its health check, in addition to `DB_MAX_CONNECTIONS`.
pub const PROBE_CONNECTIONS: usize = 1;

/// Longer than this, and the database is not available: as for a request, which waits for a connection and its work.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A row that somebody else has locked is no fault of the database's, and not worth waiting for.
const LIMITS: Limits = Limits { lock_wait: Duration::from_secs(1), statement: Duration::from_secs(3) };

/// No row has this key, which is the SHA-256 of nothing that is known.
const READ: &str = "SELECT id, request, answer, expires_at FROM idempotency_keys WHERE id = ''";

/// What a write needs, without changing anything: privileges, tables, a binary log that takes it, a server that is not
/// read-only. In the one table that every service has.
const WRITE: &str = "BEGIN; \
    INSERT INTO idempotency_keys (id, request, expires_at) \
        SELECT id, request, expires_at FROM idempotency_keys WHERE id = ''; \
    UPDATE idempotency_keys SET answer = answer WHERE id = ''; \
    DELETE FROM idempotency_keys WHERE id = ''; \
    ROLLBACK";

/// Asks the database whether it can do what the service needs.
pub(crate) struct Probe {
    options: MySqlConnectOptions,
    writes: bool,
    connection: Option<(MySqlConnection, Instant)>,
}

impl Probe {
    pub(super) fn new(settings: &Settings, writes: bool) -> Self {
        Self { options: settings.connect_options(), writes, connection: None }
    }

    /// Succeeds if the database can read, and write where the service does.
    pub(crate) async fn ask(&mut self) -> Result<(), Error> {
        timeout(TIMEOUT, self.ask_twice()).await.unwrap_or(Err(Error::Unavailable(Unavailable::TooSlow)))
    }

    /// Asks again on a new connection where the one at hand has broken since it was last used.
    async fn ask_twice(&mut self) -> Result<(), Error> {
        let is_new = self.connection.is_none();
        match self.ask_once().await {
            Err(Error::Unavailable(Unavailable::Lost(_))) if !is_new => self.ask_once().await,
            outcome => outcome,
        }
    }

    async fn ask_once(&mut self) -> Result<(), Error> {
        // Taken, so that a connection on which anything failed, or that was interrupted, is not used again.
        let (mut connection, opened) = match self.connection.take() {
            Some((connection, opened)) if opened.elapsed() < MAX_AGE => (connection, opened),
            _ => (self.connect().await?, Instant::now()),
        };
        let asked = async {
            // Prepared each time, as the statements of requests are prepared: a server may have no room for more.
            sqlx::query(READ).persistent(false).execute(&mut connection).await?;
            if self.writes {
                connection.execute(raw_sql(WRITE)).await?;
            }
            Ok(())
        };
        match asked.await {
            Ok(()) => {}
            // The server works; what it waited for is locked by somebody else.
            Err(error) if is_locked(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        self.connection = Some((connection, opened));
        Ok(())
    }

    async fn connect(&self) -> Result<MySqlConnection, Error> {
        session::open(&self.options, LIMITS)
            .await
            .map_err(|error| Error::Unavailable(Unavailable::Connect(error.into())))
    }
}

/// Whether a lock of somebody else's is the reason.
fn is_locked(error: &sqlx::Error) -> bool {
    let reply = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    reply.is_some_and(|reply| {
        reply.number() == cause::LOCK_WAIT_TIMEOUT
            || cause::of(reply.number()).is_some_and(|cause| matches!(cause.class, Class::Deadlock | Class::TooSlow))
    })
}
