//! The results as files.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use playground::folders;
use serde::Serialize;

/// The figures of `bench run`.
pub(crate) const LATEST: &str = "latest.json";
/// The machine, the software and the settings that they depend on.
pub(crate) const ENVIRONMENT: &str = "environment.json";
pub(crate) const GROWTH: &str = "growth.json";
pub(crate) const START: &str = "start.json";

/// The folder of whole runs, which is kept with the sources.
pub(crate) fn kept() -> PathBuf {
    folders::workspace().join("bench/results")
}

/// The folder of partial runs.
pub(crate) fn partial() -> PathBuf {
    folders::workspace().join("target/bench")
}

pub(crate) fn write_json(file: &Path, value: &impl Serialize) -> Result<()> {
    write(file, &(serde_json::to_string_pretty(value)? + "\n"))
}

/// Writes a file, and creates its folder where it is missing.
pub(crate) fn write(file: &Path, text: &str) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(file, text));
    written.with_context(|| format!("cannot write {}", folders::shown(file)))
}
