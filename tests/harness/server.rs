//! Database servers of a test's own.

use std::{any::Any, sync::Arc};

use playground::{
    database::{
        Server, container,
        private::{self, Binary, Breakable},
    },
    engine,
};
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, raw_sql};
use tokio::sync::Mutex;

use crate::{Database, not_run};

/// What a server of one's own is started from; none, with a note, where none is installed.
pub async fn binary() -> Option<Binary> {
    let binary = private::find().await;
    if binary.is_none() {
        not_run("it takes a database server of its own: install MariaDB or MySQL");
    }
    binary
}

/// A server with `options` on top of the usual ones; none, with a note, where none is installed.
pub async fn start(options: &[&str]) -> Option<Breakable> {
    Some(Breakable::start(binary().await?, options).await.unwrap())
}

/// A server whose global variables a test may change.
pub struct Changeable {
    /// How it is reached.
    pub server: Server,
    /// As it is before the variables change, and for its session they do not.
    administrator: Mutex<MySqlConnection>,
    _keeper: Box<dyn Any>,
}

impl Changeable {
    async fn new(server: Server, keeper: Box<dyn Any>) -> Self {
        let administrator = Mutex::new(server.connect().await.unwrap());
        Self { server, administrator, _keeper: keeper }
    }

    /// Runs `statement` as the administrator, and says whether the server accepted it: some know more modes than others.
    pub async fn accepts(&self, statement: &str) -> bool {
        let statement = raw_sql(AssertSqlSafe(statement.to_owned()));
        self.administrator.lock().await.execute(statement).await.is_ok()
    }

    /// Runs `statement` as the administrator.
    pub async fn run(&self, statement: &str) {
        let sql = raw_sql(AssertSqlSafe(statement.to_owned()));
        let outcome = self.administrator.lock().await.execute(sql).await;
        assert!(outcome.is_ok(), "{statement}: {outcome:?}");
    }

    /// Ends all connections of `database`'s login, so that new ones see the variables as they are now.
    pub async fn end_connections(&self, database: &Database) {
        let ids = "SELECT CAST(id AS UNSIGNED) FROM information_schema.processlist WHERE user = ?";
        let ids = sqlx::query_scalar(ids).bind(database.user());
        let ids: Vec<u64> = ids.fetch_all(&mut *self.administrator.lock().await).await.unwrap();
        for id in ids {
            // One that has ended by itself cannot be ended.
            self.accepts(&format!("KILL {id}")).await;
        }
    }
}

/// A server of each kind that this run has: the one that is installed here; and `MySQL` in a container where the run's own
/// server is one.
pub async fn changeable(options: &[&str]) -> Vec<Changeable> {
    let mut servers = Vec::new();
    if let Some(server) = start(options).await {
        servers.push(Changeable::new(server.server().reference(), Box::new(server)).await);
    }
    if Server::for_this_test().unwrap().description.contains("in a container") {
        let engine = Arc::new(engine::answering().await.unwrap());
        let server = container::throwaway(engine, options).await.unwrap();
        servers.push(Changeable::new(server.reference(), Box::new(server)).await);
    } else {
        not_run("its part on MySQL takes MySQL in a container: `make test DATABASE=container`");
    }
    servers
}
