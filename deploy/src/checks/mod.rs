//! Consistency checks between the definitions, the stacks, the topology and the code. Each is written once, here, and
//! reports file, value and remedy.
//!
//! [`sources`] is what they read. The checks are by subject: [`network`], [`lifecycle`], [`names`], [`settings`],
//! [`capacity`], [`secrets`], [`permissions`]. What cfn-lint and checkov find in the stacks alone is left to them.

mod capacity;
mod lifecycle;
mod names;
mod network;
mod permissions;
mod secrets;
mod settings;
mod sources;
#[cfg(test)]
mod tests;

use std::{
    fmt::{Debug, Display},
    path::Path,
};

use anyhow::{Result, bail};
use sources::Sources;

use crate::say;

const CHECKS: [fn(&Sources, &mut Report); 25] = [
    network::container_ports,
    network::listeners,
    network::security_groups,
    network::service_connect,
    lifecycle::stop_timeouts,
    lifecycle::balancer_stop_timeouts,
    lifecycle::deregistration_delays,
    lifecycle::idle_timeouts,
    lifecycle::stopping_tasks_are_noticed,
    lifecycle::health_check_paths,
    lifecycle::container_health_checks,
    lifecycle::swarm_delays,
    names::placeholders,
    names::imports,
    names::schedules,
    names::scaling,
    settings::settings,
    settings::swarm_is_as_compose,
    capacity::database_connections,
    capacity::topology_connections,
    capacity::rollout_bounds,
    capacity::instance_room,
    secrets::plain_text,
    secrets::secret_fields,
    permissions::roles,
];

/// The violations of all checks, each as a sentence.
#[derive(Default)]
struct Report(Vec<String>);

impl Report {
    /// Reports `file`, unless `holds`: `found` is a value with what it has to agree with, `remedy` is in the imperative.
    fn require(&mut self, holds: bool, file: &str, found: impl Display, remedy: impl Display) {
        if !holds {
            self.0.push(format!("{file}: {found}: {remedy}"));
        }
    }

    /// Reports `file`, unless `found`, the value of `name`, is the one that is `wanted`, for a `reason`.
    fn equal(&mut self, file: &str, name: impl Display, found: &str, wanted: impl Display, reason: impl Display) {
        let wanted = wanted.to_string();
        let remedy = format_args!("make it {wanted}");
        self.require(found == wanted, file, format_args!("{name} is {found}, and {reason}"), remedy);
    }

    /// Reports `file`, unless the value of a name is `order` than that of another one, such as 25 s of 20 s.
    fn compare<T: PartialOrd + Debug>(
        &mut self,
        file: &str,
        (name, value): (impl Display, Option<T>),
        order: Order,
        (other, limit): (impl Display, T),
    ) {
        let (words, holds): (_, fn(&T, &T) -> bool) = match order {
            Order::Less => ("less than", T::lt),
            Order::AtMost => ("at most", T::le),
            Order::AtLeast => ("at least", T::ge),
            Order::More => ("more than", T::gt),
        };
        let found = value.as_ref().map_or("not set".to_owned(), |value| format!("{value:?}"));
        self.require(
            value.is_some_and(|value| holds(&value, &limit)),
            file,
            format_args!("{name} is {found}, and {other} is {limit:?}"),
            format_args!("make the first {words} the second"),
        );
    }
}

/// How two values have to compare.
#[derive(Clone, Copy)]
enum Order {
    Less,
    AtMost,
    AtLeast,
    More,
}

/// Runs all checks. Fails with all violations at once.
pub(crate) fn check() -> Result<()> {
    let violations = violations(&Sources::read(Path::new("."))?);
    if !violations.is_empty() {
        bail!("definitions, stacks, topology and code do not agree:\n  {}", violations.join("\n  "));
    }
    say::done(format_args!("definitions, stacks, topology and code agree in all of {} checks", CHECKS.len()));
    Ok(())
}

fn violations(sources: &Sources) -> Vec<String> {
    let mut report = Report::default();
    for check in CHECKS {
        check(sources, &mut report);
    }
    report.0
}
