//! The service's own database and login, made by an administrator of the server: a one-off task on a new server, before
//! the first migration.

use std::time::Instant;

use secrecy::ExposeSecret;
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection};

use super::{
    Settings,
    error::advice,
    session,
    settings::{MAX_USER, Name},
    task::LIMITS,
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
    #[error("the server of the database {0} does not let {1} in{remedy}", remedy = advice(.2))]
    Connect(String, String, #[source] sqlx::Error),
    /// The server refused one of the statements.
    #[error("the database {database} and its login could not be made: {statement} failed{}", advice(.source))]
    Failed {
        /// The database's name and place.
        database: String,
        /// The kind of statement: its text has the password in it.
        statement: &'static str,
        /// Why.
        source: sqlx::Error,
    },
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
    let options = settings.server_options(&administrator.user, &administrator.password);
    let mut connection = session::open(&options, LIMITS)
        .await
        .map_err(|error| Error::Connect(settings.to_string(), administrator.user.clone(), error))?;
    for (statement, sql) in statements(&mut connection, settings).await? {
        let outcome = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
        outcome.map_err(|source| Error::Failed { database: settings.to_string(), statement, source })?;
    }
    tracing::info!(database = %settings, login = settings.user, elapsed = ?started.elapsed(), "the database and its login are there");
    Ok(())
}

/// The statements in their order, each with its kind. They take no parameters. The session's `sql_mode` is the one that
/// every connection has, in which [`literal`] is exact.
async fn statements(
    connection: &mut MySqlConnection,
    settings: &Settings,
) -> Result<[(&'static str, String); 4], Error> {
    let Settings { name, user, password, .. } = settings;
    let password = literal(password.expose_secret());
    // In a grant, _ stands for any character, unless the server has partial_revokes on. MariaDB does not have it, and
    // skips comments of this kind.
    let literal_names: bool =
        sqlx::query_scalar("SELECT /*!80016 @@partial_revokes OR */ FALSE").fetch_one(connection).await.map_err(
            |source| Error::Failed { database: settings.to_string(), statement: "SELECT @@partial_revokes", source },
        )?;
    let granted = if literal_names { name.clone() } else { name.replace('_', r"\_") };
    Ok([
        ("CREATE DATABASE", format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")),
        ("CREATE USER", format!("CREATE USER IF NOT EXISTS '{user}'@'%' IDENTIFIED BY {password}")),
        ("ALTER USER", format!("ALTER USER '{user}'@'%' IDENTIFIED BY {password} /*!80014 RETAIN CURRENT PASSWORD */")),
        ("GRANT", format!("GRANT {RIGHTS} ON `{granted}`.* TO '{user}'@'%'")),
    ])
}

/// `text` as a literal of SQL. A session in the mode `NO_BACKSLASH_ESCAPES` would read it as another text, or as several
/// statements: [`session::open`] leaves that mode out, and fails where the server keeps it.
fn literal(text: &str) -> String {
    let mut literal = String::with_capacity(text.len() + 2);
    literal.push('\'');
    for character in text.chars() {
        match character {
            '\'' => literal.push_str("''"),
            '\\' => literal.push_str(r"\\"),
            '\0' => literal.push_str(r"\0"),
            other => literal.push(other),
        }
    }
    literal.push('\'');
    literal
}

/// Names stand in statements where nothing can be quoted safely by all servers, so they are held to what needs no
/// quoting.
fn check(variable: &'static str, name: &str) -> Result<(), Error> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    if plain && (1..=32).contains(&name.len()) { Ok(()) } else { Err(Error::Name(variable)) }
}

#[cfg(test)]
mod tests {
    use super::literal;

    #[test]
    fn a_literal_ends_where_the_text_does() {
        assert_eq!(literal(r"it's"), r"'it''s'");
        assert_eq!(literal(r"\'; DROP USER x; --"), r"'\\''; DROP USER x; --'");
        assert_eq!(literal("a\0\n🏔"), "'a\\0\n🏔'");
    }
}
