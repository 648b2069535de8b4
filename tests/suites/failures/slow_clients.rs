//! Clients that take their time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
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

/// actix-http alone has a limit for the first head of a connection, and none for the others.
#[tokio::test]
async fn half_a_head_is_answered_and_cut_off_wherever_it_stands_on_its_connection() {
    let service = location(Seeded::No).await;
    let port = service.running.port();
    let first = "GET /livez HTTP/1.1\r\nhost: x\r\n\r\n";
    let chunked = format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n"
    );
    let shapes = [
        String::new(),
        "\r\n".to_owned(),
        "GET /livez HTTP/1.1\r\nho".to_owned(),
        format!("{first}GET /livez HTTP/1.1\r\nho"),
        format!("{first}\r\nGET /"),
        format!("{chunked}GET /livez HTTP/1.1\r\nhost: x\r\n"),
    ];
    let answers = shapes.iter().map(async |shape| raw(port, &[shape.as_bytes()], Duration::ZERO).await);
    for (shape, answer) in shapes.iter().zip(join_all(answers).await) {
        let last = answer.rfind("HTTP/1.1 ").map(|at| &answer[at..]).unwrap_or_default();
        assert!(
            last.starts_with("HTTP/1.1 408 ") && last.contains("urn:problem-type:timeout"),
            "{shape:?}: {answer:?}"
        );
        assert!(last.contains("x-request-id: "), "{shape:?}: {answer:?}");
    }
    let line = format!(r#"http_requests_total{{method="other",route="unmatched",status="408"}} {}"#, shapes.len());
    assert!(service.client.get("/metrics").await.expect(200).body.lines().any(|found| found == line), "{line}");
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
