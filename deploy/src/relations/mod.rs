//! What has to hold between definitions, stacks, topology and code: each relation is written once, here, and told with
//! file, value and remedy when it is broken.
//!
//! [`sources`] is what they read. The relations are by subject: [`network`], [`lifecycle`], [`names`], [`settings`],
//! [`capacity`], [`updates`], [`secrets`], [`permissions`].

mod capacity;
mod lifecycle;
mod names;
mod network;
mod permissions;
mod secrets;
mod settings;
mod sources;
mod updates;

use std::{fmt, fs, path::Path};

use anyhow::{Context as _, Result, bail};
use sources::Sources;

use crate::say;

/// All that is broken of one relation.
type Relation = fn(&Sources) -> Vec<Broken>;

const RELATIONS: [&[Relation]; 8] = [
    network::RELATIONS,
    lifecycle::RELATIONS,
    names::RELATIONS,
    settings::RELATIONS,
    capacity::RELATIONS,
    updates::RELATIONS,
    secrets::RELATIONS,
    permissions::RELATIONS,
];

/// Something that does not hold, as a sentence.
#[derive(Debug)]
struct Broken {
    file: String,
    /// What is there, with its value, and what it has to agree with.
    found: String,
    /// What to do, in the imperative.
    remedy: String,
}

impl Broken {
    fn new(file: impl Into<String>, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.into(), found: found.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.file, self.found, self.remedy)
    }
}

/// Checks all relations, and tells all that are broken.
pub(crate) fn check() -> Result<()> {
    let sources = Sources::read(Path::new("."))?;
    let broken = broken(&sources);
    if broken.is_empty() {
        let count = RELATIONS.iter().map(|relations| relations.len()).sum::<usize>();
        say::done(format_args!("definitions, stacks, topology and code agree in all of {count} relations"));
        return Ok(());
    }
    bail!("definitions, stacks, topology and code do not agree:\n  {}", broken.join("\n  "))
}

fn broken(sources: &Sources) -> Vec<String> {
    RELATIONS
        .iter()
        .copied()
        .flatten()
        .flat_map(|relation| relation(sources))
        .map(|broken| broken.to_string())
        .collect()
}

/// The files in `folder` with that extension, in the order of their names.
pub(crate) fn files(folder: &str, extension: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{folder} cannot be read"))?;
    let mut files: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .map(|path| path.to_string_lossy().into_owned())
        .collect();
    files.sort();
    Ok(files)
}

/// What the tests of all relations do: take the files as they are, break one of them, and hear what is told.
#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    pub(super) fn sources() -> Sources {
        static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
            Sources::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).expect("the files of this workspace")
        });
        SOURCES.clone()
    }

    /// What `relation` says where `changes`, of a file from a text to another, are made. It says nothing without them.
    pub(super) fn told(relation: Relation, changes: &[(&str, &str, &str)]) -> Vec<String> {
        let mut sources = sources();
        let before: Vec<String> = relation(&sources).iter().map(ToString::to_string).collect();
        assert!(before.is_empty(), "broken before anything was changed: {before:#?}");
        for (file, from, to) in changes {
            sources.change(file, from, to);
        }
        relation(&sources).iter().map(ToString::to_string).collect()
    }

    /// Asserts that `relation` says `sentences`, and nothing else, where `file` has `to` in the place of `from`.
    #[track_caller]
    pub(super) fn assert_told(relation: Relation, file: &str, from: &str, to: &str, sentences: &[&str]) {
        assert_eq!(told(relation, &[(file, from, to)]), sentences, "{file}: {from:?} replaced by {to:?}");
    }

    #[test]
    fn the_files_of_this_workspace_break_no_relation() {
        assert_eq!(broken(&sources()), Vec::<String>::new());
    }

    #[test]
    fn all_that_is_broken_is_told_at_once() {
        let mut sources = sources();
        sources.change("deploy/tasks/location.json", "\"stopTimeout\": 30", "\"stopTimeout\": 20");
        sources.change("deploy/services/user.json", "\"containerPort\": 9091", "\"containerPort\": 9092");
        let told = broken(&sources);
        assert_eq!(told.len(), 2, "{told:#?}");
        assert!(
            told[0].starts_with("deploy/services/user.json: ") && told[1].starts_with("deploy/tasks/location.json: ")
        );
    }
}
