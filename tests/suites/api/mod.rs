//! The HTTP contract.

mod bad_input;
mod coalescing;
mod conditional;
mod idempotency;
mod locations;
mod nearest;
mod openapi;
mod operation;
mod reflection;
mod users;
