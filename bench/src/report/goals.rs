//! The goals, and the verdict on each: ours compared with another contender in the same rounds.

use super::{
    Measured,
    figures::{median_of, ratio},
    table,
};
use crate::{
    contenders::{Kind, ONE_TO_ONE, OURS, SYSBENCH, WITHOUT_DATABASE},
    measurement::Run,
};

/// Stands for the peer with the best score.
const BEST_PEER: &str = "the best peer";

/// A required ratio of scores, of which the higher is the better one.
#[derive(Clone, Copy, Debug)]
struct Goal {
    workload: &'static str,
    concurrency: usize,
    score: (&'static str, fn(&Run) -> f64),
    ours: &'static str,
    other: &'static str,
    required: f64,
    aim: f64,
}

/// The number of connections of most goals.
const CONCURRENCY: usize = 32;

const GOALS: [Goal; 16] = [
    to("location-by-id", "php-original", 15.0, 18.0),
    to("location-by-id", "actix-sqlx", 4.5, 5.5),
    to("location-by-id", "go", 2.5, 3.0),
    to("location-by-id", "actix-mysql-async", 2.0, 2.6),
    to("location-by-id", SYSBENCH, 1.0, 1.3),
    Goal { concurrency: 128, ..to("location-by-id", SYSBENCH, 1.5, 2.0) },
    Goal { ours: ONE_TO_ONE, ..to("location-by-id", SYSBENCH, 0.5, 0.65) },
    to("location-by-id", WITHOUT_DATABASE, 0.45, 0.6),
    // At one connection no query can be shared, so equal is the best.
    Goal { concurrency: 1, ..to("location-by-id", BEST_PEER, 0.95, 1.0) },
    to("page-of-50", "php-original", 12.0, 16.0),
    Goal { ours: ONE_TO_ONE, ..to("full-table", "php-original", 1.7, 2.2) },
    to("full-table", "php-original", 9.0, 11.0),
    to("health", "php-original", 8.0, 10.0),
    to("write", BEST_PEER, 1.0, 1.5),
    to("nearest", BEST_PEER, 1.0, 1.5),
    to("mix", BEST_PEER, 1.0, 1.5),
];

const fn to(workload: &'static str, other: &'static str, required: f64, aim: f64) -> Goal {
    let score: (_, fn(&Run) -> f64) = ("requests/s", Run::rate);
    Goal { workload, concurrency: CONCURRENCY, score, ours: OURS, other, required, aim }
}

/// In every workload, latency and CPU time are as good as those of the best peer.
fn costs(workload: &'static str) -> [Goal; 2] {
    let goal = to(workload, BEST_PEER, 1.0, 1.0);
    let latency = Goal { score: ("short p99", |run| 1.0 / run.sample.p99.as_secs_f64()), ..goal };
    [latency, Goal { score: ("requests/CPU s", |run| 1.0 / run.service_seconds()), ..goal }]
}

/// The verdicts as a table.
pub(crate) fn table(measured: &[Measured]) -> String {
    let at_32 = measured.iter().filter(|one| one.concurrency == CONCURRENCY);
    let goals = GOALS.into_iter().chain(at_32.flat_map(|one| costs(one.workload.name)));
    let rows = goals.map(|goal| {
        let (what, measured) = goal.measure(measured);
        let ratio = measured.map_or_else(|| "–".to_owned(), |measured| format!("{measured:.2}"));
        vec![
            what,
            format!("{:.2}", goal.required),
            format!("{:.2}", goal.aim),
            ratio,
            goal.verdict(measured).to_owned(),
        ]
    });
    table::table(&["ours ÷ other", "goal", "aim", "measured", ""], rows)
}

impl Goal {
    /// Its description, and the median of the ratios in each round.
    fn measure(&self, measured: &[Measured]) -> (String, Option<f64>) {
        let Self { workload, concurrency, score: (unit, score), ours, other, .. } = *self;
        let one = measured.iter().find(|one| one.workload.name == workload && one.concurrency == concurrency);
        let best = one.filter(|_| other == BEST_PEER).and_then(|one| {
            let peers = one.runs.iter().filter(|(contender, _)| contender.kind == Kind::Peer);
            peers.max_by(|(_, one), (_, other)| median_of(one, score).total_cmp(&median_of(other, score)))
        });
        let name = best.map_or_else(|| other.to_owned(), |(contender, _)| format!("{other}, {}", contender.name));
        let other = best.map(|(_, runs)| &runs[..]).or_else(|| one?.of(other));
        let ratio = one.and_then(|one| ratio(one.of(ours)?, other?, score));
        (format!("{workload} at {concurrency}, {unit}: {ours} ÷ {name}"), ratio)
    }

    fn verdict(&self, measured: Option<f64>) -> &'static str {
        match measured {
            None => "not measured",
            Some(measured) if measured < self.required => "not met",
            Some(measured) if measured >= self.aim => "met, as aimed at",
            Some(_) => "met",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{accounting::Usage, client::Sample, contenders::Contender, workloads::Workload};

    fn verdict(part: &str) -> String {
        let contender = |name, requests, p99, service| {
            let p99 = Duration::from_micros(p99);
            let sample = Sample { requests, elapsed: Duration::from_secs(1), p50: p99, p99 };
            let usage = Usage { service: Duration::from_micros(service), ..Usage::default() };
            (Contender::named(name).expect("known"), vec![Run { sample, usage, resident: None }])
        };
        let measured = Measured {
            workload: Workload::named("write").expect("known"),
            concurrency: 32,
            runs: vec![
                contender(OURS, 3_000, 100, 30_000),
                contender(WITHOUT_DATABASE, 9_000, 10, 90),
                contender("go", 2_000, 200, 10_000),
                contender("node", 1_000, 50, 20_000),
            ],
        };
        let table = table(&[measured]);
        let row = table.lines().find(|line| line.contains(part)).expect("among them");
        row.split_whitespace().skip_while(|word| *word != "1.00").collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn goals_name_contenders_and_workloads_that_are_measured() {
        let known = |name| name == BEST_PEER || Contender::named(name).is_some();
        for goal in GOALS {
            let workload = Workload::named(goal.workload).expect("known");
            assert!(workload.connections.contains(&goal.concurrency), "{goal:?}");
            assert!(known(goal.ours) && known(goal.other) && goal.required <= goal.aim, "{goal:?}");
        }
    }

    #[test]
    fn ours_is_compared_with_the_best_peer_which_is_no_limit() {
        let requests = verdict("write at 32, requests/s: ecs-playground ÷ the best peer, go");
        assert_eq!(requests, "1.00 1.50 1.50 met, as aimed at");
        let latency = verdict("write at 32, short p99: ecs-playground ÷ the best peer, node");
        assert_eq!(latency, "1.00 1.00 0.50 not met");
        // 10 µs for a request of ours, 5 µs for one of the peer's.
        let cpu = verdict("write at 32, requests/CPU s: ecs-playground ÷ the best peer, go");
        assert_eq!(cpu, "1.00 1.00 0.50 not met");
    }

    #[test]
    fn a_goal_without_a_measurement_is_neither_met_nor_missed() {
        assert_eq!(verdict("nearest at 32"), "1.00 1.50 – not measured");
    }
}
