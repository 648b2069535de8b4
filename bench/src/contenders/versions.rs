//! Which versions of what the contenders are made of.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use playground::folders;

use super::{needs, stack::sources};

/// Tells one version, such as `nginx 1.22.1`; nothing where it cannot be found out.
#[derive(Debug)]
pub(super) struct Version {
    what: &'static str,
    from: From,
}

#[derive(Debug)]
enum From {
    /// What the program prints: the first word with a digit in the line that has this word.
    Program(fn() -> Command, &'static str),
    /// What a `Cargo.lock` says of a crate.
    Crate(fn() -> PathBuf, &'static str),
    /// What the manifest of an installed npm package says.
    NpmPackage(&'static str),
}

pub(super) const NGINX: Version = program("nginx", || with("nginx", &["-v"]), "nginx");
pub(super) const PHP: Version = program("PHP", || with(needs::php_fpm().unwrap_or_default(), &["-v"]), "PHP");
pub(super) const GO: Version = program("Go", || with("go", &["version"]), "go");
pub(super) const GO_DRIVER: Version = program(
    "go-sql-driver",
    || with("dpkg-query", &["--show", "--showformat", "driver ${Version}", "golang-github-go-sql-driver-mysql-dev"]),
    "driver",
);
pub(super) const NODE: Version = program("node", || with("node", &["--version"]), "v");
pub(super) const FASTIFY: Version = Version { what: "fastify", from: From::NpmPackage("fastify") };
pub(super) const MYSQL2: Version = Version { what: "mysql2", from: From::NpmPackage("mysql2") };
pub(super) const RUSTC: Version = program("rustc", || with("rustc", &["--version"]), "rustc");
pub(super) const ACTIX_WEB: Version = Version { what: "actix-web", from: From::Crate(peers_lock, "actix-web") };
pub(super) const AXUM: Version = Version { what: "axum", from: From::Crate(peers_lock, "axum") };
pub(super) const SQLX: Version = Version { what: "sqlx", from: From::Crate(peers_lock, "sqlx") };
pub(super) const MYSQL_ASYNC: Version = Version { what: "mysql_async", from: From::Crate(peers_lock, "mysql_async") };
pub(super) const OWN_ACTIX_WEB: Version = Version { what: "actix-web", from: From::Crate(own_lock, "actix-web") };
pub(super) const OWN_SQLX: Version = Version { what: "sqlx", from: From::Crate(own_lock, "sqlx") };
pub(super) const SYSBENCH: Version = program("sysbench", || with("sysbench", &["--version"]), "sysbench");

impl Version {
    /// The version, with what it is of.
    pub(super) fn told(&self) -> Option<String> {
        let version = match self.from {
            From::Program(command, word) => {
                let output = command().output().ok()?;
                let text = [output.stdout, output.stderr].concat();
                printed(&String::from_utf8_lossy(&text), word)?
            }
            From::Crate(lock, name) => locked(&fs::read_to_string(lock()).ok()?, name)?,
            From::NpmPackage(name) => {
                let manifest = sources("node").join("node_modules").join(name).join("package.json");
                let manifest: serde_json::Value = serde_json::from_slice(&fs::read(manifest).ok()?).ok()?;
                manifest["version"].as_str()?.to_owned()
            }
        };
        Some(format!("{} {version}", self.what))
    }
}

fn own_lock() -> PathBuf {
    folders::workspace().join("Cargo.lock")
}

fn peers_lock() -> PathBuf {
    sources("rust").join("Cargo.lock")
}

const fn program(what: &'static str, command: fn() -> Command, word: &'static str) -> Version {
    Version { what, from: From::Program(command, word) }
}

fn with(program: impl AsRef<Path>, arguments: &[&str]) -> Command {
    let mut command = Command::new(program.as_ref());
    command.args(arguments);
    command
}

/// The first number with dots in the line that contains `word`.
fn printed(text: &str, word: &str) -> Option<String> {
    let line = text.lines().find(|line| line.contains(word))?;
    let words = line.split(|character: char| !(character.is_ascii_alphanumeric() || ".+-~:".contains(character)));
    let version = words.map(|word| word.trim_start_matches(|character: char| !character.is_ascii_digit()));
    version.into_iter().find(|version| version.contains('.')).map(str::to_owned)
}

/// The version of a crate in a `Cargo.lock`.
fn locked(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    Some(rest.split_once('"')?.0.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        for (text, word, version) in [
            ("nginx version: nginx/1.22.1\n", "nginx", "1.22.1"),
            ("PHP 8.2.29 (fpm-fcgi) (built: Jul 3 2025 16:16:05)\nCopyright", "PHP", "8.2.29"),
            ("go version go1.19.8 linux/amd64\n", "go", "1.19.8"),
            ("v20.19.2\n", "v", "20.19.2"),
            ("rustc 1.95.0 (59807616e 2026-04-14)\n", "rustc", "1.95.0"),
            ("sysbench 1.0.20\n", "sysbench", "1.0.20"),
        ] {
            assert_eq!(printed(text, word).as_deref(), Some(version), "{text}");
        }
    }

    #[test]
    fn crates_are_found_by_their_whole_name() {
        let lock = "[[package]]\nname = \"sqlx-core\"\nversion = \"0.1.0\"\n\n[[package]]\nname = \"sqlx\"\nversion = \"0.9.0\"\n";
        assert_eq!(locked(lock, "sqlx").as_deref(), Some("0.9.0"));
        assert_eq!(locked(lock, "axum"), None);
    }
}
