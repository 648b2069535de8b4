//! Where a request ends: a balancer and a service that read the same bytes must come to the same answer, or one client's
//! request ends up in another's. What is ambiguous is refused, and its connection closed.

use std::time::Duration;

use harness::{LocationService, Seeded, TOKEN, location, raw};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// What an attacker hides behind the first request.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

/// The beginning of a request that may write.
fn post(headers: &str) -> String {
    format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         {headers}\r\n\r\n"
    )
}

/// The status lines of all answers, until the service closes the connection.
async fn statuses(service: &LocationService, request: &str) -> Vec<String> {
    let answer = raw(service.running.port(), &[request.as_bytes()], Duration::ZERO).await;
    // A body need not end with its line.
    answer.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].to_owned()).collect()
}

#[tokio::test]
async fn a_body_of_two_lengths_is_refused_and_nothing_behind_it_is_read() {
    let service = location(Seeded::No).await;
    let chunked = "0\r\n\r\n";
    let whole = chunked.len() + HIDDEN.len();
    let mut shapes = vec![
        ("CL.TE".to_owned(), post("content-length: 5\r\ntransfer-encoding: chunked") + chunked),
        ("TE.CL".to_owned(), post("transfer-encoding: chunked\r\ncontent-length: 5") + chunked),
        ("CL over all".to_owned(), post(&format!("content-length: {whole}\r\ntransfer-encoding: chunked")) + chunked),
        ("two codings".to_owned(), post("transfer-encoding: chunked\r\ntransfer-encoding: identity") + chunked),
        ("a space before the colon".to_owned(), post("transfer-encoding : chunked") + chunked),
        ("obs-fold".to_owned(), post("transfer-encoding:\r\n chunked") + chunked),
        ("obs-fold, any header".to_owned(), post("x: a\r\n b\r\ncontent-length: 0")),
        ("a bare CR".to_owned(), post("x: a\rtransfer-encoding: chunked\r\ncontent-length: 0")),
        ("NUL".to_owned(), post("x: a\0b\r\ncontent-length: 0")),
        ("HTTP/1.0".to_owned(), post("transfer-encoding: chunked").replace("HTTP/1.1", "HTTP/1.0") + chunked),
        ("two lengths".to_owned(), post("content-length: 2\r\ncontent-length: 0") + "{}"),
        ("the same length twice".to_owned(), post("content-length: 2\r\ncontent-length: 2") + "{}"),
    ];
    for coding in [
        "xchunked",
        "identity",
        "chunked, identity",
        "identity, chunked",
        "chunked, chunked",
        "gzip, chunked",
        "\x0bchunked",
        "chunked\0",
        "\"chunked\"",
        "chunked;a=b",
    ] {
        shapes.push((format!("coding {coding:?}"), post(&format!("transfer-encoding: {coding}")) + chunked));
        let both = post(&format!("content-length: 5\r\ntransfer-encoding: {coding}")) + chunked;
        shapes.push((format!("coding {coding:?} and a length"), both));
    }
    for length in ["2, 2", "+2", "-1", "0x2", "2 2", "", "2.0", "2;", "99999999999999999999"] {
        shapes.push((format!("length {length:?}"), post(&format!("content-length: {length}")) + "{}"));
    }
    for size in ["0x0", " 0", "+0", "-0", "fffffffffffffffff1", "g", "", "0\n\r"] {
        let request = post("transfer-encoding: chunked") + size + "\r\n\r\n";
        shapes.push((format!("chunk of {size:?}"), request));
    }
    for chunks in ["2\n{}\n0\n\n", "2\r\n{}X\r\n0\r\n\r\n", "1\r\n{}\r\n0\r\n\r\n"] {
        shapes.push((format!("chunks {chunks:?}"), post("transfer-encoding: chunked") + chunks));
    }
    for (shape, request) in shapes {
        assert_eq!(statuses(&service, &(request + HIDDEN)).await, ["400"], "{shape}");
    }
    assert!(!service.running.log().tail(usize::MAX).contains("/hidden"), "nothing that was hidden was read");
}

#[tokio::test]
async fn what_is_framed_well_is_read_to_its_end_and_so_is_the_next_request() {
    let service = location(Seeded::No).await;
    for (shape, request) in [
        ("a length", post("content-length: 2") + "{}"),
        ("a tab before the length", post("content-length:\t2") + "{}"),
        ("chunks", post("transfer-encoding: chunked") + "2\r\n{}\r\n0\r\n\r\n"),
        ("upper case", post("Transfer-Encoding: CHUNKED") + "2\r\n{}\r\n0\r\n\r\n"),
        ("an extension of a chunk", post("transfer-encoding: chunked") + "2;a=b\r\n{}\r\n0\r\n\r\n"),
        ("trailers", post("transfer-encoding: chunked") + "2\r\n{}\r\n0\r\nx: y\r\n\r\n"),
        // A line may end in LF alone (RFC 9112, 2.2), so this is a header of its own. Balancers refuse it, or take it
        // for one too.
        ("a bare LF", post("x: a\ncontent-length: 2") + "{}"),
    ] {
        assert_eq!(statuses(&service, &(request + HIDDEN)).await, ["422", "404"], "{shape}");
    }
}

#[tokio::test]
async fn requests_that_no_client_sends_are_refused() {
    let service = location(Seeded::No).await;
    for request in [
        "GET /livez HTTP/1.1\r\n\r\n",
        "GET /livez HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
        "GET /livez\r\n\r\n",
        "GET /livez HTTP/1.9\r\nhost: x\r\n\r\n",
        "GET /livez HTTP/2.0\r\nhost: x\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /livez x HTTP/1.1\r\nhost: x\r\n\r\n",
    ] {
        assert_eq!(statuses(&service, request).await, ["400"], "{request:?}");
    }
    let many = "x-flood: y\r\n".repeat(1_000);
    let answer = statuses(&service, &format!("GET /livez HTTP/1.1\r\nhost: x\r\n{many}\r\n")).await;
    assert!(answer == ["431"] || answer == ["400"], "{answer:?}");
    service.client.get("/livez").await.expect(200);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_their_order() {
    let service = location(Seeded::Yes).await;
    let ids: Vec<u64> = {
        let page = service.client.get("/locations?limit=100").await.expect(200).json();
        page["items"].as_array().unwrap().iter().map(|place| place["id"].as_u64().unwrap()).collect()
    };
    let requests: Vec<_> = ids.iter().map(|id| format!("GET /locations/{id} HTTP/1.1\r\nhost: x\r\n\r\n")).collect();
    let mut stream = TcpStream::connect(("127.0.0.1", service.running.port())).await.unwrap();
    stream.write_all(requests.concat().as_bytes()).await.unwrap();
    let mut answers = String::new();
    let mut buffer = vec![0; 64 * 1024];
    while answers.matches("{\"id\":").count() < ids.len() {
        let count = timeout(harness::PATIENCE, stream.read(&mut buffer)).await.expect("all are answered").unwrap();
        assert!(count > 0, "closed after {answers}");
        answers.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    let answered: Vec<u64> =
        answers.split("{\"id\":").skip(1).map(|rest| rest.split(',').next().unwrap().parse().unwrap()).collect();
    assert_eq!(answered, ids);
}
