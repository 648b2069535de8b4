//! How a service runs, whatever it is about: settings from the environment, a database that may come and go, answers
//! in `application/problem+json`, health, metrics, logs, and an orderly end.
//!
//! A service is a value, [`Service`]; its `main` hands that value to [`cli::main`]. The modules form layers. A layer uses
//! those below it and none above, so each can be copied with those below alone. `examples/layer_*.rs` compile each so.
//!
//! | layer, the highest first | modules |
//! | --- | --- |
//! | what runs | [`cli`], [`server`], `shutdown`, `process`, `purge`, [`healthcheck`] |
//! | what a service uses | [`service`], [`seed`], [`openapi`], [`pages`], `health`, [`idempotency`], [`input`] |
//! | the database | [`database`] |
//! | HTTP | [`http`] |
//! | logs, metrics, traces | [`telemetry`] |
//! | settings | [`settings`], [`instance`], [`errors`] |

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
