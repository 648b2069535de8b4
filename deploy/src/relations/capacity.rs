//! Enough of everything: connections to the database, and room on the instances, when a rollout doubles the tasks.

use std::collections::{BTreeMap, BTreeSet};

use chassis::database::{DEFAULT_MAX_CONNECTIONS, PROBE_CONNECTIONS};
use serde_json::Value;

use super::{
    Broken, Relation,
    sources::{Deployed, HAPROXY, SWARM, Sources, Task, setting, shown, whole},
};
use crate::aws::{list, text};

pub(super) const RELATIONS: &[Relation] = &[
    the_database_has_connections_for_all_tasks,
    the_alarm_is_above_what_tasks_may_hold,
    the_topologys_database_has_connections_for_all_tasks,
    the_balancer_has_room_for_all_tasks,
    containers_have_what_tasks_have,
    a_rollout_can_go_on,
    instances_have_room_for_a_rollout,
    instances_have_room_for_a_one_off_task,
];

const DATABASE: &str = "deploy/stacks/database.yaml";
const CAPACITY: &str = "deploy/stacks/capacity.yaml";
const ALARMS: &str = "deploy/stacks/alarms.yaml";

/// Memory of classes of database instances, in GiB:
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html>.
const DATABASE_MEMORY: [(&str, u64); 11] = [
    ("db.t4g.micro", 1),
    ("db.t4g.small", 2),
    ("db.t4g.medium", 4),
    ("db.t4g.large", 8),
    ("db.t4g.xlarge", 16),
    ("db.m7g.large", 8),
    ("db.m7g.xlarge", 16),
    ("db.m7g.2xlarge", 32),
    ("db.r7g.large", 16),
    ("db.r7g.xlarge", 32),
    ("db.r7g.2xlarge", 64),
];

/// CPU units (1024 for each virtual CPU) and memory, in MiB, of types of container instances:
/// <https://aws.amazon.com/ec2/instance-types/>.
const INSTANCES: [(&str, Size); 8] = [
    ("t3.medium", Size { cpu: 2048, memory: 4096 }),
    ("t3.large", Size { cpu: 2048, memory: 8192 }),
    ("t3.xlarge", Size { cpu: 4096, memory: 16384 }),
    ("t4g.medium", Size { cpu: 2048, memory: 4096 }),
    ("t4g.large", Size { cpu: 2048, memory: 8192 }),
    ("t4g.xlarge", Size { cpu: 4096, memory: 16384 }),
    ("m7g.large", Size { cpu: 2048, memory: 8192 }),
    ("m7g.xlarge", Size { cpu: 4096, memory: 16384 }),
];

/// What a task asks for, or an instance has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Size {
    cpu: u64,
    memory: u64,
}

/// The `max_connections` of RDS for MySQL: the memory of the class, less what the system and RDS itself use, divided by
/// 12,582,880. How much less is not documented; classes of 4 GiB were seen with 312 where all of it would be 341, those
/// of 8 GiB with 648 where it would be 682. A tenth less is below both.
fn max_connections(gib: u64) -> u64 {
    (gib << 30) / 12_582_880 * 9 / 10
}

/// Connections that the tasks of both services may hold at the most: while both are rolled out, scaled up.
fn pools(sources: &Sources) -> (u64, String) {
    let parts: Vec<(u64, String)> = sources
        .deployed()
        .map(|deployed| {
            let tasks = deployed.during_rollout(deployed.most_tasks(sources));
            let each = pool(&deployed.task.environment());
            (tasks * each, format!("{tasks} {} tasks with {each} each", deployed.service.name))
        })
        .collect();
    let words: Vec<String> = parts.iter().map(|(_, words)| words.clone()).collect();
    (parts.iter().map(|(connections, _)| connections).sum(), words.join(" and "))
}

