//! `playground prepare`: the descriptions of all queries in `.sqlx`, written anew from a real server.
//!
//! sqlx's macros write them when they are expanded with a database at hand. Each crate is expanded against a database
//! with its own tables, in one run of `cargo check`, for which this executable poses as the compiler: that way each
//! crate can be given its own `DATABASE_URL`, cargo keeps what comes out of it apart from ordinary builds, and nothing
//! has to be touched or cleaned to have the macros expanded again.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Write,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use sqlx::{Connection, migrate::Migrator, mysql::MySqlConnection};

use crate::{
    database::{
        self, Choice, Server,
        login::{self, Login},
        private,
    },
    folders::{self, shown},
    process, secret, terminal,
};

/// The crates with queries, each with the folders of its migrations.
const CRATES: [(&str, &[&str]); 3] = [
    ("chassis", &["services/chassis/migrations"]),
    ("location", &["services/chassis/migrations", "services/location/migrations"]),
    ("user", &["services/chassis/migrations", "services/user/migrations"]),
];

/// Set to a value never used before, when this executable is to pose as the compiler.
const RUN: &str = "PLAYGROUND_PREPARE";

/// Where the macros are to write the descriptions.
const DESCRIPTIONS: &str = "PLAYGROUND_DESCRIPTIONS";

/// Writes `.sqlx`, or with `check` fails unless it is as it would be written.
pub async fn prepare(check: bool) -> Result<()> {
    let choice = if private::find().await.is_some() { Choice::Private } else { Choice::Auto };
    let (server, _) = database::for_tests(choice, choice.engine().await.as_ref()).await?;
    let fresh = folders::playground()?.join(format!("sqlx-{}", std::process::id()));
    let queries = describe(&server, &fresh).await;
    let _ = fs::remove_dir_all(&fresh);
    server.stop().await?;
    let committed = folders::workspace().join(".sqlx");
    let queries = queries?;
    if check {
        compare(&queries, &read(&committed)?)?;
        terminal::line(format_args!(".sqlx is current: {} queries", queries.len()));
        return Ok(());
    }
    write(&queries, &committed)
}

async fn describe(server: &Server, fresh: &Path) -> Result<Queries> {
    fs::create_dir_all(fresh).with_context(|| format!("cannot make {}", fresh.display()))?;
    let mut databases = Vec::new();
    for (name, migrations) in CRATES {
        databases.push((name, migrated(server, migrations).await.with_context(|| format!("the database of {name}"))?));
    }
    let expanded = expand(server, &databases, fresh).await;
    for (_, login) in &databases {
        login::drop(server, login).await?;
    }
    expanded?;
    let mut queries = read(fresh)?;
    for content in queries.values_mut() {
        *content = independent(content, &databases);
    }
    Ok(queries)
}

/// A description without what is different on the next run or on another server: the names of the databases, for
/// which the crates' stand, and the connection's collation, a default of the server's (255 is `MySQL`'s, 45 that of
/// `MariaDB`). The macros use neither.
fn independent(content: &str, databases: &[(&str, Login)]) -> String {
    let named = databases.iter().fold(content.to_owned(), |text, (name, login)| {
        text.replace(&format!("\"{}.", login.database), &format!("\"{name}."))
    });
    named.replace("\"collation\": 255", "\"collation\": 45")
}

/// A database with the tables of `folders`.
async fn migrated(server: &Server, folders: &[&str]) -> Result<Login> {
    let login = login::scratch(server).await?;
    let mut migrations = Vec::new();
    for folder in folders {
        let folder = folders::workspace().join(folder);
        let found = Migrator::new(folder.as_path()).await.with_context(|| format!("cannot read {}", shown(&folder)))?;
        migrations.extend(found.migrations.into_owned());
    }
    let options = server.options()?.username(&login.user).password(&login.password).database(&login.database);
    let mut connection = MySqlConnection::connect_with(&options).await?;
    Migrator::with_migrations(migrations).run(&mut connection).await.context("cannot migrate")?;
    connection.close().await?;
    Ok(login)
}

async fn expand(server: &Server, databases: &[(&str, Login)], fresh: &Path) -> Result<()> {
    let step = terminal::step("describing the queries");
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        // The whole workspace, so that dependencies are built with the same features as everywhere else.
        .args(["check", "--workspace", "--lib"])
        .current_dir(folders::workspace())
        .env("RUSTC_WORKSPACE_WRAPPER", compiler()?)
        .env(RUN, secret::random(8)?)
        .env(DESCRIPTIONS, fresh)
        .envs(databases.iter().map(|(name, login)| (url_variable(name), login.url(server))));
    process::output("cargo check", command, Duration::from_hours(1)).await?;
    step.done(format_args!("described the queries on {}", server.description));
    Ok(())
}

/// This executable under another name: cargo keeps what different wrappers produce apart by their paths.
fn compiler() -> Result<PathBuf> {
    let link = folders::playground()?.join("sqlx-rustc");
    let _ = fs::remove_file(&link);
    symlink(folders::executable(), &link).with_context(|| format!("cannot make the link {}", link.display()))?;
    Ok(link)
}

