//! Packages installed from a Debian or Ubuntu distribution, for machines that lack a server or an engine.

use std::{
    io::{self, IsTerminal},
    process::Command,
    time::Duration,
};

use anyhow::{Result, bail};
use rustix::process::geteuid;

use super::private;
use crate::{
    folders::find_program,
    process::{self, Process},
    terminal,
};

// Killing dpkg halfway leaves work to the person.
const PATIENCE: Duration = Duration::from_mins(1);

/// Installs a database server without a system service that would start it.
pub async fn server() -> Result<()> {
    const WANTED: &str = "there is no database server: install MariaDB or MySQL (Debian and Ubuntu: \
        `apt-get install mariadb-server-core mariadb-client-core`; macOS: `brew install mariadb`), start Docker, or set DB_HOST";
    if find_program("apt-get").is_none() || !may_install() {
        bail!(WANTED);
    }
    // The first has the server and no system service; the second a program that making a data folder needs.
    packages(&["mariadb-server-core", "mariadb-client-core"]).await
}

/// The tests of `playground run` start private instances, whatever server the other tests use. Where none can be
/// installed just like that, those tests say so themselves.
pub async fn server_for_tests_of_run() {
    let can = find_program("apt-get").is_some() && geteuid().is_root();
    if private::find().await.is_some() || !can {
        return;
    }
    let question = "The tests of `make run` need a database server. Install mariadb-server-core?";
    if (!terminal::can_ask() || terminal::ask(question).await)
        && let Err(problem) = server().await
    {
        terminal::line(format_args!("  could not install a database server: {}", terminal::told(&problem)));
    }
}

/// Whether packages can be installed: as root, or through sudo, which may ask a person for the password.
#[must_use]
pub fn may_install() -> bool {
    if geteuid().is_root() {
        return true;
    }
    let sudo =
        |argument: &str| Command::new("sudo").arg(argument).arg("true").status().is_ok_and(|status| status.success());
    // sudo asks on the terminal, for which it must run in our own process group; later calls then need no password.
    find_program("sudo").is_some() && (sudo("--non-interactive") || (io::stdin().is_terminal() && sudo("--")))
}

/// Installs `names` and nothing that is only recommended.
pub async fn packages(names: &[&str]) -> Result<()> {
    let step = terminal::step(format!("installing {} with apt-get", names.join(", ")));
    let arguments = [&["install", "--yes", "--no-install-recommends"], names].concat();
    // A fresh machine has no package lists, and an old one has outdated ones.
    if apt_get(&arguments).await.is_err() {
        apt_get(&["update"]).await?;
        apt_get(&arguments).await?;
    }
    step.done(format_args!("installed {}", names.join(", ")));
    Ok(())
}

async fn apt_get(arguments: &[&str]) -> Result<()> {
    let root: &[&str] = if geteuid().is_root() { &[] } else { &["sudo", "--non-interactive"] };
    let words = [root, &["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"], arguments].concat();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]);
    process::capture(&mut command);
    Process::start(&format!("apt-get {}", arguments[0]), command, PATIENCE)?.succeed().await
}