/// Connections of a task: `DB_MAX_CONNECTIONS`, and those of its health check.
fn pool(environment: &BTreeMap<String, String>) -> u64 {
    (setting(environment, "DB_MAX_CONNECTIONS", DEFAULT_MAX_CONNECTIONS) + PROBE_CONNECTIONS) as u64
}

/// One-off tasks, with a connection each, if all that there are run at once: of every family, and on schedule.
fn one_off(sources: &Sources) -> u64 {
    let scheduled = sources.all("deploy/schedules").map(|(_, schedule)| {
        // Where it is not set, it is one.
        whole(schedule, "/Target/EcsParameters/TaskCount").unwrap_or(1)
    });
    let families: BTreeSet<&str> = sources.tasks().map(|task| text(task.definition, "/family")).collect();
    scheduled.sum::<u64>() + families.len() as u64
}

/// (`DB_MAX_CONNECTIONS` + 1) × tasks × maximumPercent of both services, and one-off tasks, ≤ `max_connections` of every
/// instance class that the stack allows.
fn the_database_has_connections_for_all_tasks(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    let ((pools, words), one_off) = (pools(sources), one_off(sources));
    let needed = pools + one_off;
    let parameter = &sources.data(DATABASE)["Parameters"]["InstanceClass"];
    let set = sources
        .resources("AWS::RDS::DBParameterGroup")
        .find_map(|group| whole(group.properties, "/Parameters/max_connections"));
    for class in list(parameter, "/AllowedValues").iter().filter_map(Value::as_str) {
        let Some((_, gib)) = DATABASE_MEMORY.iter().find(|(known, _)| *known == class) else {
            let found = format!("InstanceClass may be {class}, whose memory is not known here");
            let remedy = "add it to DATABASE_MEMORY in deploy/src/relations/capacity.rs, or leave it out";
            broken.push(Broken::new(DATABASE, found, remedy));
            continue;
        };
        let most = set.unwrap_or_else(|| max_connections(*gib));
        if needed > most {
            broken.push(Broken::new(
                DATABASE,
                format!(
                    "InstanceClass may be {class}, which takes {most} connections, and there can be {needed}: {words}, \
                     and {one_off} one-off tasks"
                ),
                "allow larger classes only, or lower DB_MAX_CONNECTIONS, MaxCapacity or maximumPercent",
            ));
        }
    }
    if broken.is_empty() && list(parameter, "/AllowedValues").is_empty() {
        let found = "InstanceClass has no AllowedValues, and not every class takes the connections of all tasks";
        broken.push(Broken::new(DATABASE, found, "list those that do"));
    }
    broken
}

/// The alarm on connections does not go off over what the tasks may hold, and goes off before no more are taken.
fn the_alarm_is_above_what_tasks_may_hold(sources: &Sources) -> Vec<Broken> {
    let alarm = sources
        .resources("AWS::CloudWatch::Alarm")
        .find(|alarm| text(alarm.properties, "/MetricName") == "DatabaseConnections");
    let Some(alarm) = alarm else {
        let found =
            "no alarm is on DatabaseConnections, and whoever holds more than the tasks may takes them from these";
        return vec![Broken::new(ALARMS, found, "add one")];
    };
    let (pools, words) = pools(sources);
    let smallest = list(sources.data(DATABASE), "/Parameters/InstanceClass/AllowedValues")
        .iter()
        .filter_map(|class| DATABASE_MEMORY.iter().find(|(known, _)| *class == *known))
        .map(|(_, gib)| max_connections(*gib))
        .min()
        .unwrap_or(u64::MAX);
    let threshold = whole(alarm.properties, "/Threshold");
    if threshold.is_some_and(|threshold| (pools..smallest).contains(&threshold)) {
        return Vec::new();
    }
    vec![Broken::new(
        alarm.file,
        format!(
            "Threshold of {} is {}, and {words} may hold {pools}, of the {smallest} that the smallest InstanceClass \
             takes",
            alarm.name,
            shown(alarm.properties, "/Threshold")
        ),
        format!("make it {pools} or more, and less than {smallest}"),
    )]
}

