//! A machine lost, with what ran on it.

use std::time::{Duration, Instant};

use harness::{eventually, load::Exchange};

use crate::{
    record::Recorder,
    swarm::{SERVICES, Swarm, TASKS, swarm},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_node_costs_at_most_what_was_under_way_on_it() {
    let Some(swarm) = swarm().await else { return };
    let manager = &swarm.manager;
    let staying = swarm.join("staying").await;
    let lost = swarm.join("lost").await;
    for service in SERVICES {
        spread(&swarm, service).await;
        let lost = tasks_on(&swarm, service, "lost").await;
        assert!((1..TASKS).contains(&lost), "{service} has {lost} tasks on the node that is to be lost");
    }

    let mut recorder = Recorder::start(&swarm, Duration::from_secs(3)).await;
    recorder.mark("a node is lost");
    let before = Instant::now();
    lost.pull_the_plug().await;
    let after = Instant::now();
    eventually("Swarm knows that the node is lost", async || {
        manager.docker(&["node", "inspect", "--format", "{{.Status.State}}", "lost"]).await == "down"
    })
    .await;
    recorder.mark("Swarm knows");
    all_are_ready(&swarm).await;
    recorder.mark("all tasks are back");
    let record = recorder.finish("lost-node", "One of three nodes is lost").await;

    let failures = record.failures();
    let was_under_way = |exchange: &&&Exchange| exchange.sent <= after && exchange.ended >= before;
    let others: Vec<_> = failures.iter().filter(|failure| !was_under_way(failure)).collect();
    assert!(others.is_empty(), "{} failed that were not under way on it: {others:#?}", others.len());
    let under_way = record.under_way(before..after);
    eprintln!("{} requests failed of {under_way} that were under way at once", failures.len());
    assert!(failures.len() <= under_way, "{failures:#?}");
    record.assert_kept(&swarm).await;

    // The next test finds a swarm of one.
    manager.docker(&["node", "update", "--availability", "drain", "staying"]).await;
    eventually("the manager has all tasks", async || {
        for service in SERVICES {
            if tasks_on(&swarm, service, "manager").await != TASKS {
                return false;
            }
        }
        true
    })
    .await;
    all_are_ready(&swarm).await;
    staying.docker(&["swarm", "leave"]).await;
    for node in ["lost", "staying"] {
        manager.docker(&["node", "rm", "--force", node]).await;
    }
}

/// Starts all tasks of a service anew, which puts them where the fewest are.
async fn spread(swarm: &Swarm, service: &str) {
    let name = format!("ecs-playground-swarm_{service}");
    let at_once = ["--update-parallelism", "0", "--update-delay", "0s", "--update-monitor", "1s"];
    let update = ["service", "update", "--quiet", "--detach=false", "--no-resolve-image", "--force"];
    swarm.manager.docker(&[&update[..], &at_once, &[&name]].concat()).await;
}

/// How many tasks of a service are wanted on a node, and run.
async fn tasks_on(swarm: &Swarm, service: &str, node: &str) -> usize {
    let name = format!("ecs-playground-swarm_{service}");
    let wanted = ["--filter", "desired-state=running", "--filter"];
    let node = format!("node={node}");
    let list = ["service", "ps", "--format", "{{.CurrentState}}"];
    let states = swarm.manager.docker(&[&list[..], &wanted, &[&node, &name]].concat()).await;
    states.lines().filter(|state| state.starts_with("Running")).count()
}

async fn all_are_ready(swarm: &Swarm) {
    for service in SERVICES {
        let statistics = swarm.statistics(service);
        eventually("the balancer has all tasks, and no other", async || {
            harness::topology::ready_tasks(&statistics).await == TASKS
        })
        .await;
    }
}
