//! `playground test`: a database server, all tests of the workspace on it, and what came of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::ErrorKind,
    path::PathBuf,
    process::{Command, ExitCode, ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::{
    database::{self, Choice, Server, login},
    folders,
    images::Images,
    interrupt::Interrupt,
    process::{self, Process},
    reaper::{self, Reaper},
    secret,
    summary::Summary,
    terminal::{self, Colour, paint, seconds, told},
};

/// Runs `cargo test` with `arguments` on a server chosen by `choice`; gives cargo's exit code.
pub async fn test(interrupt: &Interrupt, choice: Choice, arguments: &[String]) -> Result<ExitCode> {
    let bring_up = async {
        build().await?;
        let engine = choice.engine().await;
        let (server, lacking) = database::for_tests(choice, engine.as_ref()).await?;
        let images = match &engine {
            Some(Ok(engine)) if concern(arguments, &["images", "topology", "rolling"]) => {
                Some(Images::build(engine).await)
            }
            _ => None,
        };
        let missing = install(arguments).await;
        Ok::<_, anyhow::Error>((server, lacking, images, missing, engine))
    };
    // The engine is the last to go.
    let (server, lacking, images, missing, _engine) = match interrupt.unless(Box::pin(bring_up)).await {
        Ok(brought_up) => brought_up?,
        Err(interrupted) => {
            terminal::line("Could not run: all tests, because the run was interrupted");
            return Ok(ExitCode::from(interrupted.exit_code()));
        }
    };
    // Names of test databases, so that they can be found again on a server that stays when a test was killed.
    let prefix = format!("test_{}_", secret::random(3)?);
    let start = Instant::now();
    terminal::line("  running the tests (Ctrl-C ends them in order) …");
    let mut tests = Tests::start(&server, &prefix, images.as_ref(), &missing, arguments)?;
    let (code, ended) = match interrupt.unless(tests.process.wait()).await {
        Ok(status) => {
            let status = status?;
            (exit_code(status), format!("cargo test ended with {status}"))
        }
        Err(interrupted) => {
            tests.process.stop().await?;
            (ExitCode::from(interrupted.exit_code()), "the run was interrupted".into())
        }
    };
    let description = server.description.clone();
    clean_up(server, &prefix, images).await?;
    tests.report(start.elapsed(), &description, lacking, (code != ExitCode::SUCCESS).then_some(ended));
    Ok(code)
}

/// The suites start the services' binaries, which `cargo test` alone does not build.
async fn build() -> Result<()> {
    let step = terminal::step("building the services");
    let mut command = cargo("build")?;
    command.args(["--workspace", "--bins"]);
    process::output("cargo build", command, Duration::from_hours(1)).await?;
    step.done("built the services");
    Ok(())
}

/// cargo, with the profile this executable was built with, so that what is built is what is started.
fn cargo(subcommand: &str) -> Result<Command> {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.arg(subcommand).args(folders::profile_arguments()?).current_dir(folders::workspace());
    Ok(command)
}

/// Tools that suites take.
struct Tools {
    suites: &'static [&'static str],
    /// What they are called.
    name: &'static str,
    /// What `scripts/tools.sh` calls them.
    arguments: &'static [&'static str],
    /// The variable by which the tests learn that they cannot be had, and why.
    missing: &'static str,
}

const TOOLS: [Tools; 4] = [
    Tools {
        suites: &["deploy"],
        name: "the aws CLI and moto",
        arguments: &["aws", "moto_server"],
        missing: "TEST_NO_AWS_CLI",
    },
    Tools {
        suites: &["contract"],
        name: "Schemathesis, REDbot and generators of clients",
        arguments: &["schemathesis", "redbot", "openapi-python-client", "openapi-typescript"],
        missing: "TEST_NO_CONTRACT_TOOLS",
    },
    Tools {
        suites: &["browser", "topology"],
        name: "Chromium and axe",
        arguments: &["chromium", "chromedriver", "axe"],
        missing: "TEST_NO_BROWSER",
    },
    Tools { suites: &["traces"], name: "the collector Rotel", arguments: &["rotel-agent"], missing: "TEST_NO_ROTEL" },
];

/// Installs the tools of the tests that `arguments` choose; gives the variables of those that cannot be had, and why.
async fn install(arguments: &[String]) -> Vec<(&'static str, String)> {
    let mut missing = Vec::new();
    for tools in TOOLS.iter().filter(|tools| concern(arguments, tools.suites)) {
        let step = terminal::step(format!("installing {} (a minute the first time)", tools.name));
        let mut command = Command::new(folders::workspace().join("scripts/tools.sh"));
        command.args(tools.arguments);
        match process::output("scripts/tools.sh", command, Duration::from_mins(15)).await {
            Ok(_) => step.done(format_args!("{}: installed", tools.name)),
            Err(error) => {
                missing.push((tools.missing, told(&error).lines().next_back().unwrap_or_default().to_owned()));
            }
        }
    }
    missing
}

