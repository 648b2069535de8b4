//! sysbench: the same query by the same ids, without a service in between.

use std::{fs, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context, Result};
use playground::{folders, process};

use super::stack::sources;
use crate::database::Database;

/// What a run may take beyond its measured time.
const PATIENCE: Duration = Duration::from_secs(30);

/// What it reports.
#[derive(Debug, PartialEq)]
pub(crate) struct Report {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
}

/// Writes the ids to ask for into a file, a line each.
fn write_ids(ids: &[u64]) -> Result<PathBuf> {
    let file = folders::playground()?.join("bench-ids.txt");
    let lines: Vec<String> = ids.iter().map(u64::to_string).collect();
    fs::write(&file, lines.join("\n")).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// Runs it with so many threads, each with a connection of its own.
pub(crate) async fn run(database: &Database, ids: &[u64], threads: usize, duration: Duration) -> Result<Report> {
    let login = &database.location;
    let mut command = Command::new("sysbench");
    command
        .arg(sources("sysbench").join("by-id.lua"))
        .arg(format!("--ids={}", write_ids(ids)?.display()))
        .arg(format!("--mysql-host={}", database.server.host))
        .arg(format!("--mysql-port={}", database.server.port))
        .arg(format!("--mysql-user={}", login.user))
        .arg(format!("--mysql-password={}", login.password))
        .arg(format!("--mysql-db={}", login.database))
        .arg(format!("--threads={threads}"))
        // It knows whole seconds only, and takes 0 for endless.
        .arg(format!("--time={}", duration.as_secs() + u64::from(duration.subsec_nanos() > 0)))
        .args(["--histogram=on", "run"]);
    let output = process::output("sysbench", command, duration + PATIENCE).await?;
    parse(&output).with_context(|| format!("cannot read the report of sysbench:\n{output}"))
}

fn parse(output: &str) -> Option<Report> {
    let after = |label: &str| {
        let line = output.lines().find_map(|line| line.trim().strip_prefix(label))?;
        Some(line.trim().trim_end_matches('s'))
    };
    let histogram: Vec<(f64, u64)> = output.lines().filter_map(bar).collect();
    let requests = after("total number of events:")?.parse().ok()?;
    Some(Report {
        requests,
        elapsed: Duration::from_secs_f64(after("total time:")?.parse().ok()?),
        p50: quantile(&histogram, 50)?,
        p99: quantile(&histogram, 99)?,
    })
}

/// The latency in milliseconds and the count in a line of the histogram: `0.036 |**** 1529`.
fn bar(line: &str) -> Option<(f64, u64)> {
    let (latency, rest) = line.split_once('|')?;
    Some((latency.trim().parse().ok()?, rest.trim_start_matches(['*', ' ']).parse().ok()?))
}

fn quantile(histogram: &[(f64, u64)], percent: u64) -> Option<Duration> {
    let all: u64 = histogram.iter().map(|(_, count)| count).sum();
    let mut below = 0;
    let (latency, _) = histogram.iter().find(|(_, count)| {
        below += count;
        below * 100 >= all * percent
    })?;
    Some(Duration::from_secs_f64(latency / 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let output = "Latency histogram (values are in milliseconds)
       value  ------------- distribution ------------- count
       0.030 |                                         1
       0.036 |**************************************** 97
       7.565 |                                         2

SQL statistics:
    transactions:                        100 (34651.31 per sec.)

General statistics:
    total time:                          1.0050s
    total number of events:              100
";
        let expected = Report {
            requests: 100,
            elapsed: Duration::from_millis(1_005),
            p50: Duration::from_micros(36),
            p99: Duration::from_micros(7_565),
        };
        assert_eq!(parse(output), Some(expected));
        assert_eq!(parse("FATAL: unable to connect"), None);
    }
}
