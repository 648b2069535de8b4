//! What happens when something breaks.

mod database;
mod link;
mod location_service;
mod shutdown;
mod slow_clients;
