//! Updates under Swarm: what ECS is told about a rollout, Swarm is told about an update.

use std::time::Duration;

use serde_json::Value;

use super::{
    Broken, Relation,
    sources::{Composed, Deployed, SWARM, Sources, period, seconds, shown, stopping, whole},
};
use crate::aws::text;

pub(super) const RELATIONS: &[Relation] =
    &[updates_keep_as_many_tasks_as_rollouts, updates_that_fail_go_back, updates_wait_until_an_unready_task_is_noticed];

const CONFIGS: [&str; 2] = ["update_config", "rollback_config"];

/// What runs a service under Swarm, and the same service on ECS.
fn updated(sources: &Sources) -> impl Iterator<Item = (Composed<'_>, Deployed<'_>)> {
    sources.serving().filter(|composed| composed.file == SWARM).filter_map(|composed| {
        let deployed = composed.deployed(sources)?;
        Some((composed, deployed))
    })
}

/// `parallelism` ≤ the tasks that minimumHealthyPercent does not ask for: so many old ones stay until the first new ones
/// have proved themselves. `order` is start-first where maximumPercent has room for a second task beside each. Both hold
/// for the way back as well.
fn updates_keep_as_many_tasks_as_rollouts(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (composed, deployed) in updated(sources) {
        let tasks = composed.tasks(sources);
        // Where they are not set, ECS takes 100 and 200.
        let bound = |name: &str, unset| {
            whole(deployed.definition, &format!("/deploymentConfiguration/{name}")).unwrap_or(unset)
        };
        let (least, most) = (bound("minimumHealthyPercent", 100), bound("maximumPercent", 200));
        let leaves = tasks.saturating_sub((tasks * least).div_ceil(100));
        // With start-first, one at a time leaves all of them.
        let at_once = leaves.max(1);
        let order = if most >= 200 { "start-first" } else { "stop-first" };
        for of in CONFIGS {
            let config = &composed.definition["deploy"][of];
            // Where it is not set, Swarm takes 1; 0 is all of them.
            if !(1..=at_once).contains(&whole(config, "/parallelism").unwrap_or(1)) {
                broken.push(Broken::new(
                    SWARM,
                    format!(
                        "parallelism in {of} of {} is {}, and minimumHealthyPercent in {} is {least}, which leaves \
                         {leaves} of {tasks} tasks",
                        composed.name,
                        shown(config, "/parallelism"),
                        deployed.file
                    ),
                    format!("make it {at_once} or less, and not 0"),
                ));
            }
            if text(config, "/order") != order {
                let found = shown(config, "/order");
                broken.push(Broken::new(
                    SWARM,
                    format!(
                        "order in {of} of {} is {found}, and maximumPercent in {} is {most}",
                        composed.name, deployed.file
                    ),
                    format!("make it {order}"),
                ));
            }
        }
    }
    broken
}

/// `failure_action` is `rollback` where the circuit breaker rolls back.
fn updates_that_fail_go_back(sources: &Sources) -> Vec<Broken> {
    let each = updated(sources).filter_map(|(composed, deployed)| {
        let breaker = deployed.definition.pointer("/deploymentConfiguration/deploymentCircuitBreaker")?;
        let goes_back = ["enable", "rollback"].iter().all(|field| breaker[*field] == Value::Bool(true));
        let config = &composed.definition["deploy"]["update_config"];
        (goes_back && text(config, "/failure_action") != "rollback").then(|| {
            Broken::new(
                SWARM,
                format!(
                    "failure_action in update_config of {} is {}, and deploymentCircuitBreaker in {} rolls back",
                    composed.name,
                    shown(config, "/failure_action"),
                    deployed.file
                ),
                "make it rollback",
            )
        })
    });
    each.collect()
}

/// Between the name of a task being gone from DNS and SIGTERM, as Docker's engine has it.
const GONE_FROM_DNS: Duration = Duration::from_secs(2);

