//! From the first health check to the last answer: times that have to be longer or shorter than others, so that no
//! request is lost.

use std::time::Duration;

use chassis::{healthcheck, http::KEEP_ALIVE, openapi};
use serde_json::Value;
use user::places;

use super::{
    Broken, Relation,
    sources::{Deployed, HAPROXY, Sources, period, seconds, shown, stopping, whole},
};
use crate::aws::text;

pub(super) const RELATIONS: &[Relation] = &[
    tasks_stop_before_they_are_killed,
    containers_stop_before_they_are_killed,
    balancers_stop_before_they_are_killed,
    targets_are_drained_for_as_long_as_requests_take,
    balancers_close_idle_connections_first,
    the_user_service_closes_idle_connections_first,
    the_balancer_notices_a_stopping_task,
    balancers_ask_what_says_whether_a_task_is_ready,
    containers_ask_themselves,
    tasks_have_time_to_start,
];

const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

/// `DRAIN_DELAY` + `SHUTDOWN_TIMEOUT` < stopTimeout.
fn tasks_stop_before_they_are_killed(sources: &Sources) -> Vec<Broken> {
    let each = sources.deployed().filter_map(|Deployed { task, .. }| {
        let (given, takes) = (whole(task.container, "/stopTimeout"), stopping(&task.environment()));
        (given.is_none_or(|given| Duration::from_secs(given) <= takes.0 + takes.1)).then(|| {
            let given = given.map_or("not set".to_owned(), |given| format!("{given} s"));
            let (found, enough) = too_short("stopTimeout", &given, takes);
            Broken::new(task.file, found, format!("make it {enough} or more"))
        })
    });
    each.collect()
}

/// The same for the `stop_grace_period` of Compose and Swarm.
fn containers_stop_before_they_are_killed(sources: &Sources) -> Vec<Broken> {
    let each = sources.serving().filter_map(|composed| {
        let (given, takes) = (text(composed.definition, "/stop_grace_period"), stopping(&composed.environment()));
        (period(given).is_none_or(|given| given <= takes.0 + takes.1)).then(|| {
            let (found, enough) = too_short(
                &format!("stop_grace_period of {}", composed.name),
                if given.is_empty() { "not set" } else { given },
                takes,
            );
            Broken::new(composed.file, found, format!("make it {enough}s or more"))
        })
    });
    each.collect()
}

/// What is too short, and the next five seconds that are enough: a moment is left for closing connections.
fn too_short(what: &str, given: &str, (drain, shutdown): (Duration, Duration)) -> (String, u64) {
    let takes = drain + shutdown;
    let found = format!(
        "{what} is {given}, and the service takes up to {} to stop (DRAIN_DELAY {} + SHUTDOWN_TIMEOUT {})",
        seconds(takes),
        seconds(drain),
        seconds(shutdown)
    );
    (found, (takes.as_secs() / 5 + 1) * 5)
}

/// The balancer's `hard-stop-after` < its `stop_grace_period`.
fn balancers_stop_before_they_are_killed(sources: &Sources) -> Vec<Broken> {
    let takes = sources.haproxy("hard-stop-after");
    let each = balancers(sources).filter_map(|(file, name, definition)| {
        let given = text(definition, "/stop_grace_period");
        let fits = matches!((takes, period(given)), (Some(takes), Some(given)) if takes < given);
        (!fits).then(|| {
            Broken::new(
                HAPROXY,
                format!(
                    "hard-stop-after is {}, and stop_grace_period of {name} in {file} is {given}",
                    takes.map_or("not set".to_owned(), seconds)
                ),
                "make the first less than the second, so that it ends by itself",
            )
        })
    });
    each.collect()
}

