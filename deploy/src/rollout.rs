//! Bringing a task definition to a service: create or update, watch, and prove it.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::{
    arguments::Load,
    aws::{Aws, list, number, text},
    definition::{self, Values},
    make,
    probe::{self, Probe},
    say, services, task, whole,
};

/// How long a rollout may take. It goes on after that; only the watching ends.
const PATIENCE: Duration = Duration::from_mins(20);

/// What `create-service` takes and `update-service` does not: what cannot be changed, and what autoscaling may have
/// changed since.
const ONLY_AT_CREATION: [&str; 3] = ["serviceName", "desiredCount", "tags"];

/// The service as ECS describes it; `None` where there is none, or none any more.
pub(crate) async fn service(aws: &Aws, cluster: &str, name: &str) -> Result<Option<Value>> {
    let described = aws.call(&["ecs", "describe-services", "--cluster", cluster, "--services", name]).await?;
    Ok(described.pointer("/services/0").filter(|service| text(service, "/status") != "INACTIVE").cloned())
}

/// The deployment that is to become, or is, the whole service.
pub(crate) fn primary(service: &Value) -> &Value {
    list(service, "/deployments")
        .iter()
        .find(|deployment| text(deployment, "/status") == "PRIMARY")
        .unwrap_or(&Value::Null)
}

/// Fails where a rollout is under way: a second one would hide what became of the first.
pub(crate) async fn require_settled(aws: &Aws, cluster: &str, name: &str) -> Result<()> {
    if let Some(service) = service(aws, cluster, name).await?
        && let Some(revision) = under_way(&service)
    {
        bail!(
            "a deployment of the service {name} to {revision} is under way: `{}` shows how far it is; wait until it ends, or \
             end it with `{}`",
            make::command("status", &[]),
            make::command("rollback", &[("SERVICE", name)])
        );
    }
    Ok(())
}

/// The revision that is being rolled out, if one is.
fn under_way(service: &Value) -> Option<&str> {
    let primary = primary(service);
    (text(primary, "/rolloutState") == "IN_PROGRESS").then(|| task::short(text(primary, "/taskDefinition")))
}

