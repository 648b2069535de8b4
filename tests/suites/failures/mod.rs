//! What happens when something breaks.

mod database;
mod deadline;
mod framing;
mod location_service;
mod secrets;
mod servers;
mod shutdown;
mod slow_clients;
