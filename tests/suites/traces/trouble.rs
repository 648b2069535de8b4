//! Receivers that are away, hang or refuse.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use harness::{Database, PATIENCE, Seeded, oslo, prepared, start};
use playground::ports;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// How long a service with nothing under way may take to its end: two seconds for its last spans, and what a busy machine
/// adds.
const END: Duration = Duration::from_secs(5);

#[tokio::test]
async fn requests_do_not_depend_on_a_receiver_that_is_away() {
    serve_without(&format!("http://127.0.0.1:{}", ports::free().unwrap())).await;
}

#[tokio::test]
async fn requests_do_not_depend_on_a_receiver_that_hangs() {
    // The kernel accepts for it, and nobody ever answers.
    let hanging = TcpListener::bind("127.0.0.1:0").unwrap();
    serve_without(&format!("http://{}", hanging.local_addr().unwrap())).await;
}

#[tokio::test]
async fn requests_do_not_depend_on_a_receiver_that_refuses() {
    let refusing = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", refusing.local_addr().unwrap());
    let refusals = tokio::spawn(async move {
        loop {
            let (mut stream, _) = refusing.accept().await.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).await;
            let refusal = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(refusal).await;
        }
    });
    serve_without(&url).await;
    refusals.abort();
}

/// A service whose spans nobody takes answers all the same, says so once, and ends in order.
async fn serve_without(receiver: &str) {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No)
        .await
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", receiver)
        // Several deliveries are tried in the time that the test takes.
        .set("OTEL_BSP_SCHEDULE_DELAY", "50");
    let (mut running, client) = start(&service).await;
    let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let told = async {
        let lost = |line: &str| line.contains("traces are lost") && line.contains("OTEL_EXPORTER_OTLP_ENDPOINT");
        running.log().wait_for(lost, PATIENCE).await
    };
    let mut told = Box::pin(told);
    let line = loop {
        let asked = async {
            let begun = Instant::now();
            client.get(&path).await.expect(200);
            assert!(begun.elapsed() < Duration::from_secs(1), "a request took {:?}", begun.elapsed());
        };
        tokio::select! {
            line = &mut told => break line,
            () = asked => {}
        }
    };
    drop(told);
    assert!(line.is_some(), "{:?}", running.log().lines());
    client.get(&path).await.expect(200);

    let begun = Instant::now();
    assert!(running.stop().await.unwrap().success(), "{:?}", running.log().lines());
    assert!(begun.elapsed() < END, "it took {:?} to end", begun.elapsed());
    let lines = running.log().lines();
    assert_eq!(lines.iter().filter(|line| line.contains("traces are lost")).count(), 1, "{lines:#?}");
    assert!(lines.iter().any(|line| line.contains(r#""message":"stopped""#)), "{lines:#?}");
}
