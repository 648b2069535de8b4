//! Connections and errors of one-off tasks, such as `migrate`, `seed` and `purge`.

use std::time::Duration;

use sqlx::MySqlConnection;

use super::{
    Settings,
    error::advice,
    session::{self, Limits},
};

/// Longest wait for the transactions that use a table. While a change waits, new ones queue up behind it: a long wait is
/// an outage, and a task that failed can be run again. The work itself may take its time.
pub(super) const LIMITS: Limits = Limits { lock_wait: Duration::from_secs(20), statement: Duration::ZERO };

/// Why a one-off task failed.
#[derive(Debug, thiserror::Error)]
pub enum TaskError {
    /// The database cannot be reached.
    #[error("the database {0} cannot be reached{remedy}", remedy = advice(.1))]
    Connect(String, #[source] sqlx::Error),
    /// The database refused a statement, or the connection was lost.
    #[error("the database {0} refused a statement{remedy}", remedy = advice(.1))]
    Refused(String, #[source] sqlx::Error),
}

/// A connection for a one-off task.
pub(crate) async fn connect(settings: &Settings) -> Result<MySqlConnection, TaskError> {
    session::open(&settings.connect_options(), LIMITS)
        .await
        .map_err(|error| TaskError::Connect(settings.to_string(), error))
}

impl TaskError {
    /// For the work on a connection to the database of `settings`.
    pub(crate) fn refused(settings: &Settings) -> impl Fn(sqlx::Error) -> Self {
        let database = settings.to_string();
        move |error| Self::Refused(database.clone(), error)
    }
}
