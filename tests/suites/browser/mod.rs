//! The pages in a real browser: what people see, click and type, on a desk and in the hand, by day and by night.
//!
//! What they look like is kept under `target/pictures`; `make pictures` puts it where the documentation shows it.

mod docs;
mod home;
mod locations;
mod pages;
mod users;

use harness::{LocationService, Seeded, UserService, location};

/// Both services with their sample data.
async fn both() -> (LocationService, UserService) {
    let places = location(Seeded::Yes).await;
    let users = UserService::asking(&places.running.url(""), Seeded::Yes).await;
    (places, users)
}
