//! The record of a rolling update as one SVG: a column per service; tasks, requests and latency on one axis of time.
//!
//! Written element by element. plotters, the usual crate, draws in whole pixels, knows no patterns and no `<title>`, and
//! makes each dash of a line an element of its own.

mod elements;
mod legend;
mod marks;
mod plot;

use std::{fmt::Display, iter::once, time::Duration};

use self::{
    elements::{Drawing, FAILURE, FAINT_INK, INK, PAPER, REQUEST, RULE, SLOWEST, crisp, escaped, hatching, px, told},
    legend::{Entry, SAMPLE, legend},
    marks::{Label, labels},
    plot::{Plot, Scale},
};
use crate::timeline::{Figures, Look, ServiceTimeline, State, Timeline};

/// The width in pixels. The height follows from what there is to show.
const WIDTH: f64 = 960.0;
/// The space around everything.
const MARGIN: f64 = 24.0;
/// The space for the numbers on the left of a plot.
const NUMBERS: f64 = 40.0;
/// The space between two columns.
const GAP: f64 = 24.0;
/// The space between two rows, for a heading.
const HEADING: f64 = 34.0;
/// The heights of the rows.
const TASKS: f64 = 180.0;
const REQUESTS: f64 = 84.0;
const LATENCY: f64 = 130.0;
/// The height of a line of small print.
const LINE: f64 = 15.0;
/// The baseline of the services' names.
const NAMES: f64 = 74.0;
/// What a character of small print takes on average, in the widest of the fonts that may be used.
const CHARACTER: f64 = 6.6;

/// For versions, in the order in which they appear. A seventh one is blue again.
const VERSIONS: [&str; 6] = ["#2f6fb5", "#e8862e", "#3c9a5f", "#8458b3", "#c2557f", "#8a6d3b"];
/// The states, from the bottom of the stack to its top. With the ready ones below, their top can be held against what the
/// balancer uses and against half of what is wanted.
const STACK: [State; 3] = [State::Ready, State::Starting, State::Stopping];

/// The drawing of a record. The same record gives the same bytes.
pub(crate) fn svg(timeline: &Timeline) -> String {
    let columns = amount(timeline.services.len().max(1));
    let width = (WIDTH - 2.0 * MARGIN - (columns - 1.0) * GAP) / columns - NUMBERS;
    let versions = timeline.versions();
    let labels = labels(timeline, width);
    let legend = legend(&versions, MARGIN + NUMBERS, WIDTH - MARGIN);

    let lanes = labels.iter().map(|label| label.lane + 1).max().unwrap_or_default();
    let tasks_top = NAMES + 30.0 + LINE * amount(lanes);
    let requests_top = tasks_top + TASKS + HEADING;
    let latency_top = requests_top + REQUESTS + HEADING;
    let legend_top = latency_top + LATENCY + 50.0;
    let height = legend_top + LINE * amount(legend.last().map_or(0, |entry| entry.line)) + 24.0;

    let scales = (tasks_scale(timeline), requests_scale(timeline), latency_scale(timeline));
    let mut drawing = Drawing(Vec::new());
    drawing.begin(timeline, height, versions.len());
    for (column, service) in timeline.services.iter().enumerate() {
        let left = MARGIN + NUMBERS + amount(column) * (width + NUMBERS + GAP);
        let tasks = Plot { timeline, left, top: tasks_top, width, height: TASKS, scale: &scales.0 };
        let requests = Plot { top: requests_top, height: REQUESTS, scale: &scales.1, ..tasks };
        let latency = Plot { top: latency_top, height: LATENCY, scale: &scales.2, ..tasks };
        drawing.text(left, NAMES, "font-size=\"14\" font-weight=\"bold\"", service.name);
        drawing.tasks(&tasks, service, &versions);
        drawing.requests(&requests, service);
        drawing.latency(&latency, service);
        drawing.seconds(&latency);
        drawing.marks(&labels, [&tasks, &requests, &latency]);
    }
    drawing.legend(&legend, legend_top);
    drawing.end()
}

