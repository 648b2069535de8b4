//! A record that is made up, to try table and drawing on.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Look, Mark, Request, ServiceTimeline, State, Timeline};

/// The tasks from a second on, and how many of them the balancer sends requests to.
type Phase = (u64, &'static [(&'static str, State, usize)], usize);

/// Four tasks of v1 become four of v2, two at a time, new ones first.
const HALVES: [Phase; 7] = [
    (0, &[("v1", State::Ready, 4)], 4),
    (4, &[("v1", State::Ready, 4), ("v2", State::Starting, 2)], 4),
    (8, &[("v1", State::Ready, 4), ("v2", State::Ready, 2)], 6),
    (9, &[("v1", State::Ready, 2), ("v1", State::Stopping, 2), ("v2", State::Ready, 2)], 4),
    (13, &[("v1", State::Ready, 2), ("v2", State::Ready, 2), ("v2", State::Starting, 2)], 4),
    (17, &[("v1", State::Stopping, 2), ("v2", State::Ready, 4)], 4),
    (21, &[("v2", State::Ready, 4)], 4),
];

/// Two services for 24 seconds, at ten requests a second, of which none fails. They take 10 ms, and 20 ms during the
/// update.
pub(crate) fn halves() -> Timeline {
    let from = Instant::now();
    let at = |millis| from + Duration::from_millis(millis);
    let service = |name| ServiceTimeline {
        name,
        wanted: 4,
        looks: (0..24_000).step_by(500).map(|millis| look(at(millis), millis / 1000)).collect(),
        requests: (0..24_000).step_by(100).map(|millis| request(at(millis), millis / 1000)).collect(),
    };
    Timeline {
        title: "Four tasks become four of v2, by halves".to_owned(),
        from,
        to: at(24_000),
        marks: [(4_000, "update to v2 begins"), (21_000, "v2 alone")]
            .map(|(millis, what)| Mark { at: at(millis), what: what.to_owned() })
            .into(),
        services: vec![service("location"), service("user")],
    }
}

/// The same, but the first service fails two requests in second 10, after two seconds.
pub(crate) fn with_failures() -> Timeline {
    let mut timeline = halves();
    for request in &mut timeline.services[0].requests[100..102] {
        (request.took, request.failed) = (Duration::from_secs(2), true);
    }
    timeline
}

fn look(at: Instant, second: u64) -> Look {
    let phase = HALVES.iter().rfind(|(from, ..)| *from <= second);
    let (_, tasks, ready) = phase.expect("the first phase begins at once");
    let tasks = tasks.iter().map(|(version, state, count)| (((*version).to_owned(), *state), *count));
    Look { at, tasks: tasks.collect::<BTreeMap<_, _>>(), ready: *ready }
}

fn request(due: Instant, second: u64) -> Request {
    let took = Duration::from_millis(if (4..21).contains(&second) { 20 } else { 10 });
    Request { due, took, failed: false }
}
