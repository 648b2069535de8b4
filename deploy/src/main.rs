//! `make deploy` and its kin end up here: the services, taken to Amazon ECS with the stock aws CLI. Every command is shown,
//! so that a reader learns them, and what came of it is looked at where it can be seen: over HTTP, through the load
//! balancer.

mod arguments;
mod aws;
mod definition;
mod destroy;
mod diff;
mod hints;
mod local;
mod logs;
mod make;
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
mod usage;
mod whole;

use std::process::ExitCode;

use anyhow::Result;
use arguments::Task;
use aws::Aws;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = usage::parse();
    make::set_cluster(&cli.cluster);
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
        Task::Stacks { parameters } => whole::stacks(&aws, cluster, &parameters).await,
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
            rollout::roll_back(&aws, &whole::cluster_values(&aws, cluster).await?, service.name, asking.load()).await
        }
        Task::OneOff { service, command } => {
            let service = services::named(&service)?;
            let command: Vec<&str> = command.0.iter().map(String::as_str).collect();
            whole::run_task(&aws, cluster, service.name, &command).await
        }
        Task::Schedule => schedule::schedule(&aws, &whole::cluster_values(&aws, cluster).await?).await,
        Task::Autoscale => scaling::autoscale(&aws, &whole::cluster_values(&aws, cluster).await?).await,
        Task::Destroy { confirm, data } => destroy::destroy(&aws, cluster, confirm, data).await,
        Task::Check | Task::Tutorial { .. } => Ok(()),
    }
}