/// The same for the topology, where the balancers limit the number of tasks.
fn the_topologys_database_has_connections_for_all_tasks(sources: &Sources) -> Vec<Broken> {
    let slots = slots(sources);
    let each = sources.compose_services().filter(|(.., definition)| text(definition, "/image") == "${MYSQL_IMAGE}");
    each.filter_map(|(file, name, definition)| {
        let beside = sources.composed().filter(|composed| composed.file == file);
        let (serving, one_off): (Vec<_>, Vec<_>) = beside.partition(|composed| composed.subcommand() == "serve");
        let pools: u64 = serving.iter().map(|composed| slots * pool(&composed.environment())).sum();
        let one_off = one_off.len() as u64;
        let mut options = list(definition, "/command").iter().filter_map(Value::as_str);
        let given = options.find_map(|option| option.strip_prefix("--max-connections="));
        let fits = given.and_then(|given| given.parse().ok()).is_some_and(|given: u64| pools + one_off <= given);
        (!fits).then(|| {
            Broken::new(
                file,
                format!(
                    "--max-connections of {name} is {}, and there can be {}: {slots} tasks of each service hold \
                     {pools}, and {one_off} one-off tasks",
                    given.unwrap_or("not set"),
                    pools + one_off
                ),
                format!("make it {} or more", pools + one_off),
            )
        })
    })
    .collect()
}

/// The balancers of the topology have a place for each task, also while there are old and new ones.
fn the_balancer_has_room_for_all_tasks(sources: &Sources) -> Vec<Broken> {
    let slots = slots(sources);
    let each = sources.serving().filter_map(|composed| {
        let tasks = composed.during_update(sources);
        (tasks > slots).then(|| {
            Broken::new(
                HAPROXY,
                format!(
                    "server-template has room for {slots} tasks, and there can be {tasks} of {} in {}",
                    composed.name, composed.file
                ),
                format!("make it {tasks} or more"),
            )
        })
    });
    each.collect()
}

/// A task of the topology is limited to the CPU and memory of its task definition (1024 CPU units are one processor); what
/// ECS reserves of an instance's memory, Swarm reserves of a node's.
fn containers_have_what_tasks_have(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for composed in sources.serving() {
        let Some(Deployed { task, .. }) = composed.deployed(sources) else { continue };
        let Size { cpu, memory } = size(task);
        #[expect(clippy::cast_precision_loss, reason = "a task has few CPU units")]
        let (cpu, memory) = ((cpu as f64 / 1024.0).to_string(), format!("{memory}M"));
        let mut wanted = vec![("limits/cpus", "cpu", &cpu), ("limits/memory", "memory", &memory)];
        if composed.file == SWARM {
            wanted.push(("reservations/memory", "memory", &memory));
        }
        for (limit, of, wanted) in wanted {
            let found = sources.with_defaults(&shown(composed.definition, &format!("/deploy/resources/{limit}")));
            if found != *wanted {
                let found = format!("{limit} of {} is {found}, and {of} in {} is {wanted}", composed.name, task.file);
                broken.push(Broken::new(composed.file, found, format!("make it {wanted}")));
            }
        }
    }
    broken
}

/// How many tasks a balancer of the topology has room for.
fn slots(sources: &Sources) -> u64 {
    let line = sources.text(HAPROXY).lines().find_map(|line| line.trim().strip_prefix("server-template "));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or_default()
}