impl Drawing {
    /// All that comes before the first column.
    fn begin(&mut self, timeline: &Timeline, height: f64, versions: usize) {
        let (height, edge) = (px(height), px(height - 1.0));
        self.0.extend([
            format!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
                 viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"title desc\">"
            ),
            format!("<title id=\"title\">{}</title>", escaped(&timeline.title)),
            format!("<desc id=\"desc\">{}</desc>", escaped(&described(timeline))),
            "<defs>".to_owned(),
        ]);
        self.0.extend((0..versions).map(|number| hatching(number, colour(number))));
        self.0.extend([
            hatching("any", FAINT_INK),
            "</defs>".to_owned(),
            format!("<g font-family=\"Helvetica, Arial, sans-serif\" font-size=\"11\" fill=\"{INK}\">"),
            format!(
                "<rect x=\".5\" y=\".5\" width=\"{}\" height=\"{edge}\" rx=\"10\" fill=\"{PAPER}\" stroke=\"{RULE}\"/>",
                WIDTH - 1.0
            ),
        ]);
        self.text(MARGIN + NUMBERS, 42.0, "font-size=\"18\" font-weight=\"bold\"", &timeline.title);
    }

    /// Tasks by state and version, one above the other.
    fn tasks(&mut self, plot: &Plot, service: &ServiceTimeline, versions: &[&str]) {
        // Apart from the plot: the words of the marks are in between.
        self.heading(plot, NAMES + 18.0, "tasks", &format!("dashed: half of the {} wanted", service.wanted), FAINT_INK);
        self.grid(plot);
        let looks = changes(&service.looks);
        let mut below = vec![0; looks.len()];
        for state in STACK {
            for (number, version) in versions.iter().enumerate() {
                let counts = looks.iter().map(|look| look.count(version, state));
                let above = below.iter().zip(counts).map(|(below, count)| below + count).collect::<Vec<_>>();
                if above != below {
                    let fill = fill(state, colour(number), number);
                    self.0.push(format!("<path d=\"{}\" {fill}/>", plot.area(&looks, &below, &above)));
                }
                below = above;
            }
        }
        self.dashed(&plot.level(amount(service.wanted) / 2.0));
        if !looks.is_empty() {
            let ready = looks.iter().map(|look| look.ready).collect::<Vec<_>>();
            let line = plot.steps(&looks, &ready);
            self.line(&line, PAPER, 3.5, "stroke-opacity=\".75\"");
            self.line(&line, INK, 1.5, "");
        }
    }

    /// How many requests were due in each second, and how many of them failed.
    fn requests(&mut self, plot: &Plot, service: &ServiceTimeline) {
        let failed = service.figures(&(plot.timeline.from..plot.timeline.to)).failed;
        let colour = if failed == 0 { FAINT_INK } else { FAILURE };
        self.heading(plot, plot.top - 8.0, "requests per second", &format!("{failed} failed"), colour);
        self.grid(plot);
        let (mut all, mut failures) = (Vec::new(), Vec::new());
        for second in plot.timeline.seconds() {
            let figures = service.figures(&second);
            let (left, right, bottom) = (px(plot.x(second.start)), px(plot.x(second.end)), px(plot.bottom()));
            let bar = |top| format!("M{left} {bottom}V{}H{right}V{bottom}Z", px(top));
            if figures.requests > 0 {
                all.push(bar(plot.y(amount(figures.requests))));
            }
            if figures.failed > 0 {
                // One of many has to be seen as well.
                failures.push(bar(plot.y(amount(figures.failed)).min(plot.bottom() - 5.0)));
            }
        }
        for (bars, colour) in [(all, REQUEST), (failures, FAILURE)] {
            if !bars.is_empty() {
                let bars = bars.concat();
                self.0.push(format!("<path d=\"{bars}\" fill=\"{colour}\" stroke=\"{PAPER}\" stroke-width=\".5\"/>"));
            }
        }
    }

    /// How long 99 of 100 requests of each second took at most.
    fn latency(&mut self, plot: &Plot, service: &ServiceTimeline) {
        let bound = bound(plot.timeline, service);
        let dashed = bound.map_or_else(String::new, |bound| format!("dashed: 3 × before, {} ms", told(bound)));
        self.heading(plot, plot.top - 8.0, "99th percentile of a second, ms", &dashed, FAINT_INK);
        self.grid(plot);
        if let Some(bound) = bound {
            self.dashed(&plot.level(bound));
        }
        let (mut steps, mut joined) = (Vec::new(), false);
        for second in plot.timeline.seconds() {
            let p99 = service.p99(&second);
            if let Some(p99) = p99 {
                let (left, right, y) = (px(plot.x(second.start)), px(plot.x(second.end)), px(plot.y(millis(p99))));
                steps.push(if joined { format!("V{y}H{right}") } else { format!("M{left} {y}H{right}") });
            }
            // A second without a request is a gap.
            joined = p99.is_some();
        }
        self.line(&steps.concat(), SLOWEST, 1.75, "stroke-linejoin=\"round\"");
    }

    /// The words above a plot, on its left and on its right.
    fn heading(&mut self, plot: &Plot, y: f64, left: &str, right: &str, colour: &str) {
        self.text(plot.left, y, "", left);
        self.text(plot.right(), y, &format!("text-anchor=\"end\" fill=\"{colour}\""), right);
    }

    /// The lines that values are read from, with their numbers on the left.
    fn grid(&mut self, plot: &Plot) {
        self.line(&plot.grid(), RULE, 1.0, "");
        for tick in &plot.scale.ticks {
            let look = format!("text-anchor=\"end\" fill=\"{FAINT_INK}\"");
            self.text(plot.left - 7.0, plot.y(*tick) + 4.0, &look, &told(*tick));
        }
    }

    /// The numbers of the axis of time.
    fn seconds(&mut self, plot: &Plot) {
        for (seconds, x) in plot.seconds() {
            let look = format!("text-anchor=\"middle\" fill=\"{FAINT_INK}\"");
            self.text(x, plot.bottom() + 17.0, &look, &format!("{seconds} s"));
        }
    }

    /// The marks' lines through the plots, and their words above the first of them.
    fn marks(&mut self, labels: &[Label], plots: [&Plot; 3]) {
        let [first, ..] = plots;
        let base = |label: &Label| first.top - 6.0 - LINE * amount(label.lane);
        for label in labels {
            let x = crisp(first.left + label.line);
            let through = plots.map(|plot| (plot.top, plot.bottom()));
            let parts = once((base(label) - 9.0, first.top)).chain(through);
            let parts = parts.map(|(top, bottom)| format!("M{x} {}V{}", px(top), px(bottom))).collect::<Vec<_>>();
            self.line(&parts.concat(), INK, 0.75, "");
        }
        for label in labels {
            let anchor = if label.before { " text-anchor=\"end\"" } else { "" };
            let look = format!("stroke=\"{PAPER}\" stroke-width=\"3\" paint-order=\"stroke\"{anchor}");
            self.text(first.left + label.words(), base(label), &look, label.what);
        }
    }

    /// What colours and the line mean.
    fn legend(&mut self, entries: &[Entry], top: f64) {
        for entry in entries {
            let (x, y) = (px(entry.x), top + LINE * amount(entry.line));
            match &entry.fill {
                Some(fill) => {
                    let top = px(y - 10.0);
                    self.0.push(format!("<rect x=\"{x}\" y=\"{top}\" width=\"{SAMPLE}\" height=\"12\" {fill}/>"));
                }
                None => self.line(&format!("M{x} {}h{}", px(y - 4.0), SAMPLE), INK, 1.5, ""),
            }
            self.text(entry.words_at(), y, "", &entry.words);
        }
    }
}

