//! `make deploy` and its kin end up here: the services, taken to Amazon ECS with the stock aws CLI. Every command is shown,
//! so that a reader learns them, and what came of it is looked at where it can be seen: over HTTP, through the load
//! balancer.

mod arguments;
mod aws;
mod checks;
mod definition;
mod destroy;
mod diff;
mod hints;
mod local;
mod logs;
mod make;
mod probe;
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
        Task::Check => return checks::check(),
        Task::Tutorial { document, aws_only: true } => return tutorial::print_aws_only(&document),
        Task::Tutorial { document, aws_only: false } => return tutorial::run(&document).await,
        _ => {}
    }
    let aws = &Aws::find(matches!(task, Task::Url(_))).await?;
    match task {
        Task::Up { release, stacks, load } => whole::up(aws, cluster, release.tag, &stacks.parameters, load).await,
        Task::Stacks(stacks) => whole::stacks(aws, cluster, &stacks.parameters).await,
        Task::Service { of, release, task, load } => {
            whole::service(aws, cluster, of.service.name, release.tag, task, load).await
        }
        Task::Release(release) => whole::release(aws, cluster, release.tag).await,
        Task::Url(of) => whole::url(aws, cluster, of.service.name).await,
        Task::Diff(release) => diff::diff(aws, cluster, release.tag).await,
        Task::Status => status::status(aws, cluster).await,
        Task::Logs(of) => logs::follow(aws, cluster, of.service.name).await,
        Task::Rollback { of, load } => {
            let values = whole::cluster_values(aws, cluster).await?;
            rollout::roll_back(aws, &values, of.service.name, load).await
        }
        Task::OneOff { of, command } => {
            let command: Vec<&str> = command.0.iter().map(String::as_str).collect();
            whole::run_task(aws, cluster, of.service.name, &command).await
        }
        Task::Schedule => schedule::schedule(aws, &whole::cluster_values(aws, cluster).await?).await,
        Task::Autoscale => scaling::autoscale(aws, &whole::cluster_values(aws, cluster).await?).await,
        Task::Destroy { confirm, data } => destroy::destroy(aws, cluster, confirm, data).await,
        Task::Check | Task::Tutorial { .. } => Ok(()),
    }
}
