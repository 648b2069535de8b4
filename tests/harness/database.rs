//! A database of its own for a test, and its end.

use std::thread;

use playground::database::{
    Server,
    login::{self, Login},
};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, MySqlConnection,
    mysql::{MySqlConnectOptions, MySqlDatabaseError},
    raw_sql,
};
use tokio::{runtime::Runtime, task::yield_now, time::Instant};

use crate::PATIENCE;

/// What MySQL says when a statement that somebody runs just now, whoever it is, has bytes in it that are no text, such as a
/// hash: it cannot show any then.
const CANNOT_CONVERT: u16 = 3854;

/// An empty database with a login that may do in it what a service has to; dropped with this value.
pub struct Database {
    server: Server,
    login: Login,
    /// Whether it goes with its server, which may be down by then.
    goes_with_server: bool,
}

impl Database {
    /// Makes one on the server that `make test` brought up.
    pub async fn new() -> Self {
        let server = Server::for_this_test().unwrap();
        let login = login::scratch(&server).await.unwrap();
        Self { server, login, goes_with_server: false }
    }

    /// Makes one on a server of the test's own.
    pub async fn on(server: &Server) -> Self {
        let server = server.reference();
        let login = login::scratch(&server).await.unwrap();
        Self { server, login, goes_with_server: true }
    }

    /// The port of its server.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.login.database
    }

    /// A connection as the server's administrator.
    pub async fn administer(&self) -> MySqlConnection {
        self.server.connect().await.unwrap()
    }

    /// `DB_*` for a service.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        self.login.settings(&self.server)
    }

    /// Removes the database and its login, so that there is nothing yet.
    pub async fn vanish(&self) {
        login::drop(&self.server, &self.login).await.unwrap();
    }

    /// `DB_ADMIN_*` for `provision`: the login with which the tests make theirs.
    pub fn administrator(&self) -> [(&'static str, String); 2] {
        [("DB_ADMIN_USER", self.server.user.clone()), ("DB_ADMIN_PWD", self.server.password.clone())]
    }

    /// A connection as the service's own login.
    pub async fn connect(&self) -> MySqlConnection {
        MySqlConnection::connect_with(&self.options()).await.unwrap()
    }

    /// The ids of the login's connections of which `condition` holds.
    pub async fn connections(&self, condition: &'static str) -> Vec<u64> {
        let mut administrator = self.administer().await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let query = format!(
                "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist WHERE user = ? AND ({condition})"
            );
            let ids = sqlx::query_scalar(AssertSqlSafe(query)).bind(self.user()).fetch_all(&mut administrator).await;
            match ids {
                Ok(ids) => return ids,
                Err(error) if cannot_be_shown(&error) && Instant::now() < deadline => yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Ends all connections of the login, as a restart of the server would.
    pub async fn end_connections(&self) {
        let mut administrator = self.administer().await;
        for id in self.connections("TRUE").await {
            // One that has ended by itself cannot be ended.
            let _ = administrator.execute(raw_sql(AssertSqlSafe(format!("KILL {id}")))).await;
        }
    }

    /// Whether its server is `MariaDB`, which differs from `MySQL` in some respects.
    pub async fn is_mariadb(&self) -> bool {
        let version: String =
            sqlx::query_scalar("SELECT VERSION()").fetch_one(&mut self.administer().await).await.unwrap();
        version.contains("MariaDB")
    }

    /// The name of the login.
    pub fn user(&self) -> &str {
        &self.login.user
    }

    /// The password of the login.
    pub fn password(&self) -> &str {
        &self.login.password
    }

    fn options(&self) -> MySqlConnectOptions {
        self.server
            .options()
            .unwrap()
            .username(&self.login.user)
            .password(&self.login.password)
            .database(&self.login.database)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.goes_with_server {
            return;
        }
        // Within the test's own runtime nothing can be waited for here; and a test that failed drops as well.
        thread::scope(|scope| {
            scope.spawn(|| {
                Runtime::new().unwrap().block_on(login::drop(&self.server, &self.login)).unwrap();
            });
        });
    }
}

fn cannot_be_shown(error: &sqlx::Error) -> bool {
    let error = error.as_database_error().and_then(|error| error.try_downcast_ref::<MySqlDatabaseError>());
    error.is_some_and(|error| error.number() == CANNOT_CONVERT)
}
