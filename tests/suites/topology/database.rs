//! The database is restarted under load.

use std::time::{Duration, Instant};

use harness::{
    docker::{docker, try_docker},
    eventually,
    load::{Load, Mix, Outcome, acknowledged, failures},
    topology::{Task, Topology, topology},
};
use tokio::time::sleep;

/// How long the database stays away once the service has noticed: longer than `DB_ACQUIRE_TIMEOUT` could bridge.
const OUTAGE: Duration = Duration::from_secs(4);

/// How soon after its return everything has to be answered.
const RECOVERY: Duration = Duration::from_secs(10);

async fn everything_but_the_database(topology: &Topology) -> Vec<Task> {
    let mut tasks = Vec::new();
    for service in ["location", "user", "location-balancer", "user-balancer"] {
        tasks.extend(topology.tasks(service).await);
    }
    tasks
}

#[tokio::test]
async fn a_restart_of_the_database_is_survived_by_every_task_and_every_acknowledged_write() {
    let Some(topology) = topology().await else { return };
    let before = everything_but_the_database(&topology).await;
    let database = topology.only("mysql").await;
    let load = Load::start(&topology.location, Mix::Location, 40);
    docker(&["stop", "--time", "60", &database]).await;
    eventually("the service says that it cannot serve", async || {
        topology.location.get("/locations/3143244").await.status == 503
    })
    .await;
    sleep(OUTAGE).await;
    docker(&["start", &database]).await;
    eventually("the database takes connections", async || {
        let ping = ["exec", &database, "mysqladmin", "--protocol=tcp", "--silent", "ping"];
        try_docker(&ping).await.0.success()
    })
    .await;
    let back = Instant::now();
    // The load goes on beyond the time in which all has to be well again.
    sleep(RECOVERY + Duration::from_secs(3)).await;
    let exchanges = load.finish().await;

    let (not_now, other): (Vec<_>, Vec<_>) =
        failures(&exchanges).into_iter().partition(|failure| matches!(failure.outcome, Outcome::NotNow));
    assert!(other.is_empty(), "while the database is away the answer is 503 with Retry-After: {other:?}");
    assert!(!not_now.is_empty(), "the database was away");
    let (first, last) = (back + RECOVERY, exchanges.iter().map(|exchange| exchange.sent).max().unwrap());
    assert!(last > first, "the load went on for long enough");
    let late: Vec<_> = not_now.iter().filter(|failure| failure.sent > first).collect();
    assert!(late.is_empty(), "full service within {RECOVERY:?}: {late:?}");
    let recovered = not_now.iter().filter_map(|failure| failure.sent.checked_duration_since(back)).max();
    eprintln!("{} requests, {} told to wait, the last {recovered:?} after the return", exchanges.len(), not_now.len());
    assert_eq!(everything_but_the_database(&topology).await, before, "no container was started again");
    let acknowledged = acknowledged(&exchanges);
    assert!(!acknowledged.is_empty());
    for path in acknowledged {
        topology.location.get(path).await.expect(200);
    }
}
