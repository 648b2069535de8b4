//! Goals held against what was measured.

use playground::terminal::{Colour, paint};

use super::list::{CONCURRENCY, GOALS, Goal, Other};
use crate::{
    contenders::{Contender, OURS},
    measurement::Run,
    report::{
        Measured, figures,
        statistics::{median, ratio},
        table::table,
    },
};

/// A goal and what was measured.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Verdict {
    what: String,
    goal: f64,
    aim: Option<f64>,
    measured: Option<f64>,
}

impl Verdict {
    fn told(&self) -> &'static str {
        match (self.measured, self.aim) {
            (None, _) => "not measured",
            (Some(measured), _) if measured < self.goal => "not met",
            (Some(measured), Some(aim)) if measured >= aim => "met, as aimed at",
            _ => "met",
        }
    }

    fn painted(&self) -> String {
        match self.told() {
            told @ "not measured" => told.to_owned(),
            told @ "not met" => paint(Colour::Red, told),
            told => paint(Colour::Green, told),
        }
    }
}

/// All goals: those of the list, and in every workload the latency and the processor time of every peer.
pub(crate) fn verdicts(measured: &[Measured]) -> Vec<Verdict> {
    let of_list = GOALS.iter().map(|goal| of_goal(goal, measured));
    let at_32 = || measured.iter().filter(|one| one.concurrency == CONCURRENCY);
    let latencies = at_32().map(|one| least(one, "p99", |run| Some(run.p99.as_secs_f64())));
    let processor = at_32().map(|one| {
        #[expect(clippy::cast_precision_loss, reason = "far fewer requests than the mantissa has room for")]
        least(one, "processor time of the service", |run| Some(run.service?.as_secs_f64() / run.requests as f64))
    });
    of_list.chain(latencies).chain(processor).collect()
}

/// The goals as a table.
pub(crate) fn printed(verdicts: &[Verdict]) -> String {
    let number = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.2}"));
    let rows = verdicts.iter().map(|verdict| {
        let Verdict { what, goal, aim, measured } = verdict;
        vec![what.clone(), number(Some(*goal)), number(*aim), number(*measured), verdict.painted()]
    });
    table(&["ratio", "goal", "aim", "measured", ""], &rows.collect::<Vec<_>>())
}

fn of_goal(goal: &Goal, measured: &[Measured]) -> Verdict {
    let one = measured.iter().find(|one| one.workload.name == goal.workload && one.concurrency == goal.concurrency);
    let other = match goal.other {
        Other::Named(name) => one.and_then(|one| Some((name, one.of(name)?))),
        Other::BestPeer => one.and_then(best_peer),
    };
    let measured = one.and_then(|one| ratio(one.of(goal.ours)?, other?.1));
    let other = match goal.other {
        Other::Named(name) => name.to_owned(),
        Other::BestPeer => other.map_or_else(|| "the best peer".into(), |(name, _)| format!("the best peer, {name}")),
    };
    Verdict {
        what: format!("{} at {}: {} ÷ {other}", goal.workload, goal.concurrency, goal.ours),
        goal: goal.required,
        aim: Some(goal.aimed_at),
        measured,
    }
}

/// The peer that answers most requests.
fn best_peer(measured: &Measured) -> Option<(&'static str, &[Run])> {
    let rate = |runs: &[Run]| median(runs.iter().map(Run::rate)).unwrap_or_default();
    let best = peers(measured).max_by(|(_, one), (_, other)| rate(one).total_cmp(&rate(other)));
    best.map(|(contender, runs)| (contender.name, runs))
}

/// How many times as much as ours the thriftiest peer needs of what costs.
fn least(measured: &Measured, what: &str, cost: impl Fn(&Run) -> Option<f64>) -> Verdict {
    let of_runs = |runs: &[Run]| median(runs.iter().filter_map(&cost));
    let best = peers(measured).filter_map(|(contender, runs)| Some((contender.name, of_runs(runs)?)));
    let best = best.min_by(|(_, one), (_, other)| one.total_cmp(other));
    let ours = measured.of(OURS).and_then(of_runs);
    let name = best.map_or_else(String::new, |(name, _)| format!(", {name}"));
    Verdict {
        what: format!("{} at {}: {what}, the best peer{name} ÷ {OURS}", measured.workload.name, measured.concurrency),
        goal: 1.0,
        aim: None,
        measured: best.zip(ours).map(|((_, best), ours)| figures::rounded(best / ours, 2)),
    }
}

fn peers(measured: &Measured) -> impl Iterator<Item = (&'static Contender, &[Run])> {
    let peers = measured.runs.iter().filter(|(contender, _)| contender.is_peer());
    peers.map(|(contender, runs)| (*contender, runs.as_slice()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{contenders, workloads};

    fn run(requests: u64, p99: u64, service: u64) -> Run {
        Run {
            requests,
            elapsed: Duration::from_secs(1),
            p50: Duration::ZERO,
            p99: Duration::from_micros(p99),
            service: Some(Duration::from_micros(service)),
            database: Duration::ZERO,
            client: Duration::ZERO,
            resident: None,
            unrelated: 0.0,
        }
    }

    fn measured() -> Measured {
        let named = |name| contenders::ALL.iter().find(|contender| contender.name == name).expect("known");
        Measured {
            workload: workloads::ALL.iter().find(|workload| workload.name == "write").expect("known"),
            concurrency: 32,
            runs: vec![
                (named(OURS), vec![run(3_000, 100, 30_000)]),
                (named(contenders::WITHOUT_DATABASE), vec![run(9_000, 10, 90)]),
                (named("go"), vec![run(2_000, 200, 10_000)]),
                (named("node"), vec![run(1_000, 50, 20_000)]),
            ],
        }
    }

    fn verdict(part: &str) -> Verdict {
        let verdicts = verdicts(&[measured()]);
        verdicts.into_iter().find(|verdict| verdict.what.contains(part)).expect("among them")
    }

    #[test]
    fn the_best_peer_is_no_limit() {
        let best = verdict("write at 32: ecs-playground ÷ the best peer, go");
        assert_eq!((best.measured, best.told()), (Some(1.5), "met, as aimed at"));
    }

    #[test]
    fn latency_is_held_against_the_quickest_peer() {
        let p99 = verdict("p99, the best peer, node ÷ ecs-playground");
        assert_eq!((p99.measured, p99.told()), (Some(0.5), "not met"));
    }

    #[test]
    fn processor_time_is_for_each_request() {
        // 10 µs of ours against 5 µs of the peer's.
        let time = verdict("processor time of the service, the best peer, go");
        assert_eq!((time.measured, time.told()), (Some(0.5), "not met"));
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        assert_eq!(verdict("nearest at 32").told(), "not measured");
    }
}
