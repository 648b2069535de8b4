//! What is cleaned up when this process ends, in whatever way. A reaper is a tiny process beside us that holds the
//! other end of a pipe: the kernel closes ours even on SIGKILL, and then it does its work.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{
    folders,
    process::{self, POLL},
};

/// The label that names the process a container, a network or a volume belongs to.
pub const LABEL: &str = "ecs-playground.owner";

/// Removing containers and stopping an engine, on a slow machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// What a reaper is to do.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Duties {
    /// Kills this process group.
    #[arg(long)]
    group: Option<i32>,
    /// Removes the containers, networks and volumes with this label.
    #[arg(long)]
    containers: Option<String>,
    /// Stops the engine with this process id.
    #[arg(long)]
    engine: Option<i32>,
}

/// A running reaper. Dropping it has it do its work, and waits for that.
#[derive(Debug)]
pub struct Reaper {
    child: Child,
    engine: Option<Child>,
}

impl Reaper {
    /// Kills what is left of a process group: only a child of ours gets a signal from the kernel when we die, not
    /// the children it has in turn.
    pub fn of_group(group: u32) -> Result<Self> {
        Self::start(&["--group", &group.to_string()], None)
    }

    /// Removes this process's containers, and then stops `engine`.
    pub fn of_containers(engine: Option<Child>) -> Result<Self> {
        let label = owner();
        match engine.as_ref().map(|engine| engine.id().to_string()) {
            Some(id) => Self::start(&["--containers", &label, "--engine", &id], engine),
            None => Self::start(&["--containers", &label], engine),
        }
    }

    fn start(duties: &[&str], engine: Option<Child>) -> Result<Self> {
        let mut command = Command::new(folders::executable());
        command.arg("reap").args(duties).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { child: process::start_surviving(command)?, engine })
    }

    /// Whether the engine that is in its care has ended.
    pub fn engine_ended(&mut self) -> bool {
        self.engine.as_mut().is_some_and(|engine| !matches!(engine.try_wait(), Ok(None)))
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        for child in [Some(&mut self.child), self.engine.as_mut()].into_iter().flatten() {
            let deadline = Instant::now() + PATIENCE;
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                thread::sleep(POLL);
            }
        }
    }
}

/// A reaper's whole life: waits until whoever started it is gone or is done with it, and does its duties. What fails
/// has gone already; there is nobody left to tell.
pub fn reap(duties: &Duties) {
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    if let Some(group) = duties.group.and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    if let Some(label) = &duties.containers {
        remove_containers(label);
    }
    if let Some(engine) = duties.engine.and_then(Pid::from_raw) {
        let _ = kill_process(engine, Signal::TERM);
    }
}

/// Removes the containers that belong to `owner`, and then what they leave.
pub fn remove_containers(owner: &str) {
    let filter = format!("label={LABEL}={owner}");
    for (list, remove) in [
        (&["ps", "--all"][..], &["rm", "--force", "--volumes"][..]),
        (&["network", "ls"], &["network", "rm"]),
        (&["volume", "ls"], &["volume", "rm"]),
    ] {
        let list = Command::new("docker").args(list).args(["--quiet", "--filter", &filter]).output();
        let ids = list.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        if !ids.is_empty() {
            let _ = Command::new("docker").args(remove).args(ids.lines()).output();
        }
    }
}

/// This process, as containers' labels name it: `machine/pid namespace/pid/start time`, since several machines may
/// use one engine, and a process id alone may be another's later.
#[must_use]
pub fn owner() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}", process_table(), start_time(pid).unwrap_or_default())
}

fn process_table() -> String {
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let machine = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{machine}/{}", namespace.display())
}

/// Whether the process that a label names is one of this machine's, and ended.
#[must_use]
pub fn is_dead(owner: &str) -> bool {
    let Some(process) = owner.strip_prefix(&process_table()).and_then(|rest| rest.strip_prefix('/')) else {
        return false;
    };
    let Some((pid, started)) = process.split_once('/') else {
        return false;
    };
    pid.parse().is_ok_and(|pid| start_time(pid).unwrap_or_default() != started)
}

/// When a process started, in the kernel's clock ticks: what tells it from another one with the same id.
fn start_time(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name, which may contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_dead_processes_of_this_machine_are_dead() {
        let table = process_table();
        assert!(!is_dead(&owner()));
        assert!(is_dead(&format!("{table}/{}/1", std::process::id())), "same id, another start");
        assert!(!is_dead("elsewhere/pid:[1]/4711/1"));
        assert!(!is_dead("nonsense"));
    }
}
