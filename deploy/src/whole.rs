//! The whole deployment, from nothing or from wherever the last one stopped: each step looks whether it is done.

use anyhow::{Context as _, Result, ensure};

use crate::{
    arguments::Load,
    aws::{Aws, text},
    checks,
    definition::{self, Values},
    local, make, release, rollout, say,
    services::SERVICES,
    stack::{self, STACKS},
    task,
};

/// The subcommand that makes a service's database and login.
const PROVISION: &str = "provision";

/// Everything: stacks, images, databases, services. What could fail by itself is looked at before anything is changed.
pub(crate) async fn up(aws: &Aws, cluster: &str, tag: Option<String>, parameters: &str, load: Load) -> Result<()> {
    say::step("look at what there is, before anything is changed");
    let tag = release::tag(tag).await?;
    checks::check()?;
    let parameters = stack::parse_parameters(parameters)?;
    release::require_engine().await?;
    stack::require_sound(aws, cluster).await?;
    if values(aws, cluster).await?.contains_key("Cluster") {
        for service in SERVICES {
            rollout::require_settled(aws, cluster, service.name).await?;
        }
    }
    say::done(format_args!("account {}, region {}, release {tag}", aws.account, aws.region));

    let mut values = make_stacks(aws, cluster, parameters).await?;
    values.insert("Tag".into(), tag.clone());

    release::push(aws, &values, &tag).await?;
    for service in SERVICES {
        let name = service.name;
        say::step(format_args!("database and login of the service {name}, made by a one-off task"));
        let arn = task::register(aws, &format!("deploy/tasks/{name}-database.json"), &values).await?;
        task::run(aws, cluster, &arn, &[]).await?;
    }
    for service in SERVICES {
        roll_out(aws, &values, service.name, None, load).await?;
    }
    local::tell_what_is_left_out(aws);
    for service in SERVICES {
        say::done(format_args!("{}: {}/", service.name, definition::balancer_url(&values, service.name)?));
    }
    say::line(format_args!(
        "\nNext: `{}` prints its state. `{}` builds another version, here called second,\nand `{}` rolls it out. `{}` \
         removes everything but the data.",
        make::command("status", &[]),
        make::command("release", &[("TAG", "second")]),
        make::command("deploy-location", &[("TAG", "second")]),
        make::command("destroy", &[])
    ));
    if aws.local.is_none() {
        say::line(format_args!("`{}` has the number of tasks follow the load.", make::command("autoscale", &[])));
    }
    Ok(())
}

/// The stacks alone, with `parameters`: images, tasks and services stay as they are.
pub(crate) async fn stacks(aws: &Aws, cluster: &str, parameters: &str) -> Result<()> {
    say::step("look at what there is, before anything is changed");
    checks::check()?;
    let parameters = stack::parse_parameters(parameters)?;
    stack::require_sound(aws, cluster).await?;
    say::done(format_args!("account {}, region {}", aws.account, aws.region));
    make_stacks(aws, cluster, parameters).await?;
    local::tell_what_is_left_out(aws);
    Ok(())
}

/// Makes the stacks or brings them up to date, and gives what placeholders stand for.
async fn make_stacks(aws: &Aws, cluster: &str, mut parameters: Values) -> Result<Values> {
    parameters.insert("Name".into(), cluster.into());
    local::parameters(aws, cluster, &mut parameters);
    let mut values = Values::new();
    for stack in &STACKS {
        if stack.exists_on(aws) {
            stack::deploy(aws, stack, cluster, &parameters).await?;
        } else if stack.subject == "database" {
            parameters.extend(local::database(aws, cluster).await?);
        }
        // What one stack gives, another may take as a parameter.
        values = self::values(aws, cluster).await?;
        parameters
            .extend(values.get_key_value("DatabaseAdminSecretArn").map(|(name, arn)| (name.clone(), arn.clone())));
    }
    Ok(values)
}

