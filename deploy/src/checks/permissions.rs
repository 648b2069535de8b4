//! Permissions: a role allows exactly what its tasks, schedules or instances need.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Report,
    sources::{Resource, Sources, Task, each},
};
use crate::aws::text;

/// Actions, each with the name of the resource that it is allowed or needed on.
type Permissions = BTreeSet<(String, String)>;

/// The action of a managed policy, in [`Permissions`].
const MANAGED: &str = "the managed policy";

/// Every role allows every action that is needed of it, on the resources that it is needed on, and nothing else: so
/// also, a role reads the secrets that its tasks use, and no others.
pub(super) fn roles(sources: &Sources, report: &mut Report) {
    for role in sources.resources("AWS::IAM::Role") {
        let (allowed, needed) = (allowed(sources, role), needed(sources, role.name));
        for (action, resource) in allowed.difference(&needed) {
            report.require(
                false,
                role.file,
                format_args!("{} allows {action} on {resource}, which nothing needs", role.name),
                "leave it out, or say in deploy/src/checks/permissions.rs what needs it",
            );
        }
        for (action, resource) in needed.difference(&allowed) {
            let found = format_args!("{} does not allow {action} on {resource}, which is needed", role.name);
            report.require(false, role.file, found, "add it");
        }
    }
}

fn allowed(sources: &Sources, role: Resource) -> Permissions {
    let mut allowed = Permissions::new();
    each(role.properties, &mut Vec::new(), &mut |_, statement| {
        if text(statement, "/Effect") != "Allow" {
            return;
        }
        let on: Vec<&Value> = match &statement["Resource"] {
            // It says who may take the role.
            Value::Null => vec![&statement["Principal"]["Service"]],
            Value::Array(resources) => resources.iter().collect(),
            resource => vec![resource],
        };
        for action in strings(&statement["Action"]) {
            allowed.extend(on.iter().map(|resource| (action.to_owned(), name(sources, resource))));
        }
    });
    let policies = strings(&role.properties["ManagedPolicyArns"]);
    allowed.extend(policies.map(|arn| (MANAGED.to_owned(), arn.rsplit('/').next().unwrap_or(arn).to_owned())));
    allowed
}

/// The name of a resource of a stack; of others the end of the ARN, as of a task definition and its revisions.
fn name(sources: &Sources, resource: &Value) -> String {
    let text = resource.as_str().or_else(|| resource["Fn::ImportValue"].as_str()).unwrap_or_default();
    if let Some((_, rest)) = text.split_once("${AWS::AccountId}:") {
        return rest.trim_end_matches(":*").to_owned();
    }
    // An output of another stack, imported by its name or handed over as a parameter of that name.
    let output = text.rsplit('-').next().unwrap_or(text);
    match sources.resource_of_output(output) {
        Some(resource) => resource.name.to_owned(),
        None => text.trim_end_matches(".Arn").to_owned(),
    }
}

/// What a role needs, with the services of AWS that act by it.
fn needed(sources: &Sources, role: &str) -> Permissions {
    let mut needed = Permissions::new();
    let mut need = |action: &str, on: &str| needed.extend([(action.to_owned(), on.to_owned())]);
    let name_of = |arn: &str| sources.resource_of_placeholder(arn).map(|resource| resource.name);
    for Task { definition, container, .. } in sources.tasks() {
        if name_of(text(definition, "/executionRoleArn")) != Some(role) {
            continue;
        }
        need("sts:AssumeRole", "ecs-tasks.amazonaws.com");
        // A login to the registry is not for one repository.
        need("ecr:GetAuthorizationToken", "*");
        let image = text(container, "/image").replace("${Registry}", "${Name}").replace(":${Tag}", "");
        let group = text(container, "/logConfiguration/options/awslogs-group").replace("${Cluster}", "${Name}");
        for repository in sources.resources("AWS::ECR::Repository") {
            if repository.properties["RepositoryName"] == image {
                need("ecr:BatchGetImage", repository.name);
                need("ecr:GetDownloadUrlForLayer", repository.name);
            }
        }
        for logs in sources.resources("AWS::Logs::LogGroup") {
            if logs.properties["LogGroupName"] == group {
                need("logs:CreateLogStream", logs.name);
                need("logs:PutLogEvents", logs.name);
            }
        }
        for secret in container["secrets"].as_array().into_iter().flatten() {
            need("secretsmanager:GetSecretValue", name_of(text(secret, "/valueFrom")).unwrap_or_default());
        }
    }
    for (_, schedule, family) in sources.schedules() {
        if name_of(text(schedule, "/Target/RoleArn")) != Some(role) {
            continue;
        }
        need("sts:AssumeRole", "scheduler.amazonaws.com");
        need("ecs:RunTask", &format!("task-definition/{family}"));
        if schedule.pointer("/Target/EcsParameters/PropagateTags").is_some() {
            need("ecs:TagResource", "task/${Name}/*");
        }
        let task = sources.family(family).map(|task| task.definition).unwrap_or_default();
        for arn in ["/executionRoleArn", "/taskRoleArn"] {
            if let Some(passed) = name_of(text(task, arn)) {
                need("iam:PassRole", passed);
            }
        }
    }
    for profile in sources.resources("AWS::IAM::InstanceProfile") {
        if strings(&profile.properties["Roles"]).any(|name| name == role) {
            need("sts:AssumeRole", "ec2.amazonaws.com");
            need(MANAGED, "AmazonEC2ContainerServiceforEC2Role");
        }
    }
    needed
}

/// A string, or each of a list of them.
fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter().filter_map(Value::as_str)
}
