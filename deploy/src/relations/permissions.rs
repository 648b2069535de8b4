//! Permissions: every action that a policy allows is needed by something that is there, on exactly what it is needed
//! on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Broken, Relation,
    sources::{Resource, Sources, Task, each, shown},
};
use crate::aws::{list, text};

pub(super) const RELATIONS: &[Relation] = &[
    actions_are_known,
    actions_are_allowed_on_what_needs_them,
    roles_are_assumed_by_who_uses_them,
    policies_of_aws_are_needed,
];

/// On what the resource of that name (a role, or what a policy belongs to) needs an action; nothing, if it does not.
type Needs = fn(&Sources, &str) -> BTreeSet<String>;

/// Each action with what needs it.
const ACTIONS: [(&str, &str, Needs); 12] = [
    // Takes no resource: a login to the registry is not for one repository.
    ("ecr:GetAuthorizationToken", "images in the registry", |sources, role| {
        if repositories(sources, role).is_empty() { BTreeSet::new() } else { one("*") }
    }),
    ("ecr:BatchGetImage", "images in the registry", repositories),
    ("ecr:GetDownloadUrlForLayer", "images in the registry", repositories),
    ("logs:CreateLogStream", "the log driver awslogs", log_groups),
    ("logs:PutLogEvents", "the log driver awslogs", log_groups),
    ("secretsmanager:GetSecretValue", "`secrets`", secrets),
    ("ecs:RunTask", "schedules", |sources, role| {
        schedules(sources, role).map(|(_, family)| format!("task-definition/{family}")).collect()
    }),
    ("ecs:TagResource", "schedules with PropagateTags", |sources, role| {
        let tags = |schedule: &Value| schedule.pointer("/Target/EcsParameters/PropagateTags").is_some();
        if schedules(sources, role).any(|(schedule, _)| tags(schedule)) {
            one("task/${Name}/*")
        } else {
            BTreeSet::new()
        }
    }),
    ("iam:PassRole", "roles of the tasks of schedules", |sources, role| {
        let tasks = schedules(sources, role).filter_map(|(_, family)| sources.family(family));
        tasks.flat_map(|task| roles(sources, &task)).collect()
    }),
    ("sns:Publish", "alarms and rules that write to a topic", topics),
    ("kms:Decrypt", "topics that are encrypted with the key", keys),
    ("kms:GenerateDataKey*", "topics that are encrypted with the key", keys),
];

/// Policies of AWS's own, each with the type of the resource that needs a role with it.
const POLICIES_OF_AWS: [(&str, &str); 1] =
    [("service-role/AmazonEC2ContainerServiceforEC2Role", "AWS::IAM::InstanceProfile")];

/// A statement that allows something.
struct Statement<'a> {
    of: Resource<'a>,
    /// Whether it says who may take a role, and not what the role may do.
    trust: bool,
    said: &'a Value,
}

impl Statement<'_> {
    fn actions(&self) -> BTreeSet<&str> {
        strings(&self.said["Action"]).collect()
    }

    /// On what, by the names of resources; those that are no resource of a stack by the end of their ARN.
    fn resources(&self, sources: &Sources) -> BTreeSet<String> {
        let resources = &self.said["Resource"];
        let each: Vec<&Value> =
            resources.as_array().map_or_else(|| vec![resources], |resources| resources.iter().collect());
        each.into_iter().map(|resource| named(sources, resource)).collect()
    }

    /// The statement that every key needs, lest nobody can change it: its account, by IAM, may do all of it. `*` is the
    /// key itself here.
    fn is_of_the_keys_own_account(&self) -> bool {
        self.of.kind == "AWS::KMS::Key" && text(self.said, "/Principal/AWS").ends_with("${AWS::AccountId}:root")
    }
}

/// What an element of `Resource` is called.
fn named(sources: &Sources, resource: &Value) -> String {
    let text = resource.as_str().or_else(|| resource["Fn::ImportValue"].as_str()).unwrap_or_default();
    if let Some((_, rest)) = text.split_once("${AWS::AccountId}:") {
        // A task definition, and each revision of it.
        return rest.trim_end_matches(":*").to_owned();
    }
    // An output of another stack, imported by its name or handed over as a parameter of that name.
    let output = text.rsplit('-').next().unwrap_or(text);
    match sources.resource_of_output(output) {
        Some(resource) => resource.name.to_owned(),
        None => text.split('.').next().unwrap_or(text).to_owned(),
    }
}

fn statements(sources: &Sources) -> Vec<Statement<'_>> {
    let mut statements = Vec::new();
    for of in sources.all_resources() {
        each(of.properties, &mut Vec::new(), &mut |path, value| {
            if text(value, "/Effect") == "Allow" {
                statements.push(Statement { of, trust: path.contains(&"AssumeRolePolicyDocument"), said: value });
            }
        });
    }
    statements
}

