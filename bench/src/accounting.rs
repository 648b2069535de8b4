//! CPU time and memory of the processes that take part, from `/proc`.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use procfs::{CurrentSI as _, KernelStats, process::Process};

/// The CPU time used until one moment, in clock ticks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    at: Instant,
    service: u64,
    database: u64,
    client: u64,
    /// This process and all its descendants, which is everything that takes part.
    ours: u64,
    /// All processes, and what the hypervisor gave to other machines.
    machine: u64,
}

/// The CPU time used between two snapshots.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    pub(crate) service: Duration,
    pub(crate) database: Duration,
    /// The load generator: this process, or a child that has ended.
    pub(crate) client: Duration,
    /// The processors that unrelated processes used.
    pub(crate) unrelated: f64,
}

impl Snapshot {
    /// The children of `service` and of `database` count as well.
    pub(crate) fn now(service: &[u32], database: u32) -> Result<Self> {
        let us = std::process::id();
        // Interrupts are left out: traffic from outside is counted there.
        let total = KernelStats::current().context("cannot read /proc/stat")?.total;
        let at = Instant::now();
        let processes = Processes::now()?;
        Ok(Self {
            at,
            service: processes.ticks(processes.trees(service)),
            database: processes.ticks(processes.trees(&[database])),
            client: processes.ticks([us]),
            ours: processes.ticks(processes.trees(&[us])),
            machine: total.user + total.nice + total.system + total.steal.unwrap_or_default(),
        })
    }

    pub(crate) fn since(&self, before: &Self) -> Usage {
        // Saturating: a tree may lose a process whose parent did not wait for it.
        let used = |ticks: fn(&Self) -> u64| ticks(self).saturating_sub(ticks(before));
        let unrelated = used(|one| one.machine).saturating_sub(used(|one| one.ours));
        Usage {
            service: duration(used(|one| one.service)),
            database: duration(used(|one| one.database)),
            client: duration(used(|one| one.client)),
            unrelated: duration(unrelated).as_secs_f64() / self.at.duration_since(before.at).as_secs_f64(),
        }
    }
}

fn duration(ticks: u64) -> Duration {
    Duration::from_micros(ticks * 1_000_000 / procfs::ticks_per_second())
}

/// The CPU time of the process `id`, in clock ticks.
pub(crate) fn ticks_of(id: u32) -> Result<u64> {
    Ok(Processes::now()?.ticks([id]))
}

/// The resident memory of `roots` and their descendants in bytes. A page that several processes share counts once.
pub(crate) fn resident(roots: &[u32]) -> Result<u64> {
    Ok(Processes::now()?.trees(roots).into_iter().filter_map(resident_of).sum())
}

fn resident_of(id: u32) -> Option<u64> {
    let process = Process::new(id.cast_signed()).ok()?;
    let proportional = || process.smaps_rollup().ok()?.memory_map_rollup.0.first()?.extension.map.get("Pss").copied();
    // Only the owner of a process may read the former.
    proportional().or_else(|| Some(1024 * process.status().ok()?.vmrss?))
}

/// The highest resident memory of the process `id` since its start, in bytes.
pub(crate) fn peak(id: u32) -> Result<u64> {
    let status = Process::new(id.cast_signed())?.status()?;
    Ok(1024 * status.vmhwm.with_context(|| format!("no memory of process {id}"))?)
}

/// All processes of this machine, by id.
struct Processes(BTreeMap<u32, Stat>);

struct Stat {
    parent: u32,
    /// Its own CPU time, and that of its ended children: a server may replace its workers.
    ticks: u64,
}

impl Processes {
    fn now() -> Result<Self> {
        let processes = procfs::process::all_processes().context("cannot read /proc")?;
        // A process may end between the listing and the reading.
        let stats = processes.filter_map(|process| process.ok()?.stat().ok()).map(|stat| {
            let children = u64::try_from(stat.cutime + stat.cstime).unwrap_or_default();
            let stats = Stat { parent: stat.ppid.cast_unsigned(), ticks: stat.utime + stat.stime + children };
            (stat.pid.cast_unsigned(), stats)
        });
        Ok(Self(stats.collect()))
    }

    /// `roots` and their descendants.
    fn trees(&self, roots: &[u32]) -> BTreeSet<u32> {
        let mut trees: BTreeSet<u32> = roots.iter().copied().collect();
        loop {
            let children = self.0.iter().filter(|(_, stat)| trees.contains(&stat.parent)).map(|(id, _)| *id);
            let larger: BTreeSet<u32> = children.chain(roots.iter().copied()).collect();
            if larger.len() == trees.len() {
                return trees;
            }
            trees = larger;
        }
    }

    fn ticks(&self, ids: impl IntoIterator<Item = u32>) -> u64 {
        ids.into_iter().filter_map(|id| self.0.get(&id)).map(|stat| stat.ticks).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_contains_grandchildren_and_no_strangers() {
        // A child may have a lower id than its parent: ids wrap around.
        let stats = [(1, 0, 1_000), (5, 20, 4), (10, 1, 1), (20, 10, 2), (30, 1, 500)];
        let processes = Processes(stats.map(|(id, parent, ticks)| (id, Stat { parent, ticks })).into());
        assert_eq!(processes.trees(&[10]), BTreeSet::from([5, 10, 20]));
        assert_eq!((processes.ticks([5, 10, 20]), processes.ticks([10])), (7, 1));
    }

    #[test]
    fn cpu_time_of_others_is_unrelated() {
        let (at, second) = (Instant::now(), procfs::ticks_per_second());
        let before = Snapshot { at, service: 0, database: 0, client: 0, ours: 10, machine: 1_000 };
        let (ours, machine) = (10 + 6 * second, 1_000 + 7 * second);
        let (service, database, client) = (second, 2 * second, 3 * second);
        let at = at + Duration::from_secs(2);
        let usage = Snapshot { at, service, database, client, ours, machine }.since(&before);
        assert_eq!([usage.service, usage.database, usage.client].map(|used| used.as_secs()), [1, 2, 3]);
        assert!((usage.unrelated - 0.5).abs() < 1e-9, "{usage:?}");
    }

    #[test]
    fn this_process_is_accounted_for() {
        let us = std::process::id();
        let (resident, peak) = (resident(&[us]).expect("Linux"), peak(us).expect("Linux"));
        assert!(100_000 < resident && resident <= peak, "{resident} of {peak}");
        assert!(Processes::now().expect("Linux").0.contains_key(&us));
    }
}
