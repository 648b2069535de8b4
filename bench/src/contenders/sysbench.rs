//! sysbench: the same query by the same ids, without a service in between.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use hdrhistogram::Histogram;
use playground::{folders, process};

use super::Contender;
use crate::{client::Sample, database::Database};

/// The time that a run may take beyond the measured one.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Reads `ids` with `threads` connections.
pub(crate) async fn run(database: &Database, ids: &[u64], threads: usize, duration: Duration) -> Result<Sample> {
    let file = folders::playground()?.join("bench-ids.txt");
    let lines: Vec<String> = ids.iter().map(u64::to_string).collect();
    fs::write(&file, lines.join("\n")).with_context(|| format!("cannot write {}", file.display()))?;
    let login = &database.location;
    let sysbench = Contender::named(super::SYSBENCH).context("sysbench is in the list")?;
    let mut command = sysbench.shell(r#"exec sysbench by-id.lua --histogram=on "$@" run"#);
    command
        .arg("sysbench")
        .arg(format!("--ids={}", file.display()))
        .arg(format!("--mysql-host={}", database.server.host))
        .arg(format!("--mysql-port={}", database.server.port))
        .arg(format!("--mysql-user={}", login.user))
        .arg(format!("--mysql-password={}", login.password))
        .arg(format!("--mysql-db={}", login.database))
        .arg(format!("--threads={threads}"))
        // Whole seconds; 0 is without an end.
        .arg(format!("--time={}", duration.as_secs() + u64::from(duration.subsec_nanos() > 0)));
    let output = process::output("sysbench", command, duration + TIMEOUT).await?;
    parse(&output).with_context(|| format!("cannot read the report of sysbench:\n{output}"))
}

fn parse(output: &str) -> Option<Sample> {
    let value = |label: &str| {
        let line = output.lines().find_map(|line| line.trim().strip_prefix(label))?;
        Some(line.trim().trim_end_matches('s'))
    };
    // Lines as `0.036 |**** 1529`: milliseconds, a bar, and a count.
    let mut histogram = Histogram::<u64>::new(3).ok()?;
    for (latency, bar) in output.lines().filter_map(|line| line.split_once('|')) {
        let latency = Duration::from_secs_f64(latency.trim().parse::<f64>().ok()? / 1e3);
        let count = bar.trim_start_matches(['*', ' ']).parse().ok()?;
        histogram.record_n(latency.as_micros().try_into().ok()?, count).ok()?;
    }
    let quantile = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
    Some(Sample {
        requests: value("total number of events:")?.parse().ok()?,
        elapsed: Duration::from_secs_f64(value("total time:")?.parse().ok()?),
        p50: quantile(0.5),
        p99: quantile(0.99),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_parsed() {
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
        let expected = Sample {
            requests: 100,
            elapsed: Duration::from_millis(1_005),
            p50: Duration::from_micros(36),
            p99: Duration::from_micros(7_567),
        };
        assert_eq!(parse(output), Some(expected));
        assert_eq!(parse("FATAL: unable to connect"), None);
    }
}
