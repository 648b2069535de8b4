//! Who gets requests.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use harness::{
    Client,
    docker::{Container, docker},
    eventually, raw, send,
    topology::{Topology, topology},
};
use http::{Method, StatusCode};
use scraper::{Html, Selector};

/// How many requests each container answered of `count`, as the home page tells: it comes first there.
async fn answered_by(client: &Client, count: u32) -> BTreeMap<String, u32> {
    let container = Selector::parse("dt:first-child + dd code").unwrap();
    let mut answers = BTreeMap::new();
    for _ in 0..count {
        let page = Html::parse_document(&client.get("/").await.expect(200).body);
        let host: String = page.select(&container).next().unwrap().text().collect();
        *answers.entry(host).or_default() += 1;
    }
    answers
}

async fn hosts(topology: &Topology, service: &str) -> BTreeSet<String> {
    topology.tasks(service).await.iter().map(|task| task.host().to_owned()).collect()
}

#[tokio::test]
async fn every_task_answers_and_the_load_is_spread_over_all_of_them() {
    let Some(topology) = topology().await else { return };
    for (service, client) in [("location", &topology.location), ("user", &topology.user)] {
        let tasks = hosts(&topology, service).await;
        assert_eq!(tasks.len(), 4);
        // A task that was just started joins when the balancer has asked it.
        eventually("all four answer", async || answered_by(client, 8).await.len() == 4).await;
        let answers = answered_by(client, 80).await;
        assert_eq!(answers.keys().cloned().collect::<BTreeSet<_>>(), tasks, "{service}");
        assert!(answers.values().all(|count| *count >= 15), "{service}: {answers:?}");
    }
    let user = topology.user.get("/users/1?include=location").await.expect(200).json();
    assert_eq!(user["location_status"], "found", "the user service reaches the location service: {user}");
}

#[tokio::test]
async fn a_task_that_is_not_ready_gets_no_requests() {
    let Some(topology) = topology().await else { return };
    let image = docker(&["inspect", "--format", "{{.Config.Image}}", &first(&topology).await]).await;
    let password = format!("{}/location-db-password:/run/secrets/db-password:ro", topology.secrets());
    // A fifth task, which serves on for long after it has become unready.
    #[rustfmt::skip]
    let fifth = Container::run(&[
        "--network", &topology.network("balancers"), "--network-alias", "location", "--publish", "127.0.0.1::8081",
        "--volume", &password,
        "--env", "DB_HOST=mysql", "--env", "DB_USER=location", "--env", "DB_NAME=location",
        "--env", "DB_PWD_FILE=/run/secrets/db-password", "--env", "DRAIN_DELAY=1h", &image,
    ])
    .await;
    let host = fifth.id()[..12].to_owned();
    eventually("the fifth task answers", async || answered_by(&topology.location, 10).await.contains_key(&host)).await;

    docker(&["kill", "--signal", "TERM", fifth.id()]).await;
    eventually("the fifth task gets no requests", async || {
        !answered_by(&topology.location, 20).await.contains_key(&host)
    })
    .await;
    assert!(!answered_by(&topology.location, 100).await.contains_key(&host));
    // It would answer still: it is left out because it asked for that.
    let alone = Client::new(format!("http://{}", docker(&["port", fifth.id(), "8081"]).await));
    assert_eq!(alone.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    alone.get("/").await.expect(200);
}

async fn first(topology: &Topology) -> String {
    topology.tasks("location").await.first().unwrap().id.clone()
}

#[tokio::test]
async fn every_head_that_a_service_takes_passes_and_a_larger_one_is_the_services_to_refuse() {
    let Some(topology) = topology().await else { return };
    let client = &topology.location;
    let with_header = |bytes| client.request(Method::GET, "/livez").header("x-large", "x".repeat(bytes));
    send(with_header(15_800)).await.expect(200);
    for bytes in [17_000, 30_000] {
        send(with_header(bytes)).await.expect_problem(431, "head-too-large");
    }
    let sent = client.request(Method::GET, "/livez").header("x-request-id", "an-id-of-mine");
    assert_eq!(send(sent).await.expect(200).header("x-request-id"), "an-id-of-mine");
    assert!(!client.get("/livez").await.expect(200).header("x-request-id").is_empty());
}

/// HAProxy answers what its parser refuses with a fixed HTML page; these never reach its parser.
#[tokio::test]
async fn what_the_balancer_cannot_parse_is_answered_by_a_task() {
    let Some(topology) = topology().await else { return };
    let port = topology.location.url("").rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let close = "HTTP/1.1\r\nhost: x\r\nconnection: close\r\n";
    let large = format!("GET /livez {close}x-large: {}\r\n\r\n", "x".repeat(60_000));
    let found = format!("GET /locations?q=S\u{e3}o&limit=1 {close}\r\n");
    for (what, request, status, media_type) in [
        ("raw UTF-8", found.as_bytes(), 200, "application/json"),
        ("half a head", b"GET /livez HTTP/1.1\r\nho", 408, "application/problem+json"),
        ("a large head", large.as_bytes(), 431, "application/problem+json"),
        ("a control character", b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n", 400, "application/problem+json"),
        ("TLS", b"\x16\x03\x01\x00\xa5\x01", 400, "application/problem+json"),
        ("another protocol", b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400, "application/problem+json"),
    ] {
        let answer = raw(port, &[request], Duration::ZERO).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        for header in [format!("content-type: {media_type}\r\n"), "x-request-id: ".to_owned()] {
            assert!(answer.contains(&header), "{what}: no {header}in {answer}");
        }
    }
}

/// Browsers and connection pools open connections in advance. The pause is longer than the balancer inspects.
#[tokio::test]
async fn a_connection_that_was_opened_in_advance_is_served_like_any_other() {
    let Some(topology) = topology().await else { return };
    let port = topology.location.url("").rsplit(':').next().unwrap().trim_end_matches('/').parse().unwrap();
    let request = b"GET /livez HTTP/1.1\r\nhost: x\r\nx-request-id: in-advance\r\nconnection: close\r\n\r\n";
    let answer = raw(port, &[b"", request], Duration::from_secs(7)).await;
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("x-request-id: in-advance\r\n"), "{answer}");
}

#[tokio::test]
async fn without_any_task_the_balancer_says_so_as_the_services_would() {
    let Some(topology) = topology().await else { return };
    let tasks: Vec<String> = topology.tasks("user").await.into_iter().map(|task| task.id).collect();
    docker(&[&["kill"], tasks.iter().map(String::as_str).collect::<Vec<_>>().as_slice()].concat()).await;
    eventually("no task is left", async || topology.user.get("/").await.status == 503).await;
    let answer = topology.user.get("/").await.expect(503);
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!((answer.header("retry-after"), &answer.json()["status"]), ("1", &503.into()));
    answer.expect_problem(503, "unavailable");
    assert_eq!(answer.header("cache-control"), "no-store");
    let own = topology.user.request(Method::GET, "/").header("x-request-id", "an-id-of-mine");
    assert_eq!(send(own).await.expect(503).header("x-request-id"), "an-id-of-mine");
}