/// Test targets beside `suites`.
const TARGETS: [&str; 2] = ["faults", "rolling"];

/// Whether `arguments` of `cargo test` may choose tests of one of `suites`: modules of the target `suites`, or other test
/// targets.
fn concern(arguments: &[String], suites: &[&str]) -> bool {
    let given =
        |names: &'static [&str]| arguments.windows(2).filter(|pair| names.contains(&&*pair[0])).map(|pair| &*pair[1]);
    if given(&["-p", "--package"]).any(|package| package != "tests") {
        return false;
    }
    let targets: Vec<_> = given(&["--test"]).collect();
    if targets.iter().any(|target| suites.contains(target)) {
        return true;
    }
    let is_built = |suite: &str| {
        let target = if TARGETS.contains(&suite) { suite } else { "suites" };
        targets.is_empty() || targets.contains(&target)
    };
    let skipped: Vec<_> = given(&["--skip"]).collect();
    let names: Vec<_> = arguments
        .iter()
        .skip_while(|argument| *argument != "--")
        .filter(|name| !name.starts_with('-') && !skipped.contains(&name.as_str()))
        .collect();
    let is_chosen = |suite: &str| names.is_empty() || names.iter().any(|name| name.contains(suite));
    let is_skipped = |suite: &str| skipped.iter().any(|name| name.trim_end_matches("::") == suite);
    suites.iter().any(|suite| is_built(suite) && is_chosen(suite) && !is_skipped(suite))
}

/// A folder for sockets, whose paths have room for some hundred characters only: a checkout may lie too deep for them.
fn sockets_folder() -> PathBuf {
    env::temp_dir().join(format!("ecs-playground-{}", std::process::id()))
}

async fn clean_up(server: Server, prefix: &str, images: Option<Result<Images>>) -> Result<()> {
    if server.is_external() {
        login::drop_all(&server, prefix).await.context("cannot drop the tests' databases")?;
    }
    server.stop().await?;
    if let Some(Ok(images)) = images {
        // A suite leaves its topology to its next test, and the last one to us.
        reaper::remove_containers(&reaper::owner());
        images.remove().await?;
    }
    match fs::remove_dir_all(sockets_folder()) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error).context("cannot remove the tests' sockets"),
        _ => Ok(()),
    }
}

struct Tests {
    process: Process,
    // Test binaries are cargo's children, not ours.
    _reaper: Reaper,
    summary: Arc<Mutex<Summary>>,
}

impl Tests {
    fn start(
        server: &Server,
        prefix: &str,
        images: Option<&Result<Images>>,
        missing: &[(&str, String)],
        arguments: &[String],
    ) -> Result<Self> {
        let mut command = cargo("test")?;
        let chosen = arguments.iter().any(|argument| argument.starts_with("-p") || argument.starts_with("--package"));
        if !chosen {
            command.arg("--workspace");
        }
        // All that can run does, so that the last lines tell of everything.
        command.arg("--no-fail-fast");
        if terminal::is_live() {
            command.args(["--color", "always"]);
        }
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        command
            .env("TEST_DB_HOST", &server.host)
            .env("TEST_DB_PORT", server.port.to_string())
            .env("TEST_DB_USER", &server.user)
            .env("TEST_DB_PWD", &server.password)
            .env("TEST_DB_SERVER", &server.description)
            .env("TEST_DB_PREFIX", prefix)
            .env("TEST_NOT_RUN", notes("not-run")?)
            .env("TEST_FIGURES", notes("figures")?)
            .env("TEST_SOCKETS", sockets_folder());
        match images {
            Some(Ok(images)) => drop(command.env("TEST_TAG", images.tag()).env("TEST_OWNER", reaper::owner())),
            Some(Err(error)) => {
                terminal::line(format_args!(
                    "{} no images, so their tests will fail: {}",
                    paint(Colour::Red, "error:"),
                    told(error)
                ));
                command.env("TEST_TAG", "not-built").env("TEST_OWNER", reaper::owner());
            }
            None => {}
        }
        command.envs(missing.iter().map(|(variable, why)| (variable, why)));
        let process = Process::start("cargo test", command, Duration::from_secs(10))?;
        let reaper = Reaper::of_group(process.id())?;
        let summary = Arc::new(Mutex::new(Summary::default()));
        let read = Arc::clone(&summary);
        process.log().follow(move |line| {
            terminal::line(line);
            read.lock().unwrap_or_else(PoisonError::into_inner).read(line);
        });
        Ok(Self { process, _reaper: reaper, summary })
    }