/// `interval` × `retries` + 2 s + `DRAIN_DELAY` < `delay` < `monitor`. Swarm counts a task when it has ended: one that
/// says that it is not ready has to be unhealthy, out of DNS and drained while there are old ones. After the last tasks
/// Swarm looks at what has ended no sooner than `delay` is over, and that still has to count.
fn updates_wait_until_an_unready_task_is_noticed(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (composed, _) in updated(sources) {
        let (drain, _) = stopping(&composed.environment());
        let config = &composed.definition["deploy"]["update_config"];
        let time =
            |field: &str, unset| period(text(config, &format!("/{field}"))).unwrap_or(Duration::from_secs(unset));
        // Swarm's own defaults.
        let (delay, monitor) = (time("delay", 0), time("monitor", 5));
        let check = &composed.definition["healthcheck"];
        // Docker's own defaults.
        let interval = period(text(check, "/interval")).unwrap_or(Duration::from_secs(30));
        let retries = whole(check, "/retries").and_then(|retries| retries.try_into().ok()).unwrap_or(3);
        let notices = interval * retries + GONE_FROM_DNS + drain;
        if delay <= notices {
            broken.push(Broken::new(
                SWARM,
                format!(
                    "delay in update_config of {} is {}, and Swarm hears after {} of a task that turned unready (interval {} \
                     × retries {retries}, 2 s for DNS, DRAIN_DELAY {})",
                    composed.name,
                    seconds(delay),
                    seconds(notices),
                    seconds(interval),
                    seconds(drain)
                ),
                "make it longer than that",
            ));
        }
        if monitor <= delay {
            broken.push(Broken::new(
                SWARM,
                format!(
                    "monitor in update_config of {} is {}, and delay is {}",
                    composed.name,
                    seconds(monitor),
                    seconds(delay)
                ),
                "make it longer, as what ends meanwhile has to count",
            ));
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::{
        super::{sources::SWARM_SCRIPT, tests::assert_told},
        *,
    };

    const SERVICE: &str = "deploy/services/location.json";

    fn flat(sentences: &[[String; 2]]) -> Vec<&str> {
        sentences.iter().flatten().map(String::as_str).collect()
    }

    /// Asserts that `relation` says `sentence` of both services where the stack has `to` in the place of `from`.
    #[track_caller]
    fn assert_told_of_both(relation: Relation, from: &str, to: &str, sentence: &str) {
        let told = ["location", "user"].map(|name| format!("{SWARM}: {}", sentence.replace("{}", name)));
        assert_told(relation, SWARM, from, to, &told.each_ref().map(String::as_str));
    }

    #[test]
    fn an_update_that_keeps_fewer_tasks_than_a_rollout_is_told() {
        let relation = updates_keep_as_many_tasks_as_rollouts;
        let told = |name: &str, parallelism: u64, least: u64, leaves: &str, most: u64| {
            CONFIGS.map(|of| {
                format!(
                    "{SWARM}: parallelism in {of} of {name} is {parallelism}, and minimumHealthyPercent in \
                     deploy/services/{name}.json is {least}, which leaves {leaves} tasks: make it {most} or less, and \
                     not 0"
                )
            })
        };
        for parallelism in [0, 3] {
            let told = ["location", "user"].map(|name| told(name, parallelism, 50, "2 of 4", 2));
            assert_told(relation, SWARM, "parallelism: 2", &format!("parallelism: {parallelism}"), &flat(&told));
        }
        for (least, told) in [(75, told("location", 2, 75, "1 of 4", 1)), (100, told("location", 2, 100, "0 of 4", 1))]
        {
            let to = format!("\"minimumHealthyPercent\": {least}");
            assert_told(relation, SERVICE, "\"minimumHealthyPercent\": 50", &to, &flat(&[told]));
        }
        let told = ["location", "user"].map(|name| told(name, 2, 50, "1 of 3", 1));
        assert_told(relation, SWARM_SCRIPT, "\ntasks=4", "\ntasks=3", &flat(&told));
    }

    #[test]
    fn an_order_that_does_not_fit_the_room_is_told() {
        let relation = updates_keep_as_many_tasks_as_rollouts;
        let told = |name: &str, order: &str, most: u64, other: &str| {
            CONFIGS.map(|of| {
                format!(
                    "{SWARM}: order in {of} of {name} is {order}, and maximumPercent in deploy/services/{name}.json is \
                     {most}: make it {other}"
                )
            })
        };
        let expected = ["location", "user"].map(|name| told(name, "stop-first", 200, "start-first"));
        assert_told(relation, SWARM, "order: start-first", "order: stop-first", &flat(&expected));
        let expected = [told("location", "start-first", 150, "stop-first")];
        let change = ["\"maximumPercent\": 200", "\"maximumPercent\": 150"];
        assert_told(relation, SERVICE, change[0], change[1], &flat(&expected));
    }

    #[test]
    fn an_update_that_does_not_go_back_is_told() {
        let told = "failure_action in update_config of {} is pause, and deploymentCircuitBreaker in \
                    deploy/services/{}.json rolls back: make it rollback";
        assert_told_of_both(updates_that_fail_go_back, "failure_action: rollback", "failure_action: pause", told);
    }

    #[test]
    fn an_update_that_does_not_wait_is_told() {
        let relation = updates_wait_until_an_unready_task_is_noticed;
        let told = "delay in update_config of {} is 11 s, and Swarm hears after 11 s of a task that turned unready \
                    (interval 2 s × retries 2, 2 s for DNS, DRAIN_DELAY 5 s): make it longer than that";
        assert_told_of_both(relation, "delay: 15s", "delay: 11s", told);
        let told = "delay in update_config of {} is 15 s, and Swarm hears after 17 s of a task that turned unready \
                    (interval 2 s × retries 5, 2 s for DNS, DRAIN_DELAY 5 s): make it longer than that";
        assert_told_of_both(relation, "retries: 2", "retries: 5", told);
        let told = "monitor in update_config of {} is 15 s, and delay is 15 s: make it longer, as what ends meanwhile \
                    has to count";
        assert_told_of_both(relation, "monitor: 16s", "monitor: 15s", told);
    }
}
