//! Child processes: each in a process group of its own, none outlives this process, what they say is kept.

use std::{
    collections::{BTreeSet, VecDeque},
    fmt,
    fs::File,
    os::unix::process::CommandExt,
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::Child,
    runtime::Handle,
    task::JoinHandle,
    time::{sleep, timeout},
};

/// The interval of the loops that poll for a condition.
pub const POLL: Duration = Duration::from_millis(25);

// Enough for what a test reads of a service's log, and a bound for one that runs all day.
const KEPT_LINES: usize = 20_000;

/// What happens to a child when this process dies, even by SIGKILL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bond {
    /// It gets a SIGTERM (on Linux).
    DiesWithUs,
    /// It lives on, in a session of its own.
    Survives,
}

/// A running child process. Dropping it stops it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    group: Pid,
    log: Log,
    stdout: Log,
    readers: Vec<JoinHandle<()>>,
    patience: Duration,
}

impl Process {
    /// Starts `command` as `name`. Its output goes to [`Process::log`] unless the command says otherwise through
    /// [`to_file`]. `patience` is how long it may take to end after SIGTERM, before SIGKILL.
    pub fn start(name: &str, mut command: Command, patience: Duration) -> Result<Self> {
        let program = command.get_program().to_string_lossy().into_owned();
        tie(&mut command, Bond::DiesWithUs);
        let mut child = spawn(command).with_context(|| format!("cannot start {name} ({program})"))?;
        let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).context("a child without an id")?;
        groups().insert(group.as_raw_pid());
        let (log, stdout) = (Log::default(), Log::default());
        let readers = [
            child.stdout.take().map(|pipe| tokio::spawn(read(pipe, vec![log.clone(), stdout.clone()]))),
            child.stderr.take().map(|pipe| tokio::spawn(read(pipe, vec![log.clone()]))),
        ];
        let readers = readers.into_iter().flatten().collect();
        Ok(Self { name: name.into(), child, group, log, stdout, readers, patience })
    }

    /// What the process is called in messages.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id, which is also that of its group.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.group.as_raw_pid().cast_unsigned()
    }

    /// What it has said so far.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot ask for the state of {}", self.name))
    }

    /// Waits until it ends, and until the last of its output is in the log.
    pub async fn wait(&mut self) -> Result<ExitStatus> {
        let status = self.child.wait().await.with_context(|| format!("cannot wait for {}", self.name))?;
        for reader in self.readers.drain(..) {
            // Bounded, as a grandchild may hold the pipe open.
            let _ = timeout(Duration::from_secs(1), reader).await;
        }
        Ok(status)
    }

    /// Waits for success; a failure carries the last lines of its output.
    pub async fn succeed(&mut self) -> Result<()> {
        let status = self.wait().await?;
        if status.success() {
            return Ok(());
        }
        bail!("{} failed ({status}):\n{}", self.name, self.log.tail(20))
    }

    /// Sends `signal` to its whole group.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.group, signal);
    }

    /// Stops it: SIGTERM, and SIGKILL when its patience is over.
    pub async fn stop(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::TERM);
        let in_time = timeout(self.patience, self.wait()).await;
        // What is left of the group: the grandchildren, or all of it.
        self.signal(Signal::KILL);
        match in_time {
            Ok(status) => status,
            Err(_) => self.wait().await,
        }
    }

    /// Kills it with SIGKILL, as a crash would.
    pub async fn kill(&mut self) -> Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.wait().await
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn wait_blocking(&mut self, bound: Duration) {
        let deadline = Instant::now() + bound;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(POLL);
        }
    }
}

impl Drop for Process {
    // Blocking, as there is no other way in a drop; it happens on errors and interrupts only.
    fn drop(&mut self) {
        if !self.has_ended() {
            self.signal(Signal::TERM);
            self.wait_blocking(self.patience);
            self.signal(Signal::KILL);
            self.wait_blocking(Duration::from_secs(1));
        }
        groups().remove(&self.group.as_raw_pid());
    }
}

/// Starts a child that lives on when this process dies, and that no [`kill_all`] reaches.
pub fn start_surviving(mut command: Command) -> Result<std::process::Child> {
    let program = command.get_program().to_string_lossy().into_owned();
    tie(&mut command, Bond::Survives);
    command.spawn().with_context(|| format!("cannot start {program}"))
}

/// Gives `command` no input, and sends both its outputs to `file`.
pub fn to_file(command: &mut Command, file: &File) -> Result<()> {
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file.try_clone()?);
    Ok(())
}

/// Kills every process started here and still running.
pub fn kill_all() {
    for group in groups().iter().filter_map(|group| Pid::from_raw(*group)) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Runs `command` to its end and gives its standard output when it succeeds within `bound`.
pub async fn output(name: &str, mut command: Command, bound: Duration) -> Result<String> {
    capture(&mut command);
    let mut process = Process::start(name, command, Duration::from_secs(1))?;
    timeout(bound, process.succeed())
        .await
        .with_context(|| format!("{name} took longer than {} s", bound.as_secs()))??;
    Ok(process.stdout.tail(usize::MAX))
}

/// Gives `command` no input, and has both its outputs piped, so that they end up in the log.
pub fn capture(command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
}

fn groups() -> MutexGuard<'static, BTreeSet<i32>> {
    static GROUPS: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(unsafe_code, reason = "`pre_exec` is the only way to have the kernel tie a child's life to ours")]
