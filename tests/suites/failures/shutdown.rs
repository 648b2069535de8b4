//! The end of a service: in order on SIGTERM, without delay on Ctrl-C, at once on the second signal.

use std::time::{Duration, Instant};

use harness::{Database, PATIENCE, Seeded, TOKEN, eventually, oslo, prepared, start};
use rustix::process::Signal;
use sqlx::Executor as _;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
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
async fn ctrl_c_leaves_the_delay_out_and_a_second_signal_ends_at_once() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("DRAIN_DELAY", "1h");
    let (mut running, _client) = start(&service).await;
    running.process().signal(Signal::INT);
    assert!(running.process().wait().await.unwrap().success());

    let (mut running, client) = start(&service).await;
    running.terminate();
    eventually("it drains", async || client.get("/readyz").await.status == 503).await;
    running.terminate();
    let asked = Instant::now();
    let status = running.process().wait().await.unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    let told = running.log().wait_for(|line| line.contains("second signal"), PATIENCE).await;
    assert!(told.is_some(), "{:?}", running.log().lines());
}

#[tokio::test]
async fn a_request_that_takes_too_long_does_not_hold_the_end_up() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("SHUTDOWN_TIMEOUT", "1s");
    let (mut running, _client) = start(&service).await;
    let mut slow = TcpStream::connect(("127.0.0.1", running.port())).await.unwrap();
    let head = format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\nexpect: 100-continue\r\n\r\n"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut begun = [0; 25];
    slow.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 100 Continue\r\n\r\n", "it is under way");
    let asked = Instant::now();
    running.terminate();
    let status = running.process().wait().await.unwrap();
    assert!(status.success(), "{status}");
    let took = asked.elapsed();
    assert!(took > Duration::from_millis(900) && took < Duration::from_secs(4), "{took:?}");
    let mut answer = Vec::new();
    let _ = slow.read_to_end(&mut answer).await;
    assert!(answer.is_empty(), "it was cut off");
}
