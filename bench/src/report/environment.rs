//! On what machine and with what software it was measured.

use std::{fs, thread};

use jiff::Timestamp;
use serde::Serialize;

use crate::contenders::Ready;

/// Everything that the figures depend on.
#[derive(Debug, Serialize)]
pub(crate) struct Environment {
    /// When it began.
    date: Timestamp,
    machine: Machine,
    /// The server's version and settings.
    database: String,
    measurement: Measurement,
    contenders: Vec<Described>,
    left_out: Vec<LeftOut>,
}

/// How it was measured.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Measurement {
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    pub(crate) warm_up_ms: u128,
    /// Runs that were done again, as something else used the processors meanwhile.
    pub(crate) runs_again: usize,
}

#[derive(Debug, Serialize)]
struct Machine {
    processor: String,
    processors: usize,
    memory_mib: u64,
    kernel: String,
}

/// A contender that was measured.
#[derive(Debug, Serialize)]
struct Described {
    name: &'static str,
    what: &'static str,
    versions: Vec<String>,
    settings: Vec<String>,
}

/// A contender that could not be had.
#[derive(Debug, Serialize)]
struct LeftOut {
    name: &'static str,
    reason: String,
}

impl Environment {
    /// What is here now.
    pub(crate) fn now(database: String, measurement: Measurement, ready: &Ready) -> Self {
        let contenders = ready.contenders.iter().map(|(contender, versions)| Described {
            name: contender.name,
            what: contender.what,
            versions: versions.clone(),
            settings: contender.settings(),
        });
        let left_out = ready.left_out.iter();
        let left_out = left_out.map(|(contender, reason)| LeftOut { name: contender.name, reason: reason.clone() });
        Self {
            date: Timestamp::now(),
            machine: Machine::this(),
            database,
            measurement,
            contenders: contenders.collect(),
            left_out: left_out.collect(),
        }
    }

    /// The same, when that many runs have been done again.
    pub(crate) fn after(self, runs_again: usize) -> Self {
        Self { measurement: Measurement { runs_again, ..self.measurement }, ..self }
    }

    /// For people.
    pub(crate) fn told(&self) -> String {
        let Self { date: _, machine, database, measurement, contenders, left_out } = self;
        let Machine { processor, processors, memory_mib, kernel } = machine;
        let mut lines = vec![
            format!("\nMachine: {processors} × {processor}, {memory_mib} MiB, {kernel}"),
            format!("Database: {database}"),
            format!(
                "{} rounds, {} s each run, after {} ms that are not counted",
                measurement.rounds, measurement.seconds, measurement.warm_up_ms
            ),
        ];
        lines.extend(contenders.iter().map(|one| {
            let details = [one.versions.join(", "), one.settings.join(" ")];
            let details: Vec<_> = details.into_iter().filter(|detail| !detail.is_empty()).collect();
            format!("  {:<26} {} ({})", one.name, one.what, details.join("; "))
        }));
        lines.extend(left_out.iter().map(|one| format!("  {:<26} left out: {}", one.name, one.reason)));
        lines.join("\n")
    }
}

impl Machine {
    fn this() -> Self {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let memory = field(&read("/proc/meminfo"), "MemTotal").unwrap_or_default();
        Self {
            processor: field(&read("/proc/cpuinfo"), "model name").unwrap_or_else(|| "unknown".into()),
            processors: thread::available_parallelism().map_or(1, Into::into),
            memory_mib: memory.trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024,
            // The version, without what its builder calls it.
            kernel: format!(
                "Linux {}",
                read("/proc/sys/kernel/osrelease").split(['-', '\n']).next().unwrap_or_default()
            ),
        }
    }
}

/// The value in the first line `name: value`.
fn field(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(known, _)| known.trim() == name).map(|(_, value)| value.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_their_names() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\nmodel\t\t: 1\n";
        assert_eq!(field(text, "model name").as_deref(), Some("AMD EPYC"));
        assert_eq!(field(text, "flags"), None);
    }
}
