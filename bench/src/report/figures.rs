//! The figures of a contender in a workload, as they are printed and kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Measured;
use crate::{accounting::Usage, contenders, measurement::Run, workloads::Workload};

/// Medians of the rounds, unless a field says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) workload: String,
    pub(crate) contender: String,
    pub(crate) concurrency: usize,
    /// Requests per second.
    pub(crate) rps: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU time for a request, over all rounds together: the kernel counts it in clock ticks, which are coarse.
    pub(crate) service_us: Option<f64>,
    pub(crate) database_us: f64,
    pub(crate) client_us: f64,
    /// Resident memory of the service at the end of a run: the maximum of the rounds.
    pub(crate) rss_mib: Option<f64>,
    pub(crate) rps_min: f64,
    pub(crate) rps_max: f64,
    pub(crate) rounds: usize,
    /// Requests per second of ours ÷ this contender's in the same round.
    pub(crate) ratio: Option<f64>,
}

impl Figures {
    /// The figures of `contender`, compared with the runs of `ours`.
    pub(crate) fn new(
        workload: &Workload,
        concurrency: usize,
        contender: &str,
        runs: &[Run],
        ours: Option<&[Run]>,
    ) -> Self {
        let resident = runs.iter().filter_map(|run| run.resident).max();
        Self {
            workload: workload.name.to_owned(),
            contender: contender.to_owned(),
            concurrency,
            rps: rounded(median_of(runs, Run::rate), 1),
            p50_ms: rounded(median_of(runs, |run| millis(run.sample.p50)), 3),
            p99_ms: rounded(median_of(runs, |run| millis(run.sample.p99)), 3),
            service_us: resident.is_some().then(|| micros_per_request(runs, |usage| usage.service)),
            database_us: micros_per_request(runs, |usage| usage.database),
            client_us: micros_per_request(runs, |usage| usage.client),
            rss_mib: resident.map(mebibytes),
            rps_min: rounded(runs.iter().map(Run::rate).fold(f64::INFINITY, f64::min), 1),
            rps_max: rounded(runs.iter().map(Run::rate).fold(0.0, f64::max), 1),
            rounds: runs.len(),
            ratio: ours.and_then(|ours| ratio(ours, runs, Run::rate)).map(|ratio| rounded(ratio, 3)),
        }
    }

    /// The figures of all contenders, in the order of the tables.
    pub(crate) fn of(measured: &Measured) -> Vec<Self> {
        let Measured { workload, concurrency, runs } = measured;
        let ours = measured.of(contenders::OURS);
        let figures = runs.iter().map(|(one, runs)| Self::new(workload, *concurrency, &one.name, runs, ours));
        figures.collect()
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (below, above) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*below, *above))
}

/// The median of `value` over the rounds.
pub(crate) fn median_of(runs: &[Run], value: impl Fn(&Run) -> f64) -> f64 {
    median(runs.iter().map(value)).unwrap_or_default()
}

/// `value` of `one` ÷ that of `other`: the median over the rounds, in each of which the two ran shortly after one another.
pub(crate) fn ratio(one: &[Run], other: &[Run], value: impl Fn(&Run) -> f64) -> Option<f64> {
    median(one.iter().zip(other).map(|(one, other)| value(one) / value(other)))
}

#[expect(clippy::cast_precision_loss, reason = "far fewer requests than the mantissa has room for")]
fn micros_per_request(runs: &[Run], used: impl Fn(&Usage) -> Duration) -> f64 {
    let used: Duration = runs.iter().map(|run| used(&run.usage)).sum();
    let requests: u64 = runs.iter().map(|run| run.sample.requests).sum();
    rounded(used.as_secs_f64() * 1e6 / requests as f64, 1)
}

pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "rounded anyway")]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    rounded(bytes as f64 / f64::from(1 << 20), 1)
}

/// `value` without the digits beyond the accuracy of the measurement.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Sample;

    fn runs(requests: &[u64]) -> Vec<Run> {
        let sample = |&requests| Sample { requests, elapsed: Duration::from_secs(1), ..Sample::default() };
        requests.iter().map(|requests| Run { sample: sample(requests), ..Run::default() }).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn a_round_in_which_all_were_slow_does_not_change_the_ratio() {
        let rates = |one, other| ratio(&runs(one), &runs(other), Run::rate);
        // The ratio of the medians would be 2.5.
        assert_eq!(rates(&[1_000, 200, 800], &[500, 100, 400]), Some(2.0));
        assert_eq!(rates(&[900, 1_000, 100], &[300, 400, 50]), Some(2.5));
    }
}