fn tasks_scale(timeline: &Timeline) -> Scale {
    let looks = timeline.services.iter().flat_map(|service| &service.looks);
    let seen = looks.map(|look| look.tasks.values().sum::<usize>().max(look.ready));
    let highest = seen.chain(timeline.services.iter().map(|service| service.wanted)).max();
    Scale::linear(amount(highest.unwrap_or_default()))
}

fn requests_scale(timeline: &Timeline) -> Scale {
    Scale::linear(amount(figures(timeline).map(|figures| figures.requests).max().unwrap_or_default()))
}

/// Logarithmic: a stall is hundreds of times what is usual, and the usual has to be seen as well.
fn latency_scale(timeline: &Timeline) -> Scale {
    let bounds = timeline.services.iter().filter_map(|service| bound(timeline, service));
    let all = figures(timeline).filter_map(|figures| figures.p99).map(millis).chain(bounds).collect::<Vec<_>>();
    let (lowest, highest) = (all.iter().copied().reduce(f64::min), all.iter().copied().reduce(f64::max));
    Scale::logarithmic(lowest.unwrap_or(1.0), highest.unwrap_or(10.0))
}

/// The figures of each second of each service.
fn figures(timeline: &Timeline) -> impl Iterator<Item = Figures> {
    let services = timeline.services.iter();
    services.flat_map(|service| timeline.seconds().map(move |second| service.figures(&second)))
}

