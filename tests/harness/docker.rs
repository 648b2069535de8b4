//! Docker, and the scripts that stand on it.

use std::{
    env,
    path::Path,
    process::{Command, ExitStatus},
    time::Duration,
};

use playground::{
    folders,
    process::{self, Process},
    reaper,
};

use crate::{PATIENCE, not_run};

/// What the scripts read from the environment, which a person may have set for other purposes.
const SETTINGS: [&str; 26] = [
    "ADDRESS",
    "BUILDER",
    "DATA",
    "HAPROXY_IMAGE",
    "LOCATION_PORT",
    "LOCATION_STATS_PORT",
    "METRICS",
    "MYSQL_IMAGE",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "PLATFORMS",
    "PROMETHEUS_IMAGE",
    "PROMETHEUS_PORT",
    "REGISTRY",
    "RUST_IMAGE",
    "SECRETS",
    "SERVICE",
    "SOURCE_URL",
    "STACK",
    "STACK_FILE",
    "SWARM",
    "TAG",
    "TASK_MEMORY",
    "TOPOLOGY",
    "TOPOLOGY_FILES",
    "USER_PORT",
    "USER_STATS_PORT",
];

/// The tag of the services' images, which `make test` builds; none, with a note, where there is no engine.
pub fn tag() -> Option<String> {
    let tag = env::var("TEST_TAG").ok();
    if tag.is_none() {
        not_run("it takes a Docker engine");
    }
    tag
}

/// The label by which `make test` knows what to remove.
pub fn label() -> String {
    format!("{}={}", reaper::LABEL, env::var("TEST_OWNER").unwrap_or_default())
}

/// Runs the docker client, which has to succeed, and gives its standard output.
pub async fn docker(arguments: &[&str]) -> String {
    let mut command = Command::new("docker");
    command.args(arguments);
    process::output("docker", command, Duration::from_mins(2)).await.unwrap_or_else(|error| panic!("{error:#}"))
}

/// Runs the docker client; whether it succeeded, and all that it said.
pub async fn try_docker(arguments: &[&str]) -> (ExitStatus, String) {
    let mut command = Command::new("docker");
    command.args(arguments);
    finish("docker", command).await
}

/// Runs a script of the workspace's `docker` folder with `settings` as its only ones; how it ended, and what it said.
pub async fn script(name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> (ExitStatus, String) {
    finish(name, script_command(name, arguments, settings)).await
}

/// As [`script`], in another checkout.
pub async fn script_of(
    checkout: &Path,
    name: &str,
    arguments: &[&str],
    settings: &[(&str, &str)],
) -> (ExitStatus, String) {
    finish(name, script_command_of(checkout, name, arguments, settings)).await
}

/// What [`script`] runs.
pub fn script_command(name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    script_command_of(folders::workspace(), name, arguments, settings)
}

fn script_command_of(checkout: &Path, name: &str, arguments: &[&str], settings: &[(&str, &str)]) -> Command {
    let mut command = Command::new(checkout.join("docker").join(name));
    for variable in SETTINGS {
        command.env_remove(variable);
    }
    command.args(arguments).envs(settings.iter().copied());
    command
}

/// Runs a program to its end; how it ended, and all that it said.
pub async fn finish(name: &str, mut command: Command) -> (ExitStatus, String) {
    process::capture(&mut command);
    let mut process = Process::start(name, command, PATIENCE).unwrap();
    let status = process.wait().await.unwrap();
    (status, process.log().tail(usize::MAX))
}

/// A container that is removed with this value.
pub struct Container(String);

impl Container {
    /// Starts one in the background: `arguments` are those of `docker run`.
    pub async fn run(arguments: &[&str]) -> Self {
        let label = label();
        Self(docker(&[&["run", "--detach", "--label", &label], arguments].concat()).await)
    }

    /// Makes one and does not start it: `arguments` are those of `docker create`.
    pub async fn create(arguments: &[&str]) -> Self {
        let label = label();
        Self(docker(&[&["create", "--label", &label], arguments].concat()).await)
    }

    /// Its id.
    pub fn id(&self) -> &str {
        &self.0
    }

    /// What `docker inspect` says of it, in the form of a Go template.
    pub async fn inspect(&self, format: &str) -> String {
        docker(&["inspect", "--format", format, &self.0]).await
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["rm", "--force", "--volumes", &self.0]).output();
    }
}
