//! The command line: one binary, one subcommand for each thing a task does.

use std::{
    env,
    error::Error,
    ffi::OsString,
    fmt,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    str::FromStr,
};

use clap::{
    Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand,
    error::{ContextKind, ErrorKind},
};

use crate::{
    Service, database,
    errors::chain,
    healthcheck, http, openapi, process, purge, seed, server,
    settings::{Fault, Invalid, Period, Reader},
    telemetry,
};

/// The exit code for what starting again does not help: faults of the command line and of the settings.
const USAGE: u8 = 2;

/// Settings are environment variables; .env.example describes each.
#[derive(Parser)]
#[command(disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
}

/// The subcommands.
#[derive(Subcommand)]
enum Task {
    /// Answers requests until SIGTERM (the default).
    Serve,
    /// Creates the service's database and login, as an administrator of the server.
    Provision,
    /// Brings the tables up to date.
    Migrate {
        /// How long to wait for another migration of the same database, 0s to 1h.
        #[arg(long, value_name = "DURATION", default_value = "1m")]
        lock_timeout: LockTimeout,
    },
    /// Loads the sample data.
    Seed,
    /// Deletes expired idempotency keys.
    Purge,
    /// Asks the service in this container whether it is ready: exit code 0 or 1.
    Healthcheck,
    /// Prints the OpenAPI document.
    Openapi,
}

/// How long a migration waits for another one, in the whole seconds that the server counts.
#[derive(Clone)]
struct LockTimeout(Period);

impl FromStr for LockTimeout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Period(duration) = text.parse()?;
        let seconds = duration.as_secs() + u64::from(duration.subsec_nanos() > 0);
        let whole = (seconds <= 3600).then(|| Self(Period::from_secs(seconds)));
        whole.ok_or_else(|| "more than an hour".to_owned())
    }
}

/// The names of the subcommands, as the `command` of a task has them.
#[must_use]
pub fn subcommands() -> Vec<String> {
    Arguments::command().get_subcommands().map(|subcommand| subcommand.get_name().to_owned()).collect()
}

impl Task {
    /// Reads the arguments of a command line, its program's name included.
    fn parse(command: Command, arguments: impl Iterator<Item = OsString>) -> Result<Self, clap::Error> {
        let arguments = Arguments::from_arg_matches(&command.try_get_matches_from(arguments)?)?;
        Ok(arguments.task.unwrap_or(Self::Serve))
    }
}

/// Runs `service` as its command line says; the whole of its `main`.
#[must_use]
pub fn main(service: &Service) -> ExitCode {
    process::keep_memory_private();
    let command = Arguments::command().name(service.name).about(service.description).version(service.version);
    let task = match Task::parse(command, env::args_os()) {
        Ok(task) => task,
        Err(help) if matches!(help.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
            return printed(service, help.render().to_string().trim_end());
        }
        Err(error) => {
            let problem = without_values(&error);
            complain(format_args!("{}: {problem}\n`{0} --help` lists the commands and options.", service.name));
            return ExitCode::from(USAGE);
        }
    };
    // The document does not depend on the settings. In a container there is no such file.
    if !matches!(task, Task::Openapi)
        && let Err(invalid) = env_file::load(Path::new(".env"), |name| variables(service).contains(&name))
    {
        complain(format_args!(
            "{}: {invalid}\nThe head of .env.example describes how values are written.",
            service.name
        ));
        return ExitCode::from(USAGE);
    }

    match actix_web::rt::System::new().block_on(run(service, task, &mut Reader::from_env())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{}: {}", service.name, chain(&*error)));
            if !error.is::<Invalid>() {
                return ExitCode::FAILURE;
            }
            if let Some(file) = env_file::above().filter(|_| !Path::new(".env").exists()) {
                complain(format_args!(
                    "{} is not read: a .env file belongs into the folder that the service is started in.",
                    file.display()
                ));
            }
            ExitCode::from(USAGE)
        }
    }
}

/// The variables that any subcommand of `service` reads.
fn variables(service: &Service) -> Vec<&'static str> {
    let mut reader = Reader::new(|_| None);
    let _ = (server::Settings::read(service, &mut reader), telemetry::Settings::read(&mut reader));
    let _ = database::provision::Administrator::read(&mut reader);
    reader.asked().iter().copied().collect()
}

