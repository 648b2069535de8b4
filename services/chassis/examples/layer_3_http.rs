//! HTTP, with the layers below alone: ids, logs, limits, validators and problems around a route.
#![allow(dead_code, missing_docs, unreachable_pub, unused_imports, reason = "an example uses a part of each layer")]

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

use actix_web::{
    App, HttpServer,
    middleware::from_fn,
    web::{self, Data},
};
use http::{Address, Problem, body_deadline, caching, contain, extractors, observe};
use instance::Instance;
use settings::Reader;
use telemetry::{Metrics, Settings};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let mut reader = Reader::from_env();
    telemetry::start(&Settings::read(&mut reader));
    let address = Address::read(8080, &mut reader);
    let metrics = Data::new(Metrics::new(&Instance::read("example", "0.1.0", &mut reader)));
    let app = move || {
        App::new()
            .app_data(metrics.clone())
            .configure(extractors)
            .route("/", web::get().to(async || "hello"))
            .route("/gone", web::get().to(async || Err::<&str, _>(Problem::not_found("it is gone"))))
            .wrap(from_fn(contain))
            .wrap(from_fn(caching))
            .wrap(from_fn(body_deadline))
            .wrap(from_fn(observe))
    };
    HttpServer::new(app).bind(address.socket())?.run().await
}
