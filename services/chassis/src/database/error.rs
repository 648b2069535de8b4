//! Database errors by what a request does about them; `cause.rs` has the meaning of each number.

use std::sync::Arc;

use deadpool::managed::PoolError;
use sqlx::mysql::MySqlDatabaseError;

use super::{
    cause::{self, Class},
    connection::Invalidation,
    handshake,
};
use crate::{errors::chain, http::Problem};

/// Why a piece of work failed. It can be cloned, since several may have waited for the same work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The database cannot do it now, and may well later.
    #[error("the database is not available")]
    Unavailable(#[source] Unavailable),
    /// A row with that key is there already.
    #[error("a row with the same {index} is there already")]
    Duplicate {
        /// The unique index that says so, such as `users_email`.
        index: String,
    },
    /// A fault of ours.
    #[error("the database refused the statement")]
    Refused(#[source] Arc<sqlx::Error>),
}

/// Why the database cannot do it now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Unavailable {
    /// All connections were in use for the whole of `DB_ACQUIRE_TIMEOUT`, or a new one could not be made within it.
    #[error("no connection was to be had within DB_ACQUIRE_TIMEOUT")]
    PoolExhausted,
    /// More requests wait for a connection than could be served in time.
    #[error("too many requests wait for a connection")]
    Overloaded,
    /// The service is shutting down.
    #[error("the pool is closed")]
    Closed,
    /// No connection could be made.
    #[error("no connection could be made")]
    Connect(#[source] Arc<sqlx::Error>),
    /// The connection broke; what it was asked to change may have been changed or not.
    #[error("the connection was lost")]
    Lost(#[source] Arc<sqlx::Error>),
    /// No answer in time.
    #[error("the database did not answer in time")]
    TooSlow,
    /// The server takes no writes: after a failover this connection leads to the old primary.
    #[error("the server is read-only")]
    ReadOnly(#[source] Arc<sqlx::Error>),
    /// The read that was to answer several callers ended without an answer.
    #[error("the read was broken off")]
    BrokenOff,
    /// The transaction was rolled back because others wanted the same rows.
    #[error("the transaction fell victim to a deadlock")]
    Deadlock,
    /// The server is busy, full, or stopping.
    #[error("the server cannot do it now")]
    Server(#[source] Arc<sqlx::Error>),
    /// The server, the login or the tables are not set up as the service needs.
    #[error("the database is not set up right")]
    Setup(#[source] Arc<sqlx::Error>),
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let Some(reply) = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>())
        else {
            return match error {
                sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) | sqlx::Error::WorkerCrashed => {
                    Self::Unavailable(Unavailable::Lost(Arc::new(error)))
                }
                _ => Self::Refused(Arc::new(error)),
            };
        };
        let Some(cause) = cause::of(reply.number()) else { return Self::Refused(Arc::new(error)) };
        let unavailable = match cause.class {
            Class::Duplicate => return Self::Duplicate { index: index_name(reply.message()).to_owned() },
            Class::Deadlock => Unavailable::Deadlock,
            Class::TooSlow => Unavailable::TooSlow,
            Class::ReadOnly => Unavailable::ReadOnly(Arc::new(error)),
            Class::Lost => Unavailable::Lost(Arc::new(error)),
            Class::Busy => Unavailable::Server(Arc::new(error)),
            Class::Setup => Unavailable::Setup(Arc::new(error)),
        };
        Self::Unavailable(unavailable)
    }
}

impl Error {
    /// The remedy, where it does not pass by itself; for the log and for `/health`.
    #[must_use]
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable(
                Unavailable::Connect(error)
                | Unavailable::Lost(error)
                | Unavailable::ReadOnly(error)
                | Unavailable::Server(error)
                | Unavailable::Setup(error),
            ) => remedy(error),
            Self::Unavailable(Unavailable::PoolExhausted | Unavailable::Overloaded) => Some(
                "all connections of this task are in use: look for locks and slow statements in the database before \
                 raising DB_MAX_CONNECTIONS",
            ),
            _ => None,
        }
    }
}

/// The remedy for what the driver reports, where it does not pass by itself.
fn remedy(error: &sqlx::Error) -> Option<&'static str> {
    let reply = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    match reply {
        Some(reply) => cause::of(reply.number())?.remedy,
        None => handshake::remedy(error),
    }
}

/// The remedy as the end of a message of a one-off task; empty where there is none.
pub(super) fn advice(error: &sqlx::Error) -> String {
    remedy(error).map(|remedy| format!(" ({remedy})")).unwrap_or_default()
}

pub(super) fn from_pool(error: PoolError<sqlx::Error>) -> Error {
    Error::Unavailable(match error {
        PoolError::Backend(error) => Unavailable::Connect(Arc::new(error)),
        PoolError::Closed => Unavailable::Closed,
        _ => Unavailable::PoolExhausted,
    })
}

impl Error {
    /// Whether the connection on which it happened can serve somebody else: the server answered, and the answer was
    /// about the statement.
    pub(super) fn leaves_connection_reusable(&self) -> bool {
        match self {
            Self::Duplicate { .. } => true,
            // After a change of the server's set-up, a new connection sees it; privileges are kept by a connection.
            Self::Unavailable(reason) => matches!(reason, Unavailable::Deadlock | Unavailable::Server(_)),
            Self::Refused(error) => matches!(**error, sqlx::Error::Database(_) | sqlx::Error::RowNotFound),
        }
    }

    /// How soon the other connections are to go, which were made at the same time to the same server, where they are likely
    /// to be of no use either.
    pub(super) fn invalidates_other_connections(&self) -> Option<Invalidation> {
        match self {
            Self::Unavailable(Unavailable::Lost(_)) => Some(Invalidation::AtOnce),
            // Reads go on with them.
            Self::Unavailable(Unavailable::ReadOnly(_)) => Some(Invalidation::Soon),
            _ => None,
        }
    }
}

/// The index in `Duplicate entry 'ann' for key 'users.users_username'`; MariaDB leaves the table's name out.
fn index_name(message: &str) -> &str {
    let key = message.rsplit_once("for key '").map_or("", |(_, key)| key.trim_end_matches('\''));
    key.rsplit_once('.').map_or(key, |(_, index)| index)
}

impl From<Error> for Problem {
    /// Maps database errors to responses. The message of the database goes to the log, not to the client.
    fn from(error: Error) -> Self {
        match &error {
            // The shared read panicked.
            Error::Unavailable(Unavailable::BrokenOff) => {
                tracing::error!(error = chain(&error), "a shared read failed");
                Self::internal("this is a fault of the service's; the log says more under the request's id")
            }
            Error::Unavailable(_) => {
                let remedy = error.remedy();
                tracing::warn!(error = chain(&error), remedy, "the database is not available");
                Self::unavailable("the database is not available now; try again")
            }
            Error::Duplicate { .. } => Self::duplicate("there is one like it already"),
            Error::Refused(_) => {
                tracing::error!(error = chain(&error), "the database refused a statement");
                Self::internal("this is a fault of the service's; the log says more under the request's id")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_index_is_found_in_the_message_of_either_server() {
        assert_eq!(index_name("Duplicate entry 'a' for key 'users.users_email'"), "users_email");
        assert_eq!(index_name("Duplicate entry 'a' for key 'users_email'"), "users_email");
        assert_eq!(index_name("Duplicate entry ' for key 'x'' for key 'users.PRIMARY'"), "PRIMARY");
    }
}
