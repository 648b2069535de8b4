//! The database has come to one of its limits.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::{Client, Database, PATIENCE, Seeded, eventually, oslo, prepared, server, start};
use playground::service::Running;
use sqlx::{Connection as _, Executor as _};

use crate::{scene::RECOVERY, turn::turn};

/// All tables in one file that may not grow above 20 MB: a disk that is full.
const SMALL_DISK: [&str; 2] = ["--innodb-file-per-table=OFF", "--innodb-data-file-path=ibdata1:12M:autoextend:max:20M"];
const LARGE_DISK: [&str; 2] =
    ["--innodb-file-per-table=OFF", "--innodb-data-file-path=ibdata1:12M:autoextend:max:200M"];

async fn logged(running: &Running, words: &str) {
    let line = running.log().wait_for(|line| line.contains(words), PATIENCE).await;
    assert!(line.is_some(), "{words:?} is not in {}", running.log().tail(20));
}

#[tokio::test]
async fn too_many_connections_are_told_with_the_remedy_and_waited_for() {
    let _turn = turn().await;
    let Some(server) = server::start(&["--max-connections=10"]).await else { return };
    let database = Database::on(server.server()).await;
    let service = prepared("location", &database, Seeded::No).await;
    let others = join_all((0..10).map(|_| database.connect())).await;
    let (running, client) = start(&service).await;
    client.get("/locations").await.expect_problem(503, "unavailable");
    client.get("/health").await.expect(503);
    logged(&running, "Too many connections").await;
    logged(&running, "lower DB_MAX_CONNECTIONS").await;
    for other in others {
        other.close().await.unwrap();
    }
    is_well_soon(&client).await;
}

#[tokio::test]
async fn a_full_disk_refuses_writes_and_reads_go_on() {
    let _turn = turn().await;
    let Some(mut server) = server::start(&SMALL_DISK).await else { return };
    let database = Database::on(server.server()).await;
    let service = prepared("location", &database, Seeded::No).await;
    let (running, client) = start(&service).await;
    let path = client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let mut other = database.connect().await;
    let double = "INSERT INTO locations (name, country, latitude, longitude, population, timezone, cell)
                  SELECT REPEAT('x', 200), country, latitude, longitude, population, timezone, cell
                  FROM locations LIMIT 1000";
    let full = loop {
        if let Err(error) = other.execute(double).await {
            break error;
        }
    };
    assert!(full.to_string().contains("full"), "{full}");
    // What is still free is enough for a few rows.
    let refused = loop {
        let written = client.post("/locations", &oslo()).await;
        if written.status != 201 {
            break written;
        }
    };
    refused.expect_problem(503, "unavailable");
    client.post_once("/locations", "a-key", &oslo()).await.expect_problem(503, "unavailable");
    client.get(&path).await.expect(200);
    client.get("/locations").await.expect(200);
    logged(&running, "is full").await;

    server.stop().await.unwrap();
    server.start_again(&LARGE_DISK).await.unwrap();
    is_well_soon(&client).await;
    client.post_once("/locations", "a-key", &oslo()).await.expect(201);
}

/// Error 1036, or 1836: a server whose storage engine was started to read only.
#[tokio::test]
async fn a_storage_engine_that_only_reads_refuses_writes_and_reads_go_on() {
    let _turn = turn().await;
    let Some(mut server) = server::start(&[]).await else { return };
    let database = Database::on(server.server()).await;
    let service = prepared("location", &database, Seeded::Yes).await;
    let (_running, client) = start(&service).await;
    server.stop().await.unwrap();
    server.start_again(&["--innodb-read-only=ON"]).await.unwrap();
    eventually("reads go on", async || client.get("/locations").await.status == 200).await;
    for _ in 0..3 {
        client.post("/locations", &oslo()).await.expect_problem(503, "unavailable");
        client.post_once("/locations", "a-key", &oslo()).await.expect_problem(503, "unavailable");
        client.get("/locations").await.expect(200);
    }
    server.stop().await.unwrap();
    server.start_again(&["--innodb-read-only=OFF"]).await.unwrap();
    is_well_soon(&client).await;
    client.post_once("/locations", "a-key", &oslo()).await.expect(201);
}

/// Reads and writes are carried out again, without a restart.
async fn is_well_soon(client: &Client) {
    let mended = Instant::now();
    eventually("it writes", async || client.post("/locations", &oslo()).await.status == 201).await;
    client.get("/locations").await.expect(200);
    eventually("it says so", async || client.get("/health").await.status == 200).await;
    let took = mended.elapsed();
    assert!(took < RECOVERY + Duration::from_secs(2), "{took:?}: the probe asks every 2 s");
}
