//! Where things lie: the workspace, its binaries, and the playground's own folder under `target`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use anyhow::{Context, Result};

static EXECUTABLE: LazyLock<PathBuf> = LazyLock::new(|| env::current_exe().unwrap_or_default());

/// The executable of this process.
#[must_use]
pub fn executable() -> &'static Path {
    &EXECUTABLE
}

/// The root of the workspace.
///
/// # Panics
/// Never: the manifest of this crate lies in a folder of the workspace.
#[must_use]
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace")
}

/// The folder of the workspace's binaries, `target/<profile>`: the one this executable is in, or the one above it
/// when it is a test (`target/<profile>/deps`).
pub fn binaries() -> Result<&'static Path> {
    let folder = executable().parent().context("this executable's own folder is not known")?;
    let in_deps = folder.ends_with("deps");
    if in_deps { folder.parent().context("target/<profile>/deps has no parent") } else { Ok(folder) }
}

/// The arguments with which cargo builds into [`binaries`].
pub fn profile_arguments() -> Result<Vec<String>> {
    let profile = binaries()?.file_name().unwrap_or_default().to_string_lossy();
    Ok(match profile.as_ref() {
        "debug" => Vec::new(),
        profile => vec!["--profile".into(), profile.into()],
    })
}

/// `target/playground`, made when it is not there: data folders, logs and the lock.
pub fn playground() -> Result<PathBuf> {
    let target = binaries()?.parent().context("target/<profile> has no parent")?;
    let folder = target.join("playground");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok(folder)
}

/// `path` as a person in the workspace would write it.
#[must_use]
pub fn shown(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

/// The first file called `name` in PATH or in the folders where servers lie that a person's PATH may lack.
#[must_use]
pub fn find_program(name: &str) -> Option<PathBuf> {
    const MORE: [&str; 7] = [
        "/usr/sbin",
        "/usr/local/sbin",
        "/usr/libexec",
        "/usr/local/mysql/bin",
        "/opt/homebrew/bin",
        "/opt/homebrew/opt/mysql/bin",
        "/opt/homebrew/opt/mariadb/bin",
    ];
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).chain(MORE.map(PathBuf::from)).map(|folder| folder.join(name)).find(|file| file.is_file())
}
