//! Rolling updates under a constant load, on a real orchestrator: Docker's Swarm mode, in engines of their own, so that the
//! one outside is left as it is. A binary of its own: cargo runs test binaries one after the other, and what is measured
//! here is not to be disturbed by other suites.
//!
//! The tests take turns on one stack, which [`swarm`] keeps. Each records what happened ([`record`]), prints it second by
//! second ([`timeline`]) and draws it ([`drawing`]).
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod drain;
mod drawing;
mod engine;
mod migration;
mod node;
mod record;
mod refusals;
mod rollbacks;
mod swarm;
mod timeline;
mod updates;
mod versions;