/// Rolls the task definition `arn`, whose image is of `release`, out to the service `name`.
pub(crate) async fn roll_out(
    aws: &Aws,
    values: &Values,
    name: &str,
    arn: &str,
    release: &str,
    load: Load,
) -> Result<()> {
    let cluster = definition::value(values, "Cluster")?;
    let revision = task::short(arn);
    say::step(format_args!("roll out {revision} (release {release}) to the service {name}"));
    let file = format!("deploy/services/{name}.json");
    let mut input = definition::fill(&file, values)?;
    let known_to = services::named(name);
    let url = definition::balancer_url(values, name)?;
    let path = format!("{}?limit=1", known_to.links.first().map_or("/", |(path, _)| path));
    let existing = service(aws, cluster, name).await?;
    // What a service answers before it is there would count as failures.
    let start = || Probe::start(url, &path, load.per_second());
    let probe = existing.is_some().then(start).transpose()?;
    let call = if existing.is_none() { "create-service" } else { "update-service" };
    if let (Some(_), Some(fields)) = (&existing, input.as_object_mut()) {
        for field in ONLY_AT_CREATION {
            fields.remove(field);
        }
        fields.insert("service".into(), name.into());
    }
    input["taskDefinition"] = revision.into();
    let input = definition::write(&format!("{name}-service"), &input)?;
    let answer = aws.call(&["ecs", call, "--cli-input-json", &input]).await?;
    let deployment = text(primary(&answer["service"]), "/id").to_owned();
    ensure!(!deployment.is_empty(), "ECS accepted the change of {name} and names no deployment for it");
    let tasks = watch(aws, cluster, name, &deployment, arn, probe.as_ref()).await?;
    let probe = probe.map_or_else(start, Ok)?;
    say::detail(format_args!("asking {url}/health which release answers"));
    let proof = probe.prove(release, tasks).await;
    let seen = probe.finish();
    say::detail(seen.summary());
    seen.tell_failures();
    proof?;
    say::done(format_args!("{tasks} tasks of release {release} answer through the balancer, and no others: {url}"));
    ensure!(
        !(load.must_not_fail() && seen.failed > 0),
        "the service {name} runs release {release}, but {} of {} requests failed on the way",
        seen.failed,
        seen.requests
    );
    let tag = format!("key={},value={}", task::PROVEN, jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"));
    aws.call(&["ecs", "tag-resource", "--resource-arn", arn, "--tags", &tag]).await?;
    Ok(())
}

/// Follows `deployment` until it is complete, and gives the number of its tasks. Fails, telling why, if it does not become
/// that.
async fn watch(
    aws: &Aws,
    cluster: &str,
    name: &str,
    deployment: &str,
    arn: &str,
    probe: Option<&Probe>,
) -> Result<usize> {
    let started = Instant::now();
    let mut told = HashSet::new();
    let mut last = String::new();
    loop {
        let service = service(aws, cluster, name).await?.with_context(|| format!("the service {name} is gone"))?;
        tell_events(&service, &mut told, started);
        let ours = list(&service, "/deployments").iter().find(|candidate| text(candidate, "/id") == deployment);
        let line = list(&service, "/deployments").iter().map(counts).collect::<Vec<_>>().join("; ");
        if line != last {
            let answers = probe.map_or(String::new(), |probe| format!("  │ {}", probe.seen().summary()));
            say::detail(format_args!("{:>4} s  {line}{answers}", started.elapsed().as_secs()));
            last = line;
        }
        let failed = match ours {
            // One that ECS no longer speaks of was replaced by another.
            None => Some("it was replaced by another deployment".to_owned()),
            // The local AWS says so before the first task of a new service runs.
            Some(ours) if text(ours, "/rolloutState") == "COMPLETED" && all_run(ours) => {
                return Ok(usize::try_from(number(ours, "/desiredCount"))?);
            }
            Some(ours) if text(ours, "/rolloutState") == "FAILED" => Some(text(ours, "/rolloutStateReason").to_owned()),
            Some(_) => None,
        };
        if let Some(reason) = failed {
            tell_stopped(aws, cluster, name, arn).await?;
            await_rollback(aws, cluster, name, deployment, arn).await?;
            bail!("the rollout of {} to the service {name} failed: {reason}", task::short(arn));
        }
        ensure!(
            started.elapsed() < PATIENCE,
            "the rollout of {} has not ended within {} minutes. It goes on: `{}` shows how far it is, `{}` ends it",
            task::short(arn),
            PATIENCE.as_secs() / 60,
            make::command("status", &[]),
            make::command("rollback", &[("SERVICE", name)])
        );
        sleep(task::POLL).await;
    }
}

fn all_run(deployment: &Value) -> bool {
    number(deployment, "/runningCount") >= number(deployment, "/desiredCount")
}

/// A deployment's progress, such as `location:7 IN_PROGRESS 2 running, 1 pending of 4`.
pub(crate) fn counts(deployment: &Value) -> String {
    let failed = match number(deployment, "/failedTasks") {
        0 => String::new(),
        failed => format!(", {failed} failed"),
    };
    format!(
        "{} {} {} running, {} pending of {}{failed}",
        task::short(text(deployment, "/taskDefinition")),
        text(deployment, "/rolloutState"),
        number(deployment, "/runningCount"),
        number(deployment, "/pendingCount"),
        number(deployment, "/desiredCount"),
    )
}

/// Prints the service's events that were not printed yet, oldest first; those of before are not of interest.
fn tell_events(service: &Value, told: &mut HashSet<String>, started: Instant) {
    let first = told.is_empty();
    for event in list(service, "/events").iter().rev() {
        if told.insert(text(event, "/id").to_owned()) && !first {
            say::detail(format_args!("{:>4} s  {}", started.elapsed().as_secs(), text(event, "/message")));
        }
    }
    // So that the next ones are news, even where there were none before.
    told.insert(String::new());
}

/// Says why the tasks of `arn` stopped, and what they said last.
async fn tell_stopped(aws: &Aws, cluster: &str, name: &str, arn: &str) -> Result<()> {
    let arguments = ["ecs", "list-tasks", "--cluster", cluster, "--service-name", name, "--desired-status", "STOPPED"];
    let stopped = aws.call(&arguments).await?;
    let arns: Vec<&str> = list(&stopped, "/taskArns").iter().filter_map(Value::as_str).take(100).collect();
    if arns.is_empty() {
        return Ok(());
    }
    let arguments = [&["ecs", "describe-tasks", "--cluster", cluster, "--tasks"], arns.as_slice()].concat();
    let described = aws.call(&arguments).await?;
    let mut tasks: Vec<&Value> =
        list(&described, "/tasks").iter().filter(|task| text(task, "/taskDefinitionArn") == arn).collect();
    tasks.sort_by_key(|task| text(task, "/stoppedAt").to_owned());
    let mut reasons = BTreeMap::<String, usize>::new();
    for task in &tasks {
        *reasons.entry(task::why_stopped(task)).or_default() += 1;
    }
    for (reason, count) in reasons {
        say::warn(format_args!("{count} tasks of {} stopped: {reason}", task::short(arn)));
    }
    if let (Some(task), Some(definition)) = (tasks.last(), task::describe(aws, arn).await?) {
        task::show_log(aws, &definition, task, 10).await;
    }
    Ok(())
}

/// Waits until the circuit breaker's way back is at its end, and says so.
async fn await_rollback(aws: &Aws, cluster: &str, name: &str, failed: &str, arn: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let service = service(aws, cluster, name).await?.with_context(|| format!("the service {name} is gone"))?;
        let primary = primary(&service);
        if text(primary, "/id") == failed || text(primary, "/taskDefinition") == arn {
            say::warn(format_args!("there is nothing to go back to: the service {name} stays as it is"));
            return Ok(());
        }
        if text(primary, "/rolloutState") != "IN_PROGRESS" {
            // Schedules take the newest revision, and so does who gives none.
            aws.call(&["ecs", "deregister-task-definition", "--task-definition", task::short(arn)]).await?;
            say::done(format_args!(
                "the circuit breaker brought back {}",
                task::short(text(primary, "/taskDefinition"))
            ));
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "the way back of the service {name} has not ended; `{}` shows how far it is",
            make::command("status", &[])
        );
        sleep(task::POLL).await;
    }
}

