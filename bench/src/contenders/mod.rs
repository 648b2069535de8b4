//! The contenders: our services, their peers, and two limits of the machine. `bench/contenders/contenders.toml` lists them.

mod preparation;
mod running;
pub(crate) mod sysbench;

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::LazyLock,
};

use playground::folders;
use serde::{Deserialize, Serialize};

pub(crate) use self::{
    preparation::{Prepared, build_services, prepare},
    running::{Running, healthy},
};
use crate::workloads::{self, Workload};

/// The contender that all others are compared with.
pub(crate) const OURS: &str = "ecs-playground";
pub(crate) const ONE_TO_ONE: &str = "ecs-playground-one-to-one";
pub(crate) const SYSBENCH: &str = "sysbench";
pub(crate) const WITHOUT_DATABASE: &str = "own-no-database";

/// All contenders, in the order of the tables.
pub(crate) static ALL: LazyLock<Vec<Contender>> = LazyLock::new(|| {
    let list: List = toml::from_str(include_str!("../../contenders/contenders.toml")).expect("a test reads it");
    list.contender
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    contender: Vec<Contender>,
}

/// One contender; `contenders.toml` describes the fields.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Contender {
    pub(crate) name: String,
    pub(crate) what: String,
    #[serde(skip_serializing)]
    pub(crate) kind: Kind,
    #[serde(default)]
    settings: BTreeMap<String, String>,
    #[serde(default, skip_serializing)]
    folder: PathBuf,
    #[serde(default, skip_serializing)]
    needs: BTreeMap<String, String>,
    #[serde(skip_serializing)]
    build: Option<String>,
    #[serde(default, skip_serializing)]
    serve: String,
    #[serde(default, skip_serializing)]
    versions: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Own,
    OwnNoDatabase,
    Peer,
    Sysbench,
}

impl Contender {
    /// The contender called `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|contender| contender.name == name)
    }

    /// A limit of the machine does less than the contenders, and runs one workload only.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self.kind, Kind::OwnNoDatabase | Kind::Sysbench)
    }

    pub(crate) fn runs(&self, workload: &Workload) -> bool {
        !self.is_limit() || workload.name == workloads::BY_ID
    }

    /// One of its commands.
    fn shell(&self, script: &str) -> Command {
        shell(script, &sources().join(&self.folder))
    }
}

/// Runs `script` in `folder`, with the variables that `contenders.toml` describes.
fn shell(script: &str, folder: &Path) -> Command {
    // Debian's servers are in folders that the PATH of an ordinary user lacks.
    let path = env::var("PATH").unwrap_or_default() + ":/usr/local/sbin:/usr/sbin";
    let mut command = Command::new("bash");
    command.args(["-c", script]).current_dir(folder).env("PATH", path);
    command.env("TARGET", folders::workspace().join("target"));
    command.env("CARGO", env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
}

fn sources() -> PathBuf {
    folders::workspace().join("bench/contenders")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_complete() {
        for name in [OURS, ONE_TO_ONE, SYSBENCH, WITHOUT_DATABASE] {
            assert!(Contender::named(name).is_some_and(|contender| contender.kind != Kind::Peer), "{name}");
        }
        for peer in ALL.iter().filter(|contender| contender.kind == Kind::Peer) {
            assert!(sources().join(&peer.folder).is_dir() && !peer.serve.is_empty(), "{peer:?}");
        }
    }
}
