//! Pictures of what was tested: where they are kept.

use std::{env, fs, path::PathBuf};

use playground::folders;

/// Keeps a picture as `file`, in the folder of the workspace that `TEST_PICTURES` names, or else in `target/pictures`.
pub(crate) fn keep(file: &str, picture: impl AsRef<[u8]>) -> PathBuf {
    let folder = env::var_os("TEST_PICTURES").filter(|folder| !folder.is_empty());
    let folder = folders::workspace().join(folder.unwrap_or_else(|| "target/pictures".into()));
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join(file);
    fs::write(&path, picture).unwrap();
    path
}
