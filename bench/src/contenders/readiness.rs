//! Which contenders can be had on this machine: installed, built, or left out with the reason.

use std::{process::Command, time::Duration};

use anyhow::{Context, Result};
use playground::{folders, process, terminal};

use super::{
    Contender, Kind, needs,
    versions::{self, Version},
};

/// Installing and compiling everything, on a slow machine.
const PATIENCE: Duration = Duration::from_hours(1);

/// The contenders that can start, and those that cannot.
#[derive(Debug, Default)]
pub(crate) struct Ready {
    /// Those that can, with the versions of what they are made of.
    pub(crate) contenders: Vec<(&'static Contender, Vec<String>)>,
    /// Those that cannot, and why.
    pub(crate) left_out: Vec<(&'static Contender, String)>,
}

/// Builds the services and the contenders. Ours may not be missing.
pub(crate) async fn prepare(contenders: &[&'static Contender]) -> Result<Ready> {
    build_services().await?;
    let mut ready = Ready::default();
    for contender in contenders {
        match contender.prepare().await {
            Ok(versions) => ready.contenders.push((contender, versions)),
            Err(error) => {
                let reason = terminal::told(&error);
                terminal::line(format_args!("  {} is left out: {reason}", contender.name));
                ready.left_out.push((contender, reason));
            }
        }
    }
    Ok(ready)
}

/// Builds our services, as they ship.
pub(crate) async fn build_services() -> Result<()> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--locked", "--package", "location", "--package", "user"]);
    command.args(folders::profile_arguments()?).current_dir(folders::workspace());
    build("the services", command).await
}

impl Contender {
    /// Installs and builds what it needs; gives the versions of what it is made of.
    async fn prepare(&self) -> Result<Vec<String>> {
        let versions: &[Version] = match self.kind {
            Kind::Own(_) | Kind::OwnWithoutDatabase => &[versions::RUSTC, versions::OWN_ACTIX_WEB, versions::OWN_SQLX],
            Kind::Sysbench => {
                needs::meet(&[needs::SYSBENCH]).await?;
                &[versions::SYSBENCH]
            }
            Kind::Peer(stack, _) => {
                needs::meet(stack.needs).await?;
                if let Some(command) = stack.build {
                    build(self.name, command()).await?;
                }
                stack.versions
            }
        };
        Ok(versions.iter().filter_map(Version::told).collect())
    }
}

async fn build(what: &str, command: Command) -> Result<()> {
    let step = terminal::step(format!("building {what} (minutes the first time)"));
    let name = command.get_program().to_string_lossy().into_owned();
    process::output(&name, command, PATIENCE).await.with_context(|| format!("cannot build {what}"))?;
    step.done(format_args!("built {what}"));
    Ok(())
}
