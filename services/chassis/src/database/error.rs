//! What a database error means, decided in one place.

use std::{io::ErrorKind, sync::Arc};

use deadpool::managed::PoolError;
use sqlx::mysql::MySqlDatabaseError;

use super::connection::Condemnation;

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
    /// The server is busy, full, or stopping; or the tables are not there yet.
    #[error("the server cannot do it now")]
    Server(#[source] Arc<sqlx::Error>),
}

/// Error numbers of MySQL and MariaDB and what they mean here.
///
/// Sources: <https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html> and
/// <https://mariadb.com/docs/server/reference/error-codes>.
mod number {
    pub(super) const TOO_MANY_CONNECTIONS: u16 = 1040;
    pub(super) const ACCESS_TO_DATABASE_DENIED: u16 = 1044;
    pub(super) const ACCESS_DENIED: u16 = 1045;
    pub(super) const NO_SUCH_DATABASE: u16 = 1049;
    pub(super) const NO_SUCH_COLUMN: u16 = 1054;
    pub(super) const NO_SUCH_TABLE: u16 = 1146;
    pub(super) const DUPLICATE_ENTRY: u16 = 1062;
    pub(super) const DUPLICATE_ENTRY_NAMED: u16 = 1586;
    pub(super) const DEADLOCK: u16 = 1213;
    /// `--read-only`, a read-only transaction, read-only mode, a storage engine that was started read-only: how an old
    /// primary answers after a failover.
    pub(super) const READ_ONLY: [u16; 4] = [1290, 1792, 1836, 1036];
    /// The run time limits that the connection sets: `max_execution_time`, `max_statement_time`.
    pub(super) const TOO_SLOW: [u16; 2] = [3024, 1969];
    /// The server closes this connection, or the statement ended with it: shutdown, killed, interrupted, disconnected
    /// for idling, taken offline, and what the server has to say of a broken network.
    pub(super) const LOST: [u16; 10] = [1053, 1317, 1927, 3032, 3169, 4031, 1158, 1159, 1160, 1161];
    /// What the server cannot do now: disk full or not writable (its own number, and those of the storage engine and of
    /// the file system), out of memory, too many connections, of this user or at all, table or transaction full, lock
    /// wait timeout, locked for a backup, out of threads, resource limit reached; no such table or column (a migration
    /// has not run yet), a table that is changed at this moment, no such database.
    pub(super) const SERVER: [u16; 22] = [
        1021, 3, 20, 1026, 1030, 1037, 1038, 1041, 1040, 1203, 1226, 1114, 1197, 1205, 1206, 1223, 1135, 1146, 1054,
        1412, 1615, 1049,
    ];
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
        match reply.number() {
            number::DUPLICATE_ENTRY | number::DUPLICATE_ENTRY_NAMED => {
                Self::Duplicate { index: index_name(reply.message()).to_owned() }
            }
            number::DEADLOCK => Self::Unavailable(Unavailable::Deadlock),
            code if number::READ_ONLY.contains(&code) => Self::Unavailable(Unavailable::ReadOnly(Arc::new(error))),
            code if number::TOO_SLOW.contains(&code) => Self::Unavailable(Unavailable::TooSlow),
            code if number::LOST.contains(&code) => Self::Unavailable(Unavailable::Lost(Arc::new(error))),
            code if number::SERVER.contains(&code) => Self::Unavailable(Unavailable::Server(Arc::new(error))),
            _ => Self::Refused(Arc::new(error)),
        }
    }
}

impl Error {
    /// What whoever runs the service can do about it, where it does not pass by itself; for the log.
    #[must_use]
    pub(crate) fn remedy(&self) -> Option<&'static str> {
        let Self::Unavailable(Unavailable::Connect(error) | Unavailable::Server(error) | Unavailable::Lost(error)) =
            self
        else {
            return None;
        };
        match (&**error, number_of(error)) {
            (_, Some(number::ACCESS_DENIED)) => {
                Some("see whether DB_USER and DB_PWD are those of the server, and whether it wants TLS (DB_TLS)")
            }
            (_, Some(number::ACCESS_TO_DATABASE_DENIED | number::NO_SUCH_DATABASE)) => {
                Some("run the task `provision`, which makes the database and its login")
            }
            (_, Some(number::NO_SUCH_TABLE | number::NO_SUCH_COLUMN)) => Some("run the task `migrate`"),
            (_, Some(number::TOO_MANY_CONNECTIONS)) => {
                Some("lower DB_MAX_CONNECTIONS or the number of tasks, or raise max_connections of the server")
            }
            (sqlx::Error::Tls(_), _) => Some("see DB_TLS, and whether the server offers TLS"),
            (sqlx::Error::Io(io), _) if io.kind() == ErrorKind::InvalidData => {
                Some("see whether DB_TLS_CA is the authority of the server's certificate, and DB_HOST the name in it")
            }
            _ => None,
        }
    }
}

fn number_of(error: &sqlx::Error) -> Option<u16> {
    Some(error.as_database_error()?.try_downcast_ref::<MySqlDatabaseError>()?.number())
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
    pub(super) fn leaves_connection_sound(&self) -> bool {
        match self {
            Self::Duplicate { .. } => true,
            Self::Unavailable(reason) => matches!(reason, Unavailable::Deadlock | Unavailable::Server(_)),
            Self::Refused(error) => matches!(**error, sqlx::Error::Database(_) | sqlx::Error::RowNotFound),
        }
    }

    /// How soon the other connections are to go, which were made at the same time to the same server, where they are likely
    /// to be of no use either.
    pub(super) fn condemns_other_connections(&self) -> Option<Condemnation> {
        match self {
            Self::Unavailable(Unavailable::Lost(_)) => Some(Condemnation::AtOnce),
            // Reads go on with them.
            Self::Unavailable(Unavailable::ReadOnly(_)) => Some(Condemnation::Soon),
            _ => None,
        }
    }
}

/// The index in `Duplicate entry 'ann' for key 'users.users_username'`; MariaDB leaves the table's name out.
fn index_name(message: &str) -> &str {
    let key = message.rsplit_once("for key '").map_or("", |(_, key)| key.trim_end_matches('\''));
    key.rsplit_once('.').map_or(key, |(_, index)| index)
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
