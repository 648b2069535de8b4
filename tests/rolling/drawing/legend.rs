//! What the colours and the line of the drawing mean.

use super::{STACK, colour, elements::FAINT_INK, fill, length};
use crate::timeline::State;

/// The width of a sample.
pub(super) const SAMPLE: f64 = 18.0;
/// The space between a sample and its words.
const SPACE: f64 = 6.0;
/// The space between two entries.
const GAP: f64 = 16.0;

/// A sample and its words.
pub(super) struct Entry {
    /// What a box is filled with. `None` is a line instead.
    pub(super) fill: Option<String>,
    pub(super) words: String,
    /// Where the sample begins.
    pub(super) x: f64,
    /// The line that it is in, from 0.
    pub(super) line: usize,
}

impl Entry {
    /// Where the words begin.
    pub(super) fn words_at(&self) -> f64 {
        self.x + SAMPLE + SPACE
    }
}

/// The entries, in as many lines as they take between two edges: versions, states, and the line, a little apart.
pub(super) fn legend(versions: &[&str], left: f64, right: f64) -> Vec<Entry> {
    let versions = versions.iter().enumerate();
    let groups = [
        versions.map(|(number, version)| (Some(fill(State::Ready, colour(number), number)), *version)).collect(),
        STACK.map(|state| (Some(fill(state, FAINT_INK, "any")), state.told())).into(),
        vec![(None, "tasks that the balancer sends requests to")],
    ];
    let (mut x, mut line) = (left, 0);
    let mut entries = Vec::new();
    for group in groups {
        for (fill, words) in group {
            let width = SAMPLE + SPACE + length(words);
            if x + width > right {
                (x, line) = (left, line + 1);
            }
            entries.push(Entry { fill, words: words.to_owned(), x, line });
            x += width + GAP;
        }
        x += GAP;
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_legend_takes_as_many_lines_as_it_needs() {
        let lines = |versions| legend(versions, 64.0, 936.0).last().map(|entry| entry.line);
        assert_eq!(lines(&["v1", "v2"]), Some(0));
        let revisions = ["3f0c2a9d11", "8be4417c02", "d0a7e6f5b3", "17c92e8a40"];
        assert_eq!(lines(&revisions), Some(1));
        assert!(legend(&revisions, 64.0, 936.0).iter().all(|entry| entry.words_at() + length(&entry.words) <= 936.0));
    }
}
