//! How the connections of a process are shared out among the threads of its server.
//!
//! Every worker of the server has a pool of its own. A connection is driven by the thread that opened it; from a pool
//! that all threads share, most answers of the database arrive at one thread and have to wake another.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use deadpool::managed::{Pool, QueueMode, WeakPool};

use super::{
    Connections, Database, Probe, Settings,
    connection::{Connector, Invalidation},
};

/// The connections of one process; cheap to clone.
#[derive(Clone)]
pub(crate) struct WorkerPools(Arc<Inner>);

struct Inner {
    settings: Settings,
    /// A slot for every worker, with the pool that is in use there. The worker owns it: with a worker that crashed, its
    /// pool is gone too, and the slot is free for the one that takes its place.
    slots: Mutex<Vec<WeakPool<Connector>>>,
    overloads: AtomicU64,
    timeouts: AtomicU64,
    failures: AtomicU64,
}

impl WorkerPools {
    pub(crate) fn new(settings: Settings) -> Self {
        let (overloads, timeouts, failures) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { settings, slots: Mutex::default(), overloads, timeouts, failures }))
    }

    /// How many workers a server can have: one for each core, and for each at least two connections, so that it can go on
    /// with one while the other waits for a lock.
    pub(crate) fn workers(&self) -> usize {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        cores.min(self.0.settings.max_connections / 2).max(1)
    }

    /// The share of the worker that calls. Connects to nothing yet, so that a service starts without its database.
    pub(crate) fn local(&self) -> Database {
        let mut slots = self.slots();
        let index = slots.iter().position(|slot| slot.upgrade().is_none()).unwrap_or(slots.len());
        let settings = &self.0.settings;
        let (whole, rest) = (settings.max_connections / self.workers(), settings.max_connections % self.workers());
        let pool = Pool::builder(Connector::new(settings))
            .max_size(whole + usize::from(index < rest))
            // The connection used last is the one that most likely still works.
            .queue_mode(QueueMode::Lifo)
            .build()
            .unwrap_or_else(|problem| unreachable!("the pool has no timeouts that would need a runtime: {problem}"));
        if index < slots.len() {
            slots[index] = pool.weak();
        } else {
            slots.push(pool.weak());
        }
        Database {
            pool,
            is_first: index == 0,
            pools: self.clone(),
            acquire_timeout: settings.acquire_timeout,
            coalescing: settings.coalescing,
        }
    }

    /// How many connections there are now, on all workers.
    pub(crate) fn connections(&self) -> Connections {
        let mut sum = Connections {
            max: self.0.settings.max_connections,
            overloads: self.0.overloads.load(Ordering::Relaxed),
            timeouts: self.0.timeouts.load(Ordering::Relaxed),
            failures: self.0.failures.load(Ordering::Relaxed),
            ..Connections::default()
        };
        for pool in self.pools() {
            let status = pool.status();
            sum.idle += status.available;
            sum.used += status.size.saturating_sub(status.available);
            sum.waiting += status.waiting;
        }
        sum
    }

    /// Counts a request that was refused, as too many waited already.
    pub(super) fn count_overload(&self) {
        self.0.overloads.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request that waited for a connection in vain.
    pub(super) fn count_timeout(&self) {
        self.0.timeouts.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a request for which no connection could be opened.
    pub(super) fn count_failure(&self) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection for health checks, beside those of the pools. `writes` is whether the service has to be able to write.
    pub(crate) fn probe(&self, writes: bool) -> Probe {
        Probe::new(&self.0.settings, writes)
    }

    /// Throws the connections away that were made until now, on all workers.
    pub(super) fn invalidate_connections(&self, invalidation: Invalidation) {
        for pool in self.pools() {
            pool.manager().invalidate(invalidation);
            pool.retain(|_, metrics| !pool.manager().is_invalidated(metrics.created));
        }
    }

    /// Closes all pools: connections in use are closed as they come back.
    pub(crate) fn close(&self) {
        for pool in self.pools() {
            pool.close();
        }
    }

    fn pools(&self) -> Vec<Pool<Connector>> {
        self.slots().iter().filter_map(WeakPool::upgrade).collect()
    }

    fn slots(&self) -> MutexGuard<'_, Vec<WeakPool<Connector>>> {
        self.0.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Reader;

    fn pools(max_connections: usize) -> WorkerPools {
        let mut reader = Reader::new(move |name| match name {
            "DB_HOST" | "DB_USER" | "DB_PWD" | "DB_NAME" => Some("here".to_owned()),
            "DB_MAX_CONNECTIONS" => Some(max_connections.to_string()),
            _ => None,
        });
        WorkerPools::new(Settings::read(&mut reader))
    }

    fn sum(workers: &[Database]) -> usize {
        workers.iter().map(|worker| worker.pool.status().max_size).sum()
    }

    #[test]
    fn the_shares_of_all_workers_are_the_whole() {
        for max_connections in [1, 2, 3, 8, 9] {
            let pools = pools(max_connections);
            let workers: Vec<_> = (0..pools.workers()).map(|_| pools.local()).collect();
            assert_eq!(sum(&workers), max_connections);
            assert_eq!(workers.iter().filter(|worker| worker.is_first()).count(), 1);
            assert!(workers.iter().all(|worker| worker.pool.status().max_size >= 2 || max_connections == 1));
        }
    }

    #[test]
    fn a_worker_takes_the_place_of_one_that_crashed() {
        let pools = pools(9);
        let mut workers: Vec<_> = (0..pools.workers()).map(|_| pools.local()).collect();
        drop(workers.remove(0));
        workers.push(pools.local());
        assert_eq!(sum(&workers), 9);
        assert_eq!(workers.iter().filter(|worker| worker.is_first()).count(), 1);
    }
}
