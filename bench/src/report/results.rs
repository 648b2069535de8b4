//! The results, in files that the documentation refers to.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use playground::folders;
use serde::{Serialize, de::DeserializeOwned};

/// The figures of `bench run`.
pub(crate) const LATEST: &str = "latest.json";
/// What they depend on.
pub(crate) const ENVIRONMENT: &str = "environment.json";
pub(crate) const GROWTH: &str = "growth.json";
pub(crate) const START: &str = "start.json";

/// A folder for results.
#[derive(Clone, Debug)]
pub(crate) struct Results(PathBuf);

impl Results {
    /// Those of the whole, which are kept with the sources.
    pub(crate) fn kept() -> Self {
        Self(folders::workspace().join("bench/results"))
    }

    /// Those of a part, which are not.
    pub(crate) fn of_part() -> Self {
        Self(folders::workspace().join("target/bench"))
    }

    /// Where a file of these results lies.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, value: &impl Serialize) -> Result<()> {
        let text = serde_json::to_string_pretty(value)? + "\n";
        write(&self.file(name), &text)
    }

    /// Reads a file.
    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<T> {
        let file = self.file(name);
        let text = fs::read(&file).with_context(|| format!("cannot read {}", folders::shown(&file)))?;
        serde_json::from_slice(&text).with_context(|| format!("{} is no result", folders::shown(&file)))
    }
}

/// Writes a file, in a folder that is made where there is none.
pub(crate) fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, text))
        .with_context(|| format!("cannot write {}", folders::shown(file)))
}
