//! What the tests stand on: services as they ship, each on a database of its own, and a client that reads whole
//! answers.

mod answer;
mod database;
mod raw;
mod services;

pub(crate) use answer::{Answer, Client, send};
pub(crate) use database::Database;
pub(crate) use raw::raw;
pub(crate) use services::{LocationService, Seeded, TOKEN, UserService, location, prepared, start, unprepared};

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Longer than anything here takes on a busy machine: what is not there by then does not come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `condition` holds, and fails the test when it does not come to hold.
pub(crate) async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
