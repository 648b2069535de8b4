//! Enough of everything: connections to the database, and room on the instances, when a rollout doubles the tasks.

use std::collections::BTreeMap;

use chassis::database::{DEFAULT_MAX_CONNECTIONS, PROBE_CONNECTIONS};
use serde_json::Value;

use super::{
    Order::{AtLeast, AtMost, Less},
    Report,
    sources::{COMPOSE, HAPROXY, Sources, Task, setting, shown, subcommand, whole},
};
use crate::aws::list;

const DATABASE: &str = "deploy/stacks/database.yaml";
const ALARMS: &str = "deploy/stacks/alarms.yaml";
const CAPACITY: &str = "deploy/stacks/capacity.yaml";

/// The `max_connections` of RDS for MySQL with 4 GiB, which classes of the size medium have: the memory, less what the
/// system and RDS itself use, divided by 12,582,880. How much less is not documented; such classes were seen with 312
/// where all of it would be 341. A tenth less is below that.
const MAX_CONNECTIONS: u64 = (4 << 30) / 12_582_880 * 9 / 10;

/// The default type of the container instances, its CPU units (1024 for each virtual CPU), and the memory in MiB that
/// tasks can have of it: the system and the agent keep some (an instance of 8192 MiB registers between 7600 and 8000).
const INSTANCE: (&str, u64, u64) = ("t3.large", 2048, 8192 * 95 / 100);

/// Connections of a task: `DB_MAX_CONNECTIONS`, and those of its health check.
fn pool(environment: &BTreeMap<&str, String>) -> u64 {
    (setting(environment, "DB_MAX_CONNECTIONS", DEFAULT_MAX_CONNECTIONS) + PROBE_CONNECTIONS) as u64
}

/// (`DB_MAX_CONNECTIONS` + 1) × tasks × maximumPercent of both services, and one-off tasks, fit into the smallest
/// database that the stack allows. The alarm on connections is above what the tasks may hold, and goes off before no
/// more are accepted.
pub(super) fn database_connections(sources: &Sources, report: &mut Report) {
    let parts: Vec<_> = sources
        .deployed()
        .map(|deployed| {
            let (_, tasks) = deployed.during_rollout(deployed.most_tasks());
            (tasks, deployed.service.name, pool(&deployed.task.environment()))
        })
        .collect();
    let pools: u64 = parts.iter().map(|(tasks, _, each)| tasks * each).sum();
    let words: Vec<_> =
        parts.iter().map(|(tasks, name, each)| format!("{tasks} {name} tasks with {each} each")).collect();
    let words = words.join(" and ");
    // With a connection each, if all that there are run at once: of every family, and on schedule.
    let one_off = (sources.tasks().count() + sources.schedules().count()) as u64;
    let needed = (format!("the number of connections of {words}, and {one_off} one-off tasks"), Some(pools + one_off));
    report.compare(
        DATABASE,
        needed,
        AtMost,
        ("max_connections of 4 GiB, the smallest InstanceClass,", MAX_CONNECTIONS),
    );
    let classes = list(sources.data(DATABASE), "/Parameters/InstanceClass/AllowedValues");
    let small = |class: &Value| class.as_str().is_none_or(|class| class.ends_with("micro") || class.ends_with("small"));
    report.require(
        !classes.is_empty() && !classes.iter().any(small),
        DATABASE,
        "AllowedValues of InstanceClass has to exclude classes below 4 GiB, and lists one, or none at all",
        "list those of the size medium and larger",
    );
    let threshold = whole(sources.data(ALARMS), "/Resources/DatabaseConnections/Properties/Threshold");
    let name = "Threshold of DatabaseConnections";
    report.compare(ALARMS, (name, threshold), AtLeast, (format!("the number of connections of {words}"), pools));
    report.compare(ALARMS, (name, threshold), Less, ("max_connections of the smallest InstanceClass", MAX_CONNECTIONS));
}

