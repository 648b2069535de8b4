//! What the chassis needs to know of a service.

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use sqlx::{MySqlConnection, migrate::Migrator};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{seed::Progress, settings::Reader};

/// A service, as a value: what it is called, where it listens, what it keeps and what it answers.
#[derive(Clone, Copy)]
pub struct Service {
    /// Lower-case name, such as `location`: the binary's, the image's and the log's.
    pub name: &'static str,
    /// One sentence for the home page and the OpenAPI document.
    pub description: &'static str,
    /// Version of the service's own crate (`env!("CARGO_PKG_VERSION")`).
    pub version: &'static str,
    /// Where it listens unless `PORT` says otherwise.
    pub default_port: u16,
    /// Paths worth a link on the home page, each with what is found there.
    pub links: &'static [(&'static str, &'static str)],
    /// The service's own tables; the chassis adds those of [`idempotency`](crate::idempotency).
    pub migrations: &'static Migrator,
    /// Versions of migrations whose wording was changed after they had been applied, with the checksum (SHA-384) of the
    /// earlier wording. Its effect has to be the same: a database that has it is left as it is.
    pub superseded_checksums: &'static [(i64, &'static str)],
    /// Loads the sample data, however often it is called, and says how many rows it read.
    pub seed: for<'a> fn(&'a mut MySqlConnection, &'a Progress) -> LocalBoxFuture<'a, sqlx::Result<u64>>,
    /// Reads the settings that only this service has, and answers with its routes.
    pub configure: fn(&mut Reader) -> Routes,
}

/// Mounts a service's routes, once for every worker thread: what it creates belongs to that worker.
pub type Routes = Arc<dyn Fn(&mut ServiceConfig) + Send + Sync>;