/// Rolls back to the newest revision before the current one that is known to have served.
pub(crate) async fn roll_back(aws: &Aws, values: &Values, name: &str, load: Load) -> Result<()> {
    let cluster = definition::value(values, "Cluster")?;
    say::step(format_args!("look for what the service {name} can go back to"));
    let current = service(aws, cluster, name).await?.with_context(|| whole::no_service(cluster, name))?;
    let current = text(primary(&current), "/taskDefinition").to_owned();
    let listed = aws
        .call(&["ecs", "list-task-definitions", "--family-prefix", name, "--status", "ACTIVE", "--sort", "DESC"])
        .await?;
    let older = list(&listed, "/taskDefinitionArns").iter().filter_map(Value::as_str).skip_while(|arn| *arn != current);
    for arn in older.skip(1) {
        // The prefix is that of other families too.
        if task::family(arn) != name {
            continue;
        }
        let Some(definition) = task::describe(aws, arn).await? else { continue };
        let release = list(&definition, "/tags").iter().find(|tag| text(tag, "/key") == "release");
        let release = release.map(|tag| text(tag, "/value")).unwrap_or_default();
        let when = text(&definition, &format!("/{}", task::PROVEN));
        if !when.is_empty() && !release.is_empty() {
            crate::release::require_pushed(aws, values, name, release).await?;
            say::done(format_args!("{} (release {release}) served at {when}", task::short(arn)));
            return roll_out(aws, values, name, arn, release, load).await;
        }
    }
    bail!(
        "before {} there is no revision that is known to have served: `aws ecr list-images --repository-name \
         {cluster}/{name}` lists the releases, and `{}` rolls the one out that TAG names",
        task::short(&current),
        make::command(&format!("deploy-{name}"), &[])
    )
}

/// The release that answers at `url`.
pub(crate) async fn release_at(url: &str) -> Result<String> {
    let client = probe::client(url).timeout(Duration::from_secs(5)).build()?;
    let health: Value = client.get(format!("{url}/health")).send().await?.json().await?;
    Ok(text(&health, "/release").to_owned())
}

/// What can be compared of a service as it is `wanted`: ECS answers with ARNs of some fields, and not at all with others.
pub(crate) fn comparable(mut wanted: Value) -> Value {
    if let Some(fields) = wanted.as_object_mut() {
        for field in ["cluster", "taskDefinition", "serviceConnectConfiguration", "tags", "desiredCount"] {
            fields.remove(field);
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_deployment_under_way_is_seen_and_one_that_failed_is_none() {
        let service = |state: &str| {
            json!({"deployments": [
                {"status": "ACTIVE", "rolloutState": "FAILED", "taskDefinition": "arn:…:task-definition/location:3"},
                {"status": "PRIMARY", "rolloutState": state, "taskDefinition": "arn:…:task-definition/location:2"},
            ]})
        };
        assert_eq!(under_way(&service("IN_PROGRESS")), Some("location:2"));
        assert_eq!(under_way(&service("COMPLETED")), None);
        assert_eq!(under_way(&json!({})), None);
    }
}