/// Three times the 99th percentile of the time up to the first mark, in ms.
fn bound(timeline: &Timeline, service: &ServiceTimeline) -> Option<f64> {
    service.p99(&timeline.before()).map(|p99| 3.0 * millis(p99))
}

/// The looks at which something had changed.
fn changes(looks: &[Look]) -> Vec<&Look> {
    let mut changes = looks.iter().collect::<Vec<_>>();
    changes.dedup_by(|next, kept| next.tasks == kept.tasks && next.ready == kept.ready);
    changes
}

/// The record in words, for those who do not see the drawing.
fn described(timeline: &Timeline) -> String {
    let services = timeline.services.iter().map(|service| {
        let figures = service.figures(&(timeline.from..timeline.to));
        let highest = timeline.seconds().filter_map(|second| service.p99(&second)).max().unwrap_or_default();
        format!(
            "{}: {} tasks wanted, {} requests, {} failed; the 99th percentile of a second was {} ms at most.",
            service.name,
            service.wanted,
            figures.requests,
            figures.failed,
            told(millis(highest))
        )
    });
    let marks = timeline.marks.iter().map(|mark| {
        let at = mark.at.saturating_duration_since(timeline.from).as_secs_f64();
        format!("After {at:.1} s: {}.", mark.what)
    });
    services.chain(marks).collect::<Vec<_>>().join(" ")
}

/// How a state looks in a colour. The hatching of that colour has this name.
fn fill(state: State, colour: &str, hatching: impl Display) -> String {
    match state {
        State::Ready => format!("fill=\"{colour}\""),
        State::Starting => format!("fill=\"{colour}\" fill-opacity=\".3\""),
        State::Stopping => format!("fill=\"url(#stopping-{hatching})\""),
    }
}

fn colour(version: usize) -> &'static str {
    VERSIONS[version % VERSIONS.len()]
}

