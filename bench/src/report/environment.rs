//! The machine, the software and the settings that the figures depend on.

use std::thread;

use anyhow::Result;
use jiff::Timestamp;
use procfs::{CpuInfo, Current as _, Meminfo, sys::kernel::Version};
use serde::Serialize;

use crate::contenders::Prepared;

#[derive(Debug, Serialize)]
pub(crate) struct Environment {
    /// The start.
    date: Timestamp,
    machine: Machine,
    /// The server's version and settings.
    database: String,
    pub(crate) measurement: Measurement,
    #[serde(flatten)]
    prepared: Prepared,
}

#[derive(Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) warm_up_ms: u128,
    /// Runs that were repeated, as unrelated processes used the processors.
    pub(crate) runs_again: usize,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    processors: usize,
    memory_mib: u64,
    kernel: String,
}

impl Environment {
    pub(crate) fn now(database: String, measurement: Measurement, prepared: Prepared) -> Result<Self> {
        let Version { major, minor, patch } = Version::current()?;
        let machine = Machine {
            processor: CpuInfo::current()?.model_name(0).unwrap_or("unknown").to_owned(),
            processors: thread::available_parallelism()?.into(),
            memory_mib: Meminfo::current()?.mem_total >> 20,
            kernel: format!("Linux {major}.{minor}.{patch}"),
        };
        Ok(Self { date: Timestamp::now(), machine, database, measurement, prepared })
    }
}
