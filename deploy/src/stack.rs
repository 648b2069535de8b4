//! The CloudFormation stacks, from the one that lives longest to the one that goes first.

use std::{
    collections::{BTreeSet, HashSet},
    fs,
    pin::pin,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::{Instant, interval_at};

use crate::{
    aws::{Aws, list, text},
    definition::Values,
    say,
};

/// A stack, made of `deploy/stacks/SUBJECT.yaml`.
pub(crate) struct Stack {
    pub(crate) subject: &'static str,
    /// Whether it holds what cannot be made again: data, secrets, images, and the network they are in.
    pub(crate) lasting: bool,
    /// What a local AWS (MiniStack 1.5) lacks of it.
    pub(crate) not_local: Option<&'static str>,
}

/// When a stack's events are looked at first, and how often after that: most stacks are done before.
const FIRST_LOOK: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// In the order in which they are made: each uses outputs of those before it.
pub(crate) const STACKS: [Stack; 7] = [
    Stack { subject: "network", lasting: true, not_local: None },
    Stack { subject: "registry", lasting: true, not_local: None },
    Stack { subject: "secrets", lasting: true, not_local: None },
    Stack {
        subject: "database",
        lasting: true,
        not_local: Some("a database made by CloudFormation: one is made by the RDS API in its place"),
    },
    Stack { subject: "cluster", lasting: false, not_local: None },
    Stack {
        subject: "capacity",
        lasting: false,
        not_local: Some("container instances and capacity providers: tasks run on this machine's Docker engine"),
    },
    Stack { subject: "alarms", lasting: false, not_local: Some("the figures and events that alarms are made of") },
];

impl Stack {
    pub(crate) fn name(&self, cluster: &str) -> String {
        format!("{cluster}-{}", self.subject)
    }

    pub(crate) fn file(&self) -> String {
        format!("deploy/stacks/{}.yaml", self.subject)
    }

    /// Whether `aws` can have it.
    pub(crate) fn exists_on(&self, aws: &Aws) -> bool {
        aws.local.is_none() || self.not_local.is_none()
    }
}

/// A template, as data. Tags such as `!Sub` are left out of it: what they are applied to stays.
pub(crate) fn template(file: &str) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
    serde_saphyr::from_str(&text).with_context(|| format!("{file} is no YAML"))
}

/// The names that a template gives under `section`: `Parameters`, `Outputs`.
pub(crate) fn names(template: &Value, section: &str) -> BTreeSet<String> {
    template.get(section).and_then(Value::as_object).into_iter().flat_map(|map| map.keys().cloned()).collect()
}

/// Fails where a stack is in a state from which it cannot be brought up to date.
pub(crate) async fn require_sound(aws: &Aws, cluster: &str) -> Result<()> {
    for stack in described(aws, cluster).await? {
        let (name, status) = (text(&stack, "/StackName"), text(&stack, "/StackStatus"));
        if let Some(remedy) = remedy(name, status) {
            bail!("the stack {name} is in {status}: {remedy}");
        }
    }
    Ok(())
}

/// The stacks of the cluster that are there.
pub(crate) async fn described(aws: &Aws, cluster: &str) -> Result<Vec<Value>> {
    let all = aws.call(&["cloudformation", "describe-stacks"]).await?;
    let names = STACKS.each_ref().map(|stack| stack.name(cluster));
    let ours = |stack: &&Value| names.iter().any(|name| text(stack, "/StackName") == name);
    Ok(list(&all, "/Stacks").iter().filter(ours).cloned().collect())
}

/// What helps a stack that cannot be brought up to date as it is.
fn remedy(name: &str, status: &str) -> Option<String> {
    let remedy = match status {
        "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" => format!(
            "it was never made, and can only be removed: see why with `aws cloudformation describe-stack-events \
             --stack-name {name}`, then `aws cloudformation delete-stack --stack-name {name}`"
        ),
        "DELETE_FAILED" => format!(
            "something in it could not be removed: see what with `aws cloudformation describe-stack-events --stack-name \
             {name}`, remove that by hand, then `aws cloudformation delete-stack --stack-name {name}`"
        ),
        "UPDATE_ROLLBACK_FAILED" => format!(
            "the way back from a failed update is stuck: `aws cloudformation continue-update-rollback --stack-name {name}`"
        ),
        status if status.ends_with("_IN_PROGRESS") => {
            let end = match status {
                "CREATE_IN_PROGRESS" => "stack-create-complete",
                "DELETE_IN_PROGRESS" => "stack-delete-complete",
                status if status.contains("ROLLBACK") => "stack-rollback-complete",
                _ => "stack-update-complete",
            };
            format!("somebody is at it: wait with `aws cloudformation wait {end} --stack-name {name}`")
        }
        _ => return None,
    };
    Some(remedy)
}

