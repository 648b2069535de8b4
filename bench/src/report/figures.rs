//! The figures of a contender in a workload: what is printed and kept.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    measured::Measured,
    statistics::{median, ratio},
};
use crate::{contenders, measurement::Run};

/// What the rounds of one contender came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    pub(crate) workload: String,
    pub(crate) contender: String,
    pub(crate) concurrency: usize,
    /// Requests in a second: the median of the rounds.
    pub(crate) rps: f64,
    /// Latencies: the medians of the rounds.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor time for a request, over all rounds together: the kernel counts it in clock ticks, which are coarse.
    pub(crate) service_us: Option<f64>,
    pub(crate) database_us: f64,
    pub(crate) client_us: f64,
    /// Resident memory of the service at the end of a run: the most of all rounds.
    pub(crate) rss_mib: Option<f64>,
    pub(crate) rps_min: f64,
    pub(crate) rps_max: f64,
    pub(crate) rounds: usize,
    /// How many times as many requests ours answers.
    pub(crate) ratio: Option<f64>,
}

impl Figures {
    /// Where they stand among others.
    pub(crate) fn place(&self) -> (&str, usize, &str) {
        (&self.workload, self.concurrency, &self.contender)
    }
}

/// The figures of all contenders, in their order.
pub(crate) fn of(measured: &Measured) -> Vec<Figures> {
    let ours = measured.of(contenders::OURS);
    let figures = measured.runs.iter().map(|(contender, runs)| {
        let rates = || runs.iter().map(Run::rate);
        Figures {
            workload: measured.workload.name.to_owned(),
            contender: contender.name.to_owned(),
            concurrency: measured.concurrency,
            rps: rounded(median(rates()).unwrap_or_default(), 1),
            p50_ms: rounded(median(runs.iter().map(|run| millis(run.p50))).unwrap_or_default(), 3),
            p99_ms: rounded(median(runs.iter().map(|run| millis(run.p99))).unwrap_or_default(), 3),
            service_us: each(runs, |run| run.service).map(|us| rounded(us, 1)),
            database_us: rounded(each(runs, |run| Some(run.database)).unwrap_or_default(), 1),
            client_us: rounded(each(runs, |run| Some(run.client)).unwrap_or_default(), 1),
            rss_mib: runs.iter().filter_map(|run| run.resident).max().map(|bytes| rounded(mebibytes(bytes), 1)),
            rps_min: rounded(rates().reduce(f64::min).unwrap_or_default(), 1),
            rps_max: rounded(rates().reduce(f64::max).unwrap_or_default(), 1),
            rounds: runs.len(),
            ratio: ours.and_then(|ours| ratio(ours, runs)).map(|ratio| rounded(ratio, 3)),
        }
    });
    figures.collect()
}

/// Microseconds for a request.
#[expect(clippy::cast_precision_loss, reason = "far fewer requests than the mantissa has room for")]
fn each(runs: &[Run], used: impl Fn(&Run) -> Option<Duration>) -> Option<f64> {
    let used: Duration = runs.iter().map(used).sum::<Option<_>>()?;
    let requests: u64 = runs.iter().map(|run| run.requests).sum();
    Some(used.as_secs_f64() * 1e6 / requests as f64)
}

/// A latency as it is told.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Memory as it is told.
#[expect(clippy::cast_precision_loss, reason = "for people")]
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// Digits beyond these say nothing.
pub(crate) fn rounded(value: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (value * scale).round() / scale
}
