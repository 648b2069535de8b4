//! What came of a workload at a number of connections.

use crate::{contenders::Contender, measurement::Run, workloads::Workload};

/// The runs of all contenders.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) workload: &'static Workload,
    pub(crate) concurrency: usize,
    /// For each contender its runs, one for each round.
    pub(crate) runs: Vec<(&'static Contender, Vec<Run>)>,
}

impl Measured {
    /// The runs of the contender of that name.
    pub(crate) fn of(&self, name: &str) -> Option<&[Run]> {
        self.runs.iter().find(|(contender, _)| contender.name == name).map(|(_, runs)| runs.as_slice())
    }
}
