//! A lock on a folder that the kernel frees when its holder dies, so that it cannot go stale.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
};

use anyhow::{Context, Result};

use crate::folders;

/// A held lock; dropping it removes the file.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _file: File,
}

/// What came of asking for a lock.
#[derive(Debug)]
pub enum Asked {
    /// It is ours.
    Held(Lock),
    /// Another process holds it: its id, when the file tells it.
    Taken(Option<u32>),
}

impl Lock {
    /// Asks for the lock on the file at `path`, without waiting.
    pub fn ask(path: &Path) -> Result<Asked> {
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(|error| folders::denied(path, error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(Asked::Taken(holder(path))),
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
            }
            // The holder before us may have removed the file between our open and our lock: then what we locked is
            // no longer the file that others will open.
            if !is_at(&file, path) {
                continue;
            }
            file.set_len(0)?;
            write!(file, "{}", process::id()).with_context(|| format!("cannot write {}", path.display()))?;
            return Ok(Asked::Held(Self { path: path.to_owned(), _file: file }));
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while still held; a leftover file would do no harm but look like a lock.
        let _ = fs::remove_file(&self.path);
    }
}

fn holder(path: &Path) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_refused_while_held_and_leaves_no_file() {
        let path = std::env::temp_dir().join(format!("playground-lock-{}", process::id()));
        let Ok(Asked::Held(lock)) = Lock::ask(&path) else { panic!("the first is granted") };
        assert!(matches!(Lock::ask(&path), Ok(Asked::Taken(Some(pid))) if pid == process::id()));
        drop(lock);
        assert!(!path.exists());
    }
}
