//! The arguments of `bench run` and `bench growth`.

use std::time::Duration;

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use crate::{
    contenders::{self, Contender},
    workloads::{self, Workload},
};

/// The amount of measurement.
#[derive(Args, Debug)]
pub(crate) struct Extent {
    /// Rounds, in each of which every contender has one run.
    #[arg(long, default_value = "7", value_parser = clap::value_parser!(u16).range(1..).map(usize::from))]
    pub(crate) rounds: usize,
    /// Seconds for each run.
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub(crate) seconds: Duration,
}

/// The part to measure; everything by default.
#[derive(Args, Debug)]
pub(crate) struct Selection {
    #[command(flatten)]
    pub(crate) extent: Extent,
    /// Only these workloads.
    #[arg(long, num_args = 0.., value_parser = PossibleValuesParser::new(workloads::ALL.iter().map(|one| one.name)))]
    workloads: Vec<String>,
    /// Only these contenders.
    #[arg(long, num_args = 0.., value_parser = PossibleValuesParser::new(contenders::ALL.iter().map(|one| &*one.name)))]
    contenders: Vec<String>,
    /// These numbers of connections, instead of those of each workload.
    #[arg(long, num_args = 0.., value_parser = clap::value_parser!(u16).range(1..=512).map(usize::from))]
    concurrency: Vec<usize>,
}

impl Selection {
    /// The results of a part do not replace those of the whole.
    pub(crate) fn is_partial(&self) -> bool {
        !(self.workloads.is_empty() && self.contenders.is_empty() && self.concurrency.is_empty())
    }

    /// In the order of the tables.
    pub(crate) fn contenders(&self) -> impl Iterator<Item = &'static Contender> {
        contenders::ALL.iter().filter(|one| self.contenders.is_empty() || self.contenders.contains(&one.name))
    }

    /// In the order of the tables, each with its numbers of connections.
    pub(crate) fn workloads(&self) -> Vec<(&'static Workload, &[usize])> {
        let is = |one: &Workload| self.workloads.is_empty() || self.workloads.iter().any(|name| name == one.name);
        let connections = |one: &'static Workload| match &self.concurrency[..] {
            [] => one.connections,
            selected => selected,
        };
        workloads::ALL.iter().filter(|one| is(one)).map(|one| (one, connections(one))).collect()
    }
}

fn seconds(argument: &str) -> Result<Duration, String> {
    let parsed = argument.parse().ok().filter(|seconds| *seconds >= 0.1).map(Duration::try_from_secs_f64);
    parsed.and_then(Result::ok).ok_or_else(|| "expected seconds, at least 0.1".to_owned())
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

    fn parse(arguments: &str) -> Result<Selection, clap::Error> {
        Ok(Command::try_parse_from(["bench"].into_iter().chain(arguments.split_whitespace()))?.selection)
    }

    #[test]
    fn everything_is_measured_unless_a_part_is_selected() {
        // As make passes empty variables.
        let all = parse("--concurrency --workloads --contenders").expect("valid");
        assert!(!all.is_partial());
        assert_eq!((all.contenders().count(), all.workloads().len()), (contenders::ALL.len(), workloads::ALL.len()));
        let part = parse("--contenders sysbench ecs-playground --concurrency 32 --workloads health").expect("valid");
        let names: Vec<_> = part.contenders().map(|contender| contender.name.as_str()).collect();
        assert_eq!(names, ["ecs-playground", "sysbench"], "in the order of the tables");
        assert_eq!(part.workloads()[0].1, [32]);
        assert!(part.is_partial());
    }

    #[test]
    fn invalid_arguments_are_refused() {
        let error = parse("--contenders ruby").expect_err("unknown").to_string();
        assert!(error.contains("ruby") && error.contains("php-tuned"), "{error}");
        for invalid in ["--concurrency 0", "--concurrency 513", "--seconds 0.01", "--rounds 0", "--workloads x"] {
            assert!(parse(invalid).is_err(), "{invalid}");
        }
    }
}
