//! Who has used the processors, and how much memory is kept, from `/proc`.

mod machine;
mod memory;
mod processes;
mod stat;

use std::{
    iter::Sum,
    ops::Sub,
    time::{Duration, Instant},
};

use anyhow::Result;

pub(crate) use self::memory::{peak, resident};
use self::processes::Processes;

/// Time on processors, in the kernel's clock ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticks(u64);

impl Ticks {
    /// As a duration.
    pub(crate) fn duration(self) -> Duration {
        let per_second = rustix::param::clock_ticks_per_second();
        Duration::from_micros(self.0 * 1_000_000 / per_second)
    }
}

impl Sum for Ticks {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        Self(all.map(|Self(ticks)| ticks).sum())
    }
}

impl Sub for Ticks {
    type Output = Self;

    // Never below zero: a tree may lose a process that did not end in order.
    fn sub(self, Self(before): Self) -> Self {
        Self(self.0.saturating_sub(before))
    }
}

/// Whose time is told apart.
#[derive(Clone, Debug)]
pub(crate) struct Parties {
    /// The processes of the service that is measured; their children count as well.
    pub(crate) service: Vec<u32>,
    /// The database server's process.
    pub(crate) database: u32,
}

/// What had been used at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    at: Instant,
    service: Ticks,
    database: Ticks,
    client: Ticks,
    ours: Ticks,
    busy: Ticks,
}

/// What was used between two moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// By the service.
    pub(crate) service: Duration,
    /// By the database server.
    pub(crate) database: Duration,
    /// By the client: this process, or a child of it that has ended.
    pub(crate) client: Duration,
    /// By processes that have nothing to do with the measurement, as a number of processors.
    pub(crate) unrelated: f64,
}

impl Account {
    /// What has been used so far.
    pub(crate) fn now(parties: &Parties) -> Result<Self> {
        let us = std::process::id();
        let busy = machine::busy()?;
        let at = Instant::now();
        let processes = Processes::now()?;
        Ok(Self {
            at,
            service: processes.cpu_of_trees(&parties.service),
            database: processes.cpu_of_trees(&[parties.database]),
            client: processes.cpu_of(us),
            // All that takes part descends from us.
            ours: processes.cpu_of_trees(&[us]),
            busy,
        })
    }

    /// What has been used since `before`.
    pub(crate) fn since(&self, before: &Self) -> Usage {
        let unrelated = (self.busy - before.busy) - (self.ours - before.ours);
        let elapsed = self.at.duration_since(before.at).as_secs_f64();
        Usage {
            service: (self.service - before.service).duration(),
            database: (self.database - before.database).duration(),
            client: (self.client - before.client).duration(),
            unrelated: unrelated.duration().as_secs_f64() / elapsed,
        }
    }
}

/// What the process `id` has used so far.
pub(crate) fn used_by(id: u32) -> Result<Ticks> {
    Ok(Processes::now()?.cpu_of(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(at: Instant, figures: [u64; 5]) -> Account {
        let [service, database, client, ours, busy] = figures.map(Ticks);
        Account { at, service, database, client, ours, busy }
    }

    #[test]
    fn what_is_not_ours_is_unrelated() {
        let start = Instant::now();
        let before = account(start, [0, 0, 0, 10, 1_000]);
        let per_second = rustix::param::clock_ticks_per_second();
        let after = account(
            start + Duration::from_secs(2),
            [per_second, 2 * per_second, 3 * per_second, 10 + 6 * per_second, 1_000 + 7 * per_second],
        );
        let usage = after.since(&before);
        assert_eq!([usage.service, usage.database, usage.client].map(|used| used.as_secs()), [1, 2, 3]);
        assert!((usage.unrelated - 0.5).abs() < 1e-9, "{usage:?}");
    }
}
