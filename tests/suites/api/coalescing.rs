//! Reads that are answered together give every caller what it would have been given alone.

use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::join_all;
use harness::{LocationService, Seeded, location, oslo, prepared, start, with};
use serde_json::Value;
use sqlx::Executor as _;

/// A service with `count` locations that differ in their population, and their paths.
async fn with_locations(count: u64) -> (LocationService, Vec<String>) {
    let service = location(Seeded::No).await;
    let create = async |population| {
        let created = service.client.post("/locations", &with(oslo(), "population", population)).await.expect(201);
        created.header("location").to_owned()
    };
    let mut paths = Vec::new();
    for population in 0..count {
        paths.push(create(population).await);
    }
    (service, paths)
}

#[tokio::test]
async fn everybody_gets_the_row_they_asked_for() {
    const ROWS: u64 = 100;
    let (service, paths) = with_locations(ROWS).await;
    // More than fit in one statement, each of them twice, and ids in between that are not there.
    let asked = || paths.iter().chain(&paths);
    let (found, missing) = tokio::join!(
        join_all(asked().map(|path| service.client.get(path))),
        join_all((1..=20).map(async |id| service.client.get(&format!("/locations/{id}")).await))
    );
    for (answer, population) in found.into_iter().zip((0..ROWS).cycle()) {
        assert_eq!(answer.expect(200).json()["population"], population);
    }
    for answer in missing {
        answer.expect_problem(404, "not-found");
    }
}

#[tokio::test]
async fn a_client_reads_what_it_wrote_while_others_read_the_same() {
    let (service, paths) = with_locations(1).await;
    let (path, done) = (&paths[0], AtomicBool::new(false));
    let readers = join_all((0..16).map(async |reader| {
        let mut answers = 0;
        while !done.load(Ordering::Relaxed) {
            let asked = if reader % 2 == 0 { path } else { "/locations" };
            service.client.get(asked).await.expect(200);
            answers += 1;
        }
        answers
    }));
    let writer = async {
        for population in 1..=100 {
            service.client.put(path, None, &with(oslo(), "population", population)).await.expect(200);
            let (one, page) = tokio::join!(service.client.get(path), service.client.get("/locations"));
            assert_eq!(one.expect(200).json()["population"], population);
            assert_eq!(page.expect(200).json()["items"][0]["population"], population);
        }
        done.store(true, Ordering::Relaxed);
    };
    let (answers, ()) = tokio::join!(readers, writer);
    assert!(answers.iter().all(|answers| *answers > 0), "somebody read nothing: {answers:?}");
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_nobody_elses_fault() {
    let (service, paths) = with_locations(20).await;
    let mut connection = service.database.connect().await;
    connection.execute("ALTER TABLE locations MODIFY name VARCHAR(200) NULL").await.unwrap();
    connection.execute("UPDATE locations SET name = NULL WHERE population = 7").await.unwrap();
    let answers = join_all(paths.iter().map(|path| service.client.get(path))).await;
    for (answer, population) in answers.into_iter().zip(0..) {
        if population == 7 {
            answer.expect_problem(500, "internal");
        } else {
            assert_eq!(answer.expect(200).json()["population"], population);
        }
    }
}

#[tokio::test]
async fn callers_that_go_away_leave_the_others_theirs() {
    let (service, paths) = with_locations(20).await;
    for _ in 0..10 {
        let mut answers: Vec<_> = paths.iter().map(|path| Box::pin(service.client.get(path))).collect();
        // All have asked once one of them is answered; half of the others give up.
        let (first, _, rest) = futures_util::future::select_all(answers.drain(..)).await;
        first.expect(200);
        let staying: Vec<_> = rest.into_iter().step_by(2).collect();
        for answer in join_all(staying).await {
            answer.expect(200);
        }
    }
}

#[tokio::test]
async fn it_can_be_switched_off() {
    let database = harness::Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("DB_COALESCING", "off");
    let (_running, client) = start(&service).await;
    let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    for answer in join_all((0..20).map(|_| client.get(&path))).await {
        assert_eq!(answer.expect(200).json()["name"], "Oslo");
    }
    let page: Value = client.get("/locations").await.expect(200).json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(1));
}
