//! What of it all is to be measured.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{
    contenders::{self, Contender},
    workloads::{self, Workload},
};

/// From nobody waiting for anybody to far more than any pool has connections.
const CONCURRENCY: &str = "1 32 256";

/// So many seconds, also parts of one.
pub(crate) fn duration(seconds: &str) -> Result<Duration, String> {
    let parsed = seconds.parse().ok().filter(|seconds| *seconds >= 0.1).map(Duration::try_from_secs_f64);
    parsed.and_then(Result::ok).ok_or_else(|| "give it seconds, at least 0.1".to_owned())
}

/// Which contenders and workloads are measured, and how long.
#[derive(Args, Debug)]
pub(crate) struct Selection {
    /// Rounds, in each of which every contender has its turn.
    #[arg(long, default_value = "7", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds for each run.
    #[arg(long, default_value = "1", value_parser = duration)]
    seconds: Duration,
    /// Only these workloads.
    #[arg(long, default_value = "")]
    workloads: String,
    /// Only these contenders.
    #[arg(long, default_value = "")]
    contenders: String,
    /// Numbers of connections.
    #[arg(long, default_value = CONCURRENCY)]
    concurrency: String,
}

impl Selection {
    /// How many rounds there are.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.into()
    }

    /// How long a run takes.
    pub(crate) fn duration(&self) -> Duration {
        self.seconds
    }

    /// Whether something is left out, so that what comes of it is no result of the whole.
    pub(crate) fn is_partial(&self) -> bool {
        let all = self.workloads.trim().is_empty() && self.contenders.trim().is_empty();
        !all || self.concurrency.trim() != CONCURRENCY
    }

    /// The contenders, in their usual order.
    pub(crate) fn contenders(&self) -> Result<Vec<&'static Contender>> {
        chosen("contender", &self.contenders, &contenders::ALL, |contender| contender.name)
    }

    /// The workloads, in their usual order, each with its numbers of connections.
    pub(crate) fn workloads(&self) -> Result<Vec<(&'static Workload, Vec<usize>)>> {
        let numbers = self.concurrency.split_whitespace().map(|number| {
            let parsed = number.parse().ok().filter(|connections| (1..=512).contains(connections));
            parsed.with_context(|| format!("{number} is no number of connections, which is 1 to 512"))
        });
        let numbers: Vec<usize> = numbers.collect::<Result<_>>()?;
        ensure!(!numbers.is_empty(), "no number of connections is given");
        let workloads = chosen("workload", &self.workloads, &workloads::ALL, |workload| workload.name)?;
        let workloads: Vec<_> = workloads.into_iter().map(|workload| (workload, workload.at(&numbers))).collect();
        let any = workloads.iter().any(|(_, at)| !at.is_empty());
        ensure!(any, "nothing is measured at {}", self.concurrency);
        Ok(workloads)
    }
}

/// Those of `all` whose names are among the words of `wanted`; all where there are none.
fn chosen<T>(what: &str, wanted: &str, all: &'static [T], name: fn(&T) -> &'static str) -> Result<Vec<&'static T>> {
    let wanted: Vec<&str> = wanted.split_whitespace().collect();
    let names: Vec<&str> = all.iter().map(name).collect();
    let unknown = wanted.iter().find(|wanted| !names.contains(wanted));
    ensure!(unknown.is_none(), "there is no {what} {}: there are {}", unknown.unwrap_or(&""), names.join(", "));
    Ok(all.iter().filter(|one| wanted.is_empty() || wanted.contains(&name(one))).collect())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        selection: Selection,
    }

    fn selection(arguments: &[&str]) -> Selection {
        Command::try_parse_from([&["bench"], arguments].concat()).expect("valid").selection
    }

    #[test]
    fn everything_is_measured_unless_something_is_chosen() {
        let all = selection(&["--workloads", "", "--contenders", ""]);
        assert!(!all.is_partial());
        assert_eq!(all.contenders().expect("all").len(), contenders::ALL.len());
        let some = selection(&["--contenders", "sysbench ecs-playground"]);
        let names: Vec<_> = some.contenders().expect("two").iter().map(|contender| contender.name).collect();
        assert_eq!(names, ["ecs-playground", "sysbench"], "the order is the usual one");
        assert!(some.is_partial());
        assert!(selection(&["--concurrency", "32"]).is_partial());
    }

    #[test]
    fn numbers_of_connections_are_those_of_all_and_of_the_workload() {
        let workloads = selection(&["--workloads", "location-by-id health", "--concurrency", "32 1"]).workloads();
        let at: Vec<_> = workloads.expect("two").into_iter().map(|(_, at)| at).collect();
        assert_eq!(at, [vec![1, 32, 128], vec![1, 32]]);
    }

    #[test]
    fn unknown_names_are_told_with_the_known_ones() {
        let told = selection(&["--contenders", "ruby"]).contenders().expect_err("unknown").to_string();
        assert!(told.contains("no contender ruby") && told.contains("php-tuned"), "{told}");
        assert!(selection(&["--concurrency", "0"]).workloads().is_err());
        assert!(selection(&["--concurrency", "256", "--workloads", "full-table"]).workloads().is_err());
    }
}
