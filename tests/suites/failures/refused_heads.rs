//! Requests that never reach a route: what is no HTTP/1.1 is refused as a problem, with an id, in the log and in the metrics;
//! what only looks strange is answered.

use std::time::Duration;

use harness::{LocationService, Seeded, TOKEN, location, raw};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// A second request on the same connection, which ends it.
const NEXT: &str = "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// Sends `requests` one after the other, each after the answer to the one before; returns the answers.
async fn answers(service: &LocationService, requests: &[&[u8]]) -> Vec<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", service.running.port())).await.unwrap();
    let mut answers = Vec::new();
    for request in requests {
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        while !is_complete(&answer) {
            let read = timeout(harness::PATIENCE, stream.read_buf(&mut answer)).await.expect("an answer").unwrap();
            assert!(read > 0, "closed without an answer to {:?}: {answers:?}", request.escape_ascii().to_string());
        }
        answers.push(String::from_utf8(answer).unwrap());
    }
    answers
}

fn is_complete(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let length = head.split_once("content-length: ").and_then(|(_, rest)| rest.lines().next());
    length.is_none_or(|length| length.parse::<usize>().unwrap() <= body.len())
}

#[tokio::test]
async fn upgrades_are_ignored_and_the_connection_stays() {
    let service = location(Seeded::No).await;
    for headers in [
        "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
        "connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZQ==\r\nsec-websocket-version: 13\r\n",
        "connection: keep-alive\r\nConnection: UPGRADE\r\nUpgrade: websocket, h2c\r\n",
        "connection: upgrade\r\nupgrade: TLS/1.0\r\n",
        "upgrade: websocket\r\n",
        "connection: upgrade\r\n",
        "connection: KEEP-ALIVE\r\n",
        "connection: x-foo\r\nte: trailers\r\n",
        "expect: 200-ok\r\n",
    ] {
        let first = format!("GET /readyz HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        let both = answers(&service, &[first.as_bytes(), NEXT.as_bytes()]).await;
        let (first, next) = (&both[0], &both[1]);
        assert!(first.starts_with("HTTP/1.1 200 ") && !first.contains("connection:"), "{headers}: {first}");
        assert!(next.starts_with("HTTP/1.1 200 "), "{headers}: {next}");
    }
    for (first, connection) in [
        ("GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close, upgrade\r\nupgrade: h2c\r\n\r\n", "connection: close"),
        ("GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n", "connection: close"),
        ("GET /readyz HTTP/1.0\r\n\r\n", "HTTP/1.0 200"),
    ] {
        // It is read until the service closes.
        let answer = raw(service.running.port(), &[first.as_bytes()], Duration::ZERO).await;
        assert!(answer.contains(connection) && answer.contains(" 200 OK"), "{first}: {answer}");
    }
    let kept = b"GET /readyz HTTP/1.0\r\nconnection: Keep-Alive, Upgrade\r\nupgrade: h2c\r\n\r\n";
    let kept = answers(&service, &[kept, NEXT.as_bytes()]).await;
    assert!(kept[0].contains("connection: keep-alive\r\n") && kept[1].contains(" 200 OK"), "{kept:?}");
}

#[tokio::test]
async fn targets_that_are_sent_unencoded_are_answered() {
    let service = location(Seeded::Yes).await;
    let search = |query: &[u8]| [&b"GET /locations?q="[..], query, b"&limit=1 HTTP/1.1\r\nhost: x\r\n\r\n"].concat();
    let body = |answer: &str| answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    let encoded = body(&answers(&service, &[&search(b"S%C3%A3o")]).await[0]);
    assert!(encoded.contains("\"items\":[{"), "{encoded}");
    let raw_utf8 = search("S\u{e3}o".as_bytes());
    let with_length = format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: 2\r\n\r\n{{}}"
    );
    let in_chunks = with_length
        .replace("content-length: 2\r\n\r\n{}", "transfer-encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nx: y\r\n\r\n");
    // On one connection, after requests with bodies.
    let requests: [&[u8]; 6] =
        [&raw_utf8, with_length.as_bytes(), &raw_utf8, in_chunks.as_bytes(), &raw_utf8, NEXT.as_bytes()];
    let all = answers(&service, &requests).await;
    for index in [0, 2, 4] {
        assert_eq!(body(&all[index]), encoded, "request {index}");
    }
    assert!(all[5].starts_with("HTTP/1.1 200 "), "{all:?}");
    // In one piece, and in the middle of a character.
    let pipelined = [&raw_utf8[..], &raw_utf8, NEXT.as_bytes()].concat();
    for pieces in [vec![&pipelined[..]], vec![&pipelined[..19], &pipelined[19..]]] {
        let answer = raw(service.running.port(), &pieces, Duration::from_millis(20)).await;
        assert_eq!((answer.matches(" 200 OK").count(), answer.matches(&encoded).count()), (3, 2), "{answer}");
    }
    for (target, status) in [
        (&b"/livez?S\xe3o"[..], "200"),
        (b"/livez?\"<>\\^`{|}[]'", "200"),
        (b"/livez?%", "200"),
        (b"/livez?%zz%00%FF", "200"),
        (b"/livez#S\xc3\xa3o", "200"),
        (b"http://host/livez?\xff", "200"),
        (b"/locations/S\xc3\xa3o", "400"),
        (b"/locations/\xff", "400"),
        (b"/locations/\"<>\\^`{|}[]'", "400"),
        (b"/S\xc3\xa3o", "404"),
    ] {
        let request = [&b"GET "[..], target, b" HTTP/1.1\r\nhost: x\r\n\r\n"].concat();
        let all = answers(&service, &[&request, NEXT.as_bytes()]).await;
        assert!(all[0].starts_with(&format!("HTTP/1.1 {status} ")), "{}: {}", target.escape_ascii(), all[0]);
        assert!(all[1].starts_with("HTTP/1.1 200 "), "{}: {}", target.escape_ascii(), all[1]);
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_problem_with_an_id_in_log_and_metrics() {
    let service = location(Seeded::No).await;
    let get = "GET /livez HTTP/1.1\r\nhost: x\r\n";
    let hello = [&b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"[..], &[0xab; 190]].concat();
    let shapes: Vec<(&str, Vec<u8>, u16)> = vec![
        ("no request line", b"nonsense\r\n\r\n".to_vec(), 400),
        ("HTTP/0.9", b"GET /livez\r\n".to_vec(), 400),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\x04\0".to_vec(), 400),
        ("TLS", hello, 400),
        ("a control character in the target", b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), 400),
        ("a space in the target", b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), 400),
        ("the method of the stand-in", b"- * HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), 400),
        ("no Host", b"GET /livez HTTP/1.1\r\n\r\n".to_vec(), 400),
        ("two Hosts", format!("{get}host: y\r\n\r\n").into_bytes(), 400),
        ("a header without a colon", format!("{get}x\r\n\r\n").into_bytes(), 400),
        ("a folded header", format!("{get}x: y\r\n z\r\n\r\n").into_bytes(), 400),
        ("a length that is no number", format!("{get}content-length: two\r\n\r\n").into_bytes(), 400),
        ("two framings", format!("{get}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n").into_bytes(), 400),
        ("97 headers", format!("{get}{}\r\n", "x: y\r\n".repeat(96)).into_bytes(), 431),
        ("a long header", format!("{get}x: {}\r\n\r\n", "y".repeat(300_000)).into_bytes(), 431),
        ("a long target", format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(70_000)).into_bytes(), 431),
    ];
    let mut expected = std::collections::BTreeMap::new();
    for (shape, request, status) in shapes {
        // Behind a request that is answered, and as the first of its connection.
        for first in [NEXT.replace("connection: close\r\n", "").into_bytes(), Vec::new()] {
            let answer = raw(service.running.port(), &[&[&first[..], &request].concat()], Duration::ZERO).await;
            let refusal = answer.rfind("HTTP/1.1 ").map(|at| &answer[at..]).unwrap_or_default();
            assert!(refusal.starts_with(&format!("HTTP/1.1 {status} ")), "{shape}: {answer}");
            assert!(refusal.contains("content-type: application/problem+json\r\n"), "{shape}: {refusal}");
            assert!(refusal.contains("connection: close\r\n"), "{shape}: {refusal}");
            let id = refusal.split_once("x-request-id: ").map(|(_, rest)| &rest[..32]).expect("an id");
            let logged = service.running.log().wait_for(
                |line| line.contains(id) && line.contains("answered") && line.contains(&format!("\"status\":{status}")),
                harness::PATIENCE,
            );
            assert!(logged.await.is_some(), "{shape}: {}", service.running.log().tail(5));
            *expected.entry(status).or_insert(0) += 1;
        }
    }
    let metrics = service.client.get("/metrics").await.expect(200).body;
    for (status, count) in expected {
        let line = format!(r#"http_requests_total{{method="other",route="unmatched",status="{status}"}} {count}"#);
        assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
    }
    assert!(!service.running.log().tail(usize::MAX).contains("stream error"), "the parser refused nothing itself");
}

#[tokio::test]
async fn a_head_that_is_cut_off_is_a_problem() {
    let service = location(Seeded::No).await;
    let mut stream = TcpStream::connect(("127.0.0.1", service.running.port())).await.unwrap();
    stream.write_all(b"GET /livez HTTP/1.1\r\nho").await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    timeout(harness::PATIENCE, stream.read_to_string(&mut answer)).await.expect("an end").unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("urn:problem-type:malformed"), "{answer:?}");
}
