//! Tasks come and go under load.

use std::time::Instant;

use harness::{
    docker::docker,
    eventually,
    load::{Exchange, Kind, Load, Mix, acknowledged, failures},
    topology::topology,
};

use super::metrics::targets_become;

/// Requests a second: well within what four tasks of half a core can answer.
const LOAD: u32 = 100;

/// How many of a kind were under way at once, at most, at an instant from `before` to `after`: a task that died at one of
/// them was carrying out no more.
fn most_under_way(exchanges: &[Exchange], kind: Kind, before: Instant, after: Instant) -> usize {
    let of_kind: Vec<_> = exchanges.iter().filter(|exchange| exchange.kind == kind).collect();
    let under_way_at = |at: Instant| of_kind.iter().filter(|one| one.sent <= at && at < one.ended).count();
    let instants = of_kind.iter().map(|one| one.sent).filter(|sent| (before..after).contains(sent));
    instants.chain([before]).map(under_way_at).max().unwrap_or_default()
}

#[tokio::test]
async fn a_killed_task_costs_at_most_the_writes_that_it_was_carrying_out() {
    let Some(topology) = topology().await else { return };
    eventually("all four get requests", async || topology.ready_tasks().await == 4).await;
    let load = Load::start(&topology.location, Mix::Location, LOAD);
    let victim = topology.tasks("location").await.pop_first().unwrap();
    load.reaches(3 * LOAD).await;
    let before = Instant::now();
    docker(&["kill", "--signal", "KILL", &victim.id]).await;
    let after = Instant::now();
    eventually("the balancer knows", async || topology.ready_tasks().await == 3).await;
    let exchanges = load.finish().await;

    let lost = failures(&exchanges);
    assert!(
        lost.iter().all(|lost| !lost.kind.may_be_repeated() && lost.sent < after && lost.ended > before),
        "{lost:?}"
    );
    // Each kind by itself: many slow writes are under way at once, and are not to stand in for others that were lost.
    for kind in [Kind::Write, Kind::SlowWrite] {
        let most_under_way = most_under_way(&exchanges, kind, before, after);
        let lost: Vec<_> = lost.iter().filter(|lost| lost.kind == kind).collect();
        assert!(lost.len() <= most_under_way, "{most_under_way} could be lost: {lost:?}");
        eprintln!("{kind:?}: {} lost of {most_under_way} under way at once", lost.len());
    }
    eprintln!("{} requests", exchanges.len());
    for path in acknowledged(&exchanges) {
        topology.location.get(path).await.expect(200);
    }
}

#[tokio::test]
async fn a_stopped_task_costs_nothing() {
    let Some(topology) = topology().await else { return };
    let victim = topology.tasks("location").await.pop_first().unwrap();
    eventually("all four get requests", async || topology.ready_tasks().await == 4).await;
    let load = Load::start(&topology.location, Mix::Location, LOAD);
    docker(&["stop", "--time", "30", &victim.id]).await;
    let exchanges = load.finish().await;
    assert!(failures(&exchanges).is_empty(), "{:?}", failures(&exchanges));
    let code = docker(&["inspect", "--format", "{{.State.ExitCode}}", &victim.id]).await;
    assert_eq!(code, "0", "as PID 1 it ends by itself and in order");
}

#[tokio::test]
async fn scaling_from_four_to_six_to_two_costs_nothing_and_prometheus_follows() {
    let Some(topology) = topology().await else { return };
    let load = Load::start(&topology.location, Mix::Location, LOAD);
    for count in [6, 2] {
        let said = topology.run(&["scale", &format!("location={count}")]).await;
        assert!(said.contains("\nmetrics   http://127.0.0.1:"), "the dashboard is told: {said}");
        eventually("as many tasks get requests", async || topology.ready_tasks().await == count).await;
        targets_become(&topology, "location", count).await;
    }
    assert_eq!(topology.tasks("user").await.len(), 4, "the other service is left alone");
    let exchanges = load.finish().await;
    assert!(failures(&exchanges).is_empty(), "{:?}", failures(&exchanges));
}