/// `SHUTDOWN_TIMEOUT` ≤ deregistration delay ≤ the balancer's idle timeout. A target that is taken off gets no new
/// requests: those under way have to get their time, and one without a byte for as long as the idle timeout has been
/// given up.
fn targets_are_drained_for_as_long_as_requests_take(sources: &Sources) -> Vec<Broken> {
    let each = sources.deployed().filter_map(|deployed| {
        let (group, balancer) = (deployed.target_group(sources)?, deployed.balancer(sources)?);
        let (_, shutdown) = stopping(&deployed.task.environment());
        let given = group.attribute("deregistration_delay.timeout_seconds");
        // What the load balancers have where it is not set.
        let idle = balancer.attribute(IDLE_TIMEOUT).unwrap_or(60);
        let told = |found: &str, remedy: String| {
            let delay = given.map_or("not set (which is 300 s)".to_owned(), |given| format!("{given} s"));
            let what = format!("deregistration_delay.timeout_seconds of {} is {delay}, and {found}", group.name);
            Some(Broken::new(group.file, what, remedy))
        };
        match given.unwrap_or(300) {
            given if Duration::from_secs(given) < shutdown => {
                let found = format!("requests may take {} to end (SHUTDOWN_TIMEOUT)", seconds(shutdown));
                told(&found, format!("make it {} or more", shutdown.as_secs()))
            }
            given if given > idle => {
                let found = format!("no request is under way after {idle} s without a byte ({IDLE_TIMEOUT})");
                told(&found, format!("make it {idle} or less: each batch of a rollout waits for it"))
            }
            _ => None,
        }
    });
    each.collect()
}

/// A balancer's idle timeout < the services' keep-alive: else requests are sent into connections that are just being
/// closed.
fn balancers_close_idle_connections_first(sources: &Sources) -> Vec<Broken> {
    let told = |file: &str, what: String, given: Option<Duration>| {
        given.is_none_or(|given| given >= KEEP_ALIVE).then(|| {
            let given = given.map_or("not set".to_owned(), seconds);
            Broken::new(
                file,
                format!(
                    "{what} is {given}, and the services close a connection that was idle for {}",
                    seconds(KEEP_ALIVE)
                ),
                format!("make it less than {}, or http::KEEP_ALIVE of the chassis more", KEEP_ALIVE.as_secs()),
            )
        })
    };
    let on_aws = sources.resources("AWS::ElasticLoadBalancingV2::LoadBalancer").filter_map(|balancer| {
        let given = balancer.attribute(IDLE_TIMEOUT).map(Duration::from_secs);
        told(balancer.file, format!("{IDLE_TIMEOUT} of {}", balancer.name), given)
    });
    let in_compose = ["timeout client", "timeout http-keep-alive", "timeout server"]
        .into_iter()
        .filter_map(|setting| told(HAPROXY, setting.to_owned(), sources.haproxy(setting)));
    on_aws.chain(in_compose).collect()
}

/// The same one step further back: the user service is the client of the location service, or of a balancer before it.
fn the_user_service_closes_idle_connections_first(sources: &Sources) -> Vec<Broken> {
    let told = |file: &str, what: String, given: Option<Duration>| {
        let given = given.filter(|given| *given <= places::IDLE_TIMEOUT)?;
        Some(Broken::new(
            file,
            format!(
                "{what} is {}, and the user service sends requests into connections that were idle for up to {}",
                seconds(given),
                seconds(places::IDLE_TIMEOUT)
            ),
            format!(
                "make it more than {}, or places::IDLE_TIMEOUT of the user service less",
                places::IDLE_TIMEOUT.as_secs()
            ),
        ))
    };
    let on_aws = sources.resources("AWS::ElasticLoadBalancingV2::LoadBalancer").filter_map(|balancer| {
        let given = balancer.attribute(IDLE_TIMEOUT).map(Duration::from_secs);
        told(balancer.file, format!("{IDLE_TIMEOUT} of {}", balancer.name), given)
    });
    let in_compose = ["timeout client", "timeout http-keep-alive"]
        .into_iter()
        .filter_map(|setting| told(HAPROXY, setting.to_owned(), sources.haproxy(setting)));
    on_aws.chain(in_compose).collect()
}

