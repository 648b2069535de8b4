//! The location service: real places, found by id, by country and name, or by where they are.
//!
//! [`model`] is what a location is, [`geography`] where it lies; [`store`] and [`nearest`] hold the SQL; `loaders.rs` answers
//! several at once, and `world.rs` sees all of them from far away; [`routes`] and [`pages`] answer requests; [`seed`] loads
//! the data set.

pub mod countries;
pub mod geography;
mod ids;
mod loaders;
pub mod model;
pub mod nearest;
pub mod pages;
pub mod routes;
pub mod seed;
pub mod store;
mod world;

use std::sync::Arc;

use chassis::Service;
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Before it named its row format, which was the server's default.
static SUPERSEDED_CHECKSUMS: [(i64, &str); 1] =
    [(101, "9839f23e696741401e05e664808be279b718b6707e9b8c14e89cdc87ce365b71f4be899fdaa220bc291d85b68a78b565")];

/// The service.
pub static SERVICE: Service = Service {
    name: "location",
    description: "Real places of over 15,000 inhabitants, and which of them are near. Data: GeoNames, CC BY 4.0.",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 8081,
    links: &[("/locations", "Locations"), ("/locations/3143244", "Oslo, and what is near")],
    migrations: &MIGRATIONS,
    superseded_checksums: &SUPERSEDED_CHECKSUMS,
    seed: |connection, progress| Box::pin(seed::load(connection, progress)),
    configure: |_| Arc::new(routes::mount),
};
