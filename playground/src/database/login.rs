//! A database, and a login that can do in it what a service has to do, and nothing elsewhere.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, anyhow, ensure};
use sqlx::{AssertSqlSafe, Connection, Executor, mysql::MySqlConnection};

use super::Server;
use crate::{secret, settings::setting};

/// What a service may do in its database: its own statements, and those of its migrations.
const RIGHTS: &str = "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES";

/// The prefix of test databases when `TEST_DB_PREFIX` sets none.
const PREFIX: &str = "test_";

/// A database and the login for it.
#[derive(Clone, Debug)]
pub struct Login {
    /// The database's name.
    pub database: String,
    /// The login's name.
    pub user: String,
    /// The login's password.
    pub password: String,
}

impl Login {
    /// The settings with which a service reaches this database on `server`.
    #[must_use]
    pub fn settings(&self, server: &Server) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            ("DB_HOST", server.host.clone()),
            ("DB_PORT", server.port.to_string()),
            ("DB_USER", self.user.clone()),
            ("DB_PWD", self.password.clone()),
            ("DB_NAME", self.database.clone()),
        ];
        // Empty where there is none, so that none in the environment counts.
        settings.push(("DB_TLS", server.tls.mode.clone().unwrap_or_default()));
        settings.push(("DB_TLS_CA", server.tls.ca.clone().unwrap_or_default()));
        settings
    }

    /// Makes the database `name` for this login, in which it may do the same as in its own.
    pub async fn with_database(&self, server: &Server, name: &str) -> Result<Self> {
        check(name)?;
        let mut connection = server.connect().await?;
        for statement in [
            format!("CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4"),
            format!("GRANT {RIGHTS} ON `{}`.* TO '{}'@'%'", name.replace('_', r"\_"), self.user),
        ] {
            execute(&mut connection, statement)
                .await
                .with_context(|| format!("cannot make the database {name} for {}, as {}", self.user, server.user))?;
        }
        connection.close().await?;
        Ok(Self { database: name.into(), ..self.clone() })
    }

    /// The database's URL, for sqlx's macros.
    #[must_use]
    pub fn url(&self, server: &Server) -> String {
        format!("mysql://{}:{}@{}:{}/{}", self.user, self.password, server.host, server.port, self.database)
    }
}

/// Makes the database `name` and a login of the same name, or gives the existing login a new password.
pub async fn create(server: &Server, name: &str) -> Result<Login> {
    check(name)?;
    let password = secret::random(16)?;
    let user = format!("'{name}'@'%'");
    let mut connection = server.connect().await?;
    for statement in [
        format!("CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}'"),
        format!("ALTER USER {user} IDENTIFIED BY '{password}'"),
    ] {
        execute(&mut connection, statement)
            .await
            .with_context(|| format!("cannot make the login {name}, as {}", server.user))?;
    }
    connection.close().await?;
    Login { database: name.into(), user: name.into(), password }.with_database(server, name).await
}

/// Makes the database `name` for the server's own login, which is not asked to make others.
pub async fn create_without_login(server: &Server, name: &str) -> Result<Login> {
    check(name)?;
    let mut connection = server.connect().await?;
    let exists = sqlx::query("SELECT 1 FROM information_schema.schemata WHERE schema_name = ?").bind(name);
    if exists.fetch_optional(&mut connection).await?.is_none() {
        let statement = format!("CREATE DATABASE `{name}` CHARACTER SET utf8mb4");
        execute(&mut connection, statement).await.map_err(|error| {
            let Server { user, host, .. } = server;
            let pattern = name.replace('_', r"\_");
            anyhow!(
                "{user} cannot create the database {name} on {host} ({error}). An administrator can allow it with\n  \
                GRANT {RIGHTS} ON `{pattern}`.* TO '{user}'@'%';"
            )
        })?;
    }
    connection.close().await?;
    Ok(Login { database: name.into(), user: server.user.clone(), password: server.password.clone() })
}

/// Makes an empty database with a login, under a name that nothing else uses, for one test.
pub async fn scratch(server: &Server) -> Result<Login> {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let prefix = setting("TEST_DB_PREFIX").unwrap_or_else(|| PREFIX.into());
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    create(server, &format!("{prefix}{:x}_{count:x}", std::process::id())).await
}

/// Drops the database and its login.
pub async fn drop(server: &Server, login: &Login) -> Result<()> {
    drop_named(&mut server.connect().await?, &login.database).await
}

/// Drops every database, and every login of the same name, that starts with `prefix`.
pub async fn drop_all(server: &Server, prefix: &str) -> Result<()> {
    check(prefix)?;
    let mut connection = server.connect().await?;
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT CAST(schema_name AS CHAR) FROM information_schema.schemata WHERE schema_name LIKE ?",
    )
    .bind(format!("{}%", prefix.replace('_', r"\_")))
    .fetch_all(&mut connection)
    .await?;
    for name in names {
        drop_named(&mut connection, &name).await?;
    }
    Ok(())
}

async fn drop_named(connection: &mut MySqlConnection, name: &str) -> Result<()> {
    check(name)?;
    for statement in [format!("DROP DATABASE IF EXISTS `{name}`"), format!("DROP USER IF EXISTS '{name}'@'%'")] {
        execute(connection, statement)
            .await
            .with_context(|| format!("cannot drop the database {name} and its login"))?;
    }
    Ok(())
}

async fn execute(connection: &mut MySqlConnection, statement: String) -> sqlx::Result<()> {
    connection.execute(sqlx::raw_sql(AssertSqlSafe(statement))).await.map(|_| ())
}

/// Names go into statements where no parameter can stand, so they are held to what needs no quoting. A login's name
/// may have 32 characters.
fn check(name: &str) -> Result<()> {
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
    ensure!(plain && (1..=32).contains(&name.len()), "{name:?} is no name for a database: use up to 32 of a-z, 0-9, _");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn only_plain_names_reach_a_statement() {
        assert!(check("test_1f_0").is_ok());
        for name in ["", "a-b", "a`b", "a'b", "A", "a b", &"a".repeat(33)] {
            assert!(check(name).is_err(), "{name}");
        }
    }
}
