//! Rounds, in each of which every participant has its turn.

use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::run::{Participant, Run};
use crate::{database::Database, progress::Progress, workloads::Workload};

/// Processors that others may use meanwhile; above that a run is done again.
const UNRELATED: f64 = 0.5;
/// So many times as many runs as planned are done at most.
const BOUND: usize = 3;

/// How often and how long everybody has a turn.
#[derive(Debug)]
pub(crate) struct Rounds<'a> {
    pub(crate) database: &'a Database,
    pub(crate) count: usize,
    pub(crate) duration: Duration,
    pub(crate) progress: Progress,
}

impl Rounds<'_> {
    /// The runs of each participant in a workload, one for each round.
    pub(crate) async fn of(
        &self,
        workload: &Workload,
        concurrency: usize,
        participants: &[Participant<'_>],
    ) -> Result<Vec<Vec<Run>>> {
        let mut runs = vec![Vec::new(); participants.len()];
        for round in 0..self.count {
            for number in order(participants.len(), round) {
                runs[number].push(self.undisturbed(workload, concurrency, &participants[number]).await?);
            }
        }
        Ok(runs)
    }

    /// A run during which nothing else was going on.
    async fn undisturbed(&self, workload: &Workload, concurrency: usize, one: &Participant<'_>) -> Result<Run> {
        loop {
            self.progress.says(format!("{} at {concurrency}: {}", workload.name, one.name));
            let run = one.run(concurrency, self.duration, self.database).await;
            let run = run.with_context(|| format!("{} failed in {} at {concurrency}", one.name, workload.name))?;
            if workload.writes {
                // Every run meets the same table.
                self.database.remove_written().await?;
            }
            if run.unrelated <= UNRELATED {
                self.progress.done();
                return Ok(run);
            }
            if !self.progress.again(BOUND) {
                bail!(
                    "{BOUND} times as many runs as planned were not enough: something else uses the processors of this \
                     machine ({:.1} of them during the last run, of {} in {})",
                    run.unrelated,
                    one.name,
                    workload.name
                );
            }
        }
    }
}

/// In which order the participants have their turns: backwards in every other round, so that none always comes after
/// the same one.
fn order(participants: usize, round: usize) -> impl Iterator<Item = usize> {
    let backwards = round % 2 == 1;
    (0..participants).map(move |number| if backwards { participants - 1 - number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_other_round_runs_backwards() {
        let rounds: Vec<Vec<usize>> = (0..3).map(|round| order(3, round).collect()).collect();
        assert_eq!(rounds, [[0, 1, 2], [2, 1, 0], [0, 1, 2]]);
    }
}