/// The balancers of the topology have a place for each task, also while an update doubles them, and its database has
/// connections for all of these.
pub(super) fn topology_connections(sources: &Sources, report: &mut Report) {
    let slots = sources.haproxy("server-template task").and_then(|line| line.split(' ').next()?.parse().ok());
    for composed in sources.serving().filter(|composed| composed.file == COMPOSE) {
        let tasks = whole(composed.definition, "/deploy/replicas").unwrap_or(1);
        let during = (format!("twice replicas of {}", composed.name), 2 * tasks);
        report.compare(HAPROXY, ("the number of tasks of server-template", slots), AtLeast, during);
    }
    let slots: u64 = slots.unwrap_or_default();
    for (file, name, definition) in sources.compose_services() {
        if definition["image"] != "${MYSQL_IMAGE}" {
            continue;
        }
        let containers = sources.composed().filter(|composed| composed.file == file);
        let needed = containers.map(|composed| match subcommand(composed.definition) {
            "serve" => slots * pool(&composed.environment()),
            _ => 1,
        });
        let mut options = list(definition, "/command").iter().filter_map(Value::as_str);
        let given: Option<u64> = options.find_map(|option| option.strip_prefix("--max-connections=")?.parse().ok());
        let other = format!("the number of connections of {slots} tasks of each service, and the one-off tasks,");
        report.compare(file, (format!("--max-connections of {name}"), given), AtLeast, (other, needed.sum()));
    }
}

/// A rollout can start or stop a task, and leaves one to serve: between `minimumHealthyPercent`, rounded up, and
/// `maximumPercent`, rounded down, is room for one, with as many tasks as there are at first and as few as autoscaling
/// leaves.
pub(super) fn rollout_bounds(sources: &Sources, report: &mut Report) {
    for deployed in sources.deployed() {
        let fewest = whole(deployed.scaling, "/target/MinCapacity").unwrap_or(1);
        for (of, tasks) in [("desiredCount", deployed.desired()), ("MinCapacity", fewest)] {
            let (least, most) = deployed.during_rollout(tasks);
            report.require(
                least > 0 && least < most,
                deployed.file,
                format_args!(
                    "minimumHealthyPercent and maximumPercent keep between {least} and {most} of {tasks} tasks ({of}) \
                     during a rollout"
                ),
                "choose both so that at least one serves, and one can be started or stopped",
            );
        }
    }
}

/// The tasks of a rollout of both services at once find room, so that none waits for an instance: as the services begin
/// on the instances that there are at first, and scaled up on the most that there may be. (With less, a rollout still
/// ends, as `minimumHealthyPercent` lets ECS stop old tasks first; it is slower, and serves with fewer tasks
/// meanwhile.)
pub(super) fn instance_room(sources: &Sources, report: &mut Report) {
    let (kind, cpu, memory) = INSTANCE;
    let found = shown(sources.data(CAPACITY), "/Parameters/InstanceType/Default");
    let reason = "INSTANCE in deploy/src/checks/capacity.rs has the size of that type";
    report.equal(CAPACITY, "the default of InstanceType", &found, kind, reason);
    for (property, of) in [("DesiredCapacity", "desiredCount"), ("MaxSize", "MaxCapacity")] {
        let (mut total, mut largest) = (0, (1, 1));
        for deployed in sources.deployed() {
            let tasks = if of == "desiredCount" { deployed.desired() } else { deployed.most_tasks() };
            total += deployed.during_rollout(tasks).1;
            let (its_cpu, its_memory) = size(deployed.task);
            largest = (largest.0.max(its_cpu), largest.1.max(its_memory));
        }
        let each = (cpu / largest.0).min(memory / largest.1).max(1);
        let group = &sources.data(CAPACITY)["Resources"]["AutoScalingGroup"]["Properties"];
        let given = (property, whole(group, &format!("/{property}")));
        let other = format!(
            "the number of {kind} for the {total} tasks of a rollout of both services at {of}, with {} CPU units and {} \
             MiB each,",
            largest.0, largest.1
        );
        report.compare(CAPACITY, given, AtLeast, (other, total.div_ceil(each)));
    }
}

/// The CPU units and MiB that a task asks for.
fn size(task: Task) -> (u64, u64) {
    let of = |pointer| whole(task.container, pointer).unwrap_or_default();
    (of("/cpu"), of("/memory"))
}
