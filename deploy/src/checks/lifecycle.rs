//! From the first health check to the last answer: times that have to be longer or shorter than others, so that no
//! request is lost.

use std::{collections::BTreeMap, time::Duration};

use chassis::{
    healthcheck,
    http::KEEP_ALIVE,
    server::{DEFAULT_DRAIN_DELAY, DEFAULT_SHUTDOWN_TIMEOUT},
    settings::Period,
};
use user::location_client;

use super::{
    Order::{AtLeast, AtMost, Less, More},
    Report,
    sources::{Deployed, HAPROXY, SWARM, Sources, setting, shown, whole},
};
use crate::aws::text;

const IDLE_TIMEOUT: &str = "idle_timeout.timeout_seconds";

/// A length of time with its unit, as Compose, Swarm, `haproxy.cfg` and the services have them.
fn period(text: &str) -> Option<Duration> {
    text.parse::<Period>().ok().map(|period| period.0)
}

/// How long a task with these variables serves on after SIGTERM.
fn drain(environment: &BTreeMap<&str, String>) -> Duration {
    setting(environment, "DRAIN_DELAY", DEFAULT_DRAIN_DELAY).0
}

/// How long a task with these variables then takes at most.
fn shutdown(environment: &BTreeMap<&str, String>) -> Duration {
    setting(environment, "SHUTDOWN_TIMEOUT", DEFAULT_SHUTDOWN_TIMEOUT).0
}

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
        let takes = drain(&environment) + shutdown(&environment);
        report.compare(file, (name, given), More, ("DRAIN_DELAY + SHUTDOWN_TIMEOUT", takes));
    }
}

/// The balancer's `hard-stop-after` < its `stop_grace_period`, so that it ends by itself.
pub(super) fn balancer_stop_timeouts(sources: &Sources, report: &mut Report) {
    let takes = sources.haproxy("hard-stop-after").and_then(period);
    for (file, name, definition) in sources.compose_services() {
        if definition["image"] == "${HAPROXY_IMAGE}" {
            let given = period(text(definition, "/stop_grace_period")).unwrap_or_default();
            let name = format!("stop_grace_period of {name} in {file}");
            report.compare(HAPROXY, ("hard-stop-after", takes), Less, (name, given));
        }
    }
}

/// `SHUTDOWN_TIMEOUT` ≤ deregistration delay ≤ the balancer's idle timeout. A target that is taken off gets no new
/// requests: those in flight need their time, and one without a byte for as long as the idle timeout is closed. Each
/// batch of a rollout waits for it.
pub(super) fn deregistration_delays(sources: &Sources, report: &mut Report) {
    for deployed in sources.deployed() {
        let (Some(group), Some(balancer)) = (deployed.target_group(sources), deployed.balancer(sources)) else {
            continue;
        };
        // The default of AWS.
        let idle = Duration::from_secs(balancer.attribute(IDLE_TIMEOUT).unwrap_or(60));
        let delay = group.attribute("deregistration_delay.timeout_seconds").map(Duration::from_secs);
        let name = format!("deregistration_delay.timeout_seconds of {}", group.name);
        let shutdown = shutdown(&deployed.task.environment());
        report.compare(group.file, (&name, delay), AtLeast, ("SHUTDOWN_TIMEOUT", shutdown));
        report.compare(group.file, (&name, delay), AtMost, (IDLE_TIMEOUT, idle));
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
        report.compare(file, (&name, given), Less, ("http::KEEP_ALIVE of the chassis", KEEP_ALIVE));
        report.compare(
            file,
            (&name, given),
            More,
            ("location_client::IDLE_TIMEOUT of the user service", location_client::IDLE_TIMEOUT),
        );
    }
}

