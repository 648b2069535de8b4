//! What the tests stand on: services as they ship, each on a database of its own, and a client that reads whole
//! answers.
#![allow(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "what goes wrong here fails the test that stands on it, and says where"
)]
#![allow(
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    reason = "the callers are tests, which are there to look at what they get"
)]

mod answer;
pub mod aws;
pub mod browser;
mod database;
pub mod docker;
pub mod form;
mod link;
pub mod load;
mod pictures;
mod raw;
pub mod recording;
mod samples;
pub mod server;
mod services;
pub mod topology;
mod wire;

use std::{env, fs::OpenOptions, io::Write as _, thread, time::Duration};

pub use answer::{Answer, Client, send};
pub use database::Database;
pub use link::Link;
pub use raw::raw;
pub use samples::{ada, oslo, with};
pub use services::{LocationService, Seeded, TOKEN, UserService, location, prepared, start, unprepared};
use tokio::time::{Instant, sleep};
pub use wire::{Reply, Wire};

/// Longer than anything here takes on a busy machine: what is not there by then does not come.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Has `make test` say in its last lines that the test on this thread could not run, and why: by itself a test that
/// returns early passes in silence.
pub fn not_run(why: &str) {
    let thread = thread::current();
    let note = format!("{}: {why}", thread.name().unwrap_or("a test"));
    let Some(file) = env::var_os("TEST_NOT_RUN") else { return eprintln!("could not run: {note}") };
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    writeln!(file, "{note}").unwrap();
}

/// Waits until `condition` holds, and fails the test when it does not come to hold.
pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
