//! Secrets: none is written down, each comes from Secrets Manager, and nothing names an account.

use serde_json::Value;

use super::{
    Broken, Relation, settings,
    sources::{COMPOSE, SWARM, Sources, each, fields},
};
use crate::aws::text;

pub(super) const RELATIONS: &[Relation] = &[
    no_secret_is_in_plain_text,
    secret_settings_come_from_secrets_manager,
    secrets_are_read_as_they_are_written,
    no_account_is_named,
];

/// What is called like this is a secret.
const SECRET_WORDS: [&str; 5] = ["PWD", "PASSWORD", "TOKEN", "SECRET", "KEY"];

/// What is called like a secret and is none: the name half of a tag or an attribute; names of secrets that a container
/// of the topology is given; of a secret that is to be made up, the field that it becomes and the rest of the fields;
/// whether instances ask for tokens.
const NOT_SECRET: [&str; 6] = ["Key", "key", "secrets", "GenerateStringKey", "SecretStringTemplate", "HttpTokens"];

fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    !NOT_SECRET.contains(&name) && SECRET_WORDS.iter().any(|word| upper.contains(word))
}

/// What is called like a secret has no value of its own: a placeholder, an ARN, the path of a file, or the name of a
/// parameter or resource, wherever it is.
fn no_secret_is_in_plain_text(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    let all = sources.all("deploy").chain([COMPOSE, SWARM].map(|file| (file, sources.data(file))));
    for (file, data) in all {
        let mut look = |name: &str, value: &Value| {
            if let Some(value) = value.as_str()
                && is_secret(name)
                && !refers(data, value)
            {
                broken.push(Broken::new(
                    file,
                    // Which it may be, so it is not repeated.
                    format!("{name} has a value of {} characters in plain text", value.chars().count()),
                    "take it from Secrets Manager (`secrets` of a task), in the topology from a file",
                ));
            }
        };
        each(data, &mut Vec::new(), &mut |path, value| {
            if let Some(name) = path.last() {
                look(name, value);
            }
            // {"name": "DB_PWD", "value": …}, and as tags, attributes and parameters have it.
            for (name, value_name) in [("name", "value"), ("Name", "Value"), ("Key", "Value"), ("key", "value")] {
                if let (Some(Value::String(name)), Some(value)) = (value.get(name), value.get(value_name)) {
                    look(name, value);
                }
            }
            if let [.., "Parameters", name] = path {
                look(name, &value["Default"]);
            }
            // The rest of the fields of a secret that is to be made up.
            if let (Some(&"SecretStringTemplate"), Some(template)) = (path.last(), value.as_str()) {
                let template: Value = serde_json::from_str(template).unwrap_or_default();
                fields(&template).for_each(|(name, value)| look(name, value));
            }
        });
    }
    broken
}

/// Whether `value` says where something is, and not what.
fn refers(data: &Value, value: &str) -> bool {
    let id = value.split('.').next().unwrap_or(value);
    let named = ["Parameters", "Resources"].iter().any(|section| data[*section].get(id).is_some());
    value.is_empty() || value.contains("${") || value.starts_with("arn:") || value.starts_with('/') || named
}

/// Every secret that a task's subcommand reads (`DB_PWD`, `API_TOKEN`) is given it by `secrets`.
fn secret_settings_come_from_secrets_manager(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for task in sources.tasks() {
        let Some(service) = task.service() else { continue };
        let read = settings::names(service, task.subcommand());
        for name in read.into_iter().filter(|name| is_secret(name) && !name.ends_with("_FILE")) {
            if !task.secrets().contains_key(name) {
                let where_it_is = if task.environment().contains_key(name) { "in environment" } else { "not set" };
                broken.push(Broken::new(
                    task.file,
                    format!("{name} is {where_it_is}, and is a secret of `{} {}`", service.name, task.subcommand()),
                    "set it in secrets, with valueFrom",
                ));
            }
        }
    }
    broken
}

