//! The Docker engine: the one that answers, or one that is started, or installed and started.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::geteuid;
use tokio::time::sleep;

use crate::{
    database::install,
    folders::{self, find_program, shown},
    process::{self, POLL},
    reaper::{LABEL, Reaper, is_dead, remove_containers},
    settings::setting,
    terminal,
};

/// Everything it takes to end in order: removing containers, and stopping an engine.
const PATIENCE: Duration = Duration::from_mins(1);

/// An engine that answers. Dropping it removes this process's containers, and stops the engine if we started it.
#[derive(Debug)]
pub struct Engine {
    version: String,
    _reaper: Reaper,
}

impl Engine {
    /// The engine's version.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }
}

/// The engine that answers here, or where `DOCKER_HOST` says.
pub async fn answering() -> Result<Engine> {
    let version = version().await?;
    sweep().await?;
    Ok(Engine { version, _reaper: Reaper::of_containers(None)? })
}

/// An engine by all means at hand: the one that answers, else one that is started, else one that is installed.
pub async fn obtain() -> Result<Engine> {
    let silent = match answering().await {
        Ok(engine) => return Ok(engine),
        Err(error) => error,
    };
    if let Some(host) = setting("DOCKER_HOST") {
        return Err(silent.context(format!("no Docker engine answers at DOCKER_HOST={host}")));
    }
    if find_program("dockerd").is_none() {
        install().await?;
        // Where there is an init system the package has started it.
        if let Ok(engine) = answering().await {
            return Ok(engine);
        }
    }
    if !geteuid().is_root() {
        return Err(silent.context("Docker is installed but does not answer, and starting it needs root"));
    }
    start().await
}

async fn install() -> Result<()> {
    if find_program("apt-get").is_none() || !geteuid().is_root() {
        bail!("there is no Docker engine (it is installed by itself on Debian and Ubuntu as root only)");
    }
    let question = "This takes containers. Install Docker's engine (docker.io)?";
    if terminal::can_ask() && !terminal::ask(question).await {
        bail!("there is no Docker engine, and installing it was declined");
    }
    install::packages(&["docker.io"]).await?;
    // Later releases of Debian have the client in a package of its own.
    if find_program("docker").is_none() { install::packages(&["docker-cli"]).await } else { Ok(()) }
}

async fn start() -> Result<Engine> {
    let step = terminal::step("starting the Docker engine");
    let mut reaper = if Path::new("/run/systemd/system").is_dir() {
        docker_command("systemctl", &["start", "docker"], PATIENCE).await?;
        Reaper::of_containers(None)?
    } else {
        start_daemon()?
    };
    let deadline = Instant::now() + PATIENCE;
    let version = loop {
        match version().await {
            Ok(version) => break version,
            Err(_) if Instant::now() > deadline || reaper.engine_ended() => bail!(daemon_failure()?),
            Err(_) => sleep(POLL).await,
        }
    };
    sweep().await?;
    step.done(format_args!("started Docker {version}"));
    Ok(Engine { version, _reaper: reaper })
}

/// Starts `dockerd` ourselves. The reaper stops it after the containers; a parent-death signal would come before.
fn start_daemon() -> Result<Reaper> {
    for (file, program) in
        [("/var/run/docker.pid", "dockerd"), ("/var/run/docker/containerd/containerd.pid", "containerd")]
    {
        remove_stale_pid_file(Path::new(file), program)?;
    }
    let mut command = Command::new("dockerd");
    process::to_file(&mut command, &File::create(daemon_log_file()?)?)?;
    Reaper::of_containers(Some(process::start_surviving(command)?))
}

/// dockerd refuses to start when the process of its last pid file lives, even if that id is another's by now.
fn remove_stale_pid_file(file: &Path, program: &str) -> Result<()> {
    let Ok(pid) = fs::read_to_string(file) else {
        return Ok(());
    };
    let name = fs::read_to_string(format!("/proc/{}/comm", pid.trim())).unwrap_or_default();
    if name.trim() == program {
        return Ok(());
    }
    fs::remove_file(file).with_context(|| format!("cannot remove the stale {}", file.display()))
}

fn daemon_log_file() -> Result<std::path::PathBuf> {
    Ok(folders::playground()?.join("dockerd.log"))
}

/// Why dockerd did not start, as far as its log tells.
fn daemon_failure() -> Result<String> {
    let file = daemon_log_file()?;
    let log = fs::read_to_string(&file).unwrap_or_default();
    let telling = |line: &&str| line.contains("failed") || line.contains("level=fatal");
    let reason = log.lines().rev().find(telling).or(log.lines().last()).unwrap_or("it says nothing");
    Ok(format!("dockerd does not start: {reason} (its log: {})", shown(&file)))
}

/// Whether `DOCKER_HOST` names an engine on another machine.
#[must_use]
pub fn is_remote() -> bool {
    setting("DOCKER_HOST").is_some_and(|host| !host.starts_with("unix:"))
}

async fn version() -> Result<String> {
    docker(&["version", "--format", "{{.Server.Version}}"], Duration::from_secs(10)).await
}

/// Runs the docker client and gives its output.
pub async fn docker(arguments: &[&str], bound: Duration) -> Result<String> {
    docker_command("docker", arguments, bound).await
}

async fn docker_command(program: &str, arguments: &[&str], bound: Duration) -> Result<String> {
    let mut command = Command::new(program);
    command.args(arguments);
    process::output(&format!("{program} {}", arguments[0]), command, bound).await
}

/// Removes the containers of processes of this machine that died without doing it.
async fn sweep() -> Result<()> {
    let format = format!("{{{{.Label \"{LABEL}\"}}}}");
    let list = docker(&["ps", "--all", "--filter", &format!("label={LABEL}"), "--format", &format], PATIENCE).await?;
    let owners: BTreeSet<&str> = list.lines().filter(|owner| is_dead(owner)).collect();
    owners.into_iter().for_each(remove_containers);
    Ok(())
}
