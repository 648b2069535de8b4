//! Tables for a terminal.

use super::figures::Figures;

/// The figures of one workload at one number of connections.
pub(crate) fn of_workload(what: &str, figures: &[Figures]) -> String {
    let Some(first) = figures.first() else { return String::new() };
    let title = format!("{} at {} ({what})", first.workload, first.concurrency);
    let head = [
        "contender",
        "requests/s",
        "min – max",
        "p50 ms",
        "p99 ms",
        "service µs",
        "database µs",
        "client µs",
        "memory MiB",
        "× ours",
    ];
    let rows = figures.iter().map(|figures| {
        vec![
            figures.contender.clone(),
            told(figures.rps),
            format!("{} – {}", told(figures.rps_min), told(figures.rps_max)),
            latency(figures.p50_ms),
            latency(figures.p99_ms),
            figures.service_us.map_or_else(nothing, told),
            told(figures.database_us),
            told(figures.client_us),
            figures.rss_mib.map_or_else(nothing, told),
            figures.ratio.map_or_else(nothing, |ratio| format!("{ratio:.2}")),
        ]
    });
    format!("\n{title}\n{}", table(&head, &rows.collect::<Vec<_>>()))
}

/// Columns as wide as they have to be: the first with words, the others with numbers.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|&name| name.to_owned()).collect();
    let lines: Vec<&Vec<String>> = std::iter::once(&head).chain(rows).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let written = lines.iter().map(|line| {
        let cells = line.iter().zip(&widths).enumerate().map(|(column, (cell, &width))| {
            if column == 0 { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("  {}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    });
    written.collect()
}

/// A number as people write it: with a decimal only where it is small, in groups where it is large.
pub(crate) fn told(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { grouped(&format!("{value:.0}")) }
}

/// A whole number.
pub(crate) fn count(number: usize) -> String {
    grouped(&number.to_string())
}

fn grouped(digits: &str) -> String {
    digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect::<Vec<_>>().join(",")
}

fn latency(milliseconds: f64) -> String {
    format!("{milliseconds:.2}")
}

fn nothing() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_told_for_people() {
        assert_eq!([0.04, 12.34, 1_234.5, 1_234_567.0].map(told), ["0.0", "12.3", "1,234", "1,234,567"]);
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["ä".to_owned(), "1".to_owned()], vec!["long".to_owned(), "1,000".to_owned()]];
        assert_eq!(table(&["name", "rate"], &rows), "  name   rate\n  ä         1\n  long  1,000\n");
    }
}
