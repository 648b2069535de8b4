//! What the tests stand on: services as they ship, each on a database of its own, and a client that reads whole
//! answers.

mod answer;
pub(crate) mod aws;
mod database;
pub(crate) mod docker;
pub(crate) mod load;
mod raw;
mod samples;
mod services;
pub(crate) mod topology;

use std::{env, fs::OpenOptions, io::Write as _, thread, time::Duration};

pub(crate) use answer::{Answer, Client, send};
pub(crate) use database::Database;
pub(crate) use raw::raw;
pub(crate) use samples::{ada, oslo, with};
pub(crate) use services::{LocationService, Seeded, TOKEN, UserService, location, prepared, start, unprepared};
use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a busy machine: what is not there by then does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Has `make test` say in its last lines that the test on this thread could not run, and why: by itself a test that
/// returns early passes in silence.
pub(crate) fn not_run(why: &str) {
    let thread = thread::current();
    let note = format!("{}: {why}", thread.name().unwrap_or("a test"));
    let Some(file) = env::var_os("TEST_NOT_RUN") else { return eprintln!("could not run: {note}") };
    let mut file = OpenOptions::new().append(true).create(true).open(file).unwrap();
    writeln!(file, "{note}").unwrap();
}

/// Waits until `condition` holds, and fails the test when it does not come to hold.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