/// Every action is in [`ACTIONS`], and none is a wildcard that is not there.
fn actions_are_known(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for statement in statements(sources) {
        let unknown = |action: &&str| !statement.trust && !ACTIONS.iter().any(|(known, ..)| known == action);
        for action in statement.actions().into_iter().filter(unknown) {
            if action != "kms:*" || !statement.is_of_the_keys_own_account() {
                broken.push(Broken::new(
                    statement.of.file,
                    format!("{} allows {action}, which nothing is known to need", statement.of.name),
                    "leave it out, or say in deploy/src/relations/permissions.rs what needs it",
                ));
            }
        }
    }
    broken
}

/// Every role and every policy allows an action on all that it is needed on, and on nothing else: so also, a role reads
/// the secrets that its tasks use, and no others.
fn actions_are_allowed_on_what_needs_them(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    let statements = statements(sources);
    for of in sources.all_resources() {
        let policies = ["AWS::IAM::Role", "AWS::KMS::Key", "AWS::SNS::TopicPolicy"];
        if !policies.contains(&of.kind) {
            continue;
        }
        for (action, what, needs) in ACTIONS {
            let allowed: BTreeSet<String> = statements
                .iter()
                .filter(|statement| {
                    (statement.of.file, statement.of.name) == (of.file, of.name)
                        && statement.actions().contains(action)
                        && !statement.trust
                })
                .flat_map(|statement| statement.resources(sources))
                .collect();
            // A key and a topic's policy speak of their own actions only.
            let own = of.kind == "AWS::IAM::Role"
                || action.starts_with(if of.kind == "AWS::KMS::Key" { "kms:" } else { "sns:" });
            let needed = if own { needs(sources, of.name) } else { BTreeSet::new() };
            for resource in allowed.difference(&needed) {
                broken.push(Broken::new(
                    of.file,
                    format!(
                        "{} allows {action} on {resource}, and {what} (what needs it) is not there for that",
                        of.name
                    ),
                    "leave it out",
                ));
            }
            for resource in needed.difference(&allowed) {
                broken.push(Broken::new(
                    of.file,
                    format!("{} does not allow {action} on {resource}, and {what} needs it", of.name),
                    "add it",
                ));
            }
        }
    }
    broken
}

/// Every role is for a service of AWS that acts for something that is there.
fn roles_are_assumed_by_who_uses_them(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for statement in statements(sources).iter().filter(|statement| statement.trust) {
        let role = statement.of;
        let principal = &statement.said["Principal"];
        let principals: Vec<&str> = strings(&principal["Service"]).collect();
        let used = |principal: &str| match principal {
            "ecs-tasks.amazonaws.com" => sources.tasks().any(|task| roles(sources, &task).contains(role.name)),
            "scheduler.amazonaws.com" => schedules(sources, role.name).next().is_some(),
            "ec2.amazonaws.com" => sources
                .resources("AWS::IAM::InstanceProfile")
                .any(|profile| strings(&profile.properties["Roles"]).any(|name| name == role.name)),
            _ => false,
        };
        if principals.is_empty() || !principals.iter().all(|principal| used(principal)) {
            broken.push(Broken::new(
                role.file,
                format!(
                    "{} may be assumed by {}, which acts by it for nothing that is there",
                    role.name,
                    shown(principal, "")
                ),
                "leave the role out, or name the service that does",
            ));
        }
    }
    broken
}

/// Policies that AWS keeps are for what is there as well.
fn policies_of_aws_are_needed(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for role in sources.resources("AWS::IAM::Role") {
        for policy in strings(&role.properties["ManagedPolicyArns"]) {
            let known = POLICIES_OF_AWS.iter().find(|(name, _)| policy.ends_with(&format!(":policy/{name}")));
            let needed = known.is_some_and(|(_, kind)| {
                sources.resources(kind).any(|user| strings(&user.properties["Roles"]).any(|name| name == role.name))
            });
            if !needed {
                broken.push(Broken::new(
                    role.file,
                    format!("{} has the policy {policy}, which nothing is known to need", role.name),
                    "leave it out, or say in deploy/src/relations/permissions.rs what needs it",
                ));
            }
        }
    }
    broken
}

/// The tasks that ECS starts by the role.
fn tasks_of<'a>(sources: &'a Sources, role: &str) -> impl Iterator<Item = Task<'a>> {
    sources.tasks().filter(move |task| {
        let execution = sources.resource_of_placeholder(text(task.definition, "/executionRoleArn"));
        execution.is_some_and(|resource| resource.name == role)
    })
}

