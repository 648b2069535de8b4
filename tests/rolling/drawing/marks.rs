//! Where the words of marks go, so that all can be read.

use super::{length, plot::share};
use crate::timeline::Timeline;

/// The space between a mark's line and its words.
const SPACE: f64 = 4.0;

/// The words of a mark, measured from the left of a plot.
#[derive(Debug)]
pub(super) struct Label<'a> {
    pub(super) what: &'a str,
    /// Where the mark's line is.
    pub(super) line: f64,
    /// The words are on the left of the line, as there is no room on its right.
    pub(super) before: bool,
    /// How far above the plot the words are: 0 is next to it.
    pub(super) lane: usize,
}

impl Label<'_> {
    /// Where the words begin, or end where they are on the left.
    pub(super) fn words(&self) -> f64 {
        if self.before { self.line - SPACE } else { self.line + SPACE }
    }

    /// Where the words begin and end.
    fn span(&self) -> (f64, f64) {
        let (words, length) = (self.words(), length(self.what));
        if self.before { (words - length, words) } else { (words, words + length) }
    }

    /// Whether the words are apart from those of another, and its line does not cross them.
    fn is_clear_of(&self, other: &Self) -> bool {
        let ((start, end), (other_start, other_end)) = (self.span(), other.span());
        if self.lane == other.lane {
            end < other_start || other_end < start
        } else {
            self.lane > other.lane || !(start..end).contains(&other.line)
        }
    }
}

/// The marks of the record, from the last to the first, each in the lowest lane that is free: so the words of an earlier
/// one pass above the line of a later one.
pub(super) fn labels(timeline: &Timeline, width: f64) -> Vec<Label<'_>> {
    let mut labels: Vec<Label> = Vec::new();
    for mark in timeline.marks.iter().rev().filter(|mark| (timeline.from..timeline.to).contains(&mark.at)) {
        let line = width * share(timeline, mark.at);
        let before = line + SPACE + length(&mark.what) > width;
        let in_lane = |lane| Label { what: &mark.what, line, before, lane };
        let free = (0..labels.len()).map(in_lane).find(|label| labels.iter().all(|other| label.is_clear_of(other)));
        labels.push(free.unwrap_or_else(|| in_lane(labels.len())));
    }
    labels
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::timeline::{Mark, sample::halves};

    fn lanes(marks: &[(u64, &str)]) -> Vec<(usize, bool)> {
        let mut timeline = halves();
        let mark = |(second, what): &(u64, &str)| Mark {
            at: timeline.from + Duration::from_secs(*second),
            what: (*what).to_owned(),
        };
        timeline.marks = marks.iter().map(mark).collect();
        labels(&timeline, 400.0).iter().rev().map(|label| (label.lane, label.before)).collect()
    }

    #[test]
    fn words_that_do_not_meet_share_a_lane() {
        assert_eq!(lanes(&[(2, "update begins"), (12, "v2 alone")]), [(0, false), (0, false)]);
    }

    #[test]
    fn words_pass_above_the_line_of_a_later_mark() {
        assert_eq!(lanes(&[(2, "update begins"), (4, "node lost")]), [(1, false), (0, false)]);
        // Above the next line, and not only clear of the words beside it.
        let crowded = [(4, "rollout"), (6, "update begins"), (8, "node lost")];
        assert_eq!(lanes(&crowded), [(2, false), (1, false), (0, false)]);
    }

    #[test]
    fn words_turn_where_the_paper_ends() {
        assert_eq!(lanes(&[(23, "rolled back")]), [(0, true)]);
    }

    #[test]
    fn marks_outside_of_the_record_are_not_drawn() {
        assert_eq!(lanes(&[(24, "too late")]), []);
    }
}