/// A rollout can start or stop a task, and leaves one to serve: between `minimumHealthyPercent`, rounded up, and
/// `maximumPercent`, rounded down, is room for one, with as many tasks as there are at first and as few as autoscaling
/// leaves.
fn a_rollout_can_go_on(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for deployed in sources.deployed() {
        let scaling = sources.data(&format!("deploy/scaling/{}.json", deployed.service.name));
        // Where it is not set, ECS takes 100.
        let percent = whole(deployed.definition, "/deploymentConfiguration/minimumHealthyPercent").unwrap_or(100);
        for (of, tasks) in
            [("desiredCount", deployed.desired()), ("MinCapacity", whole(scaling, "/target/MinCapacity").unwrap_or(1))]
        {
            let (least, most) = ((tasks * percent).div_ceil(100), deployed.during_rollout(tasks));
            if least == 0 || least >= most {
                broken.push(Broken::new(
                    &deployed.file,
                    format!(
                        "minimumHealthyPercent is {percent}, which with {tasks} tasks ({of}) are {least} that serve \
                         during a rollout, of {most} at the most (maximumPercent)"
                    ),
                    "choose both so that at least one serves, and one can be started or stopped",
                ));
            }
        }
    }
    broken
}

/// The tasks of a rollout of both services at once find room, so that none waits for an instance: as the services begin
/// on the instances that there are at first, and scaled up on the most that there may be. (With less, a rollout still
/// ends, as `minimumHealthyPercent` lets ECS stop old tasks first; it is slower, and serves with fewer tasks
/// meanwhile.)
fn instances_have_room_for_a_rollout(sources: &Sources) -> Vec<Broken> {
    let instance = match instance(sources) {
        Ok(instance) => instance,
        Err(broken) => return vec![broken],
    };
    let mut broken = Vec::new();
    for (property, of) in [("DesiredCapacity", "desiredCount"), ("MaxSize", "MaxCapacity")] {
        let mut tasks = Vec::new();
        let mut words = Vec::new();
        for deployed in sources.deployed() {
            let tasks_of_it = if of == "desiredCount" { deployed.desired() } else { deployed.most_tasks(sources) };
            let during = deployed.during_rollout(tasks_of_it);
            words.push(format!("{during} of {} with {}", deployed.service.name, size(deployed.task)));
            tasks.extend((0..during).map(|_| size(deployed.task)));
        }
        let found = format!("a rollout of both services at {of} makes {} tasks: {}", tasks.len(), words.join(", "));
        broken.extend(lacks_room(sources, instance, property, tasks, &found));
    }
    broken
}

/// Beside the tasks of both services, the largest one-off task finds room on the instances that there are at first: a
/// deployment runs it, and would wait for a new instance.
fn instances_have_room_for_a_one_off_task(sources: &Sources) -> Vec<Broken> {
    // That its size is known is told by the relation above.
    let Ok(instance) = instance(sources) else { return Vec::new() };
    let mut tasks: Vec<Size> =
        sources.deployed().flat_map(|deployed| (0..deployed.desired()).map(move |_| size(deployed.task))).collect();
    let services = tasks.len();
    tasks.extend(sources.tasks().map(size).max());
    let found = format!("a deployment runs one-off tasks beside the {services} of the services");
    lacks_room(sources, instance, "DesiredCapacity", tasks, &found).into_iter().collect()
}

fn lacks_room(
    sources: &Sources,
    instance: (&str, Size),
    property: &str,
    tasks: Vec<Size>,
    why: &str,
) -> Option<Broken> {
    let group = sources.resources("AWS::AutoScaling::AutoScalingGroup").next()?;
    let given = whole(group.properties, &format!("/{property}")).unwrap_or_default();
    let total = tasks.len();
    let needed = instances_for(tasks, instance.1)?;
    (needed > given).then(|| {
        Broken::new(
            group.file,
            format!("{property} is {given} of {} ({}), and {why}", instance.0, instance.1),
            format!("make it {needed} or more, which is what {total} tasks need, or choose larger instances"),
        )
    })
}

