//! Telemetry, with the layer below alone: a log in the format that `LOG_FORMAT` asks for, and metrics.
#![allow(dead_code, missing_docs, unreachable_pub, unused_imports, reason = "an example uses a part of each layer")]

#[path = "../src/errors.rs"]
mod errors;
#[path = "../src/instance/mod.rs"]
mod instance;
#[path = "../src/settings/mod.rs"]
mod settings;
#[path = "../src/telemetry/mod.rs"]
mod telemetry;

use instance::Instance;
use settings::Reader;
use telemetry::{Metrics, Settings};

fn main() {
    let mut reader = Reader::from_env();
    telemetry::start(&Settings::read(&mut reader));
    let metrics = Metrics::new(&Instance::read("example", "0.1.0", &mut reader));
    tracing::info!(bytes = metrics.text().len(), "these are the metrics");
}
