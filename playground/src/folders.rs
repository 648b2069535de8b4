//! Where things lie: the workspace, its binaries, and the playground's own folder under `target`.

use std::{
    env, fs,
    io::{self, ErrorKind},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use anyhow::{Context, Result, anyhow};
use rustix::{
    fs::{Access, access},
    process::geteuid,
};

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
    fs::create_dir_all(&folder).map_err(|error| denied(&folder, error))?;
    // A folder that can be read may still be another user's, with everything in it.
    access(&folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| denied(&folder, error.into()))?;
    Ok(folder)
}

/// Explains why a file or folder of the playground cannot be written; `sudo make run` leaves such.
#[must_use]
pub fn denied(path: &Path, error: io::Error) -> anyhow::Error {
    let existing = path.ancestors().find(|path| path.exists()).unwrap_or(path);
    let owner = fs::metadata(existing).map(|metadata| metadata.uid());
    match owner {
        Ok(owner) if error.kind() == ErrorKind::PermissionDenied && owner != geteuid().as_raw() => {
            let owner = if owner == 0 { "root".to_owned() } else { format!("the user with id {owner}") };
            let folder = binaries().ok().and_then(Path::parent).unwrap_or(existing);
            anyhow!(
                "{} belongs to {owner}, as after `sudo make run`. To change the owner:\n  sudo chown -R \"$(id -un)\" '{}'",
                shown(existing),
                shown(folder)
            )
        }
        _ => anyhow::Error::new(error).context(format!("cannot write {}", path.display())),
    }
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
