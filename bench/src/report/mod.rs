//! Figures, tables, goals and the chart, made from the runs.

pub(crate) mod chart;
pub(crate) mod environment;
pub(crate) mod figures;
pub(crate) mod goals;
pub(crate) mod results;
pub(crate) mod table;

use crate::{contenders::Contender, measurement::Run, workloads::Workload};

/// The runs of one workload at one number of connections.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) workload: &'static Workload,
    pub(crate) concurrency: usize,
    /// The runs of each contender, one for each round.
    pub(crate) runs: Vec<(&'static Contender, Vec<Run>)>,
}

impl Measured {
    /// The runs of the contender called `name`.
    pub(crate) fn of(&self, name: &str) -> Option<&[Run]> {
        self.runs.iter().find(|(contender, _)| contender.name == name).map(|(_, runs)| runs.as_slice())
    }
}
