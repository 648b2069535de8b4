//! The chart in the README, drawn by a template.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use askama::Template as _;
use playground::{folders, terminal};

use super::{KEPT, figures::Figures, table};
use crate::contenders::Contender;

const FILE: &str = "docs/bench.svg";
/// The number of connections of all panels.
const CONCURRENCY: usize = 32;

/// All lengths are in the units of the drawing.
#[derive(askama::Template)]
#[template(path = "chart.svg")]
struct Chart {
    height: usize,
    panels: Vec<Panel>,
}

/// The bars of one workload.
struct Panel {
    class: &'static str,
    title: &'static str,
    x: usize,
    y: usize,
    /// The width of the names.
    names: f64,
    bars: Vec<Bar>,
}

struct Bar {
    /// Also its class in the style sheet.
    name: &'static str,
    is_limit: bool,
    width: f64,
    value: String,
}

/// Draws the results that are kept.
pub(crate) fn draw() -> Result<()> {
    let figures = fs::read(folders::workspace().join(KEPT).join("latest.json")).context("cannot read the results")?;
    let figures: Vec<Figures> = serde_json::from_slice(&figures).context("invalid results")?;
    super::write(FILE, &svg(&figures)?)?;
    terminal::line(format_args!("The chart is {FILE}"));
    Ok(())
}

fn svg(figures: &[Figures]) -> Result<String> {
    let panel = |class, title, workload, x, y, names, longest| Panel {
        class,
        title,
        x,
        y,
        names,
        bars: bars(figures, workload, longest),
    };
    let by_id = panel("large", "One location by its id, requests per second", "location-by-id", 24, 36, 180.0, 560.0);
    ensure!(!by_id.bars.is_empty(), "there are no figures of location-by-id at {CONCURRENCY} connections");
    let y = by_id.bottom() + 44;
    let small = |title, workload, x| panel("small", title, workload, x, y, 142.0, 74.0);
    let page = small("A page of 50", "page-of-50", 24);
    let table = small("The whole table", "full-table", 314);
    let mix = small("90% read, 10% write", "mix", 604);
    let bottom = page.bottom().max(table.bottom()).max(mix.bottom());
    Ok(Chart { height: bottom + 52, panels: vec![by_id, page, table, mix] }.render()?)
}

impl Panel {
    /// As the template places the bars.
    fn bottom(&self) -> usize {
        self.y + 16 + 22 * self.bars.len()
    }
}

/// The contenders, the fastest first, and then the limits.
fn bars(figures: &[Figures], workload: &str, longest: f64) -> Vec<Bar> {
    let figures = figures.iter().filter(|one| one.workload == workload && one.concurrency == CONCURRENCY);
    let mut shown: Vec<(&Figures, &'static Contender)> =
        figures.filter_map(|one| Some((one, Contender::named(&one.contender)?))).collect();
    shown.sort_by(|(one, a), (other, b)| a.is_limit().cmp(&b.is_limit()).then(other.rps.total_cmp(&one.rps)));
    let highest = shown.iter().map(|(figures, _)| figures.rps).fold(1.0, f64::max);
    let bar = |(figures, contender): (&Figures, &'static Contender)| Bar {
        name: &contender.name,
        is_limit: contender.is_limit(),
        // At least one, which can be seen.
        width: (figures.rps / highest * longest).round().max(1.0),
        value: table::number(figures.rps),
    };
    shown.into_iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(contender: &str, rps: f64) -> Figures {
        let (workload, contender) = ("location-by-id".to_owned(), contender.to_owned());
        Figures { workload, contender, concurrency: CONCURRENCY, rps, ..Figures::default() }
    }

    #[test]
    fn bars_are_as_long_as_their_values_and_limits_come_last() {
        let figures = [figures("go", 500.0), figures("own-no-database", 2_000.0), figures("ecs-playground", 1_000.0)];
        let bars = bars(&figures, "location-by-id", 400.0);
        let bars: Vec<_> = bars.iter().map(|bar| (bar.name, bar.is_limit, bar.value.as_str())).collect();
        assert_eq!(
            bars,
            [("ecs-playground", false, "1,000"), ("go", false, "500"), ("own-no-database", true, "2,000")]
        );
        let svg = svg(&figures).expect("a chart");
        assert!(svg.contains(">go</text>") && svg.contains("width=\"140\""), "{svg}");
    }

    #[test]
    fn a_chart_without_figures_is_refused() {
        assert!(svg(&[]).is_err());
    }
}
