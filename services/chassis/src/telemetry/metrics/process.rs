//! What the process takes of its machine: the standard names, so that dashboards made for other programs fit.
//! <https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics>

use std::{
    fmt::Error,
    fs,
    time::{Duration, SystemTime},
};

use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{counter::ConstCounter, gauge::ConstGauge},
    registry::Unit,
};
use rustix::{
    param::page_size,
    process::{Resource, getrlimit},
    time::{ClockId, clock_gettime},
};

use super::put;

/// Asks the kernel whenever a collector asks us. What a system does not tell is left out; all of it is told on Linux.
#[derive(Debug)]
pub(super) struct Process {
    started: SystemTime,
}

impl Process {
    /// The process that calls, as soon as it can: this moment counts as its start.
    pub(super) fn new() -> Self {
        Self { started: SystemTime::now() }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), Error> {
        let encoder = &mut encoder;
        let started = self.started.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        // The time since then would grow without anything happening; a start is an event.
        let start = ConstGauge::new(started.as_secs_f64());
        put(encoder, "process_start_time", "When the process started, since the epoch", Some(&Unit::Seconds), &start)?;
        let cpu = ConstCounter::new(cpu_time().as_secs_f64());
        put(encoder, "process_cpu", "Processor time, in user and in system mode", Some(&Unit::Seconds), &cpu)?;
        if let Some(bytes) = resident_memory() {
            let memory = ConstGauge::new(bytes);
            put(encoder, "process_resident_memory", "Memory that is in RAM", Some(&Unit::Bytes), &memory)?;
        }
        if let Some(count) = open_files() {
            put(encoder, "process_open_fds", "Open files, connections included", None, &ConstGauge::new(count))?;
        }
        if let Some(limit) = getrlimit(Resource::Nofile).current {
            put(encoder, "process_max_fds", "The most files that may be open", None, &ConstGauge::new(limit))?;
        }
        Ok(())
    }
}

/// What all threads have computed for since the start, together.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Bytes in RAM. The kernel counts pages: <https://man7.org/linux/man-pages/man5/proc_pid_statm.5.html>.
fn resident_memory() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    Some(pages.split(' ').nth(1)?.parse::<u64>().ok()? * u64::try_from(page_size()).ok()?)
}

fn open_files() -> Option<u64> {
    // The listing itself is one of them.
    u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1)).ok()
}
