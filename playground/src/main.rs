//! `make run`, `make test` and `make prepare` end up here.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use playground::{
    database::{Choice, container},
    folders,
    interrupt::Interrupt,
    prepare,
    reaper::{self, Duties},
    reset, run,
    terminal::{self, Colour, paint, told},
    test, with_engine,
};

/// What `run` itself reads, beside the settings of the services that .env.example lists.
const OWN_SETTINGS: [&str; 2] = ["LOCATION_PORT", "USER_PORT"];

/// A database and both services on this machine.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs both services on a database that survives, until Ctrl-C.
    Run,
    /// Runs all tests on a database server that is thrown away.
    Test {
        /// Where the server comes from; `TEST_DB_HOST` goes first.
        #[arg(long, value_enum, default_value = "auto")]
        database: Choice,
        /// Arguments for `cargo test`.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Writes the descriptions of all SQL queries, `.sqlx`, anew.
    Prepare {
        /// Changes nothing, and fails when they are not current.
        #[arg(long)]
        check: bool,
    },
    /// Runs a command with a Docker engine: the one that answers, or one that is started or installed for it.
    Engine {
        /// The command and its arguments.
        #[arg(last = true)]
        command: Vec<String>,
    },
    /// Removes the data of `run`, so that its next start has the sample data again.
    Reset,
    /// Removes the data of `run` that are outside of the target folder: those in a Docker volume.
    Clean,
    /// Cleans up when its standard input is closed.
    #[command(hide = true)]
    Reap(Duties),
}

fn main() -> ExitCode {
    // Early: the tests' own build may replace the file later.
    let _ = folders::executable();
    match prepare::as_compiler().unwrap_or_else(|| perform(Cli::parse().command)) {
        Ok(code) => code,
        Err(error) => {
            terminal::line(format_args!("{} {}", paint(Colour::Red, "error:"), told(&error)));
            // As the services end where their settings are at fault.
            if error.is::<env_file::Invalid>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn perform(task: Task) -> Result<ExitCode> {
    match task {
        Task::Run | Task::Reset => {
            let resets = matches!(task, Task::Reset);
            // Before any thread starts, as it changes the environment.
            let example = fs::read_to_string(folders::workspace().join(".env.example")).unwrap_or_default();
            let names = env_file::names(&example);
            env_file::load(Path::new(".env"), |name| names.contains(name) || OWN_SETTINGS.contains(&name))?;
            if resets {
                return asynchronously(async |_| reset::reset().await.map(|()| ExitCode::SUCCESS));
            }
            asynchronously(async |interrupt| Box::pin(run::run(interrupt)).await)
        }
        Task::Test { database, arguments } => {
            asynchronously(async |interrupt| Box::pin(test::test(interrupt, database, &arguments)).await)
        }
        Task::Prepare { check } => {
            asynchronously(async |interrupt| match interrupt.unless(Box::pin(prepare::prepare(check))).await {
                Ok(outcome) => outcome.map(|()| ExitCode::SUCCESS),
                Err(interrupted) => Ok(ExitCode::from(interrupted.exit_code())),
            })
        }
        Task::Engine { command } => {
            asynchronously(async |interrupt| Box::pin(with_engine::run(interrupt, &command)).await)
        }
        Task::Clean => asynchronously(async |_| container::forget().await.map(|()| ExitCode::SUCCESS)),
        Task::Reap(duties) => {
            reaper::reap(&duties);
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn asynchronously(work: impl AsyncFnOnce(&Interrupt) -> Result<ExitCode>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(async {
        let interrupt = Interrupt::listen()?;
        work(&interrupt).await
    })
}
