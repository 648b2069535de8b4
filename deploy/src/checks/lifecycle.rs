//! From the first health check to the last answer: times that have to be longer or shorter than others, so that no
//! request is lost.

use std::time::Duration;

use chassis::{healthcheck, http::KEEP_ALIVE};
use user::places;

use super::{
    Report,
    sources::{Deployed, HAPROXY, SWARM, Sources, period, seconds, shown, stopping, whole},
};
use crate::aws::text;

const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

/// `DRAIN_DELAY` + `SHUTDOWN_TIMEOUT` < stopTimeout of ECS, and `stop_grace_period` of Compose and Swarm.
pub(super) fn stop_timeouts(sources: &Sources, report: &mut Report) {
    let tasks = sources.deployed().map(|Deployed { task, .. }| {
        let given = whole(task.container, "/stopTimeout").map(Duration::from_secs);
        (task.file, "stopTimeout".to_owned(), given, task.environment())
    });
    let containers = sources.serving().map(|composed| {
        let given = period(text(composed.definition, "/stop_grace_period"));
        (composed.file, format!("stop_grace_period of {}", composed.name), given, composed.environment())
    });
    for (file, name, given, environment) in tasks.chain(containers) {
        let (drain, shutdown) = stopping(&environment);
        let takes = drain + shutdown;
        report.require(
            given.is_some_and(|given| given > takes),
            file,
            format_args!(
                "{name} is {}, and the service takes up to {} to stop (DRAIN_DELAY {} + SHUTDOWN_TIMEOUT {})",
                seconds(given),
                seconds(takes),
                seconds(drain),
                seconds(shutdown)
            ),
            // The next five seconds, as closing connections takes a moment.
            format_args!("make it {} s or more", (takes.as_secs() / 5 + 1) * 5),
        );
    }
}

/// The balancer's `hard-stop-after` < its `stop_grace_period`.
pub(super) fn balancer_stop_timeouts(sources: &Sources, report: &mut Report) {
    let takes = sources.haproxy("hard-stop-after").and_then(period);
    for (file, name, definition) in sources.compose_services() {
        let given = text(definition, "/stop_grace_period");
        report.require(
            definition["image"] != "${HAPROXY_IMAGE}" || (takes.is_some() && takes < period(given)),
            HAPROXY,
            format_args!("hard-stop-after is {}, and stop_grace_period of {name} in {file} is {given}", seconds(takes)),
            "make the first less than the second, so that it ends by itself",
        );
    }
}

/// `SHUTDOWN_TIMEOUT` ≤ deregistration delay ≤ the balancer's idle timeout. A target that is taken off gets no new
/// requests: those in flight need their time, and one without a byte for as long as the idle timeout is closed.
pub(super) fn deregistration_delays(sources: &Sources, report: &mut Report) {
    for deployed in sources.deployed() {
        let (Some(group), Some(balancer)) = (deployed.target_group(sources), deployed.balancer(sources)) else {
            continue;
        };
        // The defaults of AWS.
        let delay = group.attribute("deregistration_delay.timeout_seconds").unwrap_or(300);
        let idle = balancer.attribute(IDLE_TIMEOUT).unwrap_or(60);
        let (_, shutdown) = stopping(&deployed.task.environment());
        let is = format!("deregistration_delay.timeout_seconds of {} is {delay} s", group.name);
        report.require(
            Duration::from_secs(delay) >= shutdown,
            group.file,
            format_args!("{is}, and requests may take {} to end (SHUTDOWN_TIMEOUT)", seconds(shutdown)),
            format_args!("make it {} or more", shutdown.as_secs()),
        );
        report.require(
            delay <= idle,
            group.file,
            format_args!("{is}, and no request is in flight after {idle} s without a byte ({IDLE_TIMEOUT})"),
            format_args!("make it {idle} or less: each batch of a rollout waits for it"),
        );
    }
}

