//! Answers that do not read the request's body: the connection is cut, however slowly the rest of the body comes in.

use std::time::Duration;

use futures_util::future::join_all;
use harness::{LocationService, Seeded, TOKEN, location, oslo};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{sleep, timeout},
};

/// Longer than the second for which the service reads on, and far below the time in which a body must arrive.
const CUT: Duration = Duration::from_secs(5);

/// Sends `head` and `body`, and then `drop` again and again, until the service closes; returns what it answered.
async fn drip(service: &LocationService, head: &str, body: &str, drop: &str) -> String {
    let stream = TcpStream::connect(("127.0.0.1", service.running.port())).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    writer.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let dripping = async {
        while writer.write_all(drop.as_bytes()).await.is_ok() {
            sleep(Duration::from_millis(50)).await;
        }
        std::future::pending::<()>().await;
    };
    let closed = async {
        tokio::select! {
            // It may be reset, as it may be in the middle of a drop.
            _ = reader.read_to_end(&mut answer) => {}
            () = dripping => {}
        }
    };
    assert!(timeout(CUT, closed).await.is_ok(), "still open after {CUT:?}: {head}");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_connection_with_an_unread_body_is_cut_after_every_answer() {
    let service = location(Seeded::No).await;
    let place = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let tag = service.client.get(&place).await.expect(200).header("etag").to_owned();
    let spare = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let other = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let token = format!("authorization: Bearer {TOKEN}\r\n");
    let json = format!("{token}content-type: application/json\r\n");
    let html = "accept: text/html\r\n".to_owned();
    let large = format!("x: {}\r\n", "y".repeat(20_000));
    // The two deletions must find something each.
    for framing in ["chunked", "length"] {
        let deleted = if framing == "chunked" { &spare } else { &other };
        let shapes = [
            ("GET /nothing".to_owned(), html.clone(), "404"),
            ("GET /locations/x".to_owned(), html.clone(), "400"),
            ("GET /nothing".to_owned(), String::new(), "404"),
            ("GET /livez".to_owned(), large.clone(), "431"),
            ("GET /livez".to_owned(), format!("{html}{large}"), "431"),
            ("GET /livez".to_owned(), String::new(), "200"),
            ("HEAD /livez".to_owned(), String::new(), "200"),
            (format!("GET {place}"), String::new(), "200"),
            (format!("GET {place}"), format!("if-none-match: {tag}\r\n"), "304"),
            ("POST /livez".to_owned(), String::new(), "405"),
            ("POST /locations".to_owned(), String::new(), "401"),
            ("POST /locations".to_owned(), token.clone(), "415"),
            (format!("DELETE {place}"), format!("{token}if-match: \"0\"\r\n"), "412"),
            (format!("DELETE {deleted}"), token.clone(), "204"),
        ];
        let cut = shapes.iter().map(async |(line, headers, status)| {
            let framing_header =
                if framing == "chunked" { "transfer-encoding: chunked" } else { "content-length: 100000" };
            let head = format!("{line} HTTP/1.1\r\nhost: x\r\n{headers}{framing_header}\r\n\r\n");
            let drop = if framing == "chunked" { "1\r\n{\r\n" } else { "{" };
            let answer = drip(&service, &head, drop, drop).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{framing}, {line}: {answer}");
            assert!(answer.contains("connection: close\r\n"), "{framing}, {line}: {answer}");
        });
        join_all(cut).await;
    }
    let too_large = format!("{{\"name\":\"{}", "x".repeat(17 * 1024));
    let chunk = format!("{:x}\r\n{too_large}\r\n", too_large.len());
    for (framing, body, drop) in
        [("transfer-encoding: chunked", &chunk, "1\r\nx\r\n"), ("content-length: 100000", &too_large, "x")]
    {
        let head = format!("POST /locations HTTP/1.1\r\nhost: x\r\n{json}{framing}\r\n\r\n");
        let answer = drip(&service, &head, body, drop).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{framing}: {answer}");
    }
    service.client.get("/livez").await.expect(200);
}