/// How long words in small print are at most, in pixels.
fn length(words: &str) -> f64 {
    CHARACTER * amount(words.chars().count())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn amount(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::timeline::sample::{halves, with_failures};

    #[test]
    fn versions_and_states_are_told_apart() {
        let looks = STACK.iter().flat_map(|state| (0..4).map(|number| fill(*state, colour(number), number)));
        assert_eq!(looks.collect::<HashSet<_>>().len(), 3 * 4);
    }

    #[test]
    fn what_was_seen_is_drawn() {
        let drawing = svg(&halves());
        for (state, number) in STACK.iter().flat_map(|state| [(state, 0), (state, 1)]) {
            let areas = drawing.lines().filter(|line| line.contains("Z\""));
            let look = format!("{}/>", fill(*state, colour(number), number));
            // The update starts tasks of v2 only, and stops those of v1 only.
            let expected = match (state, number) {
                (State::Starting, 0) | (State::Stopping, 1) => 0,
                _ => 2,
            };
            assert_eq!(areas.filter(|line| line.ends_with(&look)).count(), expected, "{state:?} of version {number}");
        }
    }

    #[test]
    fn tasks_that_are_not_ready_stand_on_those_that_are() {
        let drawing = svg(&halves());
        for (state, number) in [(State::Starting, 1), (State::Stopping, 0)] {
            let look = format!("Z\" {}/>", fill(state, colour(number), number));
            let area = drawing.lines().find(|line| line.ends_with(&look)).unwrap();
            // Four tasks end at 209, six at 164, and the ground is at 299.
            assert!(area.contains("V164") && area.contains("V209") && !area.contains("299"), "{area}");
        }
    }

    #[test]
    fn one_failure_among_many_requests_is_seen() {
        let mut timeline = with_failures();
        let service = &mut timeline.services[0];
        let good = service.requests[102];
        service.requests.extend(std::iter::repeat_n(good, 2_000));
        let ground = 417;
        let bar = format!("{ground}V{}H", ground - 5);
        assert!(svg(&timeline).lines().any(|line| line.contains(FAILURE) && line.contains(&bar)));
    }

    #[test]
    fn failures_are_red_and_counted() {
        let (none, some) = (svg(&halves()), svg(&with_failures()));
        assert_eq!(none.matches(">0 failed<").count(), 2);
        assert!(!none.contains(FAILURE));
        assert_eq!(some.matches(">0 failed<").count(), 1);
        assert_eq!(some.matches(&format!("fill=\"{FAILURE}\">2 failed<")).count(), 1);
        assert_eq!(some.matches(&format!("Z\" fill=\"{FAILURE}\"")).count(), 1);
    }

    #[test]
    fn the_bound_is_three_times_what_was_before_the_first_mark() {
        assert_eq!(svg(&halves()).matches(">dashed: 3 × before, 30 ms<").count(), 2);
    }

    #[test]
    fn words_cannot_break_out_of_the_drawing() {
        let mut timeline = halves();
        timeline.title = "v1 </title> & \"v2\"".to_owned();
        timeline.marks[0].what = "<b>".to_owned();
        let drawing = svg(&timeline);
        assert_eq!(drawing.matches("v1 &lt;/title&gt; &amp; \"v2\"</t").count(), 2);
        assert_eq!(drawing.matches(">&lt;b&gt;</text>").count(), 2);
    }

    #[test]
    fn the_drawing_is_also_told_in_words() {
        let drawing = svg(&with_failures());
        let told =
            "location: 4 tasks wanted, 240 requests, 2 failed; the 99th percentile of a second was 2000 ms at most.";
        assert!(drawing.contains(told));
        assert!(drawing.contains("After 4.0 s: update to v2 begins."));
    }

    #[test]
    fn the_same_record_gives_the_same_bytes() {
        let (one, other) = (svg(&halves()), svg(&halves()));
        assert_eq!(one, other);
        assert!(one.len() < 20_000);
    }

    #[test]
    fn a_record_of_nothing_is_drawn_as_such() {
        let mut timeline = halves();
        for service in &mut timeline.services {
            service.looks.clear();
            service.requests.clear();
        }
        timeline.marks.clear();
        let drawing = svg(&timeline);
        assert!(!drawing.contains("NaN") && !drawing.contains("inf"));
        assert_eq!(drawing.matches(">0 failed<").count(), 2);
    }
}
