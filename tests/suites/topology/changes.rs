//! Tasks come and go under load.

use std::time::Instant;

use crate::harness::{
    docker::docker,
    eventually,
    load::{Kind, Load, acknowledged, failures},
    topology::topology,
};

/// Requests a second: well within what four tasks of half a core can answer.
const LOAD: u32 = 100;

#[tokio::test]
async fn a_killed_task_costs_at_most_the_writes_that_it_was_carrying_out() {
    let Some(topology) = topology().await else { return };
    eventually("all four get requests", async || topology.ready_tasks().await == 4).await;
    let load = Load::start(&topology.location, LOAD);
    let victim = topology.tasks("location").await.pop_first().unwrap();
    load.reaches(3 * LOAD).await;
    let before = Instant::now();
    docker(&["kill", "--signal", "KILL", &victim.id]).await;
    let after = Instant::now();
    eventually("the balancer knows", async || topology.ready_tasks().await == 3).await;
    let exchanges = load.finish().await;

    let under_way = |sent: Instant, ended: Instant| sent < after && ended > before;
    let could_be_lost = exchanges
        .iter()
        .filter(|exchange| exchange.kind == Kind::Write && under_way(exchange.sent, exchange.ended))
        .count();
    let lost = failures(&exchanges);
    assert!(lost.iter().all(|lost| lost.kind == Kind::Write && under_way(lost.sent, lost.ended)), "{lost:?}");
    assert!(lost.len() <= could_be_lost, "{lost:?}");
    eprintln!("{} requests, {} lost of {could_be_lost} writes under way", exchanges.len(), lost.len());
    for path in acknowledged(&exchanges) {
        topology.location.get(path).await.expect(200);
    }
}

#[tokio::test]
async fn a_stopped_task_costs_nothing() {
    let Some(topology) = topology().await else { return };
    let victim = topology.tasks("location").await.pop_first().unwrap();
    eventually("all four get requests", async || topology.ready_tasks().await == 4).await;
    let load = Load::start(&topology.location, LOAD);
    docker(&["stop", "--time", "30", &victim.id]).await;
    let exchanges = load.finish().await;
    assert!(failures(&exchanges).is_empty(), "{:?}", failures(&exchanges));
    let code = docker(&["inspect", "--format", "{{.State.ExitCode}}", &victim.id]).await;
    assert_eq!(code, "0", "as PID 1 it ends by itself and in order");
}

#[tokio::test]
async fn scaling_from_four_to_six_to_two_costs_nothing() {
    let Some(topology) = topology().await else { return };
    let load = Load::start(&topology.location, LOAD);
    for count in [6, 2] {
        topology.run(&["scale", &format!("location={count}")]).await;
        eventually("as many tasks get requests", async || topology.ready_tasks().await == count).await;
    }
    assert_eq!(topology.tasks("user").await.len(), 4, "the other service is left alone");
    let exchanges = load.finish().await;
    assert!(failures(&exchanges).is_empty(), "{:?}", failures(&exchanges));
}
