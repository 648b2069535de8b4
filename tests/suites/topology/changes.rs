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

    let writes: Vec<_> = exchanges.iter().filter(|exchange| exchange.kind == Kind::Write).collect();
    let under_way_at = |at: Instant| writes.iter().filter(|write| write.sent <= at && at < write.ended).count();
    // It died at some instant in between, and then carried out no more than were under way at once.
    let instants = writes.iter().map(|write| write.sent).filter(|sent| (before..after).contains(sent));
    let most_under_way = instants.chain([before]).map(under_way_at).max().unwrap_or_default();
    let lost = failures(&exchanges);
    assert!(lost.iter().all(|lost| lost.kind == Kind::Write && lost.sent < after && lost.ended > before), "{lost:?}");
    assert!(lost.len() <= most_under_way, "{most_under_way} could be lost: {lost:?}");
    eprintln!("{} requests, {} lost of {most_under_way} under way at once", exchanges.len(), lost.len());
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
