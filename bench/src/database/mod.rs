//! The database server that all contenders share, filled by our services.

mod rows;

use std::{
    process::Stdio,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use playground::{
    database::{
        self, Choice, Server,
        login::{self, Login},
    },
    service::Service,
    terminal,
};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, MySqlConnection};
use tokio::time::sleep;

pub(crate) use self::rows::{Location, Row, Rows, User};
use crate::accounting;

/// The first id of the rows that a workload writes; those of the sample data are lower.
const FIRST_WRITTEN: u64 = 1_000_000_000;

/// The peers' table of locations: the same rows, with an index on latitude and longitude instead of ours on cells. So the
/// writes of every contender maintain one index for the search of near places.
const PEERS: [&str; 3] = [
    "CREATE TABLE peers.locations LIKE location.locations",
    "ALTER TABLE peers.locations
        DROP KEY locations_place, DROP COLUMN cell, ADD KEY locations_coordinates (latitude, longitude),
        AUTO_INCREMENT = 1000000000",
    "INSERT INTO peers.locations (id, version, name, country, region, latitude, longitude, population, timezone)
        SELECT id, version, name, country, region, latitude, longitude, population, timezone FROM location.locations",
];

/// Enough for 256 connections of sysbench beside the pools of all contenders.
const MAX_CONNECTIONS: u32 = 1_000;

/// The settings of our services: they log no requests, as the peers do not, and stop at once.
pub(crate) const OWN_SETTINGS: [(&str, &str); 2] = [("RUST_LOG", "warn"), ("DRAIN_DELAY", "0s")];

/// The server and its databases.
#[derive(Debug)]
pub(crate) struct Database {
    pub(crate) server: Server,
    /// The login of all contenders, for our database of locations.
    pub(crate) location: Login,
    /// The same login, for the peers' database of locations.
    pub(crate) peers: Login,
    /// The same login, for the database of users.
    pub(crate) user: Login,
    /// The id of the server's process.
    pub(crate) process: u32,
}

impl Database {
    /// Starts a server with empty databases.
    pub(crate) async fn start() -> Result<Self> {
        let (server, _) = database::for_tests(Choice::Private, None).await?;
        let process = server
            .process_id()
            .context("the benchmarks measure the CPU time of their own database server: unset TEST_DB_HOST")?;
        let location = login::create(&server, "location").await?;
        let user = location.with_database(&server, "user").await?;
        let peers = location.with_database(&server, "peers").await?;
        let database = Self { server, location, peers, user, process };
        database.run(&format!("SET GLOBAL max_connections = {MAX_CONNECTIONS}")).await?;
        Ok(database)
    }

    /// Creates all tables and loads the sample data.
    pub(crate) async fn fill(&self) -> Result<()> {
        let step = terminal::step("creating the tables and loading the sample data");
        for (name, login) in [("location", &self.location), ("user", &self.user)] {
            self.seed(&self.service(name, login)).await?;
        }
        for statement in PEERS {
            self.run(statement).await?;
        }
        self.run("ANALYZE TABLE location.locations, peers.locations, user.users").await?;
        step.done("the sample data is loaded");
        Ok(())
    }

    /// Runs the migrations of a service and loads its sample data.
    pub(crate) async fn seed(&self, service: &Service) -> Result<()> {
        service.run("migrate", Stdio::piped()).await?;
        service.run("seed", Stdio::piped()).await
    }

    /// One of our services as it ships, without this machine's own settings.
    pub(crate) fn service(&self, name: &str, login: &Login) -> Service {
        let settings = OWN_SETTINGS.map(|(name, value)| (name, value.to_owned()));
        Service::new(name).isolated().set_all(login.settings(&self.server)).set_all(settings)
    }

    pub(crate) async fn rows(&self) -> Result<Rows> {
        let users = rows::users(&mut self.connect(&self.user).await?).await?;
        Ok(Rows { locations: self.locations(&self.location).await?, users })
    }

    /// The locations in the database of `login`.
    pub(crate) async fn locations(&self, login: &Login) -> Result<Arc<[Row<Location>]>> {
        rows::locations(&mut self.connect(login).await?).await
    }

    /// Connects to the database of `login`.
    pub(crate) async fn connect(&self, login: &Login) -> Result<MySqlConnection> {
        let options = self.server.options()?.database(&login.database);
        MySqlConnection::connect_with(&options).await.with_context(|| format!("cannot connect to {}", login.database))
    }

    /// Removes the rows that a workload wrote, and waits until the server has purged them.
    pub(crate) async fn remove_written(&self) -> Result<()> {
        for database in [&self.location.database, &self.peers.database] {
            self.run(&format!("DELETE FROM {database}.locations WHERE id >= {FIRST_WRITTEN}")).await?;
        }
        self.idle().await
    }

    /// Waits until the server uses no CPU time, for ten seconds at most.
    async fn idle(&self) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut before = accounting::ticks_of(self.process)?;
        while Instant::now() < deadline {
            sleep(Duration::from_millis(50)).await;
            let used = accounting::ticks_of(self.process)?;
            if used == before {
                break;
            }
            before = used;
        }
        Ok(())
    }

    /// Its version, and the settings that affect the measurements.
    pub(crate) async fn description(&self) -> Result<String> {
        let settings: Vec<(String, String)> = sqlx::query_as(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('version', 'innodb_buffer_pool_size', 'max_connections',
                'innodb_flush_log_at_trx_commit', 'innodb_doublewrite', 'log_bin', 'performance_schema')",
        )
        .fetch_all(&mut self.server.connect().await?)
        .await?;
        let settings: Vec<_> = settings.into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        Ok(settings.join(", "))
    }

    /// Stops the server and removes its data.
    pub(crate) async fn stop(self) -> Result<()> {
        self.server.stop().await
    }

    /// Runs a statement as the administrator.
    pub(crate) async fn run(&self, statement: &str) -> Result<()> {
        let mut connection = self.server.connect().await?;
        let outcome = connection.execute(sqlx::raw_sql(AssertSqlSafe(statement.to_owned()))).await;
        outcome.map(drop).with_context(|| format!("cannot run: {statement}"))
    }
}
