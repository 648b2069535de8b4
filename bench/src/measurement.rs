//! Runs in interleaved rounds: in each, every participant has one run, so that a machine that slows down slows all.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use playground::terminal;

use crate::{
    accounting::{self, Snapshot, Usage},
    client::{Client, Connection, Load, Response, Sample, request_line},
    contenders::sysbench,
    database::Database,
    workloads::{Plan, Workload},
};

/// Load before each run that does not count: connections are opened, statements prepared, code compiled.
pub(crate) const WARM_UP: Duration = Duration::from_millis(300);
/// Processors; a run is repeated when unrelated processes used more.
const MAX_UNRELATED: f64 = 0.5;
/// Runs in all, as a multiple of the planned ones.
const MAX_RUNS: usize = 3;

/// A contender, ready for its runs.
#[derive(Debug)]
pub(crate) struct Participant<'a> {
    pub(crate) name: &'a str,
    pub(crate) target: Target<'a>,
}

#[derive(Debug)]
pub(crate) enum Target<'a> {
    Service {
        processes: Vec<u32>,
        port: u16,
        load: Load,
    },
    /// The database, which sysbench asks for the rows with these ids.
    Database {
        ids: &'a [u64],
    },
}

/// The measurements of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Run {
    pub(crate) sample: Sample,
    pub(crate) usage: Usage,
    /// Resident memory at the end in bytes; `None` without a service.
    pub(crate) resident: Option<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "far fewer requests than the mantissa has room for")]
impl Run {
    /// CPU seconds of the service for a request.
    pub(crate) fn service_seconds(&self) -> f64 {
        self.usage.service.as_secs_f64() / self.sample.requests as f64
    }

    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.sample.requests as f64 / self.sample.elapsed.as_secs_f64()
    }
}

/// Sends each request of `plan` once, and compares its response with the rows of the database. In the load, each has the
/// response that was confirmed.
pub(crate) async fn rehearse(port: u16, plan: &Plan, token: &str) -> Result<Load> {
    let mut connection = Connection::open(port).await?;
    let mut exchanges = Vec::with_capacity(plan.requests.len());
    for request in &plan.requests {
        let bytes = request.bytes(port, token);
        let response = Response::of(&mut connection, &bytes).await.with_context(|| request_line(&bytes))?;
        exchanges.push(request.confirm(bytes, response)?);
    }
    Ok(Load { exchanges, order: plan.order.clone() })
}

#[derive(Debug)]
pub(crate) struct Rounds<'a> {
    database: &'a Database,
    count: usize,
    /// Of each run.
    duration: Duration,
    bar: ProgressBar,
    /// Runs that were repeated, and how many may be.
    pub(crate) repeated: usize,
    may_repeat: usize,
}

impl<'a> Rounds<'a> {
    /// `count` rounds of runs, `planned` runs in all.
    pub(crate) fn new(database: &'a Database, count: usize, duration: Duration, planned: usize) -> Self {
        // Drawn after each run, and on a terminal only: a thread that drew by the clock would take part in the
        // measurement.
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} {msg} … {eta} left");
        let bar = ProgressBar::new(planned as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { database, count, duration, bar, repeated: 0, may_repeat: (MAX_RUNS - 1) * planned }
    }

    /// The runs of each participant, one for each round.
    pub(crate) async fn run(
        &mut self,
        workload: &Workload,
        connections: usize,
        participants: &[Participant<'_>],
    ) -> Result<Vec<Vec<Run>>> {
        let mut runs = vec![Vec::new(); participants.len()];
        for round in 0..self.count {
            for index in order(participants.len(), round) {
                let one = &participants[index];
                self.bar.set_message(format!("{} at {connections}: {}", workload.name, one.name));
                let run = self.undisturbed(workload, connections, one).await;
                runs[index].push(run.with_context(|| format!("{}: {} at {connections}", one.name, workload.name))?);
                self.bar.inc(1);
            }
        }
        Ok(runs)
    }

    /// Repeats a run until unrelated processes used little CPU time.
    async fn undisturbed(&mut self, workload: &Workload, connections: usize, one: &Participant<'_>) -> Result<Run> {
        loop {
            let run = one.run(connections, self.duration, self.database).await?;
            if workload.writes {
                self.database.remove_written().await?;
            }
            if run.usage.unrelated <= MAX_UNRELATED {
                return Ok(run);
            }
            self.repeated += 1;
            let unrelated = run.usage.unrelated;
            ensure!(
                self.repeated <= self.may_repeat,
                "unrelated processes keep using processors: {unrelated:.1} of them"
            );
        }
    }

    /// Prints `text` above the progress bar, and the estimated time to the end.
    pub(crate) fn print(&self, text: &str) {
        let left = HumanDuration(self.bar.eta());
        self.bar.suspend(|| terminal::line(format_args!("{text}\n{left} left")));
    }
}

impl Drop for Rounds<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Every other round is in reverse, so that no participant always follows the same one.
fn order(participants: usize, round: usize) -> impl Iterator<Item = usize> {
    (0..participants).map(move |index| if round % 2 == 1 { participants - 1 - index } else { index })
}

impl Participant<'_> {
    async fn run(&self, connections: usize, duration: Duration, database: &Database) -> Result<Run> {
        match &self.target {
            Target::Service { processes, port, load } => {
                let mut client = Client::connect(*port, connections, load).await?;
                client.run(WARM_UP).await?;
                let before = Snapshot::now(processes, database.process)?;
                let sample = client.run(duration).await?;
                let usage = Snapshot::now(processes, database.process)?.since(&before);
                ensure!(!usage.service.is_zero(), "the service used no CPU time: another process answered");
                Ok(Run { sample, usage, resident: Some(accounting::resident(processes)?) })
            }
            // It is its own client, and has no warm-up; it counts after its threads have connected.
            Target::Database { ids } => {
                let before = Snapshot::now(&[], database.process)?;
                let sample = sysbench::run(database, ids, connections, duration).await?;
                Ok(Run { sample, usage: Snapshot::now(&[], database.process)?.since(&before), resident: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_round_is_in_reverse() {
        let rounds: Vec<Vec<usize>> = (0..3).map(|round| order(3, round).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }
}
