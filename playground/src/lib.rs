//! The playground: a database server and the two services on this machine, as they ship.
//!
//! `make run`, `make test` and `make prepare` are its three subcommands; the test suites use it as a library, for
//! starting services ([`service`]) on databases of their own ([`database::login`]).

pub mod database;
pub mod engine;
pub mod folders;
pub mod http;
pub mod images;
pub mod interrupt;
mod introduction;
pub mod lock;
pub mod ports;
pub mod prepare;
pub mod process;
pub mod reaper;
pub mod reset;
pub mod run;
pub mod secret;
pub mod service;
pub mod settings;
pub mod summary;
pub mod terminal;
pub mod test;
pub mod with_engine;
