//! The command line: subcommands, and the variables that `make` passes in the environment.

use std::path::PathBuf;

use chassis::Service;
use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use crate::{destroy::Data, make::DEFAULT_CLUSTER, release, services};

/// Requests a second while a service is rolled out, unless `LOAD` is given: enough to see failures, too few to be a load.
const DEFAULT_LOAD: u32 = 10;

/// Most requests a second that `LOAD` may ask for.
const MAX_LOAD: u32 = 1000;

/// Takes the services to Amazon ECS.
#[derive(Parser)]
pub(crate) struct Cli {
    /// Name of the cluster, and prefix of the names of its stacks.
    #[arg(long, env = "CLUSTER", default_value = DEFAULT_CLUSTER, global = true, value_parser = cluster)]
    pub(crate) cluster: String,
    #[command(subcommand)]
    pub(crate) command: Task,
}

#[derive(Subcommand)]
pub(crate) enum Task {
    /// Makes everything, or brings it up to date: stacks, images, databases, services.
    Up {
        #[command(flatten)]
        release: Release,
        #[command(flatten)]
        stacks: Parameters,
        #[command(flatten)]
        load: Load,
    },
    /// Brings the stacks up to date, and rolls nothing out.
    Stacks(Parameters),
    /// Rolls one service out, of an image that is in the registry.
    Service {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        release: Release,
        /// File of another task definition than deploy/tasks/SERVICE.json.
        #[arg(long, env = "TASK")]
        task: Option<String>,
        #[command(flatten)]
        load: Load,
    },
    /// Builds the images and pushes them to the registry; rolls nothing out.
    Release(Release),
    /// Prints what `up` would change, and changes nothing.
    Diff(Release),
    /// Prints the URL of a service's load balancer, and nothing else.
    Url(Of),
    /// Prints the state of stacks, instances, services and targets.
    Status,
    /// Follows the log of a service.
    Logs(Of),
    /// Rolls a service back to the revision that served before.
    Rollback {
        #[command(flatten)]
        of: Of,
        #[command(flatten)]
        load: Load,
    },
    /// Runs a one-off task of the revision that a service runs; `provision` with the administrator's login.
    #[command(name = "run-task")]
    OneOff {
        #[command(flatten)]
        of: Of,
        /// Subcommand of the service and its arguments, such as seed.
        #[arg(env = "COMMAND", value_parser = words)]
        command: Words,
    },
    /// Has both services' expired idempotency keys deleted every night.
    Schedule,
    /// Lets the number of tasks follow the load.
    Autoscale,
    /// Removes everything but data, secrets, images and the network; asks first.
    Destroy {
        /// Name of the cluster, in place of the answer to the question.
        #[arg(long, env = "CONFIRM")]
        confirm: Option<String>,
        /// `remove` removes data, secrets, images and the network as well.
        #[arg(long, env = "DATA", default_value = "keep")]
        data: Data,
    },
    /// Checks definitions, stacks, topology and code against one another, without AWS.
    Check,
    /// Runs a document's commands in order, and fails with the first that fails.
    Tutorial {
        /// Path of the document.
        document: PathBuf,
        /// Prints the commands that are for AWS only, and runs none.
        #[arg(long)]
        aws_only: bool,
    },
}

#[derive(Args)]
pub(crate) struct Of {
    /// location or user.
    #[arg(env = "SERVICE", value_parser = PossibleValuesParser::new(services::names()).map(|name| services::named(&name)))]
    pub(crate) service: &'static Service,
}

#[derive(Args)]
pub(crate) struct Release {
    /// Tag of the images; the git revision by default.
    #[arg(long, env = "TAG", value_parser = release::valid_tag)]
    pub(crate) tag: Option<String>,
}

#[derive(Args)]
pub(crate) struct Parameters {
    /// Parameters of the stacks, such as "MultiAz=false Email=ops@example.org".
    #[arg(long, env = "PARAMETERS", default_value = "")]
    pub(crate) parameters: String,
}

#[derive(Args, Clone, Copy)]
pub(crate) struct Load {
    /// Requests a second to the service during its rollout; if given, none of them may fail.
    #[arg(long, env = "LOAD", value_parser = load)]
    load: Option<u32>,
}

/// A subcommand of a service, with its arguments.
#[derive(Clone)]
pub(crate) struct Words(pub(crate) Vec<String>);

impl Load {
    /// Requests a second.
    pub(crate) fn per_second(self) -> u32 {
        self.load.unwrap_or(DEFAULT_LOAD)
    }

    /// Whether a single failed request makes the rollout a failure.
    pub(crate) fn must_not_fail(self) -> bool {
        self.load.is_some()
    }
}

/// The rule of the stacks' parameter `Name`.
fn cluster(name: &str) -> Result<String, String> {
    let inner = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    let valid = (2..=23).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(inner)
        && !name.ends_with('-');
    valid.then(|| name.to_owned()).ok_or_else(|| {
        "give 2 to 23 lower-case letters, digits and hyphens; a letter first, no hyphen at the end".to_owned()
    })
}

fn load(text: &str) -> Result<u32, String> {
    let load = text.parse().ok().filter(|load| (1..=MAX_LOAD).contains(load));
    load.ok_or_else(|| format!("give requests a second, 1 to {MAX_LOAD}, such as LOAD=50"))
}

fn words(text: &str) -> Result<Words, String> {
    let words = shell_words::split(text).map_err(|error| error.to_string())?;
    let known: Vec<_> = chassis::cli::subcommands().into_iter().filter(|name| name != "serve").collect();
    match words.first() {
        Some(first) if first == "serve" => Err("a one-off task has to end, and `serve` does not".to_owned()),
        Some(first) if known.contains(first) => Ok(Words(words)),
        _ => Err(format!("the subcommands are {}", known.join(", "))),
    }
}