    /// Says what was used and what came of it. `cut_short` is why some tests may not have been reached.
    fn report(&self, took: Duration, server: &str, mut lacking: Vec<String>, cut_short: Option<String>) {
        let summary = self.summary.lock().unwrap_or_else(PoisonError::into_inner);
        let Summary { passed, failed, failures, ignored, .. } = &*summary;
        // To cargo a test that finds at run time that it cannot run has passed.
        let not_run: Vec<_> = ignored.iter().cloned().chain(taken("not-run")).collect();
        let passed = passed + ignored.len() as u64 - not_run.len() as u64;
        lacking.extend(by_reason(&not_run));
        // Failed tests were run; cargo's failure needs another explanation only when there are none.
        lacking.extend(cut_short.filter(|_| *failed == 0).map(|why| format!("all tests, because {why}")));
        let figures = taken("figures");
        if !figures.is_empty() {
            terminal::line(format_args!("\n{FAULTS}"));
            figures.iter().for_each(terminal::line);
        }
        let colour = if *failed == 0 { Colour::Green } else { Colour::Red };
        let counts = format!("{passed} passed, {failed} failed, {} not run", not_run.len());
        terminal::line(format_args!("\nTests: {} in {}", paint(colour, &counts), seconds(took)));
        terminal::line(format_args!("Database: {server}"));
        if lacking.is_empty() {
            terminal::line("Could not run: nothing, everything ran");
        }
        for reason in lacking {
            let reason = reason.lines().next().unwrap_or_default();
            terminal::line(format_args!("{} {reason}", paint(Colour::Yellow, "Could not run:")));
        }
        for name in failures {
            terminal::line(format_args!("{} {name}", paint(Colour::Red, "Failed:")));
        }
        if let Some(name) = failures.first() {
            terminal::line(format_args!("To run one of them: make test TESTS=\"-- {name} --nocapture\""));
        }
    }
}

/// Those that could not run, a line for each reason: `NAME: why`, or `3 tests of SUITE, SUITE: why`.
fn by_reason(not_run: &[String]) -> Vec<String> {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, why) in not_run.iter().filter_map(|note| note.split_once(": ")) {
        reasons.entry(why).or_default().push(name);
    }
    let told = reasons.into_iter().map(|(why, names)| {
        if let [name] = names[..] {
            return format!("{name}: {why}");
        }
        let suites: BTreeSet<&str> = names.iter().map(|name| name.split("::").next().unwrap_or(name)).collect();
        let suites: Vec<&str> = suites.into_iter().collect();
        format!("{} tests of {}: {why}", names.len(), suites.join(", "))
    });
    told.collect()
}

/// What tests note in `figures` is a table of this head.
const FAULTS: &str = "\
| what was broken | for how long | requests sent | failed, by status | longest answer | time to recovery | \
acknowledged writes | of them lost |
| --- | --- | --- | --- | --- | --- | --- | --- |";

/// Where tests note something for our last lines, a line each.
fn notes(subject: &str) -> Result<PathBuf> {
    Ok(folders::playground()?.join(format!("{subject}-{}", std::process::id())))
}

/// What tests noted there; the file is gone afterwards.
fn taken(subject: &str) -> Vec<String> {
    let Ok(file) = notes(subject) else { return Vec::new() };
    let noted = fs::read_to_string(&file).unwrap_or_default();
    let _ = fs::remove_file(file);
    noted.lines().map(str::to_owned).collect()
}

fn exit_code(status: ExitStatus) -> ExitCode {
    status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::{by_reason, concern};

    #[test]
    fn what_could_not_run_is_told_once_for_each_reason() {
        let notes =
            ["images::push::one: no engine", "topology::two: no engine", "images::three: no engine", "four: slow"];
        let told = by_reason(&notes.map(str::to_owned));
        assert_eq!(told, ["3 tests of images, topology: no engine", "four: slow"]);
    }

    #[test]
    fn images_are_built_for_tests_that_may_need_them() {
        let of = |arguments: &str| {
            let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
            concern(&arguments, &["images", "topology", "rolling"])
        };
        for with in [
            "",
            "-p tests",
            "-p tests -- images",
            "-- topology::changes nearest",
            "-- --nocapture",
            "-p tests --test rolling -- drain",
            "-p tests --test faults --test rolling",
            "-- --skip images:: --skip faults::",
        ] {
            assert!(of(with), "{with}");
        }
        for without in [
            "-p chassis",
            "-p tests -- nearest",
            "-- nearest --nocapture",
            "-p tests --test faults",
            "--test suites -- --skip images:: --skip topology::",
        ] {
            assert!(!of(without), "{without}");
        }
    }
}
