//! One deadline for a request, which everything that it waits for shares.

use std::{
    io,
    time::{Duration, Instant},
};

use futures_util::{future::join, stream};
use harness::{Database, Link, PATIENCE, Seeded, ada, prepared, send, start, with};
use http::Method;
use reqwest::Body;
use tokio::{sync::oneshot, time::sleep};

/// What docs/operations.md promises.
const DEADLINE: Duration = Duration::from_secs(8);

/// How late each statement is: below every limit of a single one.
const LATE: Duration = Duration::from_millis(4_500);

/// How long the client takes to send its body: below the limit of a body. With the first statement it is too long.
const SLOW_BODY: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_request_is_answered_in_time_however_many_of_its_statements_are_late() {
    let database = Database::new().await;
    let service = prepared("user", &database, Seeded::No).await;
    let link = Link::to(database.port()).await;
    let service = service.set("DB_HOST", "127.0.0.1").set("DB_PORT", link.port().to_string());
    let service = service.set("DB_MAX_CONNECTIONS", "1");
    link.mend();
    let (running, client) = start(&service).await;
    // Its statements are known to the one connection that there is, so that each takes one round trip.
    client.post_once("/users", "first", &ada()).await.expect(201);
    let other = with(with(ada(), "username", "other"), "email", "other@example.com");
    let (complete, rest) = oneshot::channel();
    let body = Body::wrap_stream(stream::once(async { rest.await.map_err(io::Error::other) }));
    let post = client.authorized(Method::POST, "/users").header("idempotency-key", "key").body(body);
    let post = post.header("content-type", "application/json").header("x-request-id", "late-1");
    let asked = Instant::now();
    let slowly = async {
        sleep(SLOW_BODY).await;
        // A connection that was idle would be checked first, in vain.
        client.get("/users").await.expect(200);
        link.delay(LATE);
        complete.send(other.to_string()).unwrap();
    };
    let (answer, ()) = join(send(post), slowly).await;
    let took = asked.elapsed();
    answer.expect_problem(503, "unavailable");
    assert_eq!(answer.header("retry-after"), "2");
    assert!(took < DEADLINE + Duration::from_secs(1), "{took:?}");
    let is_told = |line: &str| line.contains("late-1") && line.contains("no answer in time");
    assert!(running.log().wait_for(is_told, PATIENCE).await.is_some(), "{:?}", running.log().lines());
    link.mend();
    let counted = r#"http_requests_total{method="POST",route="/users",status="503"} 1"#;
    assert!(client.get("/metrics").await.body.lines().any(|line| line == counted));

    // It has been carried out once, or not at all, and now it is.
    client.post_once("/users", "key", &other).await.expect(201);
    client.post_once("/users", "key", &other).await.expect(201);
    assert_eq!(client.get("/users").await.json()["items"].as_array().unwrap().len(), 2);
}
