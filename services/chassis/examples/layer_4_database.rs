//! The database, with the layers below alone: a pool that survives its server, and one query.
#![allow(
    clippy::print_stdout,
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "an example uses a part of each layer"
)]

#[path = "../src/database/mod.rs"]
mod database;
#[path = "../src/errors.rs"]
mod errors;
#[path = "../src/http/mod.rs"]
mod http;
#[path = "../src/instance/mod.rs"]
mod instance;
#[path = "../src/settings/mod.rs"]
mod settings;
#[path = "../src/telemetry/mod.rs"]
mod telemetry;

use database::{Error, Settings, WorkerPools};
use settings::Reader;

#[actix_web::main]
async fn main() -> Result<(), Error> {
    let settings = Settings::read(&mut Reader::from_env());
    let database = WorkerPools::new(settings).local();
    let version: String =
        database.read(async |connection| sqlx::query_scalar("SELECT VERSION()").fetch_one(connection).await).await?;
    println!("{version}");
    Ok(())
}
