//! Task definitions and one-off tasks.

use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::{
    aws::{Aws, list, text},
    definition::{self, Values},
    make, say,
};

/// How often something is asked that takes its time.
pub(crate) const POLL: Duration = Duration::from_secs(2);

/// The tag of task definitions that served, all by themselves, at the end of a rollout: what one can go back to.
pub(crate) const PROVEN: &str = "proven";

/// How long a one-off task may take: pulling its image, waiting for a place to run, and its work.
const PATIENCE: Duration = Duration::from_mins(10);

/// Registers `file` unless its newest revision says the same, and gives the revision's ARN.
pub(crate) async fn register(aws: &Aws, file: &str, values: &Values) -> Result<String> {
    let wanted = definition::fill(file, values)?;
    let family = text(&wanted, "/family").to_owned();
    if let Some(current) = describe(aws, &family).await?
        && definition::holds(&current, &wanted)
    {
        say::done(format_args!("{} says the same", short(text(&current, "/taskDefinitionArn"))));
        return Ok(text(&current, "/taskDefinitionArn").to_owned());
    }
    let input = definition::write(&format!("{family}-task"), &wanted)?;
    let registered = aws.call(&["ecs", "register-task-definition", "--cli-input-json", &input]).await?;
    let arn = text(&registered, "/taskDefinition/taskDefinitionArn").to_owned();
    say::done(format_args!("registered {}", short(&arn)));
    Ok(arn)
}

/// The task definition `name`, a family or a revision of it, with its tags, in the form in which it is registered; and when
/// it was [`PROVEN`], if it was.
pub(crate) async fn describe(aws: &Aws, name: &str) -> Result<Option<Value>> {
    // ECS has no code of its own for what is not there.
    let described = aws
        .find_one(
            &["ecs", "describe-task-definition", "--task-definition", short(name), "--include", "TAGS"],
            &["ClientException"],
        )
        .await?;
    Ok(described.map(|mut described| {
        let mut definition = described["taskDefinition"].take();
        // What was noted later is no part of what was registered.
        let (proven, tags): (Vec<_>, Vec<_>) =
            list(&described, "/tags").iter().cloned().partition(|tag| text(tag, "/key") == PROVEN);
        definition[PROVEN] = proven.first().map_or(Value::Null, |tag| tag["value"].clone());
        definition["tags"] = tags.into();
        definition
    }))
}

/// `arn:…:task-definition/location:7` as `location:7`.
pub(crate) fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// `arn:…:task-definition/location:7` as `location`.
pub(crate) fn family(arn: &str) -> &str {
    short(arn).split(':').next().unwrap_or(arn)
}

/// Runs the task definition `arn` once, with `command` if there is one, and waits for its success.
pub(crate) async fn run(aws: &Aws, cluster: &str, arn: &str, command: &[&str]) -> Result<()> {
    let described = describe(aws, arn).await?.with_context(|| format!("there is no task definition {arn}"))?;
    let container = text(&described, "/containerDefinitions/0/name").to_owned();
    let revision = short(arn);
    let mut arguments = vec!["ecs", "run-task", "--cluster", cluster, "--task-definition", revision];
    let overrides = json!({"containerOverrides": [{"name": container, "command": command}]}).to_string();
    if !command.is_empty() {
        arguments.extend(["--overrides", &overrides]);
    }
    let started = aws.call(&arguments).await?;
    let Some(task) = started.pointer("/tasks/0/taskArn").and_then(Value::as_str) else {
        let failure = started.pointer("/failures/0").unwrap_or(&started);
        bail!(
            "the task {revision} was not started: {} {}. (RESOURCE:MEMORY or CPU: no container instance has room; \
             `{}` shows them)",
            text(failure, "/reason"),
            text(failure, "/detail"),
            make::command("status", &[])
        );
    };
    let deadline = Instant::now() + PATIENCE;
    let mut last = String::new();
    let stopped = loop {
        let described = aws.call(&["ecs", "describe-tasks", "--cluster", cluster, "--tasks", task]).await?;
        let Some(task) = described.pointer("/tasks/0").cloned() else { bail!("ECS knows nothing of the task {task}") };
        let status = text(&task, "/lastStatus");
        if status != last {
            say::detail(format_args!("{} {status}", short(text(&task, "/taskArn"))));
            status.clone_into(&mut last);
        }
        if status == "STOPPED" {
            break task;
        }
        ensure!(Instant::now() < deadline, "the task {task} has not ended within {} minutes", PATIENCE.as_secs() / 60);
        sleep(POLL).await;
    };
    show_log(aws, &described, &stopped, 20).await;
    let words = if command.is_empty() { container } else { format!("{container} {}", command.join(" ")) };
    match stopped.pointer("/containers/0/exitCode").and_then(Value::as_i64) {
        Some(0) => say::done(format_args!("{words} succeeded")),
        Some(code) => bail!("{words} failed with exit code {code}; its log is above"),
        None => bail!("{words} did not run: {}", why_stopped(&stopped)),
    }
    Ok(())
}

/// Why ECS says that a task stopped.
pub(crate) fn why_stopped(task: &Value) -> String {
    let mut reasons = vec![text(task, "/stoppedReason").to_owned()];
    for container in list(task, "/containers") {
        reasons.push(text(container, "/reason").to_owned());
        if let Some(code) = container.get("exitCode").and_then(Value::as_i64) {
            reasons.push(format!("{} exited with code {code}", text(container, "/name")));
        }
    }
    reasons.retain(|reason| !reason.is_empty());
    if reasons.is_empty() { "ECS gives no reason".to_owned() } else { reasons.join("; ") }
}

/// Prints the last `lines` of the log of `task`, which runs `definition`. That there is none yet is no failure.
pub(crate) async fn show_log(aws: &Aws, definition: &Value, task: &Value, lines: usize) {
    let container = &definition["containerDefinitions"][0];
    let option = |name: &str| text(container, &format!("/logConfiguration/options/awslogs-{name}"));
    let id = short(text(task, "/taskArn"));
    let stream = format!("{}/{}/{id}", option("stream-prefix"), text(container, "/name"));
    let count = lines.to_string();
    let group = ["logs", "get-log-events", "--log-group-name", option("group")];
    let arguments = [&group[..], &["--log-stream-name", &stream, "--limit", &count]].concat();
    match aws.call(&arguments).await {
        Ok(events) => {
            for event in list(&events, "/events") {
                say::detail(format_args!("│ {}", text(event, "/message")));
            }
        }
        Err(refused) => say::warn(format_args!("no log of the task {id}: {refused}")),
    }
}
