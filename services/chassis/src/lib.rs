//! How a service runs, whatever it is about: settings from the environment, a database that may come and go, answers
//! in `application/problem+json`, health, figures, logs, and an orderly end.
//!
//! A service is a value, [`Service`]; its `main` hands that value to [`cli::main`]. Read on in this order:
//! [`service`], [`cli`], [`server`], [`http`], [`database`], [`idempotency`].

pub mod cli;
pub mod database;
pub mod errors;
pub mod healthcheck;
pub mod http;
pub mod idempotency;
pub mod input;
pub mod instance;
pub mod openapi;
pub mod pages;
pub mod seed;
pub mod server;
pub mod service;
pub mod settings;
pub mod telemetry;

mod health;
mod process;
mod purge;
mod shutdown;

pub use cli::main;
pub use service::Service;
