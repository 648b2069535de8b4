//! The primary turns read-only, in each of the ways in which servers say so.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use harness::{
    Client, Database, Seeded,
    form::choose,
    load::{Exchange, Kind, Outcome},
    oslo, prepared, server, start,
};
use sqlx::Executor as _;
use tokio::time::sleep;

use crate::{
    replication::Pair,
    scene::{RECOVERY, Scene},
    turn::turn,
};

#[tokio::test]
async fn writes_go_on_at_the_new_primary_and_reads_never_stop() {
    let _turn = turn().await;
    let Some(binary) = server::binary().await else { return };
    let pair = Pair::start(&binary).await;
    let mut scene = Scene::on(Database::on(pair.primary.server()).await).await;
    let exchanges = scene
        .endures("failover to another server", async |link| {
            pair.demote_primary().await;
            sleep(Duration::from_secs(choose(3, 15))).await;
            pair.promote_follower().await;
            // As on RDS: the name has another address from now on, and connections that are there stay where they are.
            link.lead_to(pair.follower.server().port);
        })
        .await;
    let refused = |exchange: &&Exchange| !matches!(exchange.outcome, Outcome::Done(_));
    let (reads, writes): (Vec<_>, Vec<_>) =
        exchanges.iter().filter(refused).partition(|exchange| exchange.kind == Kind::Read);
    assert!(reads.is_empty(), "reads go on: {reads:?}");
    assert!(!writes.is_empty(), "there was no primary for a while");
}

/// Error 1792. New sessions are as the global setting says, so that what is left on old ones shows whether they are
/// thrown away.
#[tokio::test]
async fn sessions_that_may_only_read_are_thrown_away() {
    let _turn = turn().await;
    let Some(server) = server::start(&[]).await else { return };
    let [on, off] = if server.is_mariadb() {
        ["SET GLOBAL tx_read_only = ON", "SET GLOBAL tx_read_only = OFF"]
    } else {
        ["SET GLOBAL transaction_read_only = ON", "SET GLOBAL transaction_read_only = OFF"]
    };
    let database = Database::on(server.server()).await;
    let mut administrator = database.administer().await;
    let service = prepared("location", &database, Seeded::No).await;
    administrator.execute(on).await.unwrap();
    let (_running, client) = start(&service).await;
    for _ in 0..3 {
        client.post("/locations", &oslo()).await.expect_problem(503, "unavailable");
        client.post_once("/locations", "key", &oslo()).await.expect_problem(503, "unavailable");
        client.get("/locations").await.expect(200);
    }
    administrator.execute(off).await.unwrap();
    // Several at once, for which all connections are needed.
    let returned = Instant::now();
    while !writes(&client).await {
        assert!(returned.elapsed() < RECOVERY, "some sessions can still only read");
    }
    for _ in 0..10 {
        assert!(writes(&client).await, "there was a session left that can only read");
    }
}

/// Whether 16 writes at once succeed.
async fn writes(client: &Client) -> bool {
    let body = oslo();
    join_all((0..16).map(|_| client.post("/locations", &body))).await.iter().all(|answer| answer.status == 201)
}
