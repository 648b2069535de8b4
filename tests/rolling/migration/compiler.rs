//! Compiles the location service from the edited copy, with queries that are checked against the tables that its
//! migrations make: `.sqlx` knows nothing of them.
//!
//! Unoptimised: link-time optimisation of four releases would take ten minutes. What the workspace's own build has
//! compiled of other people's crates is used, and what it has compiled of ours is left alone. To cargo a crate of the
//! copy is the one at the same place in the workspace: without a difference it would take the one for the other.

use std::{
    env,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use harness::Database;
use playground::{folders, process};
use sqlx::{MySqlConnection, migrate::Migrator};

use super::sources::Sources;

/// Links the binary with the C library inside, as the image holds none. (Nothing else: cargo asks through this what the
/// compiler can do, and with a static C library it can compile no macros.)
const STATIC: &str = r#"#!/bin/sh
case " $* " in
    *' --crate-name location '*' --crate-type bin '*) exec "$@" -C target-feature=+crt-static -C strip=symbols ;;
esac
exec "$@"
"#;

/// A database whose tables follow the releases.
pub(super) struct Compiler {
    database: Database,
    connection: MySqlConnection,
}

impl Compiler {
    pub(super) async fn new() -> Self {
        let database = Database::new().await;
        let connection = database.connect().await;
        Self { database, connection }
    }

    /// Compiles the release that `sources` are now, and says where its binary is until the next one is compiled.
    pub(super) async fn compile(&mut self, sources: &Sources) -> PathBuf {
        self.migrate(sources.folder()).await;
        let build = folders::playground().unwrap().parent().unwrap().to_owned();
        let finished = sources.folder().join("target");
        // That of the workspace, which is above this folder, forces builds to be offline, and is where descriptions go.
        fs::create_dir_all(sources.folder().join(".sqlx")).unwrap();
        let online = "[env]\nSQLX_OFFLINE = { value = \"false\", force = true }\n\
                      SQLX_OFFLINE_DIR = { value = \".sqlx\", relative = true, force = true }\n";
        fs::write(sources.folder().join(".cargo/config.toml"), online).unwrap();
        let wrapper = sources.folder().join("rustc-static");
        fs::write(&wrapper, STATIC).unwrap();
        fs::set_permissions(&wrapper, Permissions::from_mode(0o755)).unwrap();
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            // Of the whole workspace, so that dependencies have the features with which they are compiled already.
            .args(["build", "--locked", "--workspace", "--bin", "location"])
            .current_dir(sources.folder())
            .env("CARGO_BUILD_BUILD_DIR", build)
            // Binaries would overwrite those of the workspace.
            .env("CARGO_TARGET_DIR", &finished)
            // Cargo keeps crates of a workspace apart by their wrapper; other people's have none.
            .env("RUSTC_WORKSPACE_WRAPPER", wrapper)
            .env("DATABASE_URL", self.url());
        // Cargo tells a test about its crate. Build scripts would take that for a change.
        for (name, _) in env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
                command.env_remove(name);
            }
        }
        process::output("cargo build", command, Duration::from_hours(1)).await.unwrap();
        finished.join("debug/location")
    }

    /// Runs the migrations that are new.
    async fn migrate(&mut self, sources: &Path) {
        let mut migrations = Vec::new();
        for crate_name in ["chassis", "location"] {
            let folder = sources.join("services").join(crate_name).join("migrations");
            migrations.extend(Migrator::new(folder).await.unwrap().migrations.into_owned());
        }
        Migrator::with_migrations(migrations).run(&mut self.connection).await.unwrap();
    }

    fn url(&self) -> String {
        let settings = self.database.settings();
        let setting = |wanted| &settings.iter().find(|(name, _)| *name == wanted).unwrap().1;
        let [user, password, host, port, name] = ["DB_USER", "DB_PWD", "DB_HOST", "DB_PORT", "DB_NAME"].map(setting);
        format!("mysql://{user}:{password}@{host}:{port}/{name}")
    }
}
