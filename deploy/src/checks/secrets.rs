//! Secrets: none is in plain text, each comes from Secrets Manager, and no file names an account.

use serde_json::Value;

use super::{
    Report,
    sources::{Sources, each},
};
use crate::aws::text;

/// A name with one of these words is that of a secret.
const SECRET_WORDS: [&str; 5] = ["PWD", "PASSWORD", "TOKEN", "SECRET", "KEY"];

/// Exceptions: the name half of a tag or an attribute; the names of secrets that a container of the topology is given; the
/// fields of a secret that is made up; whether instances ask for tokens.
const NOT_SECRET: [&str; 6] = ["Key", "key", "secrets", "GenerateStringKey", "SecretStringTemplate", "HttpTokens"];

fn is_secret(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    !NOT_SECRET.contains(&name) && SECRET_WORDS.iter().any(|word| upper.contains(word))
}

/// The value of a secret is a placeholder, an ARN, the path of a file, or the name of a parameter or resource. No value
/// has the number of an account: definitions and stacks are for any.
pub(super) fn plain_text(sources: &Sources, report: &mut Report) {
    for (file, data) in sources.all("deploy").chain(sources.all("docker")) {
        each(data, &mut Vec::new(), &mut |path, value| {
            let mut named: Vec<(&str, &Value)> = path.last().map(|name| (*name, value)).into_iter().collect();
            // {"name": "DB_PWD", "value": …}, and as tags, attributes and parameters have it.
            for (name, content) in [("name", "value"), ("Name", "Value"), ("Key", "Value"), ("key", "value")] {
                named.extend(value[name].as_str().map(|name| (name, &value[content])));
            }
            if let [.., "Parameters", name] = path {
                named.push((name, &value["Default"]));
            }
            // The other fields of a generated secret.
            let template = path.last().filter(|name| **name == "SecretStringTemplate").and(value.as_str());
            let template: Value = template.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            named.extend(template.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value)));
            for (name, value) in named {
                let value = value.as_str().unwrap_or_default();
                report.require(
                    !is_secret(name) || refers(data, value),
                    file,
                    // It may be the secret, so it is not repeated.
                    format_args!("{name} has a value of {} characters in plain text", value.chars().count()),
                    "take it from Secrets Manager (`secrets` of a task), in the topology from a file",
                );
            }
            let words = value.as_str().unwrap_or_default().split(|letter: char| !letter.is_ascii_alphanumeric());
            for word in words.filter(|word| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_digit())) {
                let found = format_args!("{word} is the number of an account");
                report.require(false, file, found, "leave it to ${Account}, or AWS::AccountId in a stack");
            }
        });
    }
}

/// Whether `value` says where something is, and not what.
fn refers(data: &Value, value: &str) -> bool {
    let id = value.split('.').next().unwrap_or(value);
    let named = ["Parameters", "Resources"].iter().any(|section| data[*section].get(id).is_some());
    value.is_empty() || value.contains("${") || value.starts_with("arn:") || value.starts_with('/') || named
}

/// Every `valueFrom` is the ARN of a secret that a stack makes: `${Arn}` of one that is a word, `${Arn}:password::` of
/// one with fields.
pub(super) fn secret_fields(sources: &Sources, report: &mut Report) {
    for task in sources.tasks() {
        for (name, from) in task.secrets() {
            let fields: &[&str] = match sources.resource_of_placeholder(from) {
                Some(secret) if secret.kind == "AWS::SecretsManager::Secret" => {
                    match text(secret.properties, "/GenerateSecretString/GenerateStringKey") {
                        "" => &[""],
                        _ => &[":username::", ":password::"],
                    }
                }
                // The login that RDS makes up for the administrator.
                Some(secret) if secret.kind == "AWS::RDS::DBInstance" => &[":username::", ":password::"],
                _ => &[],
            };
            let field = from.split_once('}').map_or("", |(_, field)| field);
            report.require(
                fields.contains(&field),
                task.file,
                format_args!("valueFrom of {name} is {from}, which is no secret of a stack, or no field of it"),
                "name the output with a secret's ARN, with :username:: or :password:: if it is a login",
            );
        }
    }
}
