//! `bench start`: the time from the start of the location service to its readiness.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use playground::{ports, terminal};
use serde_json::json;
use tokio::task::yield_now;

use crate::{
    client::{Connection, Response},
    contenders,
    database::Database,
    report::{
        self,
        figures::{millis, rounded},
    },
};

const STARTS: usize = 15;
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between two attempts: far less than the start takes.
const POLL: Duration = Duration::from_micros(100);

/// Starts the location service repeatedly, with its database up.
pub(crate) async fn run() -> Result<()> {
    contenders::build_services().await?;
    let database = Database::start().await?;
    database.fill().await?;
    let service = database.service("location", &database.location);
    let mut ready = Vec::new();
    for _ in 0..STARTS {
        let port = ports::free()?;
        let start = Instant::now();
        let mut running = service.start(port)?;
        ready.push(rounded(millis(until_ready(port, start).await?), 1));
        running.stop().await?;
    }
    database.stop().await?;
    ready.sort_by(f64::total_cmp);
    let (ready_ms, ready_ms_min, ready_ms_max) = (ready[STARTS / 2], ready[0], ready[STARTS - 1]);
    terminal::line(format_args!(
        "The location service is ready after {ready_ms} ms ({ready_ms_min} to {ready_ms_max} in {STARTS} starts)"
    ));
    let timings =
        json!({"starts": STARTS, "ready_ms": ready_ms, "ready_ms_min": ready_ms_min, "ready_ms_max": ready_ms_max});
    report::write_json(report::KEPT, "start.json", &timings)
}

/// The time from `start` to a successful `/readyz`.
async fn until_ready(port: u16, start: Instant) -> Result<Duration> {
    let request = format!("GET /readyz HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
    while start.elapsed() < TIMEOUT {
        if let Ok(mut connection) = Connection::open(port).await
            && Response::of(&mut connection, request.as_bytes()).await.is_ok_and(|response| response.status == 200)
        {
            return Ok(start.elapsed());
        }
        // Finer than the timers of tokio, whose resolution is a millisecond.
        thread::sleep(POLL);
        yield_now().await;
    }
    bail!("the location service is not ready after {} s", TIMEOUT.as_secs())
}
