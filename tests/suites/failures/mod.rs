//! What happens when something breaks.

mod database;
mod deadline;
mod framing;
mod location_service;
mod refused_heads;
mod secrets;
mod servers;
mod shutdown;
mod slow_clients;
mod unread_bodies;
