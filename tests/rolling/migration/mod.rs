//! A change of the schema under way: releases of the location service whose column `region` becomes `admin1`, as
//! `GeoNames` calls it. Requests and answers stay as they are.
//!
//! During a rollout tasks of two releases work on the same rows, so each release has to read what its neighbours write
//! and to write what they read. The migration of a release runs before its rollout, while the tasks are still those of
//! the release before.
//!
//! | release    | migration, before it                  | reads    | writes   | may go back to   |
//! | ---------- | ------------------------------------- | -------- | -------- | ---------------- |
//! | present    |                                       | `region` | `region` |                  |
//! | `expand`   | 0103: `admin1` is added               | `region` | both     | present          |
//! | `switch`   | 0104: `admin1` is filled, by `region` | `admin1` | both     | `expand`         |
//! | `retire`   |                                       | `admin1` | `admin1` | `switch`         |
//! | `contract` | 0105: `region` is dropped             | `admin1` | `admin1` | `retire`         |
//!
//! It takes four, as none can do the work of two:
//! - `expand` cannot read `admin1` yet, not even with `COALESCE`: the present release changes `region` alone, and
//!   leaves in `admin1` what `expand` wrote there before.
//! - `switch` cannot stop writing `region`, as `expand` reads it.
//! - `retire` cannot bring the `DROP`: when its migration runs, the tasks of `switch` still name the column.
//!
//! What the table allows is one step back, and forward again. Two steps are not safe: the present release after
//! `switch` would change `region` alone again, and 0104 does not run twice.

mod changes;
mod compiler;
mod neighbours;
mod sources;

use std::{fs, path::PathBuf};

use playground::{
    folders,
    lock::{Asked, Lock},
};

use self::{changes::CHANGES, compiler::Compiler, sources::Sources};

/// The column that is gone after the last release.
pub(crate) const OLD_COLUMN: &str = "region";

/// One of the releases. Its file is removed with this value.
pub(crate) struct Release {
    /// Its name, which can be a tag.
    pub(crate) name: &'static str,
    /// The service's binary, as it goes into an image.
    pub(crate) binary: PathBuf,
}

impl Drop for Release {
    fn drop(&mut self) {
        let folder = self.binary.parent().unwrap();
        let _ = fs::remove_dir_all(folder);
        // The last one takes the folder of all with it.
        let _ = fs::remove_dir(folder.parent().unwrap());
    }
}

/// The releases that follow the present one, in order, each of which has worked beside the one before it. It takes a
/// minute, and two more for their dependencies the first time.
pub(crate) async fn releases() -> Vec<Release> {
    let releases = compiled().await;
    neighbours::each_reads_what_its_neighbour_writes(&releases).await;
    releases
}

async fn compiled() -> Vec<Release> {
    let playground = folders::playground().unwrap();
    let _lock = match Lock::ask(&playground.join("migration.lock")).unwrap() {
        Asked::Held(lock) => lock,
        Asked::Taken(by) => panic!("another process compiles these releases: {by:?}"),
    };
    // Always the same folder: to cargo another one would be another crate.
    let sources = Sources::copied_to(playground.join("migration"));
    let mut compiler = Compiler::new().await;
    let mut releases = Vec::new();
    for change in &CHANGES {
        sources.apply(change);
        let file = compiler.compile(&sources).await;
        let folder = playground.join(format!("migration-{}", std::process::id())).join(change.name);
        fs::create_dir_all(&folder).unwrap();
        let binary = folder.join("location");
        fs::copy(file, &binary).unwrap();
        releases.push(Release { name: change.name, binary });
    }
    releases
}
