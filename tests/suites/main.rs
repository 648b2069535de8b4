//! All suites. `make test` brings up a database server and runs them; each test has databases and services of its own.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod api;
mod browser;
mod commands;
mod contract;
mod dashboards;
mod data;
mod deploy;
mod documents;
mod failures;
mod images;
mod parsers;
mod playground;
mod provision;
mod settings;
mod terminals;
mod topology;
mod traces;
