//! `make deploy` and its kin end up here: the services, taken to Amazon ECS with the stock aws CLI. Every command is shown,
//! so that a reader learns them, and what came of it is looked at where it can be seen: over HTTP, through the load
//! balancer.

mod aws;
mod definition;
mod destroy;
mod diff;
mod local;
mod logs;
mod probe;
mod relations;
mod release;
mod rollout;
mod say;
mod scaling;
mod schedule;
mod services;
mod stack;
mod status;
mod task;
mod tutorial;
mod whole;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use aws::Aws;
use clap::{Parser, Subcommand};
use rollout::Load;

/// Takes the services to Amazon ECS.
#[derive(Parser)]
struct Cli {
    /// Name of the cluster, with which the names of the stacks begin.
    #[arg(long, env = "CLUSTER", default_value = "app01", global = true)]
    cluster: String,
    #[command(subcommand)]
    command: Task,
}

#[derive(clap::Args)]
struct Asking {
    /// Requests a second to the service while it is rolled out; if given, none of them may fail.
    #[arg(long, env = "LOAD")]
    load: Option<u32>,
}

#[derive(Subcommand)]
enum Task {
    /// Makes everything, or brings it up to date: stacks, images, databases, services.
    Up {
        /// Tag of the images; the git revision by default.
        #[arg(long, env = "TAG")]
        tag: Option<String>,
        /// Parameters of the stacks: `MultiAz=true CertificateArn=…`.
        #[arg(long, env = "PARAMETERS", default_value = "")]
        parameters: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Rolls one service out, of an image that is in the registry.
    Service {
        /// location or user.
        #[arg(env = "SERVICE")]
        service: String,
        /// Tag of the image; the git revision by default.
        #[arg(long, env = "TAG")]
        tag: Option<String>,
        /// Another task definition than `deploy/tasks/SERVICE.json`.
        #[arg(long, env = "TASK")]
        task: Option<String>,
        #[command(flatten)]
        asking: Asking,
    },
    /// Builds the images and pushes them to the registry; rolls nothing out.
    Release {
        /// Tag of the images; the git revision by default.
        #[arg(long, env = "TAG")]
        tag: Option<String>,
    },
    /// Says what `up` would change, and changes nothing.
    Diff {
        /// Tag of the images; the git revision by default.
        #[arg(long, env = "TAG")]
        tag: Option<String>,
    },
    /// Prints where a service's load balancer is, and nothing else.
    Url {
        /// location or user.
        #[arg(env = "SERVICE")]
        service: String,
    },
    /// Says what there is and how it is.
    Status,
    /// Follows the log of a service.
    Logs {
        /// location or user.
        #[arg(env = "SERVICE")]
        service: String,
    },
    /// Rolls a service back to the revision that served before.
    Rollback {
        /// location or user.
        #[arg(env = "SERVICE")]
        service: String,
        #[command(flatten)]
        asking: Asking,
    },
    /// Runs a one-off task of what a service runs.
    #[command(name = "run-task")]
    OneOff {
        /// location or user.
        #[arg(env = "SERVICE")]
        service: String,
        /// A subcommand of the service and its arguments, such as `seed`.
        #[arg(env = "COMMAND")]
        command: String,
    },
    /// Has both services' expired idempotency keys deleted every night.
    Schedule,
    /// Lets the number of tasks follow the load.
    Autoscale,
    /// Removes everything but data, secrets, images and the network; asks first.
    Destroy {
        /// The cluster's name, in place of the answer to the question.
        #[arg(long, env = "CONFIRM")]
        confirm: Option<String>,
        /// `remove` removes data, secrets, images and the network as well.
        #[arg(long, env = "DATA", default_value = "keep")]
        data: destroy::Data,
    },
    /// Holds definitions, stacks, topology and code against one another, without AWS.
    Check,
    /// Runs a document's commands in order, and fails with the first that fails.
    Tutorial {
        /// The document.
        document: PathBuf,
        /// Prints the commands that are for AWS only, and runs none.
        #[arg(long)]
        aws_only: bool,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match perform(&cli.cluster, cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::failed(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn perform(cluster: &str, task: Task) -> Result<()> {
    match task {
        Task::Check => return relations::check(),
        Task::Tutorial { document, aws_only: true } => return tutorial::print_aws_only(&document),
        Task::Tutorial { document, aws_only: false } => return tutorial::run(&document).await,
        _ => {}
    }
    let aws = Aws::find(matches!(task, Task::Url { .. })).await?;
    match task {
        Task::Up { tag, parameters, asking } => whole::up(&aws, cluster, tag, &parameters, asking.load()).await,
        Task::Service { service, tag, task, asking } => {
            whole::service(&aws, cluster, &service, tag, task, asking.load()).await
        }
        Task::Release { tag } => whole::release(&aws, cluster, tag).await,
        Task::Url { service } => whole::url(&aws, cluster, &service).await,
        Task::Diff { tag } => diff::diff(&aws, cluster, tag).await,
        Task::Status => status::status(&aws, cluster).await,
        Task::Logs { service } => logs::follow(&aws, cluster, &service).await,
        Task::Rollback { service, asking } => {
            let service = services::named(&service)?;
            rollout::roll_back(&aws, &whole::values(&aws, cluster).await?, service.name, asking.load()).await
        }
        Task::OneOff { service, command } => {
            let service = services::named(&service)?;
            let command = shell_words::split(&command).context("COMMAND")?;
            let command: Vec<&str> = command.iter().map(String::as_str).collect();
            whole::run_task(&aws, cluster, service.name, &command).await
        }
        Task::Schedule => schedule::schedule(&aws, &whole::values(&aws, cluster).await?).await,
        Task::Autoscale => scaling::autoscale(&aws, &whole::values(&aws, cluster).await?).await,
        Task::Destroy { confirm, data } => destroy::destroy(&aws, cluster, confirm, data).await,
        Task::Check | Task::Tutorial { .. } => Ok(()),
    }
}

impl Asking {
    /// Without a number of its own, enough to see what happens and too little to be a load.
    fn load(&self) -> Load {
        Load { per_second: self.load.unwrap_or(10), must_not_fail: self.load.is_some() }
    }
}
