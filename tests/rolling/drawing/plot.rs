//! Where values are on paper: scales, and the lines and areas that follow from them.

use std::{
    iter::once,
    time::{Duration, Instant},
};

use super::{
    amount,
    elements::{crisp, px},
};
use crate::timeline::{Look, Timeline};

/// Steps that people count in.
const STEPS: [f64; 21] =
    [0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5];
/// The same for seconds.
const SECONDS: [u64; 11] = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600];
/// More numbers than these beside a plot are too many.
const TICKS: usize = 7;

/// A plot's place and scales.
pub(super) struct Plot<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) scale: &'a Scale,
}

impl Plot<'_> {
    pub(super) fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.height
    }

    pub(super) fn x(&self, at: Instant) -> f64 {
        self.left + self.width * share(self.timeline, at)
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        self.bottom() - self.height * self.scale.share(value)
    }

    /// Where the axis of time has numbers: at zero, and at nine places at most.
    pub(super) fn seconds(&self) -> impl Iterator<Item = (u64, f64)> {
        let length = (self.timeline.to - self.timeline.from).as_secs();
        let step = SECONDS.into_iter().find(|step| length / step <= 9).unwrap_or(length);
        let at = |seconds| self.timeline.from + Duration::from_secs(seconds);
        (0..=length / step).map(move |number| (number * step, self.x(at(number * step))))
    }

    /// The lines that values are read from.
    pub(super) fn grid(&self) -> String {
        let levels = self.scale.ticks.iter().chain([&self.scale.low]);
        let levels = levels.map(|tick| format!("M{} {}H{}", px(self.left), crisp(self.y(*tick)), px(self.right())));
        let times = self.seconds().map(|(_, x)| format!("M{} {}V{}", crisp(x), px(self.top), px(self.bottom())));
        levels.chain(times).collect::<Vec<_>>().concat()
    }

    /// A line across.
    pub(super) fn level(&self, value: f64) -> String {
        format!("M{} {}H{}", px(self.left), crisp(self.y(value)), px(self.right()))
    }

    /// A line through values, each of which holds until the next look. The first one holds from the beginning.
    pub(super) fn steps(&self, looks: &[&Look], values: &[usize]) -> String {
        let edges = self.edges(looks);
        let steps = values.iter().zip(edges.iter().skip(1));
        let steps = steps.map(|(value, end)| format!("{}H{}", px(self.y(amount(*value))), px(*end)));
        format!("M{} {}", px(self.left), steps.collect::<Vec<_>>().join("V"))
    }

    /// What is between two such lines.
    pub(super) fn area(&self, looks: &[&Look], below: &[usize], above: &[usize]) -> String {
        let edges = self.edges(looks);
        let back = below.iter().zip(&edges).rev();
        let back = back.map(|(value, start)| format!("V{}H{}", px(self.y(amount(*value))), px(*start)));
        format!("{}{}Z", self.steps(looks, above), back.collect::<Vec<_>>().concat())
    }

    /// When each look begins to hold, and the end.
    fn edges(&self, looks: &[&Look]) -> Vec<f64> {
        once(self.left).chain(looks.iter().skip(1).map(|look| self.x(look.at))).chain(once(self.right())).collect()
    }
}

/// A vertical scale.
#[derive(Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    logarithmic: bool,
    /// The values that have a line and a number.
    pub(super) ticks: Vec<f64>,
}

impl Scale {
    /// From zero to a tick above the highest value. Ticks are whole numbers.
    pub(super) fn linear(highest: f64) -> Self {
        let step = STEPS.into_iter().find(|step| *step >= 1.0 && *step >= highest / 4.0).unwrap_or(highest);
        let high = step * ((highest / step).floor() + 1.0);
        let ticks = (0..TICKS).map(|number| amount(number) * step).filter(|tick| *tick <= high).collect();
        Self { low: 0.0, high, logarithmic: false, ticks }
    }

    /// From a step below the lowest value to one above the highest. Where that would be too many ticks, only powers of
    /// ten have one.
    pub(super) fn logarithmic(lowest: f64, highest: f64) -> Self {
        let low = STEPS.into_iter().rfind(|step| *step < lowest).unwrap_or(STEPS[0]);
        let high = STEPS.into_iter().find(|step| *step > highest.max(low)).unwrap_or(highest);
        let mut ticks = STEPS.into_iter().filter(|step| (low..=high).contains(step)).collect::<Vec<_>>();
        if ticks.len() > TICKS {
            ticks.retain(|tick| tick.log10().fract() == 0.0);
        }
        Self { low, high, logarithmic: true, ticks }
    }

    /// Where a value is, from 0 at the bottom to 1 at the top.
    fn share(&self, value: f64) -> f64 {
        let at = |value: f64| if self.logarithmic { value.log10() } else { value };
        (at(value.clamp(self.low, self.high)) - at(self.low)) / (at(self.high) - at(self.low))
    }
}

/// Where a moment is in the record, from 0 to 1.
pub(super) fn share(timeline: &Timeline, at: Instant) -> f64 {
    let length = (timeline.to - timeline.from).as_secs_f64();
    (at.saturating_duration_since(timeline.from).as_secs_f64() / length).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::{super::changes, *};
    use crate::timeline::sample::halves;

    #[test]
    fn a_linear_scale_has_room_above_the_highest_value() {
        let ends = |highest| (Scale::linear(highest).high, Scale::linear(highest).ticks.len());
        assert_eq!(ends(0.0), (1.0, 2));
        assert_eq!(ends(4.0), (5.0, 6));
        assert_eq!(ends(6.0), (8.0, 5));
        assert_eq!(ends(50.0), (60.0, 4));
        assert_eq!(ends(999.0), (1000.0, 3));
    }

    #[test]
    fn a_logarithmic_scale_keeps_what_is_usual_apart_from_a_stall() {
        let scale = Scale::logarithmic(4.0, 4_000.0);
        assert_eq!(scale.ticks, [10.0, 100.0, 1000.0]);
        assert!(scale.share(8.0) - scale.share(4.0) > 0.08);
        assert_eq!(Scale::logarithmic(4.0, 30.0).ticks, [2.0, 5.0, 10.0, 20.0, 50.0]);
    }

    #[test]
    fn values_beyond_a_scale_stay_on_the_paper() {
        for scale in [Scale::linear(5.0), Scale::logarithmic(1.0, 10.0), Scale::logarithmic(0.0, 0.0)] {
            assert!((scale.share(0.0) - 0.0).abs() < 1e-9, "{scale:?}");
            assert!((scale.share(1e9) - 1.0).abs() < 1e-9, "{scale:?}");
        }
    }

    #[test]
    fn an_area_follows_the_looks() {
        let (timeline, scale) = (halves(), Scale::linear(4.0));
        let plot = Plot { timeline: &timeline, left: 0.0, top: 0.0, width: 240.0, height: 50.0, scale: &scale };
        let looks = &changes(&timeline.services[0].looks)[..2];
        assert_eq!(plot.steps(looks, &[4, 2]), "M0 10H40V30H240");
        assert_eq!(plot.area(looks, &[0, 1], &[4, 2]), "M0 10H40V30H240V40H40V50H0Z");
    }
}
