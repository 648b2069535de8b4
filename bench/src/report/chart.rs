//! The drawing of the figures that the README shows.

use anyhow::{Result, ensure};
use askama::Template as _;
use playground::{folders, terminal};

use super::{
    figures::Figures,
    results::{self, Results},
    table::told,
};
use crate::contenders::{self, Contender};

const FILE: &str = "docs/bench.svg";
const WIDTH: u32 = 900;
/// The number of connections of all panels.
const CONCURRENCY: usize = 32;
/// From one bar to the next.
const STEP: u32 = 22;
/// Between the contenders and the limits.
const GAP: u32 = 8;
/// The baseline of a title, and from there to the first bar.
const TITLE: u32 = 16;
/// The space at the left edge.
const MARGIN: u32 = 24;

#[derive(askama::Template)]
#[template(path = "chart.svg")]
struct Drawing {
    width: u32,
    height: u32,
    title: String,
    description: String,
    panels: Vec<Panel>,
    note: String,
}

/// The bars of one workload.
struct Panel {
    class: &'static str,
    x: u32,
    y: u32,
    title: String,
    /// The width of the names.
    labels: u32,
    bars: Vec<Bar>,
}

struct Bar {
    y: u32,
    label: String,
    class: &'static str,
    width: u32,
    value: String,
}

/// Where a panel stands, and what its bars have room for.
#[derive(Clone, Copy)]
struct Place {
    class: &'static str,
    x: u32,
    y: u32,
    labels: u32,
    longest: u32,
}

/// Draws the results that are kept.
pub(crate) fn draw() -> Result<()> {
    let figures: Vec<Figures> = Results::kept().read(results::LATEST)?;
    results::write(&folders::workspace().join(FILE), &svg(&figures)?)?;
    terminal::line(format_args!("The drawing is {FILE}"));
    Ok(())
}

fn svg(figures: &[Figures]) -> Result<String> {
    let main = Place { class: "large", x: MARGIN, y: 36, labels: 180, longest: 560 };
    let by_id = panel(figures, "location-by-id", "One location by its id, requests per second", main);
    ensure!(!by_id.bars.is_empty(), "there are no figures of location-by-id at {CONCURRENCY} connections");
    let below = main.y + by_id.height() + 44;
    let title = "Requests per second that each contender answers, at 32 connections".to_owned();
    let description = described(figures);
    let mut panels = vec![by_id];
    for (number, (workload, title)) in
        [("page-of-50", "A page of 50"), ("full-table", "The whole table"), ("mix", "90% read, 10% write")]
            .into_iter()
            .enumerate()
    {
        let x = MARGIN + 290 * u32::try_from(number)?;
        panels.push(panel(figures, workload, title, Place { class: "small", x, y: below, labels: 142, longest: 74 }));
    }
    let small = panels.iter().skip(1).map(Panel::height).max().unwrap_or_default();
    let drawing = Drawing {
        width: WIDTH,
        height: below + small + 52,
        title,
        description,
        panels,
        note: "Median of the rounds at 32 connections, all on one machine: the load, the contender and its database. \
               Dashed: limits, which do less."
            .to_owned(),
    };
    Ok(drawing.render()?)
}

impl Panel {
    fn height(&self) -> u32 {
        self.bars.last().map_or(TITLE, |last| last.y + STEP)
    }
}

/// The contenders, the fastest first, and then the limits.
fn panel(figures: &[Figures], workload: &str, title: &str, place: Place) -> Panel {
    let mut shown: Vec<(&Figures, &Contender)> = of_workload(figures, workload).collect();
    shown.sort_by(|(one, a), (other, b)| a.is_limit().cmp(&b.is_limit()).then(other.rps.total_cmp(&one.rps)));
    let highest = shown.iter().map(|(figures, _)| figures.rps).fold(1.0, f64::max);
    let bars = shown.iter().zip(0..).map(|((figures, contender), number)| Bar {
        y: TITLE + STEP * number + if contender.is_limit() { GAP } else { 0 },
        label: contender.name.to_owned(),
        class: class(contender),
        width: pixels(figures.rps / highest * f64::from(place.longest)),
        value: told(figures.rps),
    });
    let Place { class, x, y, labels, .. } = place;
    Panel { class, x, y, title: title.to_owned(), labels, bars: bars.collect() }
}

fn of_workload<'a>(
    figures: &'a [Figures],
    workload: &'a str,
) -> impl Iterator<Item = (&'a Figures, &'static Contender)> {
    let figures = figures.iter().filter(move |one| one.workload == workload && one.concurrency == CONCURRENCY);
    figures.filter_map(|figures| {
        let contender = contenders::ALL.iter().find(|contender| contender.name == figures.contender)?;
        Some((figures, contender))
    })
}

fn class(contender: &Contender) -> &'static str {
    match contender.name {
        contenders::OURS => "own",
        contenders::ONE_TO_ONE => "one-to-one",
        _ if contender.is_limit() => "limit",
        _ => "peer",
    }
}

/// The drawing in words, for those who do not see it.
fn described(figures: &[Figures]) -> String {
    let by_id = of_workload(figures, "location-by-id");
    let told: Vec<_> = by_id.map(|(figures, contender)| format!("{} {}", contender.name, told(figures.rps))).collect();
    format!("One location by its id: {}.", told.join(", "))
}

/// At least one, so that there is something to be seen.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a width on the paper")]
fn pixels(width: f64) -> u32 {
    width.round().max(1.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(contender: &str, rps: f64) -> Figures {
        Figures {
            workload: "location-by-id".to_owned(),
            contender: contender.to_owned(),
            concurrency: CONCURRENCY,
            rps,
            p50_ms: 1.0,
            p99_ms: 2.0,
            service_us: None,
            database_us: 0.0,
            client_us: 0.0,
            rss_mib: None,
            rps_min: rps,
            rps_max: rps,
            rounds: 1,
            ratio: None,
        }
    }

    #[test]
    fn bars_are_as_long_as_their_values_and_limits_come_last() {
        let figures = [figures("go", 500.0), figures("own-no-database", 2_000.0), figures("ecs-playground", 1_000.0)];
        let place = Place { class: "large", x: 0, y: 0, labels: 100, longest: 400 };
        let panel = panel(&figures, "location-by-id", "", place);
        let bars: Vec<_> = panel.bars.iter().map(|bar| (bar.label.as_str(), bar.class, bar.width)).collect();
        assert_eq!(bars, [("ecs-playground", "own", 200), ("go", "peer", 100), ("own-no-database", "limit", 400)]);
    }

    #[test]
    fn a_drawing_without_figures_is_refused() {
        assert!(svg(&[]).is_err());
        assert!(svg(&[figures("go", 500.0)]).expect("a drawing").contains(">go</text>"));
    }
}