/// The user service's idle timeout < a balancer's < the services' keep-alive: else requests are sent into connections
/// that are just being closed.
pub(super) fn idle_timeouts(sources: &Sources, report: &mut Report) {
    let on_aws = sources.resources("AWS::ElasticLoadBalancingV2::LoadBalancer").map(|balancer| {
        let given = balancer.attribute(IDLE_TIMEOUT).map(Duration::from_secs);
        (balancer.file, format!("{IDLE_TIMEOUT} of {}", balancer.name), given)
    });
    let settings = ["timeout client", "timeout http-keep-alive", "timeout server"];
    let in_topology = settings.map(|name| (HAPROXY, name.to_owned(), sources.haproxy(name).and_then(period)));
    for (file, name, given) in on_aws.chain(in_topology) {
        let is = format!("{name} is {}", seconds(given));
        let keep_alive = KEEP_ALIVE.as_secs();
        report.require(
            given.is_some_and(|given| given < KEEP_ALIVE),
            file,
            format_args!("{is}, and the services close a connection that was idle for {keep_alive} s"),
            format_args!("make it less than {keep_alive}, or http::KEEP_ALIVE of the chassis more"),
        );
        let reused = places::IDLE_TIMEOUT.as_secs();
        report.require(
            given.is_none_or(|given| given > places::IDLE_TIMEOUT),
            file,
            format_args!("{is}, and the user service reuses connections that were idle for up to {reused} s"),
            format_args!("make it more than {reused}, or places::IDLE_TIMEOUT of the user service less"),
        );
    }
}

/// The topology's balancers notice a stopping task while it still serves: interval × failures < `DRAIN_DELAY`. (On AWS
/// it is ECS that takes a task off its balancer before it stops it.)
pub(super) fn stopping_tasks_are_noticed(sources: &Sources, report: &mut Report) {
    let mut words = sources.haproxy("default-server check").unwrap_or_default().split_whitespace();
    // HAProxy's own defaults.
    let (mut interval, mut fall) = ("2s", "3");
    while let Some(word) = words.next() {
        match word {
            "inter" => interval = words.next().unwrap_or_default(),
            "fall" => fall = words.next().unwrap_or_default(),
            _ => {}
        }
    }
    let noticed = period(interval).zip(fall.parse::<u32>().ok()).map(|(interval, fall)| interval * fall);
    for composed in sources.serving() {
        let (drain, _) = stopping(&composed.environment());
        report.require(
            noticed.is_some_and(|noticed| noticed < drain),
            HAPROXY,
            format_args!(
                "`inter {interval} fall {fall}` is how a stopping task of {} in {} is noticed, and it serves on for {} \
                 (DRAIN_DELAY)",
                composed.name,
                composed.file,
                seconds(drain)
            ),
            "make their product less than that",
        );
    }
}

/// Target groups and the topology's balancers ask the path that `healthcheck` asks.
pub(super) fn health_check_paths(sources: &Sources, report: &mut Report) {
    let reason = format!("a service says at {} whether it is ready", healthcheck::PATH);
    for group in sources.resources("AWS::ElasticLoadBalancingV2::TargetGroup") {
        let name = format!("HealthCheckPath of {}", group.name);
        report.equal(group.file, name, &shown(group.properties, "/HealthCheckPath"), healthcheck::PATH, &reason);
    }
    let sent = sources.haproxy("http-check send meth GET uri").unwrap_or("not set");
    report.equal(HAPROXY, "the path of `http-check send`", sent, healthcheck::PATH, &reason);
}