/// One service, of an image that is there.
pub(crate) async fn service(
    aws: &Aws,
    cluster: &str,
    name: &str,
    tag: Option<String>,
    file: Option<String>,
    load: Load,
) -> Result<()> {
    say::step("look at what there is, before anything is changed");
    let tag = release::tag(tag).await?;
    checks::check()?;
    let mut values = cluster_values(aws, cluster).await?;
    values.insert("Tag".into(), tag.clone());
    release::require_pushed(aws, &values, name, &tag).await?;
    rollout::require_settled(aws, cluster, name).await?;
    roll_out(aws, &values, name, file, load).await
}

/// Registers, migrates, rolls out.
async fn roll_out(aws: &Aws, values: &Values, name: &str, file: Option<String>, load: Load) -> Result<()> {
    let file = file.filter(|file| !file.is_empty()).unwrap_or_else(|| format!("deploy/tasks/{name}.json"));
    say::step(format_args!("task definition {name}, of {file}"));
    let arn = task::register(aws, &file, values).await?;
    say::step(format_args!("bring the tables of {name} up to date: once, before the tasks that need it"));
    task::run(aws, definition::value(values, "Cluster")?, &arn, &["migrate"]).await?;
    rollout::roll_out(aws, values, name, &arn, definition::value(values, "Tag")?, load).await
}

/// The images of `tag` in the registry, for a rollout to come.
pub(crate) async fn release(aws: &Aws, cluster: &str, tag: Option<String>) -> Result<()> {
    let tag = release::tag(tag).await?;
    release::require_engine().await?;
    let values = cluster_values(aws, cluster).await?;
    release::push(aws, &values, &tag).await
}

/// Where the service's load balancer is.
pub(crate) async fn url(aws: &Aws, cluster: &str, name: &str) -> Result<()> {
    let values = cluster_values(aws, cluster).await?;
    say::result(definition::balancer_url(&values, name)?)
}

/// A one-off task of the revision that the service runs.
pub(crate) async fn run_task(aws: &Aws, cluster: &str, name: &str, command: &[&str]) -> Result<()> {
    cluster_values(aws, cluster).await?;
    // `provision` needs the administrator's login, which no task of the service gets.
    if command == [PROVISION] {
        let family = format!("{name}-database");
        let definition = task::describe(aws, &family).await?;
        let definition = definition.with_context(|| no_service(cluster, name))?;
        let arn = text(&definition, "/taskDefinitionArn");
        say::step(format_args!("run {} once, which provisions the database of {name}", task::short(arn)));
        return task::run(aws, cluster, arn, &[]).await;
    }
    let service = rollout::service(aws, cluster, name).await?.with_context(|| no_service(cluster, name))?;
    let arn = text(rollout::primary(&service), "/taskDefinition").to_owned();
    say::step(format_args!("run `{name} {}` once", command.join(" ")));
    task::run(aws, cluster, &arn, command).await
}

/// What is wrong where a cluster lacks the service `name`.
pub(crate) fn no_service(cluster: &str, name: &str) -> String {
    format!("there is no service {name} in the cluster {cluster}; `{}` makes it", make::command("deploy", &[]))
}

/// Everything that placeholders can stand for, but for the tag.
pub(crate) async fn values(aws: &Aws, cluster: &str) -> Result<Values> {
    let mut values = stack::outputs(aws, cluster).await?;
    if aws.local.is_some() {
        values.extend(local::database_values(aws, cluster).await?);
    }
    local::correct(aws, cluster, &mut values);
    values.insert("Region".into(), aws.region.clone());
    values.insert("Account".into(), aws.account.clone());
    Ok(values)
}

/// As [`values`], of a cluster that is there.
pub(crate) async fn cluster_values(aws: &Aws, cluster: &str) -> Result<Values> {
    let values = values(aws, cluster).await?;
    require_cluster(aws, cluster, &values)?;
    Ok(values)
}

/// Fails where there is no cluster, which mostly means that one looks for it in the wrong place.
pub(crate) fn require_cluster(aws: &Aws, cluster: &str, values: &Values) -> Result<()> {
    ensure!(
        values.contains_key("Cluster"),
        "there is no stack {cluster}-cluster in the region {} of the account {}: is that the right region (AWS_REGION), \
         account (AWS_PROFILE) and name (CLUSTER)? If so, `{}` makes it",
        aws.region,
        aws.account,
        make::command("deploy", &[])
    );
    Ok(())
}
