//! Coalesced reads: requests that arrive while a read is running share the next one.
//!
//! A [`Loader`] batches reads by key into one statement; a [`SingleFlight`] gives callers with the same key one result. Under
//! load this saves the database most of its work. Requests that do not overlap read at once, each by itself.
//!
//! Guarantees, the same as without coalescing:
//!
//! - A read starts after its requests have arrived: a waiting request joins the next read, never the running one. So a
//!   client finds what it wrote before.
//! - A slow read delays only its own callers: after 20 ms the next read no longer waits for it.
//! - A caller that disconnects, a missing key and an unreadable row affect no other caller.
//!
//! Each worker of the server coalesces its own requests, without a lock. A service opts in query by query;
//! `DB_COALESCING=off` turns it off.

mod batcher;
mod loader;
mod single_flight;

use std::time::Duration;

pub use loader::{LoadMany, Loader};
pub use single_flight::{LoadOne, SingleFlight};

/// The longest that a read waits for the one before it: many times what a read by key takes.
const MAX_WAIT: Duration = Duration::from_millis(20);
