//! The record of a rolling update: which tasks there were, what was asked of them, and how it went, on one clock.

#[cfg(test)]
pub(crate) mod sample;
mod table;

use std::{
    collections::BTreeMap,
    iter,
    ops::Range,
    time::{Duration, Instant},
};

/// The step in which figures are told.
const SECOND: Duration = Duration::from_secs(1);

/// What became of the services between two moments.
pub(crate) struct Timeline {
    /// What was done, to what: the heading of table and drawing.
    pub(crate) title: String,
    /// The moment from which seconds are counted.
    pub(crate) from: Instant,
    /// The end of the record, which is not part of it.
    pub(crate) to: Instant,
    /// What was done to the services, or happened to them, in the order of time. What is outside of the record is not
    /// shown.
    pub(crate) marks: Vec<Mark>,
    /// The services that were under load.
    pub(crate) services: Vec<ServiceTimeline>,
}

/// A moment with a name.
pub(crate) struct Mark {
    /// When it was.
    pub(crate) at: Instant,
    /// What happened, in a few words: "update to v2 begins".
    pub(crate) what: String,
}

/// What became of one service.
pub(crate) struct ServiceTimeline {
    /// The service's name.
    pub(crate) name: &'static str,
    /// How many tasks the service was to have.
    pub(crate) wanted: usize,
    /// What its tasks were, in the order of time.
    pub(crate) looks: Vec<Look>,
    /// What it was asked, in any order.
    pub(crate) requests: Vec<Request>,
}

/// The tasks of a service at one moment.
pub(crate) struct Look {
    /// When the look was taken.
    pub(crate) at: Instant,
    /// The tasks by version and state. What is missing is none.
    pub(crate) tasks: BTreeMap<(String, State), usize>,
    /// The tasks that the balancer sends requests to.
    pub(crate) ready: usize,
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    /// It runs, and is not known to be healthy yet.
    Starting,
    /// It is healthy.
    Ready,
    /// It was told to end, and has not ended yet.
    Stopping,
}

/// A request and how it went.
#[derive(Clone, Copy)]
pub(crate) struct Request {
    /// When the load was to send it, even if it could not.
    pub(crate) due: Instant,
    /// From then to the end of the answer, or to the failure.
    pub(crate) took: Duration,
    /// Whether it was not answered as it should have been.
    pub(crate) failed: bool,
}

/// What came of the requests that were due in a span of time. So a stall counts against the second in which it began.
pub(crate) struct Figures {
    /// How many there were, failures included.
    pub(crate) requests: usize,
    /// How many of them failed.
    pub(crate) failed: usize,
    /// How long 99 of 100 took at most, failures included. `None` where there was no request.
    pub(crate) p99: Option<Duration>,
}

impl Timeline {
    /// The seconds of the record. The last one is cut off where the record ends.
    pub(crate) fn seconds(&self) -> impl Iterator<Item = Range<Instant>> {
        let starts = iter::successors(Some(self.from), |start| Some(*start + SECOND));
        starts.take_while(|start| *start < self.to).map(|start| start..(start + SECOND).min(self.to))
    }

    /// The time up to the first mark, which what follows is measured against. All of it where there is no mark.
    pub(crate) fn before(&self) -> Range<Instant> {
        self.from..self.marks.first().map_or(self.to, |mark| mark.at)
    }

    /// All versions, in the order in which they appeared.
    pub(crate) fn versions(&self) -> Vec<&str> {
        let mut looks: Vec<_> = self.services.iter().flat_map(|service| &service.looks).collect();
        looks.sort_by_key(|look| look.at);
        let mut versions = Vec::new();
        for (version, _) in looks.iter().flat_map(|look| look.tasks.keys()) {
            if !versions.contains(&version.as_str()) {
                versions.push(version.as_str());
            }
        }
        versions
    }
}

impl ServiceTimeline {
    /// What came of the requests that were due in this span.
    pub(crate) fn figures(&self, span: &Range<Instant>) -> Figures {
        let due = || self.requests.iter().filter(|request| span.contains(&request.due));
        Figures { requests: due().count(), failed: due().filter(|request| request.failed).count(), p99: self.p99(span) }
    }

