//! How far it is, and how long it will take.

use std::{cell::Cell, time::Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use playground::terminal;

/// The runs that are planned, and those that are done.
#[derive(Debug)]
pub(crate) struct Progress {
    planned: usize,
    done: Cell<usize>,
    again: Cell<usize>,
    start: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Nothing is done of so many runs.
    pub(crate) fn of(planned: usize) -> Self {
        let bar = terminal::is_live().then(|| bar(planned));
        Self { planned, done: Cell::new(0), again: Cell::new(0), start: Instant::now(), bar }
    }

    /// What is being done.
    pub(crate) fn says(&self, what: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(what);
        }
    }

    /// A run is done.
    pub(crate) fn done(&self) {
        self.done.set(self.done.get() + 1);
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }

    /// A run has to be done again; `false` where that would make more than `bound` times as many as planned.
    pub(crate) fn again(&self, bound: usize) -> bool {
        self.again.set(self.again.get() + 1);
        self.again.get() <= (bound - 1) * self.planned
    }

    /// How many runs were done again.
    pub(crate) fn runs_again(&self) -> usize {
        self.again.get()
    }

    /// Prints lines.
    pub(crate) fn print(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| terminal::line(text)),
            None => terminal::line(text),
        }
    }

    /// How long it takes from here on, if what is left is like what is done; as `12 min`, and nothing at the end.
    pub(crate) fn left(&self) -> Option<String> {
        let (done, left) = (self.done.get(), self.planned - self.done.get());
        let each = self.start.elapsed().checked_div(u32::try_from(done).ok()?)?;
        match (each * u32::try_from(left).ok()?).as_secs() {
            0 => None,
            seconds @ 1..60 => Some(format!("{seconds} s")),
            seconds => Some(format!("{} min", seconds.div_ceil(60))),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

// Drawn when there is something new only: a thread that drew by the clock would be one more that takes part.
fn bar(planned: usize) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(planned as u64), ProgressDrawTarget::stdout());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} {msg} … {eta} left") {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_not_done_again_for_ever() {
        let progress = Progress::of(2);
        let granted: Vec<bool> = (0..5).map(|_| progress.again(3)).collect();
        assert_eq!(granted, [true, true, true, true, false]);
    }
}
