//! The peers' software: what it needs, how it is built, how it is started.

use std::{env, path::PathBuf, process::Command};

use playground::folders;

use super::{
    needs::{self, Need},
    versions::{self, Version},
};

/// One peer's software. It is in `bench/contenders`.
#[derive(Debug)]
pub(super) struct Stack {
    /// What has to be installed.
    pub(super) needs: &'static [Need],
    /// Builds it.
    pub(super) build: Option<fn() -> Command>,
    /// Serves, with its settings in the environment.
    pub(super) serve: fn() -> Command,
    /// What tells its versions.
    pub(super) versions: &'static [Version],
}

pub(super) const PHP_ORIGINAL: Stack = php(|| php_command("original"));
pub(super) const PHP_TUNED: Stack = php(|| php_command("tuned"));

pub(super) const GO: Stack = Stack {
    needs: &[needs::GO, needs::GO_DRIVER],
    build: Some(|| {
        let mut command = Command::new("go");
        // With Debian's packages, which lie where GOPATH says and know no modules.
        command.env("GO111MODULE", "off").env("GOPATH", "/usr/share/gocode");
        command.args(["build", "-o"]).arg(go_binary()).arg(".").current_dir(sources("go"));
        command
    }),
    serve: || Command::new(go_binary()),
    versions: &[versions::GO, versions::GO_DRIVER],
};

pub(super) const NODE: Stack = Stack {
    needs: &[needs::NODE, needs::NPM],
    build: Some(|| {
        let mut command = Command::new("npm");
        command.args(["ci", "--omit=dev", "--no-audit", "--no-fund"]).current_dir(sources("node"));
        command
    }),
    serve: || {
        let mut command = Command::new("node");
        command.arg(sources("node").join("main.js"));
        command
    },
    versions: &[versions::NODE, versions::FASTIFY, versions::MYSQL2],
};

pub(super) const AXUM_SQLX: Stack = Stack {
    needs: &[],
    build: Some(|| cargo_build("axum-sqlx")),
    serve: || Command::new(rust_binary("axum-sqlx")),
    versions: &[versions::RUSTC, versions::AXUM, versions::SQLX],
};
pub(super) const ACTIX_MYSQL_ASYNC: Stack = Stack {
    needs: &[],
    build: Some(|| cargo_build("actix-mysql-async")),
    serve: || Command::new(rust_binary("actix-mysql-async")),
    versions: &[versions::RUSTC, versions::ACTIX_WEB, versions::MYSQL_ASYNC],
};
pub(super) const ACTIX_SQLX: Stack = Stack {
    needs: &[],
    build: Some(|| cargo_build("actix-sqlx")),
    serve: || Command::new(rust_binary("actix-sqlx")),
    versions: &[versions::RUSTC, versions::ACTIX_WEB, versions::SQLX],
};

const fn php(serve: fn() -> Command) -> Stack {
    Stack {
        needs: &[needs::NGINX, needs::PHP_FPM, needs::MYSQLI],
        build: None,
        serve,
        versions: &[versions::NGINX, versions::PHP],
    }
}

fn php_command(style: &str) -> Command {
    let mut command = Command::new(sources("php").join("serve.sh"));
    command.arg(style);
    command
}

fn go_binary() -> PathBuf {
    target().join("bench/go")
}

/// A workspace of its own, so that what the peers depend on is no part of our services' build.
fn cargo_build(package: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--release", "--locked", "--package", package]);
    command.current_dir(sources("rust"));
    for variable in ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"] {
        command.env(variable, target().join("bench-contenders"));
    }
    command
}

fn rust_binary(name: &str) -> PathBuf {
    target().join("bench-contenders/release").join(name)
}

pub(super) fn sources(name: &str) -> PathBuf {
    folders::workspace().join("bench/contenders").join(name)
}

fn target() -> PathBuf {
    folders::workspace().join("target")
}
