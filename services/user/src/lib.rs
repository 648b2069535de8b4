//! The user service: who lives where.
//!
//! [`model`] is what a user is; [`store`] holds the SQL; `loaders.rs` batches reads; [`location_client`] asks the location
//! service; [`routes`] and [`pages`] answer requests, as `view.rs` says who may see what; [`seed`] loads the sample users.

mod loaders;
pub mod location_client;
pub mod model;
pub mod pages;
pub mod routes;
pub mod seed;
pub mod store;
pub mod urls;
mod view;

use std::sync::Arc;

use actix_web::web::Data;
use chassis::{Service, service::Routes, settings::Reader};
use location_client::LocationClient;
use sqlx::migrate::Migrator;
use urls::{LocationUrl, PagesUrl};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// Before it named its row format, which was the server's default.
static SUPERSEDED_CHECKSUMS: [(i64, &str); 1] =
    [(101, "d22be5189fb7160820458dc0e75633c2be2196b3d8918f02f330eaf8f73c7c54dc95e951577e7479b6feb083c3f99f36")];

/// The service.
pub static SERVICE: Service = Service {
    name: "user",
    description: "Who lives where: users, each with a place that the location service knows.",
    version: env!("CARGO_PKG_VERSION"),
    default_port: 9091,
    links: &[("/users", "Users"), ("/users/1", "A user, and where they live")],
    migrations: &MIGRATIONS,
    superseded_checksums: &SUPERSEDED_CHECKSUMS,
    seed: |connection, progress| Box::pin(seed::load(connection, progress)),
    configure,
};

/// Reads `LOCATION_URL` and `LOCATION_PAGES_URL`. Every worker has connections of its own to the location service.
fn configure(reader: &mut Reader) -> Routes {
    let location_url = reader.or("LOCATION_URL", LocationUrl::default());
    let pages_url: Option<PagesUrl> = reader.optional("LOCATION_PAGES_URL");
    Arc::new(move |config| {
        config.app_data(Data::new(LocationClient::new(location_url.clone(), pages_url.clone())));
        routes::mount(config);
    })
}
