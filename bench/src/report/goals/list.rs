//! The goals: ratios of requests in a second, ours to another's.

use crate::contenders::{ONE_TO_ONE, OURS, SYSBENCH, WITHOUT_DATABASE};

/// Whom a goal compares with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Other {
    /// That contender.
    Named(&'static str),
    /// The peer that answers most requests in this workload.
    BestPeer,
}

/// So many times as many requests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) workload: &'static str,
    pub(super) concurrency: usize,
    pub(super) ours: &'static str,
    pub(super) other: Other,
    pub(super) required: f64,
    pub(super) aimed_at: f64,
}

/// The number of connections that most goals are about.
pub(super) const CONCURRENCY: usize = 32;

pub(super) const GOALS: [Goal; 16] = [
    to("location-by-id", "php-original", 15.0, 18.0),
    to("location-by-id", "actix-sqlx", 4.5, 5.5),
    to("location-by-id", "go", 2.5, 3.0),
    to("location-by-id", "actix-mysql-async", 2.0, 2.6),
    to("location-by-id", SYSBENCH, 1.0, 1.3),
    Goal { concurrency: 128, ..to("location-by-id", SYSBENCH, 1.5, 2.0) },
    Goal { ours: ONE_TO_ONE, ..to("location-by-id", SYSBENCH, 0.5, 0.65) },
    to("location-by-id", WITHOUT_DATABASE, 0.45, 0.6),
    // Alone, nobody shares a query: no slower than others is all there is to win.
    Goal { concurrency: 1, ..to_best("location-by-id", 0.95, 1.0) },
    to("page-of-50", "php-original", 12.0, 16.0),
    Goal { ours: ONE_TO_ONE, ..to("full-table", "php-original", 1.7, 2.2) },
    to("full-table", "php-original", 9.0, 11.0),
    to("health", "php-original", 8.0, 10.0),
    to_best("write", 1.0, 1.5),
    to_best("nearest", 1.0, 1.5),
    to_best("mix", 1.0, 1.5),
];

const fn to(workload: &'static str, other: &'static str, required: f64, aimed_at: f64) -> Goal {
    Goal { workload, concurrency: CONCURRENCY, ours: OURS, other: Other::Named(other), required, aimed_at }
}

const fn to_best(workload: &'static str, required: f64, aimed_at: f64) -> Goal {
    Goal { workload, concurrency: CONCURRENCY, ours: OURS, other: Other::BestPeer, required, aimed_at }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{contenders, workloads};

    #[test]
    fn goals_are_about_what_is_measured() {
        let known = |name| contenders::ALL.iter().any(|contender| contender.name == name);
        for goal in GOALS {
            let workload = workloads::ALL.iter().find(|workload| workload.name == goal.workload).expect("known");
            assert!(workload.at(&[1, 32, 256]).contains(&goal.concurrency), "{goal:?}");
            assert!(known(goal.ours) && goal.required <= goal.aimed_at, "{goal:?}");
            assert!(!matches!(goal.other, Other::Named(name) if !known(name)), "{goal:?}");
        }
    }
}
