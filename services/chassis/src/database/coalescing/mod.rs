//! Reads that are answered together.
//!
//! While one read is under way, others like it come in. A [`Loader`] answers all those by key with one statement, a
//! [`SingleFlight`] all those of the same page with one and the same answer. Under load this takes most of the work from the
//! database. Where requests come one by one, each reads for itself, at once: nothing waits for company.
//!
//! What a caller can rely on is the same as without it:
//!
//! - A read begins after its request came in: whoever waits takes part in the next read, never in the one that is under
//!   way. So a client finds what it wrote before.
//! - A slow read holds nobody up but its own callers: when it takes longer than 20 ms, the next one no longer waits for
//!   it.
//! - A caller that goes away, a key that is not there and an answer that cannot be read touch nobody else.
//!
//! Every worker of the server coalesces what it has to answer itself, so that all this takes no lock. A service opts in
//! query by query; `DB_COALESCING=off` has every request ask for itself again.

mod batcher;
mod loader;
mod single_flight;

use std::time::Duration;

pub use loader::{LoadMany, Loader};
pub use single_flight::{LoadOne, SingleFlight};

/// How long a read may take before the next one stops waiting for it: many times what a read by key takes.
const MAX_WAIT: Duration = Duration::from_millis(20);
