//! The command line: one binary, one subcommand for each thing a task does.

use std::{error::Error, process::ExitCode};

use clap::{Command, FromArgMatches, Subcommand};

use crate::{
    Service, database, healthcheck, http, openapi, process, purge, seed, server,
    settings::{Invalid, Period, Reader},
    telemetry,
};

/// What one run of the binary does.
#[derive(Subcommand)]
enum Task {
    /// Answer requests until SIGTERM (the default)
    Serve,
    /// Make the service's database and login, as an administrator of the server, and end
    Provision,
    /// Bring the tables up to date, and end
    Migrate {
        /// How long to wait for another migration of the same database to end
        #[arg(long, value_name = "TIME", default_value = "1m")]
        lock_timeout: Period,
    },
    /// Load the sample data, and end
    Seed,
    /// Delete expired idempotency keys, and end
    Purge,
    /// Ask the service in this container whether it is ready: exit 0 or 1
    Healthcheck,
    /// Print the OpenAPI document
    Openapi,
}

/// The names of the subcommands, as the `command` of a task has them.
#[must_use]
pub fn subcommands() -> Vec<String> {
    let all = Task::augment_subcommands(Command::new(""));
    all.get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect()
}

/// Runs `service` as its command line says; the whole of its `main`.
#[must_use]
pub fn main(service: &Service) -> ExitCode {
    process::keep_memory_private();
    // A development convenience: in a container there is no such file, and the environment wins over it everywhere.
    if let Err(problem) = dotenvy::dotenv()
        && !problem.not_found()
    {
        eprintln!("{}: the file .env cannot be read: {problem}", service.name);
        return ExitCode::from(2);
    }
    let command = Command::new(service.name).about(service.description).version(service.version);
    let matches = Task::augment_subcommands(command).get_matches();
    let task = matches
        .subcommand()
        .map_or(Task::Serve, |_| Task::from_arg_matches(&matches).unwrap_or_else(|problem| problem.exit()));

    match actix_web::rt::System::new().block_on(run(service, task, &mut Reader::from_env())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {}", service.name, telemetry::chain(&*error));
            // Faults of the settings have an exit code of their own: starting again does not help.
            if error.is::<Invalid>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

async fn run(service: &Service, task: Task, reader: &mut Reader) -> Result<(), Box<dyn Error>> {
    match task {
        Task::Serve => {
            let (settings, logging) = (server::Settings::read(service, reader), telemetry::Settings::read(reader));
            reader.finish()?;
            telemetry::start(&logging);
            server::run(service, settings).await?;
        }
        Task::Provision => {
            let administrator = database::provision::Administrator::read(reader);
            let settings = one_off(reader)?;
            database::provision::run(&settings, &administrator).await?;
        }
        Task::Migrate { lock_timeout } => {
            let settings = one_off(reader)?;
            database::migrate::run(service, &settings, lock_timeout).await?;
        }
        Task::Seed => {
            let settings = one_off(reader)?;
            seed::run(service, &settings).await?;
        }
        Task::Purge => {
            let settings = one_off(reader)?;
            purge::run(&settings).await?;
        }
        Task::Healthcheck => {
            let address = http::Address::read(service.default_port, reader);
            reader.finish()?;
            healthcheck::run(address).await?;
        }
        Task::Openapi => {
            // The document does not depend on the settings, so faults in them do not matter here.
            openapi::print(&openapi::document(service, &(service.configure)(reader)))?;
        }
    }
    Ok(())
}

/// What the one-off tasks need: the database, and logs.
fn one_off(reader: &mut Reader) -> Result<database::Settings, Invalid> {
    let (database, logging) = (database::Settings::read(reader), telemetry::Settings::read(reader));
    reader.finish()?;
    telemetry::start(&logging);
    Ok(database)
}
