//! The HTTP contract.

mod bad_input;
mod caching;
mod coalescing;
mod conditional;
mod idempotency;
mod locations;
mod media_types;
mod nearest;
mod openapi;
mod operation;
mod reflection;
mod users;
