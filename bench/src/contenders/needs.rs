//! What a contender needs of the machine, and the Debian packages that have it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};
use playground::{database::install, folders::find_program};

/// Something that has to be there.
#[derive(Debug)]
pub(super) struct Need {
    /// What it is, for people.
    what: &'static str,
    /// Whether it is there.
    is_there: fn() -> bool,
    /// The package that brings it.
    package: &'static str,
}

pub(super) const NGINX: Need =
    Need { what: "nginx", is_there: || find_program("nginx").is_some(), package: "nginx-light" };
pub(super) const PHP_FPM: Need = Need { what: "php-fpm", is_there: || php_fpm().is_some(), package: "php-fpm" };
pub(super) const MYSQLI: Need =
    Need { what: "PHP's mysqli", is_there: || has_file_in_version("/usr/lib/php", "mysqli.so"), package: "php-mysql" };
pub(super) const GO: Need = Need { what: "go", is_there: || find_program("go").is_some(), package: "golang-go" };
pub(super) const GO_DRIVER: Need = Need {
    what: "go-sql-driver/mysql",
    is_there: || Path::new("/usr/share/gocode/src/github.com/go-sql-driver/mysql").is_dir(),
    package: "golang-github-go-sql-driver-mysql-dev",
};
pub(super) const NODE: Need = Need { what: "node", is_there: || find_program("node").is_some(), package: "nodejs" };
pub(super) const NPM: Need = Need { what: "npm", is_there: || find_program("npm").is_some(), package: "npm" };
pub(super) const SYSBENCH: Need =
    Need { what: "sysbench", is_there: || find_program("sysbench").is_some(), package: "sysbench" };

/// Installs what is missing of `needs`, and nothing that is there: a `node` from elsewhere does not go together with
/// Debian's `npm`, and its owner had a reason.
pub(super) async fn meet(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.is_there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let list = |of: fn(&Need) -> &'static str| missing.iter().map(|need| of(need)).collect::<Vec<_>>();
    let what = list(|need| need.what).join(", ");
    if find_program("apt-get").is_none() || !install::may_install() {
        bail!("{what} is missing, and no package can be installed here");
    }
    install::packages(&list(|need| need.package)).await?;
    match missing.iter().find(|need| !(need.is_there)()) {
        Some(need) => bail!("{} is missing, although {} is installed", need.what, need.package),
        None => Ok(()),
    }
}

/// Debian has the version in the name.
pub(super) fn php_fpm() -> Option<PathBuf> {
    let versions = (0..10).rev().map(|minor| format!("php-fpm8.{minor}"));
    std::iter::once("php-fpm".to_owned()).chain(versions).find_map(|name| find_program(&name))
}

/// Whether a folder of `above` has a file of that name.
fn has_file_in_version(above: &str, name: &str) -> bool {
    fs::read_dir(above).is_ok_and(|mut versions| {
        versions.any(|version| version.is_ok_and(|version| version.path().join(name).is_file()))
    })
}