fn url_variable(name: &str) -> String {
    format!("PLAYGROUND_DATABASE_OF_{name}")
}

/// Poses as the compiler when cargo asks this executable to: compiles with the crate's own `DATABASE_URL`.
#[must_use]
pub fn as_compiler() -> Option<Result<ExitCode>> {
    let run = env::var(RUN).ok()?;
    let mut arguments = env::args_os().skip(1);
    Some(compile(&run, &arguments.next()?, &arguments.collect::<Vec<_>>()))
}

fn compile(run: &str, rustc: &OsString, arguments: &[OsString]) -> Result<ExitCode> {
    let mut command = Command::new(rustc);
    command.args(arguments);
    let url = env::var("CARGO_PKG_NAME").ok().and_then(|name| env::var(url_variable(&name)).ok());
    if let Some(url) = &url {
        // Here and not in cargo's environment, where .cargo/config.toml overrides them.
        command.env("DATABASE_URL", url).env("SQLX_OFFLINE", "false");
        if let Some(folder) = env::var_os(DESCRIPTIONS) {
            command.env("SQLX_OFFLINE_DIR", folder);
        }
    }
    let status = command.status().context("cannot start rustc")?;
    if status.success() && url.is_some() {
        depend_on_run(run, arguments)?;
    }
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Notes in the compiler's dependency file that the outcome depends on this run, which macros cannot tell on a stable
/// compiler. So cargo compiles the crate anew in the next one.
fn depend_on_run(run: &str, arguments: &[OsString]) -> Result<()> {
    let arguments: Vec<_> = arguments.iter().map(|argument| argument.to_string_lossy()).collect();
    let after = |flag: &str| arguments.windows(2).find(|pair| pair[0] == flag).map(|pair| pair[1].as_ref());
    let (Some(name), Some(folder)) = (after("--crate-name"), after("--out-dir")) else {
        return Ok(());
    };
    let suffix = arguments.iter().find_map(|argument| argument.strip_prefix("extra-filename=")).unwrap_or_default();
    let file = Path::new(folder).join(format!("{name}{suffix}.d"));
    OpenOptions::new()
        .append(true)
        .open(&file)
        .and_then(|mut open| writeln!(open, "\n# env-dep:{RUN}={run}"))
        .with_context(|| format!("cannot add to {}", file.display()))
}

/// The files of a folder of descriptions, by name.
type Queries = BTreeMap<String, String>;

fn read(folder: &Path) -> Result<Queries> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Ok(Queries::new());
    };
    let mut queries = Queries::new();
    for entry in entries {
        let path = entry?.path();
        let content = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        queries.insert(path.file_name().unwrap_or_default().to_string_lossy().into_owned(), content);
    }
    Ok(queries)
}

/// Replaces the folder, by a rename once the new one is complete.
fn write(queries: &Queries, folder: &Path) -> Result<()> {
    let partial = folder.with_extension("partial");
    let _ = fs::remove_dir_all(&partial);
    fs::create_dir_all(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
    for (name, content) in queries {
        fs::write(partial.join(name), content).with_context(|| format!("cannot write {name}"))?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::rename(&partial, folder).with_context(|| format!("cannot rename {}", partial.display()))?;
    terminal::line(format_args!("{} describes {} queries", shown(folder), queries.len()));
    Ok(())
}

/// Fails unless both describe the same queries in the same way.
fn compare(fresh: &Queries, committed: &Queries) -> Result<()> {
    let mut problems = Vec::new();
    for (name, content) in fresh {
        match committed.get(name) {
            None => problems.push(problem("missing", name, content)),
            Some(old) if old != content => problems.push(problem("stale", name, content)),
            Some(_) => {}
        }
    }
    let superfluous = committed.iter().filter(|(name, _)| !fresh.contains_key(*name));
    problems.extend(superfluous.map(|(name, content)| problem("superfluous", name, content)));
    if problems.is_empty() {
        return Ok(());
    }
    bail!(".sqlx is not current; `make prepare` writes it anew:\n{}", problems.join("\n"))
}

fn problem(what: &str, name: &str, content: &str) -> String {
    let description: serde_json::Value = serde_json::from_str(content).unwrap_or_default();
    let query = description["query"].as_str().unwrap_or_default();
    let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("  {what}: {name} ({})", query.chars().take(70).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_with_their_remedy() {
        let queries = |names: &[(&str, &str)]| -> Queries {
            names.iter().map(|(name, query)| ((*name).into(), format!(r#"{{"query": "{query}"}}"#))).collect()
        };
        let fresh = queries(&[("same", "SELECT 1"), ("new", "SELECT 2"), ("changed", "SELECT 3")]);
        let committed = queries(&[("same", "SELECT 1"), ("changed", "SELECT 4"), ("old", "SELECT\\n  5")]);
        let error = compare(&fresh, &committed).expect_err("they differ").to_string();
        for part in ["make prepare", "missing: new (SELECT 2)", "stale: changed", "superfluous: old (SELECT 5)"] {
            assert!(error.contains(part), "{part} in {error}");
        }
        assert!(!error.contains("same"), "{error}");
        assert!(compare(&fresh, &fresh).is_ok());
    }
}
