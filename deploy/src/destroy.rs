//! Removing what was deployed.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use tokio::time::{Instant, sleep};

use crate::{
    aws::{Aws, list, text},
    definition::Values,
    local, rollout, say, scaling, schedule,
    services::SERVICES,
    stack::{self, STACKS},
    task, whole,
};

/// How long the tasks of a service may take to end: deregistration, drain, and a margin.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(5);

/// What becomes of what cannot be made again.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Data {
    /// Database, secrets, images and the network they are in stay.
    Keep,
    /// They go too.
    Remove,
}

/// Removes services and stacks, after asking.
pub(crate) async fn destroy(aws: &Aws, cluster: &str, confirm: Option<String>, data: Data) -> Result<()> {
    let values = whole::values(aws, cluster).await?;
    say::step(match data {
        Data::Keep => {
            format!("remove {cluster}, but for its database, secrets, images and network (DATA=remove: those too)")
        }
        Data::Remove => format!("remove {cluster}, with its database, secrets and images. THEIR DATA WILL BE GONE"),
    });
    say::detail(format_args!("account {}, region {}", aws.account, aws.region));
    let answer = match confirm.filter(|confirm| !confirm.is_empty()) {
        Some(confirm) => confirm,
        None => ask(cluster)?,
    };
    ensure!(answer == cluster, "{answer:?} is not {cluster}, the cluster's name: nothing was removed");

    if values.contains_key("Cluster") {
        // Nothing may start tasks anew while they are being removed. (The local AWS has neither.)
        if aws.local.is_none() {
            schedule::remove(aws, cluster).await?;
            scaling::remove(aws, cluster).await?;
        }
        for service in SERVICES.into_iter().rev() {
            remove_service(aws, cluster, service.name).await?;
        }
    }
    for stack in STACKS.iter().rev().filter(|stack| !stack.lasting && stack.exists_on(aws)) {
        if stack.subject == "capacity" {
            remove_instances(aws, &values).await?;
        }
        stack::delete(aws, stack, cluster).await?;
    }
    if data == Data::Remove {
        remove_data(aws, cluster, &values).await?;
    }
    say::done(format_args!("{cluster} is gone"));
    Ok(())
}

fn ask(cluster: &str) -> Result<String> {
    if !io::stdin().is_terminal() {
        bail!("there is no terminal to ask at: CONFIRM={cluster} gives the answer, which is the cluster's name");
    }
    let mut out = io::stdout();
    write!(out, "  Type the cluster's name to go on: ").and_then(|()| out.flush())?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).context("no answer can be read")?;
    Ok(answer.trim().to_owned())
}

/// Ends the service's tasks in order, and removes it.
async fn remove_service(aws: &Aws, cluster: &str, name: &str) -> Result<()> {
    if rollout::service(aws, cluster, name).await?.is_none() {
        return Ok(());
    }
    say::step(format_args!("remove the service {name}"));
    aws.call(&["ecs", "update-service", "--cluster", cluster, "--service", name, "--desired-count", "0"]).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let tasks = aws.call(&["ecs", "list-tasks", "--cluster", cluster, "--service-name", name]).await?;
        if list(&tasks, "/taskArns").is_empty() {
            break;
        }
        ensure!(Instant::now() < deadline, "tasks of {name} still run after {} minutes", PATIENCE.as_secs() / 60);
        sleep(task::POLL).await;
    }
    aws.call(&["ecs", "delete-service", "--cluster", cluster, "--service", name, "--force"]).await?;
    say::done(format_args!("{name} is gone"));
    Ok(())
}

/// Removes the container instances. They are protected from being scaled in, as ECS alone decides which of them may go, and
/// CloudFormation would wait for that for ever.
async fn remove_instances(aws: &Aws, values: &Values) -> Result<()> {
    let Some(group) = values.get("AutoScalingGroup") else { return Ok(()) };
    say::step("remove the container instances");
    let arguments = ["autoscaling", "delete-auto-scaling-group", "--auto-scaling-group-name", group, "--force-delete"];
    // The code for a group that is not there.
    aws.find_one(&arguments, &["ValidationError"]).await?;
    Ok(())
}

async fn remove_data(aws: &Aws, cluster: &str, values: &Values) -> Result<()> {
    if aws.local.is_some() {
        local::delete_database(aws, cluster).await?;
    } else if values.contains_key("DatabaseHost") {
        let database = format!("{cluster}-database");
        say::step(format_args!("lift the protection of the database {database}"));
        let modify = ["rds", "modify-db-instance", "--db-instance-identifier", &database];
        aws.call(&[&modify[..], &["--no-deletion-protection", "--apply-immediately"]].concat()).await?;
        aws.call(&["rds", "wait", "db-instance-available", "--db-instance-identifier", &database]).await?;
    }
    say::step("remove the images");
    for service in SERVICES {
        let repository = format!("{cluster}/{}", service.name);
        let arguments = ["ecr", "list-images", "--repository-name", &repository];
        let Some(images) = aws.find_one(&arguments, &["RepositoryNotFoundException"]).await? else { continue };
        // The call takes a hundred at a time.
        for batch in list(&images, "/imageIds").chunks(100) {
            let ids: Vec<String> =
                batch.iter().map(|image| format!("imageDigest={}", text(image, "/imageDigest"))).collect();
            let mut arguments = vec!["ecr", "batch-delete-image", "--repository-name", &repository, "--image-ids"];
            arguments.extend(ids.iter().map(String::as_str));
            aws.call(&arguments).await?;
        }
    }
    for stack in STACKS.iter().rev().filter(|stack| stack.lasting && stack.exists_on(aws)) {
        stack::delete(aws, stack, cluster).await?;
    }
    Ok(())
}