/// Makes the stack or brings it up to date, and says so.
pub(crate) async fn deploy(aws: &Aws, stack: &Stack, cluster: &str, parameters: &Values) -> Result<()> {
    let (name, file) = (stack.name(cluster), stack.file());
    say::step(format_args!("stack {name}"));
    let known = names(&template(&file)?, "Parameters");
    let overrides: Vec<String> = parameters
        .iter()
        .filter(|(parameter, _)| known.contains(*parameter))
        .map(|(parameter, value)| format!("{parameter}={value}"))
        .collect();
    let project = format!("project={cluster}");
    let mut arguments = vec!["cloudformation", "deploy", "--stack-name", &name, "--template-file", &file];
    arguments.extend(["--parameter-overrides"].into_iter().chain(overrides.iter().map(String::as_str)));
    arguments.extend(["--capabilities", "CAPABILITY_NAMED_IAM", "--no-fail-on-empty-changeset", "--tags", &project]);
    let said = follow(aws, &name, &arguments, "was not made or changed").await?;
    let said = said.as_str().unwrap_or_default().lines().last().unwrap_or_default().to_owned();
    say::done(if said.is_empty() { format!("{name} is up to date") } else { said });
    Ok(())
}

/// Calls what changes the stack `name` and waits for its end. Meanwhile tells what happens in the stack, as a database takes
/// a quarter of an hour; in the end what failed. An error says that the stack `failed`, such as "is not gone".
async fn follow(aws: &Aws, name: &str, arguments: &[&str], failed: &str) -> Result<Value> {
    let (started, since) = (Instant::now(), Timestamp::now());
    let mut told = HashSet::new();
    let mut ticks = interval_at(started + FIRST_LOOK, LOOK_EVERY);
    let mut change = pin!(aws.call(arguments));
    let outcome = loop {
        tokio::select! {
            outcome = &mut change => break outcome,
            _ = ticks.tick() => tell_events(aws, name, since, started, &mut told, |_| true).await,
        }
    };
    if outcome.is_err() {
        told.clear();
        tell_events(aws, name, since, started, &mut told, |status| status.ends_with("_FAILED")).await;
    }
    outcome.with_context(|| {
        format!(
            "the stack {name} {failed}; all that happened is in `aws cloudformation describe-stack-events --stack-name {name}`"
        )
    })
}

/// Tells the events of the stack `name` that are newer than `since`, not told yet, and `of_interest` by their status. That
/// there is no stack, yet or any more, is no failure.
async fn tell_events(
    aws: &Aws,
    name: &str,
    since: Timestamp,
    started: Instant,
    told: &mut HashSet<String>,
    of_interest: impl Fn(&str) -> bool,
) {
    let Ok(events) = aws.call(&["cloudformation", "describe-stack-events", "--stack-name", name]).await else { return };
    for event in list(&events, "/StackEvents").iter().rev() {
        let when = text(event, "/Timestamp").parse::<Timestamp>();
        let status = text(event, "/ResourceStatus");
        if when.is_ok_and(|when| when >= since)
            && of_interest(status)
            && told.insert(text(event, "/EventId").to_owned())
        {
            say::detail(format_args!(
                "{:>4} s  {status} {} {}",
                started.elapsed().as_secs(),
                text(event, "/LogicalResourceId"),
                text(event, "/ResourceStatusReason")
            ));
        }
    }
}

/// The outputs of all stacks that are there.
pub(crate) async fn outputs(aws: &Aws, cluster: &str) -> Result<Values> {
    let stacks = described(aws, cluster).await?;
    let outputs = stacks.iter().flat_map(|stack| list(stack, "/Outputs"));
    Ok(outputs.map(|output| (text(output, "/OutputKey").into(), text(output, "/OutputValue").into())).collect())
}

/// `A=1 B=2` as parameters of stacks, each known to one of them at least.
pub(crate) fn parse_parameters(given: &str) -> Result<Values> {
    let mut parameters = Values::new();
    let mut known = BTreeSet::new();
    for stack in &STACKS {
        known.extend(names(&template(&stack.file())?, "Parameters"));
    }
    for word in given.split_whitespace() {
        let (name, value) =
            word.split_once('=').with_context(|| format!("PARAMETERS: {word} is not of the form Name=value"))?;
        ensure!(
            known.contains(name),
            "PARAMETERS: {name} is no parameter of a stack; there are {}",
            known.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
        );
        parameters.insert(name.to_owned(), value.to_owned());
    }
    Ok(parameters)
}

/// Removes the stack, and waits until it is gone.
pub(crate) async fn delete(aws: &Aws, stack: &Stack, cluster: &str) -> Result<()> {
    let name = stack.name(cluster);
    say::step(format_args!("remove the stack {name}"));
    aws.call(&["cloudformation", "delete-stack", "--stack-name", &name]).await?;
    let wait = ["cloudformation", "wait", "stack-delete-complete", "--stack-name", &name];
    follow(aws, &name, &wait, "is not gone").await?;
    say::done(format_args!("{name} is gone"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_that_cannot_be_updated_is_told_with_what_helps() {
        for (status, helps) in [
            ("ROLLBACK_COMPLETE", "then `aws cloudformation delete-stack --stack-name app01-cluster`"),
            ("DELETE_FAILED", "remove that by hand"),
            ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback"),
            ("UPDATE_IN_PROGRESS", "wait stack-update-complete --stack-name app01-cluster"),
            ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "wait stack-rollback-complete"),
        ] {
            let told = remedy("app01-cluster", status).unwrap_or_default();
            assert!(told.contains(helps), "{status}: {told}");
        }
        for status in ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"] {
            assert_eq!(remedy("app01-cluster", status), None, "{status}");
        }
    }
}