/// Every `valueFrom` is the ARN of a secret that a stack makes, and the field of it that there is: `${Arn}` of one that
/// is a word, `${Arn}:password::` of one with fields.
fn secrets_are_read_as_they_are_written(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for task in sources.tasks() {
        for (name, from) in task.secrets() {
            let Some(secret) = sources.resource_of_placeholder(from) else {
                let found = format!("valueFrom of {name} is {from}, which is no secret of a stack");
                broken.push(Broken::new(task.file, found, "name the output of a stack that gives a secret's ARN"));
                continue;
            };
            let fields: Vec<String> = match secret.kind {
                "AWS::SecretsManager::Secret" => {
                    let made_up = &secret.properties["GenerateSecretString"];
                    let template: Value =
                        serde_json::from_str(text(made_up, "/SecretStringTemplate")).unwrap_or_default();
                    let key = made_up["GenerateStringKey"].as_str();
                    fields(&template).map(|(name, _)| name).chain(key).map(|name| format!(":{name}::")).collect()
                }
                // The login that RDS makes up for the administrator.
                "AWS::RDS::DBInstance" => [":username::", ":password::"].map(str::to_owned).into(),
                _ => Vec::new(),
            };
            let field = from.split_once('}').map_or("", |(_, field)| field);
            let right = if fields.is_empty() { field.is_empty() } else { fields.iter().any(|known| known == field) };
            if !right {
                let known = if fields.is_empty() { "none".to_owned() } else { fields.join(", ") };
                broken.push(Broken::new(
                    task.file,
                    format!("valueFrom of {name} is {from}, and the fields of {} are {known}", secret.name),
                    if fields.is_empty() { "name no field".to_owned() } else { format!("end it with one of {known}") },
                ));
            }
        }
    }
    broken
}

