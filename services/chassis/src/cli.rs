//! The command line: one binary, one subcommand for each thing a task does.

use std::{
    env,
    error::Error,
    fmt,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    str::FromStr,
};

use argh::{FromArgs, SubCommands as _};

use crate::{
    Service, database, healthcheck, http, openapi, process, purge, seed, server,
    settings::{Fault, Invalid, Period, Reader},
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
    /// how long to wait for another migration of the same database to end: 0s to 1h (1m)
    #[argh(option, default = "LockTimeout(Period::from_secs(60))")]
    lock_timeout: LockTimeout,
}

/// How long a migration waits for another one, in the whole seconds that the server counts.
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
    let given: Vec<_> = env::args_os().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let given: Vec<_> = given.iter().map(String::as_str).collect();
    let task = match Arguments::from_args(&[service.name], &given) {
        Ok(Arguments { version: true, .. }) => {
            return printed(service, &format!("{} {}", service.name, service.version));
        }
        Ok(Arguments { task, .. }) => task.unwrap_or(Task::Serve(Serve {})),
        Err(help) if help.status.is_ok() => {
            return printed(service, &format!("{}\n\n{}", service.description, help.output.trim_end()));
        }
        Err(fault) => {
            let problem = without_values(&fault.output, &given);
            complain(format_args!("{}: {problem}\n`{0} --help` lists the commands and options.", service.name));
            return ExitCode::from(USAGE);
        }
    };
    // The document does not depend on the settings. In a container there is no such file.
    if !matches!(task, Task::Openapi(_))
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
            complain(format_args!("{}: {}", service.name, telemetry::chain(&*error)));
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

/// What is wrong with the command line, without what was given that is not a command or an option of ours: it may be a
/// password.
fn without_values(problem: &str, given: &[&str]) -> String {
    let known = |argument: &str| argument == "--lock-timeout" || subcommands().iter().any(|name| name == argument);
    let mut arguments =
        given.iter().enumerate().filter(|(_, argument)| !known(argument) && problem.contains(**argument));
    match arguments.next() {
        Some((_, value)) if problem.contains("with value") => {
            problem.replacen(&format!("'{value}'"), "…", 1).trim_end().to_owned()
        }
        Some((index, _)) => format!("argument {} is not known (it is not repeated here)", index + 1),
        None => problem.trim_end().to_owned(),
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
        Task::Serve(_) => {
            let settings = server::Settings::read(service, reader);
            log(reader)?;
            server::run(service, settings).await?;
        }
        Task::Provision(_) => {
            let administrator = database::provision::Administrator::read(reader);
            let settings = one_off(reader)?;
            database::provision::run(&settings, &administrator).await?;
        }
        Task::Migrate(Migrate { lock_timeout }) => {
            let settings = one_off(reader)?;
            database::migrate::run(service, &settings, lock_timeout.0).await?;
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
            print(&openapi::document(service, &(service.configure)(reader)).to_pretty_json()?)?;
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

    /// What is said about a command line.
    fn told(given: &[&str]) -> String {
        let fault = Arguments::from_args(&["location"], given).err().expect("a fault");
        without_values(&fault.output, given)
    }

    #[test]
    fn no_argument_is_repeated_that_may_be_a_secret() {
        for (given, words) in [
            (&["--password=hunter2"][..], "argument 1 is not known"),
            (&["hunter2"], "argument 1 is not known"),
            (&["serve", "hunter2"], "argument 2 is not known"),
            (&["serve", "--password", "hunter2"], "argument 2 is not known"),
            (&["migrate", "--lock-timeout=hunter2"], "argument 2 is not known"),
            (&["migrate", "--lock-timeout", "hunter2"], "--lock-timeout"),
            (&["migrate", "--lock-timeout", "2h"], "more than an hour"),
            (&["migrate", "--lock-timeout", "1"], "not a length of time"),
            (&["migrate", "--lock-timeout"], "No value provided for option '--lock-timeout'"),
        ] {
            let told = told(given);
            assert!(
                told.contains(words) && !told.contains("hunter2") && !told.contains("password"),
                "{given:?}: {told}"
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