/// The container health check runs `healthcheck` of the service's binary, and leaves it the time to answer; a container
/// gets no less time to start from the balancer (healthCheckGracePeriodSeconds), nor from Swarm.
pub(super) fn container_health_checks(sources: &Sources, report: &mut Report) {
    let waits = seconds(healthcheck::TIMEOUT);
    let leaves_time = |report: &mut Report, file: &str, name: &str, limit: Option<Duration>| {
        // Docker's own default.
        let limit = limit.unwrap_or(Duration::from_secs(5));
        let found = format_args!("{name} is {}, and `healthcheck` waits {waits} for an answer", seconds(limit));
        report.require(limit > healthcheck::TIMEOUT, file, found, format_args!("make it more than {waits}"));
    };
    for Deployed { service, file, definition, task, .. } in sources.deployed() {
        let check = &task.container["healthCheck"];
        let wanted = format!(r#"["CMD","/{}","healthcheck"]"#, service.name);
        report.equal(task.file, "healthCheck.command", &shown(check, "/command"), wanted, "the image has one binary");
        leaves_time(report, task.file, "healthCheck.timeout", whole(check, "/timeout").map(Duration::from_secs));
        let (start, grace) = (whole(check, "/startPeriod"), whole(definition, "/healthCheckGracePeriodSeconds"));
        let start = start.unwrap_or_default();
        report.require(
            grace.is_some_and(|grace| grace >= start),
            file,
            format_args!(
                "healthCheckGracePeriodSeconds is {}, and {} gives a container {start} s to start",
                shown(definition, "/healthCheckGracePeriodSeconds"),
                task.file
            ),
            format_args!("make it {start} or more"),
        );
    }
    // Without one, the image's counts.
    for composed in sources.serving().filter(|composed| composed.definition.get("healthcheck").is_some()) {
        let (name, check) = (composed.name, &composed.definition["healthcheck"]);
        leaves_time(report, composed.file, &format!("healthcheck.timeout of {name}"), period(text(check, "/timeout")));
        let task = composed.deployed.task;
        let start = whole(&task.container["healthCheck"], "/startPeriod").unwrap_or_default();
        let given = shown(check, "/start_period");
        report.require(
            period(&given).is_some_and(|given| given >= Duration::from_secs(start)),
            composed.file,
            format_args!("start_period of {name} is {given}, and {} gives a container {start} s", task.file),
            format_args!("make it {start}s or more"),
        );
    }
}

/// `parallelism` ≤ the tasks that minimumHealthyPercent does not ask for: so many old ones stay until the first new ones
/// have proved themselves. The same for a rollback.
pub(super) fn swarm_parallelism(sources: &Sources, report: &mut Report) {
    for composed in sources.serving().filter(|composed| composed.file == SWARM) {
        let tasks = composed.deployed.desired();
        let (least, _) = composed.deployed.during_rollout(tasks);
        // With start-first, one at a time leaves all of them.
        let at_once = tasks.saturating_sub(least).max(1);
        for of in ["update_config", "rollback_config"] {
            let config = &composed.definition["deploy"][of];
            report.require(
                // Where it is not set, Swarm takes 1; 0 is all of them.
                (1..=at_once).contains(&whole(config, "/parallelism").unwrap_or(1)),
                SWARM,
                format_args!(
                    "parallelism in {of} of {} is {}, and minimumHealthyPercent in {} keeps {least} of {tasks} tasks",
                    composed.name,
                    shown(config, "/parallelism"),
                    composed.deployed.file
                ),
                format_args!("make it {at_once} or less, and not 0"),
            );
        }
    }
}

/// Between the name of a task being gone from DNS and SIGTERM, as Docker's engine has it.
const GONE_FROM_DNS: Duration = Duration::from_secs(2);

/// `interval` × `retries` + 2 s + `DRAIN_DELAY` < `delay` < `monitor`. Swarm counts a task when it has ended: one that
/// says that it is not ready has to be unhealthy, out of DNS and drained while there are old ones. After the last tasks
/// Swarm looks at what has ended no sooner than `delay` is over, and that still has to count.
pub(super) fn swarm_delays(sources: &Sources, report: &mut Report) {
    for composed in sources.serving().filter(|composed| composed.file == SWARM) {
        let name = composed.name;
        let (drain, _) = stopping(&composed.environment());
        let time =
            |pointer: &str, unset| period(text(composed.definition, pointer)).unwrap_or(Duration::from_secs(unset));
        // The defaults of Swarm, and of Docker.
        let (delay, monitor) = (time("/deploy/update_config/delay", 0), time("/deploy/update_config/monitor", 5));
        let interval = time("/healthcheck/interval", 30);
        let retries = whole(composed.definition, "/healthcheck/retries").and_then(|given| given.try_into().ok());
        let retries: u32 = retries.unwrap_or(3);
        let notices = interval * retries + GONE_FROM_DNS + drain;
        report.require(
            delay > notices,
            SWARM,
            format_args!(
                "delay in update_config of {name} is {}, and Swarm hears after {} of a task that turned unready (interval \
                 {} × retries {retries}, 2 s for DNS, DRAIN_DELAY {})",
                seconds(delay),
                seconds(notices),
                seconds(interval),
                seconds(drain)
            ),
            "make it longer than that",
        );
        report.require(
            monitor > delay,
            SWARM,
            format_args!("monitor in update_config of {name} is {}, and delay is {}", seconds(monitor), seconds(delay)),
            "make it longer, as what ends meanwhile has to count",
        );
    }
}
