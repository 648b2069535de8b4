//! The service's own database and login, made by an administrator of the server: a one-off task on a new server, before
//! the first migration.

use std::time::Instant;

use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor as _, MySqlConnection};

use super::{
    Settings,
    settings::{MAX_USER, Name},
};
use crate::settings::{Reader, SecretString};

/// What a service may do in its database: its own statements, and those of its migrations.
const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES";

/// The login of an administrator, which may create databases and logins.
pub struct Administrator {
    user: String,
    password: SecretString,
}

impl Administrator {
    /// Reads the `DB_ADMIN_*` variables.
    pub fn read(reader: &mut Reader) -> Self {
        Self {
            user: reader
                .required::<Name<MAX_USER>>(
                    "DB_ADMIN_USER",
                    "a login of the server that may create databases and logins",
                )
                .0,
            password: reader.required_secret("DB_ADMIN_PWD", "DB_ADMIN_PWD_FILE", "the password of that login"),
        }
    }
}

/// Why there is no database or login.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The name cannot stand in a statement as it is.
    #[error("{0} cannot be made: a database or login is named with up to 32 of a-z, 0-9 and _")]
    Name(&'static str),
    /// The server cannot be reached as the administrator.
    #[error("the server of the database {0} does not let {1} in")]
    Connect(String, String, #[source] sqlx::Error),
    /// The server said no.
    #[error("the database {0} and its login could not be made")]
    Failed(String, #[source] sqlx::Error),
}

/// Makes the database and the login that `settings` name. What is there stays, but for the login's password, which
/// becomes the one of the settings.
///
/// On `MySQL` the password before it is good as well, so that tasks that still have it go on, until this is run once more:
/// a secret is changed by this task, a new deployment, and this task again. `MariaDB` knows one password only: there,
/// tasks that have the old one cannot make connections until they are replaced.
pub async fn run(settings: &Settings, administrator: &Administrator) -> Result<(), Error> {
    let started = Instant::now();
    check("DB_NAME", &settings.name)?;
    check("DB_USER", &settings.user)?;
    let options = settings.server_options(&administrator.user, &administrator.password).disable_statement_logging();
    let mut connection = options
        .connect()
        .await
        .map_err(|error| Error::Connect(settings.to_string(), administrator.user.clone(), error))?;
    make(&mut connection, settings).await.map_err(|error| Error::Failed(settings.to_string(), error))?;
    tracing::info!(database = %settings, login = settings.user, elapsed = ?started.elapsed(), "the database and its login are there");
    Ok(())
}

async fn make(connection: &mut MySqlConnection, settings: &Settings) -> sqlx::Result<()> {
    let Settings { name, user, password, .. } = settings;
    // These statements take no parameters, so the server itself quotes what comes from outside.
    let password: String = sqlx::query_scalar("SELECT CAST(QUOTE(?) AS CHAR)")
        .bind(password.expose_secret())
        .fetch_one(&mut *connection)
        .await?;
    // In a grant, _ stands for any character.
    let granted = name.replace('_', r"\_");
    for statement in [
        format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4"),
        format!("CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY {password}"),
        // MariaDB skips comments of this kind.
        format!("ALTER USER '{user}'@'%' IDENTIFIED BY {password} /*!80014 RETAIN CURRENT PASSWORD */"),
        format!("GRANT {RIGHTS} ON `{granted}`.* TO '{user}'@'%'"),
    ] {
        connection.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await?;
    }
    Ok(())
}

/// Names stand in statements where nothing can be quoted safely by all servers, so they are held to what needs no
/// quoting.
fn check(variable: &'static str, name: &str) -> Result<(), Error> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain && (1..=32).contains(&name.len()) { Ok(()) } else { Err(Error::Name(variable)) }
}