/// The topology's balancers notice a stopping task while it still serves: interval × failures < `DRAIN_DELAY`. (On AWS
/// it is ECS that takes a task off its balancer before it stops it.)
fn the_balancer_notices_a_stopping_task(sources: &Sources) -> Vec<Broken> {
    let checks = sources.text(HAPROXY).lines().find(|line| line.trim().starts_with("default-server check"));
    let words: Vec<&str> = checks.unwrap_or_default().split_whitespace().collect();
    let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1).copied());
    // HAProxy's own defaults.
    let (interval, fall) = (after("inter").unwrap_or("2s"), after("fall").unwrap_or("3"));
    let notices = period(interval).zip(fall.parse::<u32>().ok()).map(|(interval, fall)| interval * fall);
    let each = sources.serving().filter_map(|composed| {
        let (drain, _) = stopping(&composed.environment());
        notices.is_none_or(|notices| notices >= drain).then(|| {
            Broken::new(
                HAPROXY,
                format!(
                    "`inter {interval} fall {fall}` is how a stopping task of {} in {} is noticed, and it serves on for \
                     {} (DRAIN_DELAY)",
                    composed.name,
                    composed.file,
                    seconds(drain)
                ),
                "make their product less than that",
            )
        })
    });
    each.collect()
}

/// Target groups and the topology's balancers ask the path that `healthcheck` asks, and the services answer it.
fn balancers_ask_what_says_whether_a_task_is_ready(sources: &Sources) -> Vec<Broken> {
    let told = |file: &str, what: String| {
        let found = format!("{what}, and a service says at {} whether it is ready", healthcheck::PATH);
        Broken::new(file, found, format!("make it {}", healthcheck::PATH))
    };
    let mut broken = Vec::new();
    for group in sources.resources("AWS::ElasticLoadBalancingV2::TargetGroup") {
        if text(group.properties, "/HealthCheckPath") != healthcheck::PATH {
            let path = shown(group.properties, "/HealthCheckPath");
            broken.push(told(group.file, format!("HealthCheckPath of {} is {path}", group.name)));
        }
    }
    let line =
        sources.text(HAPROXY).lines().find(|line| line.trim().starts_with("http-check send")).unwrap_or_default();
    if !line.ends_with(&format!(" uri {}", healthcheck::PATH)) {
        broken.push(told(HAPROXY, format!("the check is `{}`", line.trim())));
    }
    for deployed in sources.deployed().filter(|deployed| !openapi::paths(deployed.service).contains(healthcheck::PATH))
    {
        broken.push(Broken::new(
            "services/chassis/src/healthcheck.rs",
            format!("PATH is {}, which is no path of the {} service", healthcheck::PATH, deployed.service.name),
            "make it the one that health.rs answers",
        ));
    }
    broken
}

