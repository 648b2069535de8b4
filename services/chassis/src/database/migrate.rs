//! Bringing the tables up to date: a one-off task before a rollout, never something that every replica does.

use std::time::{Duration, Instant};

use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, MySqlConnection,
    migrate::{MigrateError, Migrator},
};

use super::Settings;
use crate::{Service, settings::Period};

/// The tables of the chassis itself; their version numbers are 1 to 99, a service's own begin above that.
static CHASSIS: Migrator = sqlx::migrate!();

/// How long a change waits for the transactions that use the table. While it waits, new ones queue up behind it: a
/// long wait is an outage, a failed migration can be run again.
const TABLE_LOCK_TIMEOUT: Duration = Duration::from_secs(20);

/// Why a migration did not run to its end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot be reached.
    #[error("the database {0} cannot be reached")]
    Connect(String, #[source] sqlx::Error),
    /// Another migration holds the lock.
    #[error("another migration of this database has been at it for {0}; look whether it still runs, then try again")]
    Locked(Period),
    /// A change failed half-way.
    #[error(
        "migration {0} was begun before and did not end: compare the tables with its SQL, undo or complete it by hand, \
         delete its row in _sqlx_migrations, then try again"
    )]
    HalfDone(i64),
    /// The database said no.
    #[error("the tables could not be brought up to date")]
    Failed(#[from] MigrateError),
    /// The connection failed outside of a migration.
    #[error("the migration lost the database")]
    Lost(#[from] sqlx::Error),
}

/// Brings the tables up to date, one process at a time; does nothing where they are.
pub async fn run(service: &Service, settings: &Settings, lock_timeout: Period) -> Result<(), Error> {
    let started = Instant::now();
    let mut connection = connect(settings).await.map_err(|error| Error::Connect(settings.to_string(), error))?;
    lock(&mut connection, lock_timeout).await?;
    let migrations = CHASSIS.iter().chain(service.migrations.iter()).cloned().collect();
    let mut migrator = Migrator::with_migrations(migrations);
    // The lock that sqlx would take waits for ever.
    migrator.set_locking(false);
    let outcome = migrator.run(&mut connection).await;
    // Closing the connection frees the lock, whatever happened.
    connection.close().await?;
    match outcome {
        Ok(()) => {
            tracing::info!(database = %settings, elapsed = ?started.elapsed(), "the tables are up to date");
            Ok(())
        }
        Err(MigrateError::Dirty(version)) => Err(Error::HalfDone(version)),
        Err(error) => Err(Error::Failed(error)),
    }
}

/// A connection for one-off work, which may take its time.
pub(crate) async fn connect(settings: &Settings) -> sqlx::Result<MySqlConnection> {
    settings.connect_options().disable_statement_logging().connect().await
}

/// Takes the lock that keeps two migrations apart, or gives up.
async fn lock(connection: &mut MySqlConnection, timeout: Period) -> Result<(), Error> {
    let seconds = TABLE_LOCK_TIMEOUT.as_secs();
    let limits = format!("SET SESSION lock_wait_timeout = {seconds}, innodb_lock_wait_timeout = {seconds}");
    connection.execute(sqlx::AssertSqlSafe(limits)).await?;
    // Names of locks are the server's, not the database's, and at most 64 characters long: eight and 56.
    let got: Option<i64> = sqlx::query_scalar("SELECT GET_LOCK(CONCAT('migrate:', SHA2(DATABASE(), 224)), ?)")
        .bind(timeout.0.as_secs())
        .fetch_one(connection)
        .await?;
    if got == Some(1) { Ok(()) } else { Err(Error::Locked(timeout)) }
}
