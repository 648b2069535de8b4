//! Figures, tables, goals and the chart, made from the runs.

pub(crate) mod chart;
pub(crate) mod environment;
pub(crate) mod figures;
pub(crate) mod goals;
pub(crate) mod table;

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use playground::folders;
use serde::Serialize;

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

/// The folder of the results of whole runs, which is kept with the sources.
pub(crate) const KEPT: &str = "bench/results";
/// The folder of the results of partial runs.
pub(crate) const PARTIAL: &str = "target/bench";

/// Writes `value` as JSON to a file of the workspace.
pub(crate) fn write_json(folder: &str, name: &str, value: &impl Serialize) -> Result<()> {
    write(&format!("{folder}/{name}"), &(serde_json::to_string_pretty(value)? + "\n"))
}

/// Writes a file of the workspace, and creates its folder where it is missing.
pub(crate) fn write(file: &str, text: &str) -> Result<()> {
    let path = folders::workspace().join(file);
    let created = fs::create_dir_all(path.parent().unwrap_or(Path::new("")));
    created.and_then(|()| fs::write(&path, text)).with_context(|| format!("cannot write {file}"))
}
