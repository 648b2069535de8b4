//! SIGTERM at any moment of a load.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Client, Database, Seeded, eventually, form::choose, load::in_halves, oslo, prepared, start};
use http::Method;
use tokio::{task::JoinSet, time::sleep};

use crate::{figures::Figures, turn::turn};

/// How many clients there are, each with a connection that it keeps.
const CLIENTS: usize = 16;

/// Long enough for a balancer that asks every 20 ms.
const DRAIN_DELAY: Duration = Duration::from_millis(300);

/// How long the last request of each client takes to arrive: it is under way when the service accepts no more.
const LAST_BODY: Duration = Duration::from_millis(500);

/// How long a service may take to end after that, when nothing takes long.
const BOUND: Duration = Duration::from_secs(3);

#[tokio::test]
async fn no_request_is_dropped_whenever_sigterm_comes() {
    let _turn = turn().await;
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::Yes).await.set("DRAIN_DELAY", "300ms");
    let (rounds, begun) = (choose(5, 50), Instant::now());
    let (mut sent, mut written, mut longest) = (0, 0, Duration::ZERO);
    for _ in 0..rounds {
        let (mut running, client) = start(&service).await;
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            clients.spawn(ask_on(Client::new(running.url("")), number, Arc::clone(&stop)));
        }
        sleep(Duration::from_millis(fastrand::u64(..400))).await;
        let asked = Instant::now();
        running.terminate();
        // What a balancer does: it asks, and sends no more to a task that says no.
        eventually("readiness is off", async || client.get("/readyz").await.status == 503).await;
        stop.store(true, Ordering::Relaxed);
        for asked in clients.join_all().await {
            sent += asked.requests;
            written += asked.writes;
            longest = longest.max(asked.longest);
        }
        let status = running.process().wait().await.unwrap();
        assert!(status.success(), "{status}: {:?}", running.log().tail(5));
        assert!(asked.elapsed() < DRAIN_DELAY + BOUND, "{:?}", asked.elapsed());
    }
    let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM locations WHERE name = 'Oslo' AND country = 'NO'")
        .fetch_one(&mut database.connect().await)
        .await
        .unwrap();
    // One of them is in the sample data.
    let there = usize::try_from(there).unwrap() - 1;
    Figures {
        fault: format!("SIGTERM at a random moment, {rounds} times"),
        lasted: begun.elapsed(),
        sent,
        failed: BTreeMap::default(),
        longest,
        recovery: Duration::ZERO,
        acknowledged: written,
        lost: written.saturating_sub(there),
    }
    .tell();
    assert_eq!(there, written, "what was acknowledged is there, and nothing else");
    assert!(sent > rounds * CLIENTS, "{sent}");
}

/// What a client did: each of its requests has been answered as it should.
#[derive(Default)]
struct Asked {
    requests: usize,
    writes: usize,
    longest: Duration,
}

/// Reads and writes until it is told to stop. The last request is a write whose body comes slowly.
async fn ask_on(client: Client, number: usize, stop: Arc<AtomicBool>) -> Asked {
    let mut asked = Asked::default();
    let write = || client.authorized(Method::POST, "/locations");
    while !stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        if (asked.requests + number).is_multiple_of(4) {
            harness::send(write().json(&oslo())).await.expect(201);
            asked.writes += 1;
        } else {
            harness::send(client.request(Method::GET, "/locations/3143244")).await.expect(200);
        }
        asked.requests += 1;
        asked.longest = asked.longest.max(sent.elapsed());
    }
    harness::send(in_halves(write(), oslo().to_string(), LAST_BODY)).await.expect(201);
    Asked { requests: asked.requests + 1, writes: asked.writes + 1, ..asked }
}
