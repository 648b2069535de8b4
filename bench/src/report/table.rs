//! Tables for a terminal.

use comfy_table::{CellAlignment, Table, presets::NOTHING};
use indicatif::HumanFloatCount;

use super::figures::Figures;

/// The figures of one workload at one number of connections.
pub(crate) fn of_workload(what: &str, figures: &[Figures]) -> String {
    let Some(first) = figures.first() else { return String::new() };
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
        "ratio",
    ];
    let rows = figures.iter().map(|figures| {
        vec![
            figures.contender.clone(),
            number(figures.rps),
            format!("{} – {}", number(figures.rps_min), number(figures.rps_max)),
            format!("{:.2}", figures.p50_ms),
            format!("{:.2}", figures.p99_ms),
            figures.service_us.map_or_else(missing, number),
            number(figures.database_us),
            number(figures.client_us),
            figures.rss_mib.map_or_else(missing, number),
            figures.ratio.map_or_else(missing, |ratio| format!("{ratio:.2}")),
        ]
    });
    format!("\n{} at {} ({what})\n{}\n", first.workload, first.concurrency, table(&head, rows))
}

/// A column of words, followed by columns of numbers.
pub(crate) fn table(head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(head).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.trim_fmt()
}

/// One decimal below a hundred, none above.
pub(crate) fn number(value: f64) -> String {
    if value < 100.0 { format!("{value:.1}") } else { HumanFloatCount(value.round_ties_even()).to_string() }
}

fn missing() -> String {
    "–".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_are_grouped() {
        assert_eq!([0.04, 12.34, 1_234.5, 1_234_567.0].map(number), ["0.0", "12.3", "1,234", "1,234,567"]);
    }

    #[test]
    fn numbers_are_aligned_to_the_right() {
        let rows = [["ä", "1"], ["long", "1,000"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(table(&["name", "rate"], rows.into_iter()), " name   rate\n ä         1\n long  1,000");
    }
}
