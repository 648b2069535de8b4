//! The topology of `make up`: balancers, tasks and database in containers.

mod balancing;
mod changes;
mod database;
mod isolation;
mod metrics;
