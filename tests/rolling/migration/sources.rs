//! A copy of the workspace to edit.

use std::{
    fs,
    path::{Path, PathBuf},
};

use playground::folders;

use super::changes::{Change, Edit};

/// What cargo needs. All members of the workspace have to be there.
const COPIED: [&str; 8] =
    [".cargo", "Cargo.lock", "Cargo.toml", "deploy", "playground", "rust-toolchain.toml", "services", "tests"];

/// The copy.
pub(super) struct Sources(PathBuf);

impl Sources {
    /// Copies the workspace to `folder`. Cargo goes by the times of files, so those that are as they should be already
    /// are left alone.
    pub(super) fn copied_to(folder: PathBuf) -> Self {
        for name in COPIED {
            mirror(&folders::workspace().join(name), &folder.join(name));
        }
        Self(folder)
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.0
    }

    /// Makes the next release of it.
    pub(super) fn apply(&self, change: &Change) {
        let service = self.0.join("services/location");
        if let Some((file, sql)) = change.migration {
            let (number, _) = file.split_once('_').unwrap();
            let taken = names(&service.join("migrations")).any(|name| name.starts_with(number));
            assert!(!taken, "{}: there is a migration {number} by now; renumber those of changes.rs", change.name);
            fs::write(service.join("migrations").join(file), sql).unwrap();
        }
        for edit in change.edits {
            let file = service.join(edit.file);
            let edited = replaced(&fs::read_to_string(&file).unwrap(), edit);
            fs::write(file, edited.unwrap_or_else(|fault| panic!("{}: {fault}", change.name))).unwrap();
        }
        // Compiled anew whatever is different: that there is one more migration, cargo does not notice by itself.
        let library = service.join("src/lib.rs");
        fs::write(&library, fs::read(&library).unwrap()).unwrap();
    }
}

fn replaced(text: &str, Edit { file, from, to }: &Edit) -> Result<String, String> {
    match text.matches(from).count() {
        1 => Ok(text.replacen(from, to, 1)),
        count => Err(format!("{file} has {count} times, not once, what changes.rs is to replace:\n{from}")),
    }
}

/// Makes `to` what `from` is.
fn mirror(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for name in names(to).filter(|name| !from.join(name).exists()) {
            remove(&to.join(name));
        }
        for name in names(from) {
            mirror(&from.join(&name), &to.join(&name));
        }
    } else if fs::read(to).ok() != Some(fs::read(from).unwrap()) {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    }
}

fn names(folder: &Path) -> impl Iterator<Item = String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap())
}

fn remove(path: &Path) {
    if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
}

#[test]
fn an_edit_of_what_is_not_there_exactly_once_is_refused() {
    let edit = Edit { file: "store.rs", from: "region", to: "admin1" };
    assert_eq!(replaced("a region", &edit), Ok("a admin1".to_owned()));
    for (text, count) in [("nothing", "0 times"), ("region, region", "2 times")] {
        let fault = replaced(text, &edit).unwrap_err();
        assert!(fault.contains(count) && fault.contains("store.rs"), "{fault}");
    }
}
