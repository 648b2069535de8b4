//! The services as they ship: their binaries, with their settings in the environment.

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::{Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use rustix::process::Signal;
use tokio::time::{sleep, timeout};

use crate::{
    folders, http,
    process::{self, Log, POLL, Process},
};

// Drain and in-flight requests may take 25 s by default; what takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A service that is not started yet: which one, and its settings.
#[derive(Clone, Debug)]
pub struct Service {
    name: String,
    settings: BTreeMap<String, String>,
    isolated: bool,
}

impl Service {
    /// The service whose binary is `name`. It sees this process's environment, with `settings` on top.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.into(), settings: BTreeMap::new(), isolated: false }
    }

    /// Keeps this machine's own settings from it, those in the environment and in a `.env` file, so that it does the
    /// same everywhere.
    #[must_use]
    pub fn isolated(mut self) -> Self {
        self.isolated = true;
        self
    }

    /// Adds a setting, replacing one of the same name. A file in the environment for the same secret (`NAME_FILE`) does not
    /// count then; it is emptied rather than removed, as the service reads a `.env` file for what is not there.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.settings.insert(name.into(), value.into());
        self
    }

    /// Adds several settings.
    #[must_use]
    pub fn set_all(self, settings: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        settings.into_iter().fold(self, |service, (name, value)| service.set(name, value))
    }

    /// Runs one of its subcommands to the end; what it said, and how it ended.
    pub async fn output(&self, arguments: &[&str]) -> Result<(ExitStatus, Vec<String>)> {
        let mut process = self.spawn(arguments, Stdio::piped())?;
        let status = process.wait().await?;
        Ok((status, process.log().lines()))
    }

    /// Runs one of its subcommands, which must succeed. `stderr` may be inherited, so that it can draw its progress.
    pub async fn run(&self, subcommand: &str, stderr: Stdio) -> Result<()> {
        self.spawn(&[subcommand], stderr)?.succeed().await
    }

    /// Starts serving on `port` of 127.0.0.1. It need not be ready when this returns: see [`Running::ready`].
    pub fn start(&self, port: u16) -> Result<Running> {
        let service = self.clone().set("HOST", "127.0.0.1").set("PORT", port.to_string());
        Ok(Running { process: service.spawn(&["serve"], Stdio::piped())?, port })
    }

    fn spawn(&self, arguments: &[&str], stderr: Stdio) -> Result<Process> {
        let mut command = Command::new(self.binary()?);
        if self.isolated {
            command.env_clear().current_dir(env::temp_dir());
            let kept = ["PATH", "HOME", "TMPDIR", "RUST_BACKTRACE", "LLVM_PROFILE_FILE"];
            command.envs(kept.iter().filter_map(|name| Some((name, env::var_os(name)?))));
        }
        command
            .args(arguments)
            .envs(self.settings.keys().map(|name| (format!("{name}_FILE"), "")))
            .envs(&self.settings);
        process::capture(&mut command);
        command.stderr(stderr);
        let name = [&[self.name.as_str()], arguments].concat().join(" ");
        Process::start(&name, command, PATIENCE)
    }

    fn binary(&self) -> Result<PathBuf> {
        let file = folders::binaries()?.join(&self.name);
        if !file.is_file() {
            bail!("{} is not there: build it with `cargo build --bins -p {}`", folders::shown(&file), self.name);
        }
        Ok(file)
    }
}

/// A service that serves. Dropping it stops it.
#[derive(Debug)]
pub struct Running {
    process: Process,
    port: u16,
}

impl Running {
    /// The address of `path` at this service.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// The port on which it serves.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> &Log {
        self.process.log()
    }

    /// The process, for signals and its end.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The process alone, for whoever runs services beside other servers.
    #[must_use]
    pub fn into_process(self) -> Process {
        self.process
    }

    /// Waits until `/readyz` answers 200; fails when it ends before that, or does not get there within `bound`.
    pub async fn ready(&mut self, bound: Duration) -> Result<()> {
        self.answers("/readyz", bound).await
    }

    /// As [`Running::ready`], and until `/health` answers 200: its database answers too.
    pub async fn healthy(&mut self, bound: Duration) -> Result<()> {
        self.ready(bound).await?;
        self.answers("/health", bound).await
    }

    async fn answers(&mut self, path: &str, bound: Duration) -> Result<()> {
        let url = self.url(path);
        let deadline = Instant::now() + bound;
        let mut last = "no answer yet".to_owned();
        while Instant::now() < deadline {
            if let Some(status) = self.process.ended()? {
                self.process.wait().await?;
                bail!("{} ended by itself ({status}):\n{}", self.process.name(), self.log().tail(20));
            }
            match timeout(Duration::from_secs(2), http::get(&url)).await {
                Ok(Ok(answer)) if answer.status().is_success() => return Ok(()),
                Ok(Ok(answer)) => last = answer.status().to_string(),
                Ok(Err(error)) => last = error.to_string(),
                Err(_) => "no answer within 2 s".clone_into(&mut last),
            }
            sleep(POLL).await;
        }
        bail!("{url} did not answer 200 within {} s ({last}):\n{}", bound.as_secs(), self.log().tail(20))
    }

    /// Asks it to end with SIGTERM, as ECS does, without waiting.
    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    /// Stops it in order and gives its exit status.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.process.stop().await
    }

    /// Kills it, as a crash would.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.process.kill().await
    }
}
