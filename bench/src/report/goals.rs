//! The goals, and the verdict on each: ratios of requests per second, latency and CPU time, ours to another's.

use super::{
    Measured,
    figures::{median_of, ratio, rounded},
    table,
};
use crate::{
    contenders::{Contender, Kind, ONE_TO_ONE, OURS, SYSBENCH, WITHOUT_DATABASE},
    measurement::Run,
};

/// Stands for the peer with the most requests per second.
const BEST_PEER: &str = "the best peer";

/// A ratio of requests per second.
#[derive(Clone, Copy, Debug)]
struct Goal {
    workload: &'static str,
    concurrency: usize,
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
    Goal { workload, concurrency: CONCURRENCY, ours: OURS, other, required, aim }
}

/// A goal with its measurement.
#[derive(Clone, Debug, PartialEq)]
struct Verdict {
    what: String,
    required: f64,
    aim: Option<f64>,
    measured: Option<f64>,
}

impl Verdict {
    fn text(&self) -> &'static str {
        match (self.measured, self.aim) {
            (None, _) => "not measured",
            (Some(measured), _) if measured < self.required => "not met",
            (Some(measured), Some(aim)) if measured >= aim => "met, as aimed at",
            _ => "met",
        }
    }
}

/// The verdicts as a table.
pub(crate) fn table(measured: &[Measured]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let rows = verdicts(measured).into_iter().map(|verdict| {
        let text = verdict.text().to_owned();
        vec![verdict.what, number(Some(verdict.required)), number(verdict.aim), number(verdict.measured), text]
    });
    table::table(&["ratio", "goal", "aim", "measured", ""], rows)
}

/// Those of the list, and for each workload the latency and the CPU time of the best peer.
fn verdicts(measured: &[Measured]) -> Vec<Verdict> {
    let listed = GOALS.iter().map(|goal| of_goal(goal, measured));
    let at_32 = || measured.iter().filter(|one| one.concurrency == CONCURRENCY);
    let latencies = at_32().map(|one| of_cost(one, "p99", |run| run.sample.p99.as_secs_f64()));
    #[expect(clippy::cast_precision_loss, reason = "far fewer requests than the mantissa has room for")]
    let cpu = |run: &Run| run.usage.service.as_secs_f64() / run.sample.requests as f64;
    let cpu_times = at_32().map(|one| of_cost(one, "CPU time of the service", cpu));
    listed.chain(latencies).chain(cpu_times).collect()
}

fn of_goal(goal: &Goal, measured: &[Measured]) -> Verdict {
    let Goal { workload, concurrency, ours, other, required, aim } = *goal;
    let one = measured.iter().find(|one| one.workload.name == workload && one.concurrency == concurrency);
    let (name, runs) = match one {
        Some(one) if other == BEST_PEER => {
            let rate = |runs| median_of(runs, Run::rate);
            let best = peers(one).max_by(|one, other| rate(one.1).total_cmp(&rate(other.1)));
            best.map_or((other.to_owned(), None), |(name, runs)| (format!("{other}, {name}"), Some(runs)))
        }
        _ => (other.to_owned(), one.and_then(|one| one.of(other))),
    };
    Verdict {
        what: format!("{workload} at {concurrency}: {ours} ÷ {name}"),
        required,
        aim: Some(aim),
        measured: one.and_then(|one| ratio(one.of(ours)?, runs?)),
    }
}

/// The lowest cost of a peer ÷ ours.
fn of_cost(measured: &Measured, what: &str, cost: impl Fn(&Run) -> f64) -> Verdict {
    let costs = peers(measured).map(|(name, runs)| (name, median_of(runs, &cost)));
    let best = costs.min_by(|(_, one), (_, other)| one.total_cmp(other));
    let ours = measured.of(OURS).map(|runs| median_of(runs, &cost));
    let name = best.map_or_else(String::new, |(name, _)| format!(", {name}"));
    Verdict {
        what: format!("{} at {}: {what}, {BEST_PEER}{name} ÷ {OURS}", measured.workload.name, measured.concurrency),
        required: 1.0,
        aim: None,
        measured: best.zip(ours).map(|((_, best), ours)| rounded(best / ours, 2)),
    }
}

fn peers(measured: &Measured) -> impl Iterator<Item = (&str, &[Run])> {
    let is_peer = |(contender, _): &&(&Contender, _)| contender.kind == Kind::Peer;
    measured.runs.iter().filter(is_peer).map(|(contender, runs)| (contender.name.as_str(), runs.as_slice()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{accounting::Usage, client::Sample, workloads::Workload};

    fn run(requests: u64, p99: u64, service: u64) -> Run {
        let p99 = Duration::from_micros(p99);
        let sample = Sample { requests, elapsed: Duration::from_secs(1), p50: p99, p99 };
        Run { sample, usage: Usage { service: Duration::from_micros(service), ..Usage::default() } }
    }

    fn verdict(part: &str) -> (Option<f64>, &'static str) {
        let contender = |name, run| (Contender::named(name).expect("known"), vec![run]);
        let measured = Measured {
            workload: Workload::named("write").expect("known"),
            concurrency: 32,
            runs: vec![
                contender(OURS, run(3_000, 100, 30_000)),
                contender(WITHOUT_DATABASE, run(9_000, 10, 90)),
                contender("go", run(2_000, 200, 10_000)),
                contender("node", run(1_000, 50, 20_000)),
            ],
        };
        let verdicts = verdicts(&[measured]);
        let verdict = verdicts.iter().find(|verdict| verdict.what.contains(part)).expect("among them");
        (verdict.measured, verdict.text())
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
    fn a_limit_is_not_the_best_peer() {
        assert_eq!(verdict("write at 32: ecs-playground ÷ the best peer, go"), (Some(1.5), "met, as aimed at"));
    }

    #[test]
    fn costs_are_compared_with_the_lowest() {
        assert_eq!(verdict("p99, the best peer, node ÷ ecs-playground"), (Some(0.5), "not met"));
        // 10 µs for a request of ours, 5 µs for one of the peer's.
        assert_eq!(verdict("CPU time of the service, the best peer, go"), (Some(0.5), "not met"));
    }

    #[test]
    fn a_goal_without_a_measurement_is_neither_met_nor_missed() {
        assert_eq!(verdict("nearest at 32"), (None, "not measured"));
    }
}
