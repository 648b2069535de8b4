//! Commands of `make`, as messages name them: each works when it is pasted.

use std::sync::OnceLock;

use crate::say;

/// The cluster where `CLUSTER` is not given.
pub(crate) const DEFAULT_CLUSTER: &str = "app01";

static CLUSTER: OnceLock<String> = OnceLock::new();

/// Sets the cluster that all commands of this process are for.
pub(crate) fn set_cluster(cluster: &str) {
    let _ = CLUSTER.set(cluster.to_owned());
}

/// The command for `target` with `variables`, and with `CLUSTER` where it is not the default: without it, the command would change another
/// cluster than the one that the message is about.
pub(crate) fn command(target: &str, variables: &[(&str, &str)]) -> String {
    command_for(CLUSTER.get().map_or(DEFAULT_CLUSTER, String::as_str), target, variables)
}

fn command_for(cluster: &str, target: &str, variables: &[(&str, &str)]) -> String {
    let cluster = (cluster != DEFAULT_CLUSTER).then_some(("CLUSTER", cluster));
    let variables = variables.iter().copied().chain(cluster);
    let variables = variables.map(|(name, value)| format!(" {name}={}", say::quoted(value)));
    format!("make {target}{}", variables.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_repeats_its_variables_as_a_shell_reads_them() {
        assert_eq!(command("status", &[]), "make status");
        let variables = [("SERVICE", "location"), ("COMMAND", "migrate --lock-timeout 2m")];
        assert_eq!(command_for("staging", "deploy", &[("TAG", "x")]), "make deploy TAG=x CLUSTER=staging");
        assert_eq!(
            command("run-task", &variables),
            "make run-task SERVICE=location COMMAND='migrate --lock-timeout 2m'"
        );
    }
}
