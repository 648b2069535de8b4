//! The services as they ship: their binaries, on free ports.

use std::process::Stdio;

use playground::{
    ports,
    service::{Running, Service},
};

use crate::{Client, Database, PATIENCE};

/// The `API_TOKEN` of all services under test.
pub const TOKEN: &str = "a-token-for-tests";

/// Whether a service has its sample data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Seeded {
    /// It has.
    Yes,
    /// Its tables are empty.
    No,
}

/// A location service with its database.
pub struct LocationService {
    // Fields are dropped in this order: the service goes before its database does.
    /// Its process.
    pub running: Running,
    /// Asks it.
    pub client: Client,
    /// Where its data are.
    pub database: Database,
}

/// A user service with its database; where the location service is, is up to the test.
pub struct UserService {
    /// Its process.
    pub running: Running,
    /// Asks it.
    pub client: Client,
    /// Where its data are.
    pub database: Database,
}

/// A migrated location service that is ready.
pub async fn location(seeded: Seeded) -> LocationService {
    let database = Database::new().await;
    let (running, client) = start(&prepared("location", &database, seeded).await).await;
    LocationService { running, client, database }
}

impl UserService {
    /// A migrated user service that is ready, and asks for places at `location_url`.
    pub async fn asking(location_url: &str, seeded: Seeded) -> Self {
        let database = Database::new().await;
        let service = prepared("user", &database, seeded)
            .await
            .set("LOCATION_URL", location_url)
            .set("LOCATION_PAGES_URL", location_url);
        let (running, client) = start(&service).await;
        Self { running, client, database }
    }
}

/// Starts `service` on a free port and waits until it is ready.
pub async fn start(service: &Service) -> (Running, Client) {
    let mut running = service.start(ports::free().unwrap()).unwrap();
    running.ready(PATIENCE).await.unwrap();
    let client = Client::new(running.url(""));
    (running, client)
}

/// The service's settings, with tables and perhaps data in place.
pub async fn prepared(name: &str, database: &Database, seeded: Seeded) -> Service {
    let service = unprepared(name, database);
    service.run("migrate", Stdio::piped()).await.unwrap();
    if seeded == Seeded::Yes {
        service.run("seed", Stdio::piped()).await.unwrap();
    }
    service
}

/// The service's settings, with nothing in its database yet. Nothing balances the load here, so that nothing has to
/// be waited for on the way down.
pub fn unprepared(name: &str, database: &Database) -> Service {
    Service::new(name).isolated().set("API_TOKEN", TOKEN).set("DRAIN_DELAY", "0s").set_all(database.settings())
}