/// The type of the instances, and what tasks can have of one: the system and the agent keep some memory (an instance of
/// 8192 MiB registers between 7600 and 8000), so that a twentieth is left to them.
fn instance(sources: &Sources) -> Result<(&str, Size), Broken> {
    let name = text(sources.data(CAPACITY), "/Parameters/InstanceType/Default");
    let Some((_, size)) = INSTANCES.iter().find(|(known, _)| *known == name) else {
        let found = format!("the default of InstanceType is {name}, whose size is not known here");
        return Err(Broken::new(CAPACITY, found, "add it to INSTANCES in deploy/src/relations/capacity.rs"));
    };
    Ok((name, Size { cpu: size.cpu, memory: size.memory * 95 / 100 }))
}

/// What a task asks for.
fn size(task: Task) -> Size {
    let sum = |what: &str| {
        list(task.definition, "/containerDefinitions")
            .iter()
            .map(|container| whole(container, what).unwrap_or_default())
            .sum()
    };
    Size { cpu: sum("/cpu"), memory: sum("/memory") }
}

/// How many instances `tasks` need, each put where it first fits, the largest first; `None` if one fits nowhere.
fn instances_for(mut tasks: Vec<Size>, instance: Size) -> Option<u64> {
    tasks.sort_unstable_by(|one, other| other.cmp(one));
    let mut free: Vec<Size> = Vec::new();
    for task in tasks {
        let fits = |free: &Size| task.cpu <= free.cpu && task.memory <= free.memory;
        let at = match free.iter().position(fits) {
            Some(at) => at,
            None if fits(&instance) => {
                free.push(instance);
                free.len() - 1
            }
            None => return None,
        };
        free[at].cpu -= task.cpu;
        free[at].memory -= task.memory;
    }
    Some(free.len() as u64)
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} CPU units and {} MiB", self.cpu, self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            sources::{COMPOSE, SWARM_SCRIPT},
            tests::assert_told,
        },
        *,
    };

    const TASK: &str = "deploy/tasks/location.json";

    #[test]
    fn more_connections_than_an_instance_class_takes_are_told() {
        let relation = the_database_has_connections_for_all_tasks;
        let told = "deploy/stacks/database.yaml: InstanceClass may be db.t4g.small, which takes 153 connections, and \
                    there can be 294: 16 location tasks with 9 each and 16 user tasks with 9 each, and 6 one-off \
                    tasks: allow larger classes only, or lower DB_MAX_CONNECTIONS, MaxCapacity or maximumPercent";
        let classes = "AllowedValues:\n      - db.t4g.medium";
        let more = "AllowedValues:\n      - db.t4g.small\n      - db.t4g.medium";
        assert_told(relation, DATABASE, classes, more, &[told]);
        let told = |rest: &str| {
            format!(
                "deploy/stacks/database.yaml: InstanceClass may be db.t4g.medium, which takes 306 connections, and \
                 there can be {rest}, and 6 one-off tasks: allow larger classes only, or lower DB_MAX_CONNECTIONS, \
                 MaxCapacity or maximumPercent"
            )
        };
        let expected = told("422: 16 location tasks with 17 each and 16 user tasks with 9 each");
        let set = r#""environment": [{ "name": "DB_MAX_CONNECTIONS", "value": "16" },"#;
        assert_told(relation, TASK, "\"environment\": [", set, &[&expected]);
        let expected = told("366: 24 location tasks with 9 each and 16 user tasks with 9 each");
        let file = "deploy/scaling/location.json";
        assert_told(relation, file, "\"MaxCapacity\": 8", "\"MaxCapacity\": 12", &[&expected]);
        let file = "deploy/services/location.json";
        assert_told(relation, file, "\"maximumPercent\": 200", "\"maximumPercent\": 300", &[&expected]);
        let expected = told("402: 28 location tasks with 9 each and 16 user tasks with 9 each");
        assert_told(relation, file, "\"desiredCount\": 4", "\"desiredCount\": 14", &[&expected]);
        let told = "deploy/stacks/database.yaml: InstanceClass may be db.m9g.large, whose memory is not known here: \
                    add it to DATABASE_MEMORY in deploy/src/relations/capacity.rs, or leave it out";
        assert_told(relation, DATABASE, "db.m7g.large", "db.m9g.large", &[told]);
        let told = "deploy/stacks/database.yaml: InstanceClass has no AllowedValues, and not every class takes the \
                    connections of all tasks: list those that do";
        assert_told(relation, DATABASE, classes, &classes.replace("AllowedValues", "Ignored"), &[told]);
    }

    #[test]
    fn an_alarm_within_what_tasks_may_hold_is_told() {
        let told = "deploy/stacks/alarms.yaml: Threshold of DatabaseConnections is 200, and 16 location tasks with 9 \
                    each and 16 user tasks with 9 each may hold 288, of the 306 that the smallest InstanceClass takes: \
                    make it 288 or more, and less than 306";
        let relation = the_alarm_is_above_what_tasks_may_hold;
        assert_told(relation, ALARMS, "Threshold: 288", "Threshold: 200", &[told]);
        let told = told.replace("is 200", "is 400");
        assert_told(relation, ALARMS, "Threshold: 288", "Threshold: 400", &[&told]);
    }

    #[test]
    fn more_tasks_than_the_topology_has_room_for_are_told() {
        let relation = the_topologys_database_has_connections_for_all_tasks;
        for file in [COMPOSE, SWARM] {
            let told = format!(
                "{file}: --max-connections of mysql is 200, and there can be 294: 16 tasks of each service hold 288, \
                 and 6 one-off tasks: make it 294 or more"
            );
            assert_told(relation, file, "--max-connections=300", "--max-connections=200", &[&told]);
        }
        let relation = the_balancer_has_room_for_all_tasks;
        // An update doubles them, and Compose knows none.
        for (file, from, to) in [(COMPOSE, "replicas: 4", "replicas: 20"), (SWARM_SCRIPT, "\ntasks=4", "\ntasks=10")] {
            let of = if file == COMPOSE { COMPOSE } else { SWARM };
            let told = ["location", "user"].map(|name| {
                format!(
                    "{HAPROXY}: server-template has room for 16 tasks, and there can be 20 of {name} in {of}: make it \
                     20 or more"
                )
            });
            assert_told(relation, file, from, to, &told.each_ref().map(String::as_str));
        }
    }

    #[test]
    fn a_container_with_other_limits_than_its_task_is_told() {
        let relation = containers_have_what_tasks_have;
        let (from, to) = ("cpus: \"0.5\"", "cpus: \"0.25\"");
        for file in [COMPOSE, SWARM] {
            let told = ["location", "user"].map(|name| {
                format!(
                    "{file}: limits/cpus of {name} is 0.25, and cpu in deploy/tasks/{name}.json is 0.5: make it 0.5"
                )
            });
            assert_told(relation, file, from, to, &told.each_ref().map(String::as_str));
        }
        let told = |file: &str, limit: &str, name: &str, given: &str, wanted: &str| {
            format!(
                "{file}: {limit}/memory of {name} is {given}, and memory in deploy/tasks/{name}.json is {wanted}: make \
                 it {wanted}"
            )
        };
        let expected = ["location", "user"].map(|name| told(COMPOSE, "limits", name, "512M", "1024M"));
        assert_told(relation, COMPOSE, "1024M", "512M", &expected.each_ref().map(String::as_str));
        let expected = ["location", "user"]
            .map(|name| ["limits", "reservations"].map(|limit| told(SWARM, limit, name, "512M", "1024M")));
        let expected: Vec<&str> = expected.iter().flatten().map(String::as_str).collect();
        assert_told(relation, SWARM_SCRIPT, ":-1024M}", ":-512M}", &expected);
        let expected = [
            told(COMPOSE, "limits", "location", "1024M", "2048M"),
            told(SWARM, "limits", "location", "1024M", "2048M"),
            told(SWARM, "reservations", "location", "1024M", "2048M"),
        ];
        let expected = expected.each_ref().map(String::as_str);
        assert_told(relation, TASK, "\"memory\": 1024", "\"memory\": 2048", &expected);
    }

    #[test]
    fn a_rollout_that_cannot_go_on_is_told() {
        let told = |percent: u64, tasks: u64, of: &str, least: u64, most: u64| {
            format!(
                "deploy/services/user.json: minimumHealthyPercent is {percent}, which with {tasks} tasks ({of}) are \
                 {least} that serve during a rollout, of {most} at the most (maximumPercent): choose both so that at \
                 least one serves, and one can be started or stopped"
            )
        };
        let (relation, file) = (a_rollout_can_go_on, "deploy/services/user.json");
        let expected = [told(0, 4, "desiredCount", 0, 8), told(0, 2, "MinCapacity", 0, 4)];
        let expected = expected.each_ref().map(String::as_str);
        assert_told(relation, file, "\"minimumHealthyPercent\": 50", "\"minimumHealthyPercent\": 0", &expected);
        // Half of one task more is none.
        let change = ("\"minimumHealthyPercent\": 50,\n    \"maximumPercent\": 200", "\"maximumPercent\": 125");
        assert_told(relation, file, change.0, change.1, &[&told(100, 2, "MinCapacity", 2, 2)]);
    }

    #[test]
    fn a_rollout_without_room_is_told() {
        let relation = instances_have_room_for_a_rollout;
        let told = |property: &str, given: &str, of: &str, tasks: [u64; 3], needed: u64| {
            format!(
                "deploy/stacks/capacity.yaml: {property} is {given} CPU units and {}), and a rollout of both services \
                 at {of} makes {} tasks: {} of location with 512 CPU units and 1024 MiB, {} of user with 512 CPU units \
                 and 1024 MiB: make it {needed} or more, which is what {} tasks need, or choose larger instances",
                if given.contains("medium") { "3891 MiB" } else { "7782 MiB" },
                tasks[0],
                tasks[1],
                tasks[2],
                tasks[0]
            )
        };
        let expected = told("DesiredCapacity", "3 of t3.large (2048", "desiredCount", [16, 8, 8], 4);
        assert_told(relation, CAPACITY, "DesiredCapacity: \"4\"", "DesiredCapacity: \"3\"", &[&expected]);
        let expected = told("MaxSize", "6 of t3.large (2048", "MaxCapacity", [32, 16, 16], 8);
        assert_told(relation, CAPACITY, "MaxSize: \"8\"", "MaxSize: \"6\"", &[&expected]);
        let expected = [
            told("DesiredCapacity", "4 of t3.medium (2048", "desiredCount", [16, 8, 8], 6),
            told("MaxSize", "8 of t3.medium (2048", "MaxCapacity", [32, 16, 16], 11),
        ];
        let expected = expected.each_ref().map(String::as_str);
        assert_told(relation, CAPACITY, "Default: t3.large", "Default: t3.medium", &expected);
        let told = "deploy/stacks/capacity.yaml: the default of InstanceType is t9.large, whose size is not known \
                    here: add it to INSTANCES in deploy/src/relations/capacity.rs";
        assert_told(relation, CAPACITY, "Default: t3.large", "Default: t9.large", &[told]);
    }

    #[test]
    fn a_one_off_task_without_room_is_told() {
        let told = "deploy/stacks/capacity.yaml: DesiredCapacity is 2 of t3.large (2048 CPU units and 7782 MiB), and a \
                    deployment runs one-off tasks beside the 8 of the services: make it 3 or more, which is what 9 \
                    tasks need, or choose larger instances";
        let relation = instances_have_room_for_a_one_off_task;
        assert_told(relation, CAPACITY, "DesiredCapacity: \"4\"", "DesiredCapacity: \"2\"", &[told]);
    }
}
