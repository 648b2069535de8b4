//! A private instance of a server that is installed here: its own data folder, socket, port and administrator.

mod breakable;

use std::{
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, bail};
pub use breakable::Breakable;
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tokio::time::sleep;

use super::{Keeper, Server, Tls};
use crate::{
    folders::{self, find_program, shown},
    lock::{Asked, Lock},
    ports,
    process::{self, POLL, Process},
    secret, terminal,
};

const ADMINISTRATOR: &str = "playground";

// A server writes its dirty pages before it ends; on a slow disk that takes a while.
const PATIENCE: Duration = Duration::from_mins(1);
const START: Duration = Duration::from_secs(90);

/// Modest memory, many connections (a pool per service and test), and nothing that only replication needs.
const OPTIONS: [&str; 7] = [
    "--bind-address=127.0.0.1",
    "--skip-name-resolve",
    "--skip-log-bin",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=128M",
    "--max-connections=400",
    "--character-set-server=utf8mb4",
];

/// For data that no crash need survive.
const CARELESS: [&str; 2] = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=OFF"];

/// A server's binary.
#[derive(Clone, Debug)]
pub struct Binary {
    path: PathBuf,
    mariadb: bool,
    version: String,
}

impl Binary {
    /// Its product and version, such as `MySQL 9.7.0`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.arg("--no-defaults");
        if geteuid().is_root() {
            command.arg("--user=root");
        }
        command
    }
}

/// The binary of a `MySQL` or `MariaDB` server on this machine.
pub async fn find() -> Option<Binary> {
    for name in ["mysqld", "mariadbd"] {
        let Some(path) = find_program(name) else { continue };
        let mut command = Command::new(&path);
        command.args(["--no-defaults", "--version"]);
        if let Ok(text) = process::output(name, command, Duration::from_secs(10)).await {
            // By what it says, not by its name: distributions link one name to the other.
            let version = super::product(text.split_once(" Ver ").map_or(text.as_str(), |(_, version)| version.trim()));
            return Some(Binary { path, mariadb: version.starts_with("MariaDB"), version });
        }
    }
    None
}

/// An instance whose data survive, under `target/playground`.
pub async fn lasting(binary: Binary) -> Result<Server> {
    let [mariadb, mysql] = lasting_folders()?;
    let folder = if binary.mariadb { mariadb } else { mysql };
    make_folder(&folder)?;
    end_orphan(&folder).await?;
    start(&binary, folder, None, &[]).await
}

/// The folders of [`lasting`] instances, of `MariaDB` and of `MySQL`.
pub fn lasting_folders() -> Result<[PathBuf; 2]> {
    let folder = folders::playground()?;
    Ok(["mariadb", "mysql"].map(|name| folder.join(name)))
}

/// An instance whose folder is removed at the end.
pub async fn throwaway(binary: Binary) -> Result<Server> {
    sweep(&folders::playground()?).await?;
    let (folder, lock) = throwaway_folder(&std::process::id().to_string())?;
    let options = CARELESS.map(str::to_owned);
    start(&binary, folder, Some(lock), &options).await
}

/// A folder that is swept away when it is found with nobody holding its lock.
fn throwaway_folder(name: &str) -> Result<(PathBuf, Lock)> {
    let folder = folders::playground()?.join(format!("test-{name}"));
    make_folder(&folder)?;
    match Lock::ask(&folder.join("lock"))? {
        Asked::Held(lock) => Ok((folder, lock)),
        Asked::Taken(_) => bail!("{} is in use by another process", shown(&folder)),
    }
}

/// A running instance. Dropping it stops it.
#[derive(Debug)]
pub struct Instance {
    process: Option<Process>,
    folder: PathBuf,
    /// Held by an instance that is thrown away.
    lock: Option<Lock>,
}

impl Instance {
    pub(super) async fn ended(&mut self) -> Result<ExitStatus> {
        match &mut self.process {
            Some(process) => process.wait().await,
            None => std::future::pending().await,
        }
    }

