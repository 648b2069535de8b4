//! ETag, If-Match, If-None-Match: what is known is not sent again, and nobody overwrites what they have not seen.

use futures_util::future::join_all;
use harness::{Seeded, location, oslo, with};
use http::Method;

#[tokio::test]
async fn a_version_that_is_known_is_not_sent_again() {
    let service = location(Seeded::No).await;
    let path = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let knowing = async |etag: &str| {
        harness::send(service.client.request(Method::GET, &path).header("if-none-match", etag)).await
    };
    for known in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let answer = knowing(known).await.expect(304);
        assert_eq!((answer.body.as_str(), answer.header("etag")), ("", "\"1\""), "{known}");
    }
    for unknown in ["\"2\"", "\"\""] {
        knowing(unknown).await.expect(200);
    }
}

#[tokio::test]
async fn a_stale_if_match_changes_nothing() {
    let service = location(Seeded::No).await;
    let created = service.client.post("/locations", &oslo()).await.expect(201);
    let path = created.header("location");
    let current = service.client.put(path, Some("\"1\""), &with(oslo(), "population", 2)).await.expect(200);
    assert_eq!(current.header("etag"), "\"2\"");
    for stale in ["\"1\"", "W/\"2\"", "\"3\", \"4\"", "\"1,2\""] {
        service.client.put(path, Some(stale), &oslo()).await.expect_problem(412, "precondition-failed");
        service.client.delete(path, Some(stale)).await.expect_problem(412, "precondition-failed");
    }
    for malformed in ["1", "\"1", "", "\"2\", 3"] {
        service.client.put(path, Some(malformed), &oslo()).await.expect_problem(400, "malformed");
    }
    assert_eq!(service.client.get(path).await.json(), current.json());
    service.client.put(path, Some("*"), &oslo()).await.expect(200);
    service.client.delete(path, Some("\"2\", \"3\"")).await.expect(204);
}

#[tokio::test]
async fn writers_at_the_same_time_lose_no_update() {
    const WRITERS: u64 = 8;
    const UPDATES: u64 = 5;
    let service = location(Seeded::No).await;
    let path = service.client.post("/locations", &with(oslo(), "population", 0)).await.expect(201);
    let path = path.header("location");
    // Each writer adds one to what it read, and starts anew where somebody else was faster.
    let add_one = async || loop {
        let read = service.client.get(path).await.expect(200);
        let population = read.json()["population"].as_u64().unwrap();
        let changed = with(oslo(), "population", population + 1);
        let answer = service.client.put(path, Some(read.header("etag")), &changed).await;
        if answer.status == 200 {
            break;
        }
        answer.expect_problem(412, "precondition-failed");
    };
    let writer = async || {
        for _ in 0..UPDATES {
            add_one().await;
        }
    };
    join_all((0..WRITERS).map(|_| writer())).await;
    let end = service.client.get(path).await.expect(200);
    assert_eq!(end.json()["population"], WRITERS * UPDATES);
    assert_eq!(end.header("etag"), format!("\"{}\"", WRITERS * UPDATES + 1));
}
