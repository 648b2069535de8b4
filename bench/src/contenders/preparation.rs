//! Installs and builds the contenders. One that cannot be had on this machine is left out, with the reason.

use std::{collections::BTreeMap, process::Command, time::Duration};

use anyhow::{Context as _, Result, ensure};
use playground::{
    database::install,
    folders::{self, find_program},
    process, terminal,
};
use serde::Serialize;

use super::{Contender, Kind, shell};

/// For compiling everything on a slow machine.
const BUILD_TIMEOUT: Duration = Duration::from_hours(1);
const COMMAND_TIMEOUT: Duration = Duration::from_mins(1);

const OWN_VERSIONS: &str = r#"
rustc --version | cut -d ' ' -f 1,2
"$CARGO" tree --locked --package chassis --depth 1 --prefix none |
    sed -n -E 's/^(actix-web|sqlx) v([0-9.]+).*/\1 \2/p'
"#;

/// The contenders that can start, and those that cannot.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Prepared {
    pub(crate) contenders: Vec<Ready>,
    /// With the reasons.
    left_out: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Ready {
    #[serde(flatten)]
    pub(crate) contender: &'static Contender,
    /// Names and versions of its software, as far as they can be found out.
    versions: Vec<String>,
}

/// Builds our services, which is required, and `contenders` as far as possible.
pub(crate) async fn prepare(contenders: impl Iterator<Item = &'static Contender>) -> Result<Prepared> {
    build_services().await?;
    let mut prepared = Prepared::default();
    for contender in contenders {
        match contender.prepare().await {
            Ok(versions) => prepared.contenders.push(Ready { contender, versions }),
            Err(error) => {
                let reason = terminal::told(&error);
                terminal::line(format_args!("  {} is left out: {reason}", contender.name));
                prepared.left_out.insert(&contender.name, reason);
            }
        }
    }
    Ok(prepared)
}

/// Builds our services, as they ship.
pub(crate) async fn build_services() -> Result<()> {
    let script = r#""$CARGO" build --locked --package location --package user "$@""#;
    let mut command = shell(script, folders::workspace());
    command.arg("build").args(folders::profile_arguments()?);
    build("the services", command).await
}

async fn build(what: &str, command: Command) -> Result<()> {
    let step = terminal::step(format!("building {what} (minutes the first time)"));
    let output = process::output("the build", command, BUILD_TIMEOUT).await;
    output.with_context(|| format!("cannot build {what}"))?;
    step.done(format_args!("built {what}"));
    Ok(())
}

impl Contender {
    /// Installs and builds what it needs; returns the names and versions of its software.
    async fn prepare(&self) -> Result<Vec<String>> {
        let missing = self.missing().await;
        if !missing.is_empty() {
            let may_install = find_program("apt-get").is_some() && install::may_install();
            ensure!(may_install, "{} is missing, and no package can be installed here", missing.join(", "));
            install::packages(&missing).await?;
            let missing = self.missing().await;
            ensure!(missing.is_empty(), "{} is installed, and not found", missing.join(", "));
        }
        if let Some(script) = &self.build {
            build(&self.name, self.shell(script)).await?;
        }
        let versions = match self.kind {
            Kind::Own | Kind::OwnNoDatabase => shell(OWN_VERSIONS, folders::workspace()),
            Kind::Peer | Kind::Sysbench => self.shell(&self.versions),
        };
        let versions = process::output("versions", versions, COMMAND_TIMEOUT).await.unwrap_or_default();
        Ok(versions.lines().map(str::to_owned).collect())
    }

    /// The packages to install.
    async fn missing(&self) -> Vec<&str> {
        let mut missing = Vec::new();
        for (package, check) in &self.needs {
            if process::output(check, self.shell(check), COMMAND_TIMEOUT).await.is_err() {
                missing.push(package.as_str());
            }
        }
        missing
    }
}
