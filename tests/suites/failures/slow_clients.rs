//! Clients that take their time.

use std::time::{Duration, Instant};

use harness::{Seeded, TOKEN, eventually, location, raw};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

#[tokio::test]
async fn a_head_that_drips_in_is_cut_off() {
    let service = location(Seeded::No).await;
    let pieces: Vec<&[u8]> =
        std::iter::once(&b"GET /livez HTTP/1.1\r\nhost: x\r\n"[..]).chain((0..40).map(|_| &b"x"[..])).collect();
    let begun = Instant::now();
    let answer = raw(service.running.port(), &pieces, Duration::from_millis(500)).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer:?}");
    assert!(begun.elapsed() < Duration::from_secs(22), "the limit is 5 s from the first byte: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_body_that_drips_in_is_cut_off_with_an_answer() {
    let service = location(Seeded::No).await;
    let head = format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\nconnection: close\r\n\r\n{{"
    );
    let pieces: Vec<&[u8]> = std::iter::once(head.as_bytes()).chain((0..30).map(|_| &b" "[..])).collect();
    let answer = raw(service.running.port(), &pieces, Duration::from_millis(500)).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("urn:problem-type:timeout"), "{answer:?}");
    service.client.get("/livez").await.expect(200);
}

#[tokio::test]
async fn clients_that_go_away_in_the_middle_of_a_body_leave_nothing_behind() {
    let mut service = location(Seeded::No).await;
    let request = format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: 1000\r\n\r\n{{"
    );
    for _ in 0..50 {
        let mut stream = TcpStream::connect(("127.0.0.1", service.running.port())).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
    }
    let seen = || service.running.log().lines().iter().filter(|line| line.contains("\"status\":400")).count();
    eventually("all of them are given up", async || seen() == 50).await;
    // A service that still held them would wait for them.
    let asked = Instant::now();
    assert!(service.running.stop().await.unwrap().success());
    assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
}
