//! What is promised when things break, held by breaking them, under load and measured.
//!
//! The tests take turns, as each measures. They are short, so that they can be part of `make test`; `make test-failures`
//! has their long form, which breaks more, for longer and more often. Both leave their figures in a table, which
//! `make test` shows at its end.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod clients;
mod crashes;
mod failover;
mod figures;
mod limits;
mod outages;
mod overload;
mod replication;
mod scene;
mod shutdown;
mod tls;
mod turn;
