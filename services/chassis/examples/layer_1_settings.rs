//! The lowest layer, alone: settings from the environment, and which task this is.
#![allow(
    clippy::print_stdout,
    dead_code,
    missing_docs,
    unreachable_pub,
    unused_imports,
    reason = "an example uses a part of each layer"
)]

#[path = "../src/errors.rs"]
mod errors;
#[path = "../src/instance/mod.rs"]
mod instance;
#[path = "../src/settings/mod.rs"]
mod settings;

use instance::Instance;
use settings::Reader;

fn main() {
    let mut reader = Reader::from_env();
    let instance = Instance::read("example", "0.1.0", &mut reader);
    println!("{} in {}", instance.release, instance.container);
}