/// Describes an error of the command line without the arguments, which may hold a password. Names of our own options are no
/// secret.
fn without_values(error: &clap::Error) -> String {
    let option = error.get(ContextKind::InvalidArg);
    match (error.kind(), option, error.source()) {
        (ErrorKind::ValueValidation, Some(option), Some(problem)) => format!("{option}: {problem}"),
        (ErrorKind::InvalidValue, Some(option), _) => format!("{option}: the value is missing"),
        _ => "an argument is not known (it is not repeated here)".to_owned(),
    }
}

/// Prints `text` to standard output. A reader that has gone, such as `head`, is no error; a full disk is one.
fn print(text: &str) -> io::Result<()> {
    let mut output = io::stdout();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

fn printed(service: &Service, text: &str) -> ExitCode {
    match print(text) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(format_args!("{}: {error}", service.name));
            ExitCode::FAILURE
        }
    }
}

/// Prints an error. Unlike `eprintln!` it does not panic where standard error is closed: the exit code stays.
fn complain(text: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{text}");
}

async fn run(service: &Service, task: Task, reader: &mut Reader) -> Result<(), Box<dyn Error>> {
    match task {
        Task::Serve => {
            let settings = server::Settings::read(service, reader);
            log(reader)?;
            server::run(service, settings).await?;
        }
        Task::Provision => {
            let administrator = database::provision::Administrator::read(reader);
            let settings = one_off(reader)?;
            database::provision::run(&settings, &administrator).await?;
        }
        Task::Migrate { lock_timeout } => {
            let settings = one_off(reader)?;
            let (own, superseded) = (service.migrations, service.superseded_checksums);
            database::migrate::run(own, superseded, &settings, lock_timeout.0).await?;
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
            let routes = openapi::routes_of(service, &(service.configure)(reader));
            print(&openapi::document(service, routes).to_pretty_json()?)?;
        }
    }
    Ok(())
}

/// What the one-off tasks need: the database, and logs.
fn one_off(reader: &mut Reader) -> Result<database::Settings, Invalid> {
    let database = database::Settings::read(reader);
    log(reader)?;
    Ok(database)
}

/// Starts logging once all settings are read, with what is to be said about them.
fn log(reader: &mut Reader) -> Result<(), Invalid> {
    let logging = telemetry::Settings::read(reader);
    reader.finish()?;
    telemetry::start(&logging);
    for Fault { variable, problem } in reader.warnings() {
        tracing::warn!(variable, problem, "look at this setting");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(given: &[&str]) -> String {
        let arguments = ["location"].iter().chain(given).map(OsString::from);
        without_values(&Task::parse(Arguments::command(), arguments).err().expect("an error"))
    }

    #[test]
    fn no_argument_is_repeated_that_may_be_a_secret() {
        for (given, words) in [
            (&["--password=hunter2"][..], "an argument is not known"),
            (&["hunter2"], "an argument is not known"),
            (&["serve", "hunter2"], "an argument is not known"),
            (&["serve", "--password", "hunter2"], "an argument is not known"),
            (&["migrate", "--lock-timeout=hunter2"], "--lock-timeout"),
            (&["migrate", "--lock-timeout", "hunter2"], "--lock-timeout"),
            (&["migrate", "--lock-timeout", "2h"], "more than an hour"),
            (&["migrate", "--lock-timeout", "1"], "not a length of time"),
            (&["migrate", "--lock-timeout"], "the value is missing"),
        ] {
            let error = error(given);
            assert!(
                error.contains(words) && !error.contains("hunter2") && !error.contains("password"),
                "{given:?}: {error}"
            );
        }
    }

    #[test]
    fn a_lock_is_waited_for_in_whole_seconds() {
        for (text, seconds) in [("0s", 0), ("500ms", 1), ("1m", 60), ("1h", 3600)] {
            assert_eq!(text.parse::<LockTimeout>().map(|timeout| timeout.0), Ok(Period::from_secs(seconds)));
        }
    }
}