/// The roles of a task.
fn roles(sources: &Sources, task: &Task) -> BTreeSet<String> {
    let arns = ["/executionRoleArn", "/taskRoleArn"].map(|pointer| text(task.definition, pointer));
    arns.iter().filter_map(|arn| Some(sources.resource_of_placeholder(arn)?.name.to_owned())).collect()
}

fn repositories(sources: &Sources, role: &str) -> BTreeSet<String> {
    let services: Vec<_> = tasks_of(sources, role).filter_map(|task| task.service()).collect();
    let pulled = |repository: &Resource| {
        let name = text(repository.properties, "/RepositoryName");
        services.iter().any(|service| name == format!("${{Name}}/{}", service.name))
    };
    sources.resources("AWS::ECR::Repository").filter(pulled).map(|repository| repository.name.to_owned()).collect()
}

fn log_groups(sources: &Sources, role: &str) -> BTreeSet<String> {
    let written: BTreeSet<String> = tasks_of(sources, role)
        .filter(|task| text(task.container, "/logConfiguration/logDriver") == "awslogs")
        .map(|task| text(task.container, "/logConfiguration/options/awslogs-group").replace("${Cluster}", "${Name}"))
        .collect();
    let groups = sources.resources("AWS::Logs::LogGroup");
    groups
        .filter(|group| written.contains(text(group.properties, "/LogGroupName")))
        .map(|group| group.name.to_owned())
        .collect()
}

fn secrets(sources: &Sources, role: &str) -> BTreeSet<String> {
    let from: Vec<&str> = tasks_of(sources, role).flat_map(|task| task.secrets().into_values()).collect();
    from.iter().filter_map(|from| Some(sources.resource_of_placeholder(from)?.name.to_owned())).collect()
}

/// The schedules that run by the role, each with the family that it runs.
fn schedules<'a>(sources: &'a Sources, role: &str) -> impl Iterator<Item = (&'a Value, &'a str)> {
    sources.all("deploy/schedules").filter_map(move |(_, schedule)| {
        let resource = sources.resource_of_placeholder(text(schedule, "/Target/RoleArn"))?;
        let family = text(schedule, "/Target/EcsParameters/TaskDefinitionArn").rsplit('/').next()?;
        (resource.name == role).then_some((schedule, family))
    })
}

/// The topics of a policy to which an alarm or a rule writes.
fn topics(sources: &Sources, policy: &str) -> BTreeSet<String> {
    let of = sources.resources("AWS::SNS::TopicPolicy").find(|resource| resource.name == policy);
    let of: BTreeSet<&str> = of.iter().flat_map(|policy| strings(&policy.properties["Topics"])).collect();
    let alarms =
        sources.resources("AWS::CloudWatch::Alarm").flat_map(|alarm| strings(&alarm.properties["AlarmActions"]));
    let rules = sources
        .resources("AWS::Events::Rule")
        .flat_map(|rule| list(rule.properties, "/Targets").iter().map(|target| text(target, "/Arn")));
    alarms.chain(rules).filter(|topic| of.contains(topic)).map(str::to_owned).collect()
}

/// `*`, which in a key's policy is the key, if a topic is encrypted with it.
fn keys(sources: &Sources, key: &str) -> BTreeSet<String> {
    let used = sources.resources("AWS::SNS::Topic").any(|topic| text(topic.properties, "/KmsMasterKeyId") == key);
    if used { one("*") } else { BTreeSet::new() }
}

/// A string, or each of a list of them.
fn strings(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter().filter_map(Value::as_str)
}

