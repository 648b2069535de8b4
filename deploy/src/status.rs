//! What there is and how it is.

use anyhow::Result;

use crate::{
    aws::{Aws, list, number, text},
    definition, rollout, say,
    services::{self, SERVICES},
    stack::{self, STACKS},
    task, whole,
};

/// Prints stacks, container instances, services with their deployments and targets, and what answers.
pub(crate) async fn status(aws: &Aws, cluster: &str) -> Result<()> {
    let values = whole::values(aws, cluster).await?;
    say::step(format_args!("stacks in {} of the account {}", aws.region, aws.account));
    let described = stack::described(aws, cluster).await?;
    for stack in &STACKS {
        let name = stack.name(cluster);
        let found = described.iter().find(|stack| text(stack, "/StackName") == name);
        let state = found.map_or("is not there", |stack| text(stack, "/StackStatus"));
        say::detail(format_args!("{name:20} {state}"));
    }
    whole::require_cluster(aws, cluster, &values)?;
    if aws.local.is_none() {
        instances(aws, cluster).await?;
    }
    for known in SERVICES {
        let name = known.name;
        say::step(format_args!("service {name}"));
        let Some(service) = rollout::service(aws, cluster, name).await? else {
            say::detail("is not there");
            continue;
        };
        for deployment in list(&service, "/deployments") {
            say::detail(rollout::counts(deployment));
        }
        for event in list(&service, "/events").iter().take(5) {
            say::detail(format_args!("{}  {}", text(event, "/createdAt"), text(event, "/message")));
        }
        if aws.local.is_none() {
            targets(aws, definition::value(&values, &format!("{}TargetGroupArn", services::prefix(name)))?).await?;
        }
        let url = definition::balancer_url(&values, name)?;
        match rollout::release_at(url).await {
            Ok(release) => say::done(format_args!("{url} answers, with release {release}")),
            Err(error) => say::warn(format_args!("{url} does not answer: {error:#}")),
        }
        let running = text(rollout::primary(&service), "/taskDefinition");
        say::detail(format_args!("its newest deployment is of {}", task::short(running)));
    }
    Ok(())
}

/// How much room there is for tasks.
async fn instances(aws: &Aws, cluster: &str) -> Result<()> {
    say::step("container instances");
    let arns = aws.call(&["ecs", "list-container-instances", "--cluster", cluster]).await?;
    let arns: Vec<&str> = list(&arns, "/containerInstanceArns").iter().filter_map(|arn| arn.as_str()).collect();
    if arns.is_empty() {
        say::warn(
            "there are none, so no task can run: look at the Auto Scaling group's activity, and whether the instances \
                   reach ECS",
        );
        return Ok(());
    }
    let arguments =
        [&["ecs", "describe-container-instances", "--cluster", cluster, "--container-instances"], arns.as_slice()]
            .concat();
    for instance in list(&aws.call(&arguments).await?, "/containerInstances") {
        let left = |name: &str| {
            let resources = list(instance, "/remainingResources").iter();
            resources
                .filter(|resource| text(resource, "/name") == name)
                .map(|found| number(found, "/integerValue"))
                .sum::<i64>()
        };
        say::detail(format_args!(
            "{} {} {} tasks, room for {} CPU units and {} MiB",
            text(instance, "/ec2InstanceId"),
            text(instance, "/status"),
            number(instance, "/runningTasksCount"),
            left("CPU"),
            left("MEMORY")
        ));
    }
    Ok(())
}

/// What the load balancer thinks of the tasks.
async fn targets(aws: &Aws, group: &str) -> Result<()> {
    let health = aws.call(&["elbv2", "describe-target-health", "--target-group-arn", group]).await?;
    for target in list(&health, "/TargetHealthDescriptions") {
        say::detail(format_args!(
            "target {}:{} {} {}",
            text(target, "/Target/Id"),
            number(target, "/Target/Port"),
            text(target, "/TargetHealth/State"),
            text(target, "/TargetHealth/Description")
        ));
    }
    Ok(())
}
