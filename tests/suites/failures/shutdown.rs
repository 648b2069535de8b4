//! The end of a service: in order on SIGTERM, however often it comes; without delay on Ctrl-C, and at once on the second.

use std::time::{Duration, Instant};

use harness::{Database, PATIENCE, Seeded, TOKEN, eventually, oslo, prepared, start};
use playground::service::Running;
use rustix::process::Signal;
use sqlx::Executor as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

#[tokio::test]
async fn sigterm_turns_readiness_off_and_requests_are_served_on_for_the_delay() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("DRAIN_DELAY", "2s");
    let (mut running, client) = start(&service).await;
    let asked = Instant::now();
    running.terminate();
    eventually("readiness is off", async || client.get("/readyz").await.status == 503).await;
    assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
    let mut served = 0;
    while asked.elapsed() < Duration::from_millis(1_500) {
        client.get("/livez").await.expect(200);
        client.get("/locations").await.expect(200);
        served += 1;
    }
    assert!(served > 10, "{served}");
    let status = running.process().wait().await.unwrap();
    assert!(status.success(), "{status}");
    let took = asked.elapsed();
    assert!(took >= Duration::from_secs(2) && took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn a_request_under_way_is_finished_after_sigterm() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (mut running, client) = start(&service).await;
    let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let mut holder = database.connect().await;
    holder.execute("START TRANSACTION").await.unwrap();
    holder.execute("SELECT * FROM locations FOR UPDATE").await.unwrap();
    let changing = tokio::spawn({
        let (client, path) = (client.clone(), path.clone());
        async move { client.put(&path, None, &oslo()).await }
    });
    eventually("the request waits for the row", async || {
        client.get("/metrics").await.body.lines().any(|line| line == r#"db_pool_connections{state="used"} 1"#)
    })
    .await;
    running.terminate();
    eventually("new connections are refused", async || {
        TcpStream::connect(("127.0.0.1", running.port())).await.is_err()
    })
    .await;
    holder.execute("COMMIT").await.unwrap();
    changing.await.unwrap().expect(200);
    assert!(running.process().wait().await.unwrap().success());
}

#[tokio::test]
async fn idle_connections_do_not_hold_the_end_up() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (mut running, client) = start(&service).await;
    // Each client keeps its connection.
    let idle: Vec<_> = (0..4).map(|_| harness::Client::new(running.url(""))).chain([client]).collect();
    for client in &idle {
        client.get("/livez").await.expect(200);
    }
    let asked = Instant::now();
    running.terminate();
    assert!(running.process().wait().await.unwrap().success());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn ctrl_c_leaves_the_delay_out_and_the_second_one_ends_at_once() {
    let database = Database::new().await;
    let service =
        prepared("location", &database, Seeded::No).await.set("DRAIN_DELAY", "1h").set("SHUTDOWN_TIMEOUT", "1h");
    let (mut running, _client) = start(&service).await;
    running.process().signal(Signal::INT);
    assert!(running.process().wait().await.unwrap().success());

    // With a request under way that does not end: SIGTERM changes nothing, whether it comes first or later.
    for [first, then] in [[Signal::INT, Signal::TERM], [Signal::TERM, Signal::INT]] {
        let (mut running, _client) = start(&service).await;
        let _slow = begin(running.port()).await;
        running.process().signal(first);
        logged(&running, "stopping: ").await;
        running.process().signal(then);
        eventually("new connections are refused", async || {
            TcpStream::connect(("127.0.0.1", running.port())).await.is_err()
        })
        .await;
        running.terminate();
        logged(&running, "stopping already").await;
        assert!(timeout(Duration::from_millis(300), running.process().wait()).await.is_err(), "{first:?}, {then:?}");
        running.process().signal(Signal::INT);
        let asked = Instant::now();
        assert_eq!(running.process().wait().await.unwrap().code(), Some(1), "{first:?}, {then:?}");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        logged(&running, "second SIGINT").await;
    }
}

async fn logged(running: &Running, text: &str) {
    let told = running.log().wait_for(|line| line.contains(text), PATIENCE).await;
    assert!(told.is_some(), "{:?}", running.log().lines());
}

#[tokio::test]
async fn sigterm_that_is_repeated_breaks_nothing_off() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("DRAIN_DELAY", "1s");
    let (mut running, client) = start(&service).await;
    let asked = Instant::now();
    for _ in 0..3 {
        running.terminate();
        sleep(Duration::from_millis(50)).await;
    }
    client.get("/locations").await.expect(200);
    let mut slow = begin(running.port()).await;
    eventually("new connections are refused", async || {
        TcpStream::connect(("127.0.0.1", running.port())).await.is_err()
    })
    .await;
    running.terminate();
    slow.write_all(oslo().to_string().as_bytes()).await.unwrap();
    let mut answer = String::new();
    slow.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let status = running.process().wait().await.unwrap();
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() >= Duration::from_secs(1), "{:?}", asked.elapsed());
}

/// A connection with a POST whose body is asked for and has not come.
async fn begin(port: u16) -> TcpStream {
    let mut slow = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nexpect: 100-continue\r\n\r\n",
        oslo().to_string().len()
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut begun = [0; 25];
    slow.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100 Continue\r\n\r\n", "it is under way");
    slow
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_cut_off_after_the_exact_time() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    for (setting, limit) in [("2900ms", 2_900), ("500ms", 500), ("0s", 0)] {
        let limit = Duration::from_millis(limit);
        let (mut running, _client) = start(&service.clone().set("SHUTDOWN_TIMEOUT", setting)).await;
        let mut slow = begin(running.port()).await;
        let asked = Instant::now();
        running.terminate();
        let status = running.process().wait().await.unwrap();
        assert!(status.success(), "{status}");
        let took = asked.elapsed();
        assert!(took >= limit && took < limit + Duration::from_millis(800), "{setting}: {took:?}");
        let mut answer = Vec::new();
        let _ = slow.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "it was cut off");
        logged(&running, "SHUTDOWN_TIMEOUT").await;
    }
}