    /// How long 99 of 100 requests that were due in this span took at most. `None` where there was none.
    pub(crate) fn p99(&self, span: &Range<Instant>) -> Option<Duration> {
        let due = self.requests.iter().filter(|request| span.contains(&request.due));
        percentile(due.map(|request| request.took).collect(), 99)
    }

    /// The last look of a span.
    fn look(&self, span: &Range<Instant>) -> Option<&Look> {
        self.looks.iter().rfind(|look| span.contains(&look.at))
    }
}

impl Look {
    /// How many tasks of a version are in a state.
    pub(crate) fn count(&self, version: &str, state: State) -> usize {
        self.tasks.get(&(version.to_owned(), state)).copied().unwrap_or_default()
    }
}

impl State {
    /// The state in a word.
    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Stopping => "stopping",
        }
    }
}

/// The percentile by nearest rank: the smallest of the values that so many percent of them do not exceed. So it is always
/// a value that was measured, and of fewer than a hundred values the 99th percentile is the largest. Whole percents, as
/// a fraction would be rounded: 0.07 × 100 is more than 7.
pub(crate) fn percentile(mut values: Vec<Duration>, percent: usize) -> Option<Duration> {
    values.sort_unstable();
    let rank = (values.len() * percent).div_ceil(100);
    values.get(rank.max(1) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::{sample::halves, *};

    fn millis(values: impl IntoIterator<Item = u64>) -> Vec<Duration> {
        values.into_iter().map(Duration::from_millis).collect()
    }

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        assert_eq!(percentile(millis((1..=200).rev()), 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(millis(1..=200), 100), Some(Duration::from_millis(200)));
        assert_eq!(percentile(millis(1..=200), 0), Some(Duration::from_millis(1)));
        assert_eq!(percentile(millis(1..=100), 7), Some(Duration::from_millis(7)));
        assert_eq!(percentile(millis([3, 9, 1]), 50), Some(Duration::from_millis(3)));
        assert_eq!(percentile(millis([5]), 99), Some(Duration::from_millis(5)));
    }

    #[test]
    fn there_is_no_percentile_of_nothing() {
        assert_eq!(percentile(Vec::new(), 99), None);
    }

    #[test]
    fn a_request_counts_in_the_second_in_which_it_was_due() {
        let mut timeline = halves();
        let at = timeline.from + Duration::from_millis(5_980);
        let stalled = Request { due: at, took: Duration::from_secs(3), failed: true };
        timeline.services[0].requests.push(stalled);
        let of = |second: usize| timeline.services[0].figures(&timeline.seconds().nth(second).unwrap());
        assert_eq!((of(5).requests, of(5).failed, of(5).p99), (11, 1, Some(stalled.took)));
        assert_eq!((of(6).requests, of(6).failed), (10, 0));
        assert!(of(8).p99 < Some(stalled.took));
    }

    #[test]
    fn the_last_second_ends_with_the_record() {
        let mut timeline = halves();
        timeline.to = timeline.from + Duration::from_millis(2_500);
        let seconds = timeline.seconds().collect::<Vec<_>>();
        assert_eq!(seconds.len(), 3);
        assert_eq!(seconds[2], timeline.from + 2 * SECOND..timeline.to);
    }

    #[test]
    fn what_follows_is_measured_against_the_time_up_to_the_first_mark() {
        let mut timeline = halves();
        assert_eq!(timeline.before(), timeline.from..timeline.from + 4 * SECOND);
        timeline.marks.clear();
        assert_eq!(timeline.before(), timeline.from..timeline.to);
    }

    #[test]
    fn versions_are_in_the_order_in_which_they_appear() {
        let mut timeline = halves();
        assert_eq!(timeline.versions(), ["v1", "v2"]);
        for look in &mut timeline.services[1].looks {
            let tasks = std::mem::take(&mut look.tasks).into_iter();
            look.tasks = tasks.map(|((version, state), count)| ((version.replace("v1", "v9"), state), count)).collect();
        }
        assert_eq!(timeline.versions(), ["v1", "v9", "v2"]);
    }
}