/// The topology's balancers notice a stopping task while it still serves: interval × failures < `DRAIN_DELAY`. (On AWS
/// it is ECS that takes a task off its balancer before it stops it.)
pub(super) fn stopping_tasks_are_noticed(sources: &Sources, report: &mut Report) {
    let words: Vec<&str> = sources.haproxy("default-server check").unwrap_or_default().split(' ').collect();
    let after = |name| words.iter().skip_while(|word| **word != name).nth(1).copied();
    let (interval, fall) = (after("inter").and_then(period), after("fall").and_then(|fall| fall.parse::<u32>().ok()));
    let noticed = interval.zip(fall).map(|(interval, fall)| interval * fall);
    for composed in sources.serving() {
        let name = format!("DRAIN_DELAY of {} in {}", composed.name, composed.file);
        report.compare(HAPROXY, ("`inter` × `fall`", noticed), Less, (name, drain(&composed.environment())));
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
    let waits = ("healthcheck::TIMEOUT of the chassis", healthcheck::TIMEOUT);
    let time = |value, pointer| whole(value, pointer).map(Duration::from_secs);
    for Deployed { service, file, definition, task, .. } in sources.deployed() {
        let check = &task.container["healthCheck"];
        let wanted = format!(r#"["CMD","/{}","healthcheck"]"#, service.name);
        report.equal(task.file, "healthCheck.command", &shown(check, "/command"), wanted, "the image has one binary");
        report.compare(task.file, ("healthCheck.timeout", time(check, "/timeout")), More, waits);
        let grace = ("healthCheckGracePeriodSeconds", time(definition, "/healthCheckGracePeriodSeconds"));
        let start = time(check, "/startPeriod").unwrap_or_default();
        report.compare(file, grace, AtLeast, (format!("startPeriod in {}", task.file), start));
    }
    // Without one, the image's counts.
    for composed in sources.serving().filter(|composed| composed.definition.get("healthcheck").is_some()) {
        let (name, check, task) = (composed.name, &composed.definition["healthcheck"], composed.deployed.task);
        let timeout = (format!("healthcheck.timeout of {name}"), period(text(check, "/timeout")));
        report.compare(composed.file, timeout, More, waits);
        let given = (format!("start_period of {name}"), period(text(check, "/start_period")));
        let start = time(task.container, "/healthCheck/startPeriod").unwrap_or_default();
        report.compare(composed.file, given, AtLeast, (format!("startPeriod in {}", task.file), start));
    }
}

/// Between the name of a task being gone from DNS and SIGTERM, as Docker's engine has it.
const GONE_FROM_DNS: Duration = Duration::from_secs(2);

/// `interval` × `retries` + 2 s + `DRAIN_DELAY` < `delay` < `monitor`. Swarm counts a task when it has ended: one that
/// says that it is not ready has to be unhealthy, out of DNS and drained while there are old ones. After the last tasks
/// Swarm looks at what has ended no sooner than `delay` is over, and that still has to count.
pub(super) fn swarm_delays(sources: &Sources, report: &mut Report) {
    for composed in sources.serving().filter(|composed| composed.file == SWARM) {
        let time = |pointer: &str| period(text(composed.definition, pointer));
        let (delay, monitor) = (time("/deploy/update_config/delay"), time("/deploy/update_config/monitor"));
        // Docker's own defaults.
        let interval = time("/healthcheck/interval").unwrap_or(Duration::from_secs(30));
        let retries = whole(composed.definition, "/healthcheck/retries").and_then(|given| given.try_into().ok());
        let notices = interval * retries.unwrap_or(3) + GONE_FROM_DNS + drain(&composed.environment());
        let name = format!("delay in update_config of {}", composed.name);
        let other = "interval × retries + 2 s for DNS + DRAIN_DELAY, after which Swarm notices an unready task,";
        report.compare(SWARM, (&name, delay), More, (other, notices));
        let monitor = (format!("monitor in update_config of {}", composed.name), monitor);
        report.compare(SWARM, monitor, More, (name, delay.unwrap_or_default()));
    }
}
