//! `playground reset`: the data of `run` are removed, and its next start makes the sample data again.

use std::{fs, io::ErrorKind};

use anyhow::{Context, Result, bail};

use crate::{
    database::{container, private},
    folders::shown,
    run,
    settings::setting,
    terminal,
};

/// Removes the private instances' folders and the container's volume; refuses while `run` uses them. A server that
/// `DB_HOST` names is left alone.
pub async fn reset() -> Result<()> {
    let _lock = run::lock()?;
    if let Some(host) = setting("DB_HOST") {
        bail!(
            "DB_HOST, in the environment or in .env, names a server ({host}), whose data are not removed: drop the \
             databases of both services there, or unset DB_HOST to reset the data of `make run` on this machine"
        );
    }
    for folder in private::lasting_folders()? {
        private::end_orphan(&folder).await?;
        match fs::remove_dir_all(&folder) {
            Ok(()) => terminal::line(format_args!("removed {}", shown(&folder))),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot remove {}", folder.display())),
        }
    }
    container::forget().await?;
    terminal::line("`make run` starts with the sample data again");
    Ok(())
}
