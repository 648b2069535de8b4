//! `bench start`: how long our service takes from its start to its first answers.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use playground::{ports, terminal};
use serde::Serialize;

use crate::{
    client::Single,
    contenders,
    database::Database,
    report::{
        figures::{millis, rounded},
        results::{self, Results},
        statistics::median,
    },
};

/// How often it is started.
const STARTS: usize = 15;
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two questions whether it is ready: far below what is measured.
const POLL: Duration = Duration::from_micros(100);

/// What came of it: medians, with the shortest and the longest.
#[derive(Debug, Serialize)]
struct Timings {
    starts: usize,
    ready_ms: f64,
    ready_ms_min: f64,
    ready_ms_max: f64,
    /// Until the first location was answered, which is after that.
    first_location_ms: f64,
}

/// Starts the location service again and again, on a database that is up.
pub(crate) async fn run() -> Result<()> {
    contenders::build_services().await?;
    let database = Database::start().await?;
    database.fill().await?;
    let rows = database.locations(&database.location).await?;
    let path = format!("/locations/{}", rows.first().context("there are no locations")?.id);
    let service = database.service("location", &database.location);
    let (mut ready, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let port = ports::free()?;
        let start = Instant::now();
        let mut running = service.start(port)?;
        let (at_ready, at_answer) = tokio::task::block_in_place(|| first_answers(port, &path, start))?;
        ready.push(millis(at_ready));
        answered.push(millis(at_answer));
        running.stop().await?;
    }
    database.stop().await?;
    let timings = Timings {
        starts: STARTS,
        ready_ms: rounded(median(ready.iter().copied()).unwrap_or_default(), 1),
        ready_ms_min: rounded(ready.iter().copied().fold(f64::INFINITY, f64::min), 1),
        ready_ms_max: rounded(ready.iter().copied().fold(0.0, f64::max), 1),
        first_location_ms: rounded(median(answered).unwrap_or_default(), 1),
    };
    terminal::line(format_args!(
        "The location service is ready after {} ms ({} to {} in {STARTS} starts), and has answered with a location after {} ms",
        timings.ready_ms, timings.ready_ms_min, timings.ready_ms_max, timings.first_location_ms
    ));
    Results::kept().write(results::START, &timings)
}

/// How long after `start` the service was ready, and had answered with what is at `path`.
fn first_answers(port: u16, path: &str, start: Instant) -> Result<(Duration, Duration)> {
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n").into_bytes();
    let mut connection = loop {
        let ready = Single::connect(port).and_then(|mut connection| {
            let answer = connection.ask(&request("/readyz"))?;
            Ok((answer.status == 200).then_some(connection))
        });
        if let Ok(Some(connection)) = ready {
            break connection;
        }
        ensure!(start.elapsed() < PATIENCE, "the location service is not ready after {} s", PATIENCE.as_secs());
        thread::sleep(POLL);
    };
    let ready = start.elapsed();
    let answer = connection.ask(&request(path))?;
    ensure!(answer.status == 200, "{path} is answered with {}", answer.status);
    Ok((ready, start.elapsed()))
}