    pub(super) fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Process::id)
    }

    pub(super) async fn stop(mut self) -> Result<()> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        let status = process.stop().await?;
        if status.success() {
            return Ok(());
        }
        bail!("the database server ended with {status}:\n{}", tail(&self.folder))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        drop(self.process.take());
        if self.lock.is_some() {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// Starts an instance, and says what is done.
async fn start(binary: &Binary, folder: PathBuf, lock: Option<Lock>, options: &[String]) -> Result<Server> {
    let instance = Instance { process: None, folder, lock };
    let data = data_folder(&instance.folder);
    if !data.is_dir() {
        let step = terminal::step(format!("making a data folder for {}", binary.version));
        make_data_folder(binary, &instance.folder).await?;
        step.done(format_args!("made {}", shown(&data)));
    }
    let step = terminal::step(format!("starting {} on {}", binary.version, shown(&instance.folder)));
    let server = launch(binary, instance, options).await?;
    step.done(&server.description);
    Ok(server)
}

/// Starts an instance on a data folder that is there.
async fn launch(binary: &Binary, mut instance: Instance, options: &[String]) -> Result<Server> {
    let folder = instance.folder.clone();
    let password = secret::kept(&folder.join("password"))?;
    let port = ports::free()?;
    let command = server_command(binary, &folder, port, &password, options)?;
    instance.process = Some(Process::start("the database server", command, PATIENCE)?);
    let mut server = Server {
        host: "127.0.0.1".into(),
        port,
        user: ADMINISTRATOR.into(),
        password,
        tls: Tls::default(),
        description: String::new(),
        keeper: Keeper::SomebodyElse,
    };
    let version =
        server.answers(START, async || alive(&mut instance)).await.map_err(|error| explain(&error, binary, &folder))?;
    // Only now, as a server that cannot read these data says so only when it starts.
    secret::write(&folder.join("version"), &binary.version)?;
    server.description = format!("{version}, a private instance in {}", shown(&folder));
    server.keeper = Keeper::Private(Box::new(instance));
    Ok(server)
}

fn alive(instance: &mut Instance) -> Result<()> {
    let Some(process) = &mut instance.process else {
        return Ok(());
    };
    match process.ended()? {
        Some(status) => Err(anyhow!("the database server ended by itself ({status})")),
        None => Ok(()),
    }
}

/// Says why the server did not start, as far as its log and the folder's history tell.
fn explain(error: &anyhow::Error, binary: &Binary, folder: &Path) -> anyhow::Error {
    let log = tail(folder);
    let before = fs::read_to_string(folder.join("version")).unwrap_or_default();
    let remedy = if before.is_empty() || before == binary.version {
        format!("if its data are damaged, remove {}: they are sample data", shown(folder))
    } else {
        let folder = shown(folder);
        format!(
            "{folder} was written by {before}, and this is {}: remove the folder, or install {before}",
            binary.version
        )
    };
    anyhow!(
        "{} does not start ({}); {remedy}. The last lines of its log:\n{log}",
        binary.version,
        terminal::told(error)
    )
}

fn tail(folder: &Path) -> String {
    let log = fs::read(folder.join("server.log")).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

/// Makes the data folder. It gets its name when it is complete, so that one that was left half made by a crash is known
/// and made anew.
async fn make_data_folder(binary: &Binary, folder: &Path) -> Result<()> {
    let partial = folder.join("data.partial");
    if let Err(error) = fs::remove_dir_all(&partial)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error).with_context(|| format!("cannot remove {}", partial.display()));
    }
    let mut command = if binary.mariadb { mariadb_install(binary)? } else { binary.command() };
    if binary.mariadb {
        // Relative, as this script of MariaDB's cannot take a path with a space in it.
        command.current_dir(folder).args(["--datadir=./data.partial", "--skip-test-db"]);
    } else {
        command.arg(format!("--datadir={}", partial.display())).arg("--initialize-insecure");
    }
    process::capture(&mut command);
    Process::start("making a data folder", command, Duration::from_secs(1))?.succeed().await?;
    fs::rename(&partial, data_folder(folder)).with_context(|| format!("cannot rename {} to data", partial.display()))
}

fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn mariadb_install(binary: &Binary) -> Result<Command> {
    if find_program("my_print_defaults").is_none() {
        bail!(
            "my_print_defaults is missing, which comes with MariaDB's client (Debian: mariadb-client-core): install it"
        );
    }
    let folder = binary.path.parent().unwrap_or(Path::new("/"));
    let program = ["mariadb-install-db", "mysql_install_db"].into_iter().find_map(|name| {
        let beside = ["", "../bin", "../scripts"].map(|relative| folder.join(relative).join(name));
        beside.into_iter().find(|file| file.is_file()).or_else(|| find_program(name))
    });
    let mut command =
        Command::new(program.context("mariadbd is installed but mariadb-install-db is not: install it too")?);
    command.arg("--no-defaults");
    if geteuid().is_root() {
        command.arg("--user=root");
    }
    Ok(command)
}

fn server_command(binary: &Binary, folder: &Path, port: u16, password: &str, options: &[String]) -> Result<Command> {
    let first = folder.join("first.sql");
    secret::write(&first, &first_statements(password))?;
    let mut command = binary.command();
    command
        .args(OPTIONS)
        .arg(data_option(folder))
        .arg(format!("--socket={}", socket(folder).display()))
        .arg(format!("--pid-file={}", folder.join("pid").display()))
        .arg(format!("--init-file={}", first.display()))
        .arg(format!("--port={port}"));
    if !binary.mariadb {
        command.args(["--mysqlx=OFF", "--secure-file-priv=NULL"]);
    }
    // Of two that are the same, the last one counts.
    command.args(options);
    let log = File::create(folder.join("server.log")).context("cannot write the database server's log")?;
    process::to_file(&mut command, &log)?;
    Ok(command)
}

/// Run by the server on every start before it takes connections, so there is no moment at which it can be entered
/// without a password.
fn first_statements(password: &str) -> String {
    let user = format!("'{ADMINISTRATOR}'@'127.0.0.1'");
    format!(
        "ALTER USER IF EXISTS 'root'@'localhost' ACCOUNT LOCK;\n\
        DROP USER IF EXISTS ''@'localhost';\n\
        CREATE USER IF NOT EXISTS {user} IDENTIFIED BY '{password}';\n\
        ALTER USER {user} IDENTIFIED BY '{password}';\n\
        GRANT ALL ON *.* TO {user} WITH GRANT OPTION;\n"
    )
}

fn data_option(folder: &Path) -> String {
    format!("--datadir={}", data_folder(folder).display())
}

/// A socket's path may have 107 bytes.
fn socket(folder: &Path) -> PathBuf {
    let beside = folder.join("socket");
    if beside.as_os_str().len() <= 100 {
        return beside;
    }
    std::env::temp_dir().join(format!("playground-{}.sock", std::process::id()))
}

fn make_folder(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Removes the folders of test runs that were killed.
async fn sweep(above: &Path) -> Result<()> {
    for entry in fs::read_dir(above)?.flatten() {
        let folder = entry.path();
        if !entry.file_name().to_string_lossy().starts_with("test-") {
            continue;
        }
        if let Asked::Held(_lock) = Lock::ask(&folder.join("lock"))? {
            end_orphan(&folder).await?;
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
    }
    Ok(())
}

/// Stops a server on `folder` that a killed run has left, or that is still on its way out.
pub async fn end_orphan(folder: &Path) -> Result<()> {
    let Some(pid) = orphan(folder) else { return Ok(()) };
    let step = terminal::step(format!("stopping the server that an earlier run left on {}", shown(folder)));
    let deadline = Instant::now() + PATIENCE;
    let _ = kill_process(pid, Signal::TERM);
    while orphan(folder) == Some(pid) {
        if Instant::now() > deadline {
            let _ = kill_process(pid, Signal::KILL);
        }
        sleep(POLL).await;
    }
    step.done("stopped the server that an earlier run had left");
    Ok(())
}

/// The process that the pid file names, if it runs on `folder`: a process id alone may be another's by now.
fn orphan(folder: &Path) -> Option<Pid> {
    let pid: i32 = fs::read_to_string(folder.join("pid")).ok()?.trim().parse().ok()?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let ours = command.split(|byte| *byte == 0).any(|argument| argument == data_option(folder).as_bytes());
    if ours { Pid::from_raw(pid) } else { None }
}