fn tie(command: &mut Command, bond: Bond) {
    match bond {
        // A group of its own keeps a terminal's Ctrl-C from it: the order in which things end is ours to choose.
        Bond::DiesWithUs => command.process_group(0),
        Bond::Survives => command,
    };
    let prepare = move || match bond {
        #[cfg(target_os = "linux")]
        Bond::DiesWithUs => rustix::process::set_parent_process_death_signal(Some(Signal::TERM)).map_err(Into::into),
        #[cfg(not(target_os = "linux"))]
        Bond::DiesWithUs => Ok(()),
        Bond::Survives => rustix::process::setsid().map(drop).map_err(Into::into),
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed; the closure makes one system call,
    // allocates nothing and takes no lock.
    unsafe { command.pre_exec(prepare) };
}

/// Spawns from a thread that lives as long as this process: Linux sends the parent-death signal when the *thread*
/// that spawned a child ends, and the runtime's threads come and go.
fn spawn(command: Command) -> Result<Child> {
    type Request = (Command, Handle, mpsc::Sender<std::io::Result<Child>>);
    static SPAWNER: LazyLock<mpsc::Sender<Request>> = LazyLock::new(|| {
        let (sender, requests) = mpsc::channel::<Request>();
        thread::spawn(move || {
            for (command, runtime, answer) in requests {
                let _entered = runtime.enter();
                let _ = answer.send(tokio::process::Command::from(command).spawn());
            }
        });
        sender
    });
    let (answer, child) = mpsc::channel();
    SPAWNER.send((command, Handle::current(), answer)).ok().context("the thread that spawns children is gone")?;
    Ok(child.recv().context("the thread that spawns children is gone")??)
}

/// The lines that a process has printed.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Lines>>);

type Follower = Box<dyn FnMut(&str) + Send>;

#[derive(Default)]
struct Lines {
    kept: VecDeque<String>,
    follower: Option<Follower>,
}

impl fmt::Debug for Log {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Log({} lines)", self.lock().kept.len())
    }
}

impl Log {
    /// The lines so far, both outputs, oldest first.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.lock().kept.iter().cloned().collect()
    }

    /// The last `count` lines.
    #[must_use]
    pub fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// Hands `follower` the lines that are there, and each that comes.
    pub fn follow(&self, mut follower: impl FnMut(&str) + Send + 'static) {
        let mut lines = self.lock();
        lines.kept.iter().for_each(|line| follower(line));
        lines.follower = Some(Box::new(follower));
    }

    /// Waits until a line satisfies `wanted` and gives it; `None` when none does within `bound`.
    pub async fn wait_for(&self, wanted: impl Fn(&str) -> bool, bound: Duration) -> Option<String> {
        let deadline = Instant::now() + bound;
        loop {
            if let Some(line) = self.lock().kept.iter().find(|line| wanted(line)) {
                return Some(line.clone());
            }
            if Instant::now() > deadline {
                return None;
            }
            sleep(POLL).await;
        }
    }

    fn push(&self, line: &str) {
        let mut lines = self.lock();
        if let Some(follower) = &mut lines.follower {
            follower(line);
        }
        if lines.kept.len() == KEPT_LINES {
            lines.kept.pop_front();
        }
        lines.kept.push_back(line.to_owned());
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(source: impl AsyncRead + Unpin, logs: Vec<Log>) {
    let mut source = BufReader::new(source);
    let mut buffer = Vec::new();
    while source.read_until(b'\n', &mut buffer).await.is_ok_and(|count| count > 0) {
        let line = String::from_utf8_lossy(&buffer);
        for log in &logs {
            log.push(line.trim_end_matches(['\n', '\r']));
        }
        buffer.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        capture(&mut command);
        Process::start("a shell", command, Duration::from_millis(300)).expect("sh starts")
    }

    #[tokio::test]
    async fn output_is_what_a_program_answers_and_not_what_it_remarks() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo remark >&2; echo answer"]);
        assert_eq!(output("a shell", command, Duration::from_secs(5)).await.expect("success"), "answer");
    }

    #[tokio::test]
    async fn a_failure_carries_the_last_lines() {
        let failure = shell("echo one; echo two >&2; exit 3").succeed().await.expect_err("exit 3").to_string();
        assert!(failure.contains("exit status: 3") && failure.contains("two"), "{failure}");
    }

    #[tokio::test]
    async fn a_process_that_ignores_sigterm_is_killed_with_its_children() {
        let mut process = shell("trap '' TERM; sleep 60 & echo $!; wait; sleep 60");
        let child = process.log().wait_for(|_| true, Duration::from_secs(5)).await.expect("a line");
        let status = process.stop().await.expect("stops");
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9));
        let child = Pid::from_raw(child.parse().expect("a process id")).expect("not zero");
        let deadline = Instant::now() + Duration::from_secs(5);
        while is_running(child) {
            assert!(Instant::now() < deadline, "the child still runs");
            sleep(POLL).await;
        }
    }

    // A zombie that nobody has reaped yet has ended.
    fn is_running(pid: Pid) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).unwrap_or_default();
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
    }
}