fn one(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::{super::tests::assert_told, *};

    const CLUSTER: &str = "deploy/stacks/cluster.yaml";

    #[test]
    fn an_action_that_nothing_needs_is_told() {
        let relation = actions_are_known;
        let told = |action: &str, role: &str| {
            format!(
                "{CLUSTER}: {role} allows {action}, which nothing is known to need: leave it out, or say in \
                 deploy/src/relations/permissions.rs what needs it"
            )
        };
        let expected = [told("*", "SchedulerRole")];
        let expected = expected.each_ref().map(String::as_str);
        assert_told(relation, CLUSTER, "Action: ecs:RunTask", "Action: \"*\"", &expected);
        let expected = [told("ecs:*", "SchedulerRole")];
        let expected = expected.each_ref().map(String::as_str);
        assert_told(relation, CLUSTER, "Action: ecs:RunTask", "Action: [ecs:RunTask, \"ecs:*\"]", &expected);
        let told = "deploy/stacks/alarms.yaml: TopicKey allows kms:*, which nothing is known to need: leave it out, or \
                    say in deploy/src/relations/permissions.rs what needs it";
        let change =
            ["Principal: {AWS: !Sub \"arn:${AWS::Partition}:iam::${AWS::AccountId}:root\"}", "Principal: \"*\""];
        assert_told(relation, "deploy/stacks/alarms.yaml", change[0], change[1], &[told]);
    }

    #[test]
    fn an_action_on_more_or_less_than_needed_is_told() {
        let relation = actions_are_allowed_on_what_needs_them;
        let wide = |role: &str, rest: &str| format!("{CLUSTER}: {role} allows {rest}, and ");
        // A secret of the other service in place of its own.
        let expected = [
            wide("LocationExecutionRole", "secretsmanager:GetSecretValue on UserApiTokenSecret")
                + "`secrets` (what needs it) is not there for that: leave it out",
            format!(
                "{CLUSTER}: LocationExecutionRole does not allow secretsmanager:GetSecretValue on \
                 LocationApiTokenSecret, and `secrets` needs it: add it"
            ),
        ];
        let change = ["${Name}-secrets-LocationApiTokenSecretArn", "${Name}-secrets-UserApiTokenSecretArn"];
        assert_told(relation, CLUSTER, change[0], change[1], &expected.each_ref().map(String::as_str));
        // A task that no longer uses one.
        let expected = wide("UserExecutionRole", "secretsmanager:GetSecretValue on UserApiTokenSecret")
            + "`secrets` (what needs it) is not there for that: leave it out";
        let change = ["\"${UserApiTokenSecretArn}\"", "\"${UserDatabaseSecretArn}:password::\""];
        assert_told(relation, "deploy/tasks/user.json", change[0], change[1], &[&expected]);
        // All log groups in place of one.
        let expected = ["logs:CreateLogStream", "logs:PutLogEvents"].map(|action| {
            [
                wide("UserExecutionRole", &format!("{action} on *"))
                    + "the log driver awslogs (what needs it) is not there for that: leave it out",
                format!(
                    "{CLUSTER}: UserExecutionRole does not allow {action} on UserLogGroup, and the log driver awslogs \
                     needs it: add it"
                ),
            ]
        });
        let expected: Vec<&str> = expected.iter().flatten().map(String::as_str).collect();
        assert_told(relation, CLUSTER, "Resource: !GetAtt UserLogGroup.Arn", "Resource: \"*\"", &expected);
        // A role that is no longer passed on.
        let expected = format!(
            "{CLUSTER}: SchedulerRole does not allow iam:PassRole on UserExecutionRole, and roles of the tasks of \
             schedules needs it: add it"
        );
        let change =
            ["[!GetAtt LocationExecutionRole.Arn, !GetAtt UserExecutionRole.Arn]", "!GetAtt LocationExecutionRole.Arn"];
        assert_told(relation, CLUSTER, change[0], change[1], &[&expected]);
        // Tags that schedules no longer set.
        let told = super::super::tests::told(
            relation,
            &["location", "user"].map(|name| {
                let file: &str = if name == "user" {
                    "deploy/schedules/user-purge.json"
                } else {
                    "deploy/schedules/location-purge.json"
                };
                (file, ",\n      \"PropagateTags\": \"TASK_DEFINITION\"", "")
            }),
        );
        let expected = wide("SchedulerRole", "ecs:TagResource on task/${Name}/*")
            + "schedules with PropagateTags (what needs it) is not there for that: leave it out";
        assert_eq!(told, [expected]);
        // A topic without the key.
        let expected = ["kms:Decrypt", "kms:GenerateDataKey*"].map(|action| {
            format!(
                "deploy/stacks/alarms.yaml: TopicKey allows {action} on *, and topics that are encrypted with the key \
                 (what needs it) is not there for that: leave it out"
            )
        });
        let change = ["KmsMasterKeyId: !Ref TopicKey", "DisplayName: alarms"];
        let expected = expected.each_ref().map(String::as_str);
        assert_told(relation, "deploy/stacks/alarms.yaml", change[0], change[1], &expected);
    }

    #[test]
    fn a_role_that_nothing_uses_is_told() {
        let told = format!(
            "{CLUSTER}: SchedulerRole may be assumed by {{\"Service\":\"events.amazonaws.com\"}}, which acts by it for \
             nothing that is there: leave the role out, or name the service that does"
        );
        let change = ["scheduler.amazonaws.com", "events.amazonaws.com"];
        assert_told(roles_are_assumed_by_who_uses_them, CLUSTER, change[0], change[1], &[&told]);
        let told = "deploy/stacks/capacity.yaml: InstanceRole has the policy arn:${AWS::Partition}:iam::aws:policy/\
                    AdministratorAccess, which nothing is known to need: leave it out, or say in \
                    deploy/src/relations/permissions.rs what needs it";
        let change = ["service-role/AmazonEC2ContainerServiceforEC2Role", "AdministratorAccess"];
        assert_told(policies_of_aws_are_needed, "deploy/stacks/capacity.yaml", change[0], change[1], &[told]);
    }
}
