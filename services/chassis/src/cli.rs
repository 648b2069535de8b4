//! The command line: one binary, one subcommand for each thing a task does.

use std::{
    env,
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
};

use argh::{FromArgs, SubCommands as _};

use crate::{
    Service, database, healthcheck, http, openapi, process, purge, seed, server,
    settings::{Invalid, Period, Reader},
    telemetry,
};

/// The exit code for what starting again does not help: faults of the command line and of the settings.
const USAGE: u8 = 2;

/// Settings are environment variables; .env.example describes each.
#[derive(FromArgs)]
struct Arguments {
    /// print name and version
    #[argh(switch, short = 'V')]
    version: bool,
    #[argh(subcommand)]
    task: Option<Task>,
}

/// What one run of the binary does.
#[derive(FromArgs)]
#[argh(subcommand)]
enum Task {
    Serve(Serve),
    Provision(Provision),
    Migrate(Migrate),
    Seed(Seed),
    Purge(Purge),
    Healthcheck(Healthcheck),
    Openapi(Openapi),
}

/// answer requests until SIGTERM (the default)
#[derive(FromArgs)]
#[argh(subcommand, name = "serve")]
struct Serve {}

/// make the service's database and login, as an administrator of the server, and end
#[derive(FromArgs)]
#[argh(subcommand, name = "provision")]
struct Provision {}

/// bring the tables up to date, and end
#[derive(FromArgs)]
#[argh(subcommand, name = "migrate")]
struct Migrate {
    /// how long to wait for another migration of the same database to end (1m)
    #[argh(option, default = "Period::from_secs(60)")]
    lock_timeout: Period,
}

/// load the sample data, and end
#[derive(FromArgs)]
#[argh(subcommand, name = "seed")]
struct Seed {}

/// delete expired idempotency keys, and end
#[derive(FromArgs)]
#[argh(subcommand, name = "purge")]
struct Purge {}

/// ask the service in this container whether it is ready: exit 0 or 1
#[derive(FromArgs)]
#[argh(subcommand, name = "healthcheck")]
struct Healthcheck {}

/// print the OpenAPI document
#[derive(FromArgs)]
#[argh(subcommand, name = "openapi")]
struct Openapi {}

/// The names of the subcommands, as the `command` of a task has them.
#[must_use]
pub fn subcommands() -> Vec<String> {
    Task::COMMANDS.iter().map(|subcommand| subcommand.name.to_owned()).collect()
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
        return ExitCode::from(USAGE);
    }
    let given: Vec<_> = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let given: Vec<_> = given.iter().map(String::as_str).collect();
    let task = match Arguments::from_args(&[service.name], &given) {
        Ok(Arguments { version: true, .. }) => return told(&format!("{} {}", service.name, service.version)),
        Ok(Arguments { task, .. }) => task.unwrap_or(Task::Serve(Serve {})),
        Err(help) if help.status.is_ok() => {
            return told(&format!("{}\n\n{}", service.description, help.output.trim_end()));
        }
        Err(fault) => {
            eprintln!("{}: {}\n`{0} --help` says what there is.", service.name, fault.output.trim_end());
            return ExitCode::from(USAGE);
        }
    };

    match actix_web::rt::System::new().block_on(run(service, task, &mut Reader::from_env())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {}", service.name, telemetry::chain(&*error));
            if error.is::<Invalid>() { ExitCode::from(USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// Prints what was asked for; a reader who has gone is no fault.
fn told(text: &str) -> ExitCode {
    let _ = writeln!(io::stdout(), "{text}");
    ExitCode::SUCCESS
}

async fn run(service: &Service, task: Task, reader: &mut Reader) -> Result<(), Box<dyn Error>> {
    match task {
        Task::Serve(_) => {
            let (settings, logging) = (server::Settings::read(service, reader), telemetry::Settings::read(reader));
            reader.finish()?;
            telemetry::start(&logging);
            server::run(service, settings).await?;
        }
        Task::Provision(_) => {
            let administrator = database::provision::Administrator::read(reader);
            let settings = one_off(reader)?;
            database::provision::run(&settings, &administrator).await?;
        }
        Task::Migrate(Migrate { lock_timeout }) => {
            let settings = one_off(reader)?;
            database::migrate::run(service, &settings, lock_timeout).await?;
        }
        Task::Seed(_) => {
            let settings = one_off(reader)?;
            seed::run(service, &settings).await?;
        }
        Task::Purge(_) => {
            let settings = one_off(reader)?;
            purge::run(&settings).await?;
        }
        Task::Healthcheck(_) => {
            let address = http::Address::read(service.default_port, reader);
            reader.finish()?;
            healthcheck::run(address).await?;
        }
        Task::Openapi(_) => {
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
