//! Clients that take their time.

use std::time::{Duration, Instant};

use crate::harness::{Seeded, TOKEN, location, raw};

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
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let service = location(Seeded::No).await;
    let request = b"POST /locations HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n{";
    for _ in 0..50 {
        let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", service.running.port())).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
    }
    service.client.get("/locations").await.expect(200);
    let figures = service.client.get("/metrics").await.body;
    assert!(figures.contains(r#"db_pool_connections{state="used"} 0"#), "{figures}");
}
