//! Idempotency-Key: a POST that is sent again is carried out once.

use std::{process::Stdio, time::Duration};

use futures_util::future::join_all;
use harness::{Answer, Database, Seeded, UserService, ada, location, oslo, prepared, start, with};
use http::Method;
use tokio::time::sleep;

#[tokio::test]
async fn the_same_key_and_body_get_the_first_answer_again() {
    let service = location(Seeded::No).await;
    let first = service.client.post_once("/locations", "key-1", &oslo()).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    let again = service.client.post_once("/locations", "key-1", &oslo()).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_same(&first, &again);
    assert_eq!(locations(&service.database).await, 1);

    // The first answer, even when the place has changed since.
    service.client.put(first.header("location"), None, &with(oslo(), "name", "Kristiania")).await.expect(200);
    assert_same(&first, &service.client.post_once("/locations", "key-1", &oslo()).await);

    service.client.post_once("/locations", "key-2", &oslo()).await.expect(201);
    service.client.post("/locations", &oslo()).await.expect(201);
    assert_eq!(locations(&service.database).await, 3);
}

#[tokio::test]
async fn the_same_key_with_another_body_is_refused() {
    let service = location(Seeded::No).await;
    service.client.post_once("/locations", "key", &oslo()).await.expect(201);
    let other = service.client.post_once("/locations", "key", &with(oslo(), "name", "Bergen")).await;
    other.expect_problem(422, "invalid");
    assert_eq!(locations(&service.database).await, 1);
}

#[tokio::test]
async fn keys_that_no_header_should_carry_are_refused() {
    let service = location(Seeded::No).await;
    for key in ["", "two words", &"k".repeat(256)] {
        service.client.post_once("/locations", key, &oslo()).await.expect_problem(400, "malformed");
    }
    service.client.post_once("/locations", &"k".repeat(255), &oslo()).await.expect(201);
    assert_eq!(locations(&service.database).await, 1);
}

#[tokio::test]
async fn many_at_once_on_two_replicas_create_one() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let ((_one, first), (_two, second)) = (start(&service).await, start(&service).await);
    for round in 0..10 {
        let key = format!("round-{round}");
        let clients = [&first, &second].into_iter().cycle().take(12);
        let body = with(oslo(), "population", round);
        let answers = join_all(clients.map(|client| client.post_once("/locations", &key, &body))).await;
        for answer in &answers {
            assert_same(&answers[0], &answer.clone().expect(201));
        }
        let fresh = answers.iter().filter(|answer| answer.header("idempotency-replayed").is_empty()).count();
        assert_eq!(fresh, 1, "one of them was the first");
        assert_eq!(locations(&database).await, round + 1);
    }
}

#[tokio::test]
async fn a_retry_after_a_crash_at_any_moment_creates_one() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (mut replayed, mut fresh) = (0, 0);
    // Killed at moments from before the request is read until long after it was answered: one falls between commit and
    // reply.
    let moments = (0..24).map(|step| Duration::from_micros(30) * step * step).chain([Duration::from_secs(1)]);
    for (round, moment) in moments.enumerate() {
        let key = format!("round-{round}");
        let (mut running, client) = start(&service).await;
        client.get("/locations?limit=1").await.expect(200);
        let body = oslo();
        let sent = client.authorized(Method::POST, "/locations").header("idempotency-key", &key).json(&body).send();
        let kill = async {
            sleep(moment).await;
            running.kill().await.unwrap();
        };
        let (lost, ()) = tokio::join!(sent, kill);

        let (_running, client) = start(&service).await;
        let again = client.post_once("/locations", &key, &body).await.expect(201);
        match again.header("idempotency-replayed") {
            "true" => replayed += 1,
            _ => fresh += 1,
        }
        if let Ok(answer) = lost {
            assert_eq!(answer.headers()["location"], again.header("location"), "what was answered stays answered");
        }
        assert_eq!(locations(&database).await, round + 1, "killed after {moment:?}");
    }
    assert!(replayed > 0 && fresh > 0, "some were lost before the commit ({fresh}), some after it ({replayed})");
}

#[tokio::test]
async fn what_was_refused_may_be_sent_again_under_the_same_key() {
    let service = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    let first = service.client.post("/users", &ada()).await.expect(201);
    let namesake = with(ada(), "email", "other@example.com");
    service.client.post_once("/users", "key", &namesake).await.expect_problem(409, "duplicate");
    service.client.delete(first.header("location"), None).await.expect(204);
    service.client.post_once("/users", "key", &namesake).await.expect(201);
}

#[tokio::test]
async fn keys_expire_and_purge_deletes_them_in_batches() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (_running, client) = start(&service).await;
    let first = client.post_once("/locations", "old", &oslo()).await.expect(201);
    client.post_once("/locations", "young", &oslo()).await.expect(201);
    let mut connection = database.connect().await;
    sqlx::query("UPDATE idempotency_keys SET expires_at = 1 ORDER BY expires_at, id LIMIT 2")
        .execute(&mut connection)
        .await
        .unwrap();
    let again = client.post_once("/locations", "old", &oslo()).await.expect(201);
    assert_ne!(again.header("location"), first.header("location"), "an expired key may be used anew");

    // More than two batches of expired ones, and the two that are current.
    sqlx::query(
        "INSERT INTO idempotency_keys (id, request, expires_at)
         WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 900)
         SELECT UNHEX(SHA2(CONCAT(a.n, '-', b.n), 256)), UNHEX(SHA2('', 256)), 1
         FROM numbers a CROSS JOIN (SELECT 1 AS n UNION SELECT 2 UNION SELECT 3) b",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    let keys = async |connection: &mut sqlx::MySqlConnection| -> i64 {
        sqlx::query_scalar("SELECT COUNT(*) FROM idempotency_keys").fetch_one(connection).await.unwrap()
    };
    assert!(keys(&mut connection).await > 2_700);
    service.run("purge", Stdio::piped()).await.unwrap();
    assert_eq!(keys(&mut connection).await, 1, "the key that was used anew is current");
}

async fn locations(database: &Database) -> usize {
    let rows: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM locations").fetch_one(&mut database.connect().await).await.unwrap();
    usize::try_from(rows).unwrap()
}

#[track_caller]
fn assert_same(first: &Answer, again: &Answer) {
    let essence = |answer: &Answer| {
        (answer.status, answer.body.clone(), answer.header("location").to_owned(), answer.header("etag").to_owned())
    };
    assert_eq!(essence(first), essence(again));
}