/// No number of an account, and no endpoint that belongs to one, is under `deploy`: what is deployed is anybody's.
fn no_account_is_named(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, content) in sources.texts("deploy") {
        for (number, line) in content.lines().enumerate() {
            let mut tell = |what: &str, found: &str, remedy: &str| {
                broken.push(Broken::new(format!("{file}, line {}", number + 1), format!("{found} is {what}"), remedy));
            };
            let words = line.split(|character: char| !character.is_ascii_alphanumeric());
            for word in words.filter(|word| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit())) {
                tell("the number of an account", word, "leave it to ${Account}, or AWS::AccountId in a stack");
            }
            let part_of_host = |character: char| character.is_ascii_alphanumeric() || "-_.${}:".contains(character);
            for host in line.split(|character: char| !part_of_host(character)) {
                let Some((labels, _)) = host.split_once(".amazonaws.com") else { continue };
                // ecs-tasks.amazonaws.com is a service of AWS's; where there is more before it, it is somebody's.
                if labels.contains('.') && !labels.starts_with('.') && !labels.contains("${") {
                    tell("an endpoint in an account", host, "leave it to an output of a stack");
                }
            }
        }
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::{super::tests::assert_told, *};

    const TASK: &str = "deploy/tasks/location.json";

    #[test]
    fn a_secret_in_plain_text_is_told_without_it() {
        let relation = no_secret_is_in_plain_text;
        let rest = "has a value of 7 characters in plain text: take it from Secrets Manager (`secrets` of a task), in \
                    the topology from a file";
        let set = r#""environment": [{ "name": "DB_PWD", "value": "hunter2" },"#;
        assert_told(relation, TASK, "\"environment\": [", set, &[&format!("{TASK}: DB_PWD {rest}")]);
        let (file, from) = ("deploy/stacks/database.yaml", "ManageMasterUserPassword: true");
        let told = format!("{file}: MasterUserPassword {rest}");
        assert_told(relation, file, from, "MasterUserPassword: hunter2", &[&told]);
        let (file, from) = ("deploy/stacks/database.yaml", "Parameters:\n  Name:\n");
        let to = "Parameters:\n  AdminPassword:\n    Type: String\n    Default: hunter2\n  Name:\n";
        assert_told(relation, file, from, to, &[&format!("{file}: AdminPassword {rest}")]);
        let (file, from) = ("deploy/stacks/secrets.yaml", r#"{"username": "user"}"#);
        let to = r#"{"username": "user", "password": "hunter2"}"#;
        assert_told(relation, file, from, to, &[&format!("{file}: password {rest}")]);
        let (from, to) = ("MYSQL_ROOT_PASSWORD_FILE: /run/secrets/mysql-root-password", "MYSQL_ROOT_PASSWORD: hunter2");
        for file in [COMPOSE, SWARM] {
            assert_told(relation, file, from, to, &[&format!("{file}: MYSQL_ROOT_PASSWORD {rest}")]);
        }
        let tag = r#""tags": [{ "key": "api-token", "value": "hunter2" },"#;
        assert_told(relation, TASK, "\"tags\": [", tag, &[&format!("{TASK}: api-token {rest}")]);
    }

    #[test]
    fn a_secret_setting_that_is_not_from_secrets_manager_is_told() {
        let relation = secret_settings_come_from_secrets_manager;
        let secret = r#""secrets": ["#;
        let plain = r#""secrets": [], "x": ["#;
        let told = ["API_TOKEN", "DB_PWD"].map(|name| {
            format!("{TASK}: {name} is not set, and is a secret of `location serve`: set it in secrets, with valueFrom")
        });
        assert_told(relation, TASK, secret, plain, &told.each_ref().map(String::as_str));
        let told = "deploy/tasks/location.json: API_TOKEN is in environment, and is a secret of `location serve`: set \
                    it in secrets, with valueFrom";
        let mut sources = super::super::tests::sources();
        sources.change(TASK, "{ \"name\": \"API_TOKEN\", \"valueFrom\"", "{ \"name\": \"RUST_LOG\", \"valueFrom\"");
        sources.change(TASK, "\"environment\": [", r#""environment": [{ "name": "API_TOKEN", "value": "${Tag}" },"#);
        let seen: Vec<String> = relation(&sources).iter().map(ToString::to_string).collect();
        assert_eq!(seen, [told]);
    }

    #[test]
    fn a_field_that_a_secret_does_not_have_is_told() {
        let relation = secrets_are_read_as_they_are_written;
        let told = "deploy/tasks/location.json: valueFrom of DB_PWD is ${LocationDatabaseSecretArn}, and the fields of \
                    LocationDatabaseSecret are :username::, :password::: end it with one of :username::, :password::";
        let change = ["SecretArn}:password::", "SecretArn}"];
        assert_told(relation, TASK, change[0], change[1], &[told]);
        let told = "deploy/tasks/location.json: valueFrom of API_TOKEN is ${LocationApiTokenSecretArn}:token::, and \
                    the fields of LocationApiTokenSecret are none: name no field";
        assert_told(relation, TASK, "${LocationApiTokenSecretArn}", "${LocationApiTokenSecretArn}:token::", &[told]);
        let told = "deploy/tasks/location.json: valueFrom of API_TOKEN is ${LocationApiToken}, which is no secret of a \
                    stack: name the output of a stack that gives a secret's ARN";
        assert_told(relation, TASK, "${LocationApiTokenSecretArn}", "${LocationApiToken}", &[told]);
    }

    #[test]
    fn an_account_is_told() {
        // Put together here, as this file is looked at as well.
        let account = "1234".repeat(3);
        let change = |to: &str| super::super::tests::told(no_account_is_named, &[(TASK, "${Registry}", to)]);
        let told = format!(
            "{TASK}, line 9: {account} is the number of an account: leave it to ${{Account}}, or \
             AWS::AccountId in a stack"
        );
        let arn = format!("arn:aws:ecr:eu-west-1:{account}:repository");
        assert_eq!(change(&arn), [told]);
        let host = ["app01.c1a2b3.eu-west-1.rds", "amazonaws.com"].join(".");
        let told = format!("{TASK}, line 9: {host} is an endpoint in an account: leave it to an output of a stack");
        assert_eq!(change(&host), [told]);
    }
}
