//! What a service uses, with the layers below alone: everything but the command line and the server.
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
#[path = "../src/health.rs"]
mod health;
#[path = "../src/http/mod.rs"]
mod http;
#[path = "../src/idempotency.rs"]
mod idempotency;
#[path = "../src/input.rs"]
mod input;
#[path = "../src/instance/mod.rs"]
mod instance;
#[path = "../src/openapi.rs"]
mod openapi;
#[path = "../src/pages/mod.rs"]
mod pages;
#[path = "../src/seed.rs"]
mod seed;
#[path = "../src/service.rs"]
mod service;
#[path = "../src/settings/mod.rs"]
mod settings;
#[path = "../src/telemetry/mod.rs"]
mod telemetry;

use std::sync::Arc;

use actix_web::web;
use service::Service;
use sqlx::migrate::Migrator;

static MIGRATIONS: Migrator = Migrator::DEFAULT;

const EXAMPLE: Service = Service {
    name: "example",
    description: "Says hello.",
    version: "0.1.0",
    default_port: 8080,
    links: &[("/hello", "A greeting")],
    migrations: &MIGRATIONS,
    superseded_checksums: &[],
    seed: |_, _| Box::pin(async { Ok(0) }),
    configure: |_| {
        Arc::new(|config| {
            config.route("/hello", web::get().to(async || "hello"));
        })
    },
};

fn main() {
    for path in openapi::paths(&EXAMPLE) {
        println!("{path}");
    }
}