/// The container health check runs `healthcheck` of the binary that the image starts, and leaves it the time to answer;
/// so do the image's own and Swarm's.
fn containers_ask_themselves(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for Deployed { service, task, .. } in sources.deployed() {
        let image = format!("docker/{}/Dockerfile", service.name);
        let line = |start: &str| sources.text(&image).lines().find(|line| line.starts_with(start)).unwrap_or_default();
        let entry: Vec<String> =
            serde_json::from_str(line("ENTRYPOINT").trim_start_matches("ENTRYPOINT").trim()).unwrap_or_default();
        let binary = entry.first().map_or("", String::as_str);
        let wanted = format!(r#"["CMD","{binary}","healthcheck"]"#);
        if shown(task.container, "/healthCheck/command") != wanted {
            broken.push(Broken::new(
                task.file,
                format!(
                    "healthCheck.command is {}, and {image} starts {binary}",
                    shown(task.container, "/healthCheck/command")
                ),
                format!("make it {wanted}"),
            ));
        }
        let limit = whole(task.container, "/healthCheck/timeout").map(Duration::from_secs);
        // Docker's own default.
        let limit = limit.unwrap_or(Duration::from_secs(5));
        if limit <= healthcheck::TIMEOUT {
            broken.push(too_little_for_healthcheck(task.file, "healthCheck.timeout", limit));
        }
        let check = line("HEALTHCHECK");
        if !check.ends_with(&format!(r#" CMD ["{binary}", "healthcheck"]"#)) {
            broken.push(Broken::new(
                image.as_str(),
                format!("HEALTHCHECK is `{check}`, and ENTRYPOINT is {binary}"),
                format!(r#"end it with CMD ["{binary}", "healthcheck"]"#),
            ));
        }
        let limit = check.split_whitespace().find_map(|word| period(word.strip_prefix("--timeout=")?));
        if let Some(limit) = limit.filter(|limit| *limit <= healthcheck::TIMEOUT) {
            broken.push(too_little_for_healthcheck(&image, "HEALTHCHECK --timeout", limit));
        }
    }
    for composed in sources.serving() {
        // Without one, the image's counts.
        let limit = period(text(composed.definition, "/healthcheck/timeout"));
        if let Some(limit) = limit.filter(|limit| *limit <= healthcheck::TIMEOUT) {
            let what = format!("healthcheck.timeout of {}", composed.name);
            broken.push(too_little_for_healthcheck(composed.file, &what, limit));
        }
    }
    broken
}

fn too_little_for_healthcheck(file: &str, what: &str, limit: Duration) -> Broken {
    let waits = healthcheck::TIMEOUT;
    Broken::new(
        file,
        format!("{what} is {}, and `healthcheck` waits {} for an answer", seconds(limit), seconds(waits)),
        format!("make it more than {}", waits.as_secs()),
    )
}

/// startPeriod ≤ healthCheckGracePeriodSeconds: the balancer must not be the less patient of the two. Nor must Swarm:
/// startPeriod ≤ its `start_period`.
fn tasks_have_time_to_start(sources: &Sources) -> Vec<Broken> {
    let each = sources.deployed().filter_map(|Deployed { file, definition, task, .. }| {
        let start = whole(task.container, "/healthCheck/startPeriod").unwrap_or_default();
        let grace = whole(definition, "/healthCheckGracePeriodSeconds").unwrap_or_default();
        (grace < start).then(|| {
            Broken::new(
                file,
                format!(
                    "healthCheckGracePeriodSeconds is {grace}, and {} gives a container {start} s to start",
                    task.file
                ),
                format!("make it {start} or more"),
            )
        })
    });
    let composed = sources.serving().filter_map(|composed| {
        let Deployed { task, .. } = composed.deployed(sources)?;
        // Without one, the image's counts.
        composed.definition.get("healthcheck")?;
        let start = whole(task.container, "/healthCheck/startPeriod").unwrap_or_default();
        let given = text(composed.definition, "/healthcheck/start_period");
        (period(given).unwrap_or_default() < Duration::from_secs(start)).then(|| {
            let given = shown(composed.definition, "/healthcheck/start_period");
            let found =
                format!("start_period of {} is {given}, and {} gives a container {start} s", composed.name, task.file);
            Broken::new(composed.file, found, format!("make it {start}s or more"))
        })
    });
    each.chain(composed).collect()
}

/// The balancers of the topology.
fn balancers(sources: &Sources) -> impl Iterator<Item = (&str, &str, &Value)> {
    sources.compose_services().filter(|(.., definition)| text(definition, "/image") == "${HAPROXY_IMAGE}")
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            sources::{COMPOSE, SWARM},
            tests::assert_told,
        },
        *,
    };

    const TASK: &str = "deploy/tasks/location.json";
    const CLUSTER: &str = "deploy/stacks/cluster.yaml";

    #[test]
    fn a_task_that_is_killed_while_it_stops_is_told() {
        let relation = tasks_stop_before_they_are_killed;
        let told = "deploy/tasks/location.json: stopTimeout is 25 s, and the service takes up to 25 s to stop \
                    (DRAIN_DELAY 5 s + SHUTDOWN_TIMEOUT 20 s): make it 30 or more";
        assert_told(relation, TASK, "\"stopTimeout\": 30", "\"stopTimeout\": 25", &[told]);
        assert_told(relation, TASK, "\"stopTimeout\": 30,", "", &[&told.replace("is 25 s", "is not set")]);
        // What the task sets counts, not the code's default.
        let set = r#""environment": [{ "name": "DRAIN_DELAY", "value": "20s" },"#;
        let told = "deploy/tasks/location.json: stopTimeout is 30 s, and the service takes up to 40 s to stop \
                    (DRAIN_DELAY 20 s + SHUTDOWN_TIMEOUT 20 s): make it 45 or more";
        assert_told(relation, TASK, "\"environment\": [", set, &[told]);
    }

    #[test]
    fn a_container_that_is_killed_while_it_stops_is_told() {
        let relation = containers_stop_before_they_are_killed;
        let change = ["together.\n  stop_grace_period: 30s", "together.\n  stop_grace_period: 20s"];
        for file in [COMPOSE, SWARM] {
            let told = ["location", "user"].map(|name| {
                format!(
                    "{file}: stop_grace_period of {name} is 20s, and the service takes up to 25 s to stop (DRAIN_DELAY \
                     5 s + SHUTDOWN_TIMEOUT 20 s): make it 30s or more"
                )
            });
            assert_told(relation, file, change[0], change[1], &told.each_ref().map(String::as_str));
        }
        let relation = balancers_stop_before_they_are_killed;
        let sentences = [COMPOSE, SWARM].map(|file| {
            ["location", "user"].map(|name| {
                format!(
                    "{HAPROXY}: hard-stop-after is 30 s, and stop_grace_period of {name}-balancer in {file} is 30s: \
                     make the first less than the second, so that it ends by itself"
                )
            })
        });
        let sentences: Vec<&str> = sentences.iter().flatten().map(String::as_str).collect();
        assert_told(relation, HAPROXY, "hard-stop-after 20s", "hard-stop-after 30s", &sentences);
    }

    #[test]
    fn a_target_that_is_drained_too_shortly_or_too_long_is_told() {
        let relation = targets_are_drained_for_as_long_as_requests_take;
        let change = |to: &str| format!("deregistration_delay.timeout_seconds, Value: \"{to}\"");
        let told = |which: &str, given, rest: &str| {
            format!("{CLUSTER}: deregistration_delay.timeout_seconds of {which}TargetGroup is {given} s, and {rest}")
        };
        let rest = "requests may take 20 s to end (SHUTDOWN_TIMEOUT): make it 20 or more";
        let sentences = [told("Location", 10, rest), told("User", 10, rest)];
        assert_told(relation, CLUSTER, &change("30"), &change("10"), &sentences.each_ref().map(String::as_str));
        let rest = "no request is under way after 60 s without a byte (idle_timeout.timeout_seconds): make it 60 or \
                    less: each batch of a rollout waits for it";
        let sentences = [told("Location", 90, rest), told("User", 90, rest)];
        assert_told(relation, CLUSTER, &change("30"), &change("90"), &sentences.each_ref().map(String::as_str));
    }

    #[test]
    fn whoever_closes_idle_connections_too_late_or_too_early_is_told() {
        let relation = balancers_close_idle_connections_first;
        let rest = "and the services close a connection that was idle for 75 s: make it less than 75, or \
                    http::KEEP_ALIVE of the chassis more";
        let told = format!("{HAPROXY}: timeout server is 80 s, {rest}");
        assert_told(relation, HAPROXY, "timeout server 60s", "timeout server 80s", &[&told]);
        let change = |to: &str| format!("idle_timeout.timeout_seconds, Value: \"{to}\"");
        let told = ["Location", "User"]
            .map(|which| format!("{CLUSTER}: idle_timeout.timeout_seconds of {which}Balancer is 75 s, {rest}"));
        assert_told(relation, CLUSTER, &change("60"), &change("75"), &told.each_ref().map(String::as_str));

        let relation = the_user_service_closes_idle_connections_first;
        let rest = "and the user service sends requests into connections that were idle for up to 30 s: make it more \
                    than 30, or places::IDLE_TIMEOUT of the user service less";
        let told = ["Location", "User"]
            .map(|which| format!("{CLUSTER}: idle_timeout.timeout_seconds of {which}Balancer is 30 s, {rest}"));
        assert_told(relation, CLUSTER, &change("60"), &change("30"), &told.each_ref().map(String::as_str));
        let told = format!("{HAPROXY}: timeout http-keep-alive is 10 s, {rest}");
        assert_told(relation, HAPROXY, "timeout http-keep-alive 60s", "timeout http-keep-alive 10s", &[&told]);
    }

    #[test]
    fn checks_that_notice_a_stopping_task_too_late_are_told() {
        let told = [COMPOSE, SWARM].map(|file| {
            ["location", "user"].map(|name| {
                format!(
                    "{HAPROXY}: `inter 3s fall 2` is how a stopping task of {name} in {file} is noticed, and it serves \
                     on for 5 s (DRAIN_DELAY): make their product less than that"
                )
            })
        });
        let told: Vec<&str> = told.iter().flatten().map(String::as_str).collect();
        assert_told(the_balancer_notices_a_stopping_task, HAPROXY, "check inter 1s", "check inter 3s", &told);
    }

    #[test]
    fn a_health_check_of_another_path_or_command_is_told() {
        let relation = balancers_ask_what_says_whether_a_task_is_ready;
        let rest = "and a service says at /readyz whether it is ready: make it /readyz";
        let told = ["Location", "User"]
            .map(|which| format!("{CLUSTER}: HealthCheckPath of {which}TargetGroup is /health, {rest}"));
        let change = ["HealthCheckPath: /readyz", "HealthCheckPath: /health"];
        assert_told(relation, CLUSTER, change[0], change[1], &told.each_ref().map(String::as_str));
        let told = format!("{HAPROXY}: the check is `http-check send meth GET uri /health`, {rest}");
        assert_told(relation, HAPROXY, "uri /readyz", "uri /health", &[&told]);

        let relation = containers_ask_themselves;
        let told = "deploy/tasks/location.json: healthCheck.command is [\"CMD\",\"/user\",\"healthcheck\"], and \
                    docker/location/Dockerfile starts /location: make it [\"CMD\",\"/location\",\"healthcheck\"]";
        assert_told(relation, TASK, r#""CMD", "/location""#, r#""CMD", "/user""#, &[told]);
        let told = "deploy/tasks/location.json: healthCheck.timeout is 3 s, and `healthcheck` waits 3 s for an answer: \
                    make it more than 3";
        assert_told(relation, TASK, "\"timeout\": 5", "\"timeout\": 3", &[told]);
        let told = "docker/user/Dockerfile: HEALTHCHECK --timeout is 2 s, and `healthcheck` waits 3 s for an answer: \
                    make it more than 3";
        assert_told(relation, "docker/user/Dockerfile", "--timeout=5s", "--timeout=2s", &[told]);
        let told = ["location", "user"].map(|name| {
            format!(
                "{SWARM}: healthcheck.timeout of {name} is 3 s, and `healthcheck` waits 3 s for an answer: make it more \
                 than 3"
            )
        });
        assert_told(relation, SWARM, "timeout: 5s", "timeout: 3s", &told.each_ref().map(String::as_str));
        let told = "docker/user/Dockerfile: HEALTHCHECK is `HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
                    CMD [\"/user\", \"health\"]`, and ENTRYPOINT is /user: end it with CMD [\"/user\", \
                    \"healthcheck\"]";
        assert_told(relation, "docker/user/Dockerfile", r#""healthcheck""#, r#""health""#, &[told]);
    }

    #[test]
    fn a_balancer_that_is_less_patient_than_the_container_is_told() {
        let told = "deploy/services/user.json: healthCheckGracePeriodSeconds is 20, and deploy/tasks/user.json gives a \
                    container 30 s to start: make it 30 or more";
        let change = ["\"healthCheckGracePeriodSeconds\": 60", "\"healthCheckGracePeriodSeconds\": 20"];
        assert_told(tasks_have_time_to_start, "deploy/services/user.json", change[0], change[1], &[told]);
        let told = ["location", "user"].map(|name| {
            format!(
                "{SWARM}: start_period of {name} is 10s, and deploy/tasks/{name}.json gives a container 30 s: make it \
                 30s or more"
            )
        });
        let change = ["start_period: 30s", "start_period: 10s"];
        assert_told(tasks_have_time_to_start, SWARM, change[0], change[1], &told.each_ref().map(String::as_str));
    }
}
