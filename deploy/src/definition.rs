//! The definitions in JSON: read, and their placeholders filled in. A placeholder, `${LocationTargetGroupArn}`, is the name
//! of an output of one of the stacks, or one of [`OURS`].

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use crate::{make, services};

/// Placeholders that no stack gives: the image's tag, and where all this is.
pub(crate) const OURS: [&str; 3] = ["Tag", "Region", "Account"];

/// Where filled-in definitions are written: what the commands that are shown refer to.
pub(crate) const RENDERED: &str = "target/deploy";

/// What placeholders stand for.
pub(crate) type Values = BTreeMap<String, String>;

/// What `name` stands for: an output of a stack, where that stack is there.
pub(crate) fn value<'a>(values: &'a Values, name: &str) -> Result<&'a str> {
    let value = values.get(name).map(String::as_str);
    value.with_context(|| {
        format!(
            "no stack gives {name}: one was removed, or never made; `{}` makes what is missing",
            make::command("deploy", &[])
        )
    })
}

/// The URL of the service's load balancer.
pub(crate) fn balancer_url<'a>(values: &'a Values, service: &str) -> Result<&'a str> {
    value(values, &format!("{}BalancerUrl", services::prefix(service)))
}

/// The definition in `file`, with its placeholders.
pub(crate) fn read(file: &str) -> Result<Value> {
    let text = fs::read_to_string(file).with_context(|| format!("{file} cannot be read"))?;
    serde_json::from_str(&text).with_context(|| format!("{file} is no JSON"))
}

/// The definitions in `folder`, in the order of their names.
pub(crate) fn files(folder: &str) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{folder} cannot be read"))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut files: Vec<String> = paths.map(|path| path.to_string_lossy().into_owned()).collect();
    files.sort();
    Ok(files)
}

/// The definition in `file` with `values` filled in. Fails if one is missing, so that nothing half-filled is ever sent.
pub(crate) fn fill(file: &str, values: &Values) -> Result<Value> {
    fill_value(file, read(file)?, values)
}

/// As [`fill`], for a part of what is in `file`.
pub(crate) fn fill_value(file: &str, mut definition: Value, values: &Values) -> Result<Value> {
    let mut missing = BTreeSet::new();
    each_string(&mut definition, &mut |text| {
        for name in placeholders(text) {
            match values.get(&name) {
                Some(value) => *text = text.replace(&format!("${{{name}}}"), value),
                None => drop(missing.insert(name)),
            }
        }
    });
    if !missing.is_empty() {
        let names: Vec<_> = missing.iter().map(|name| format!("${{{name}}}")).collect();
        bail!(
            "{file}: nothing is known for {}. A placeholder is the name of an output of a stack (deploy/stacks), or one of \
             {}; outputs are known once `{}` has made the stack",
            names.join(", "),
            OURS.join(", "),
            make::command("deploy", &[])
        );
    }
    Ok(definition)
}

/// The names in `${…}` of `text`.
pub(crate) fn placeholders(text: &str) -> BTreeSet<String> {
    text.split("${").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0.to_owned())).collect()
}

/// Writes `definition` where the CLI finds it, and gives the argument that names it.
pub(crate) fn write(name: &str, definition: &Value) -> Result<String> {
    let path = Path::new(RENDERED).join(format!("{name}.json"));
    fs::create_dir_all(RENDERED).with_context(|| format!("{RENDERED} cannot be made"))?;
    fs::write(&path, format!("{definition:#}\n")).with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(format!("file://{}", path.display()))
}

/// Whether everything that `wanted` says is so in `there`, which may say more: AWS adds defaults, and leaves out what is
/// empty.
pub(crate) fn holds(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| holds(there.get(key).unwrap_or(&Value::Null), value))
        }
        (Value::Array(there), Value::Array(wanted)) => {
            there.len() == wanted.len()
                && wanted.iter().all(|value| there.iter().any(|candidate| holds(candidate, value)))
        }
        (Value::Null, Value::Array(wanted)) => wanted.is_empty(),
        (Value::Null, Value::Bool(wanted)) => !wanted,
        (there, wanted) => there == wanted,
    }
}

/// What `there` says of the things that `wanted` speaks of: the two can be compared line by line.
pub(crate) fn narrowed(there: &Value, wanted: &Value) -> Value {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted
            .iter()
            .filter_map(|(key, value)| Some((key.clone(), narrowed(there.get(key)?, value))))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (Value::Array(there), Value::Array(wanted)) => there
            .iter()
            .enumerate()
            .map(|(index, value)| wanted.get(index).map_or_else(|| value.clone(), |wanted| narrowed(value, wanted)))
            .collect(),
        (there, _) => there.clone(),
    }
}

pub(crate) fn each_string(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_string(item, change)),
        Value::Object(fields) => fields.values_mut().for_each(|field| each_string(field, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_missing_is_named_all_at_once() {
        let definition = json!({"image": "${Registry}/location:${Tag}", "environment": [{"value": "${DatabaseHost}"}]});
        let values = Values::from([("Registry".into(), "registry.example.org".into())]);
        let told = fill_value("tasks/x.json", definition.clone(), &values).expect_err("two are missing").to_string();
        assert!(told.starts_with("tasks/x.json: nothing is known for ${DatabaseHost}, ${Tag}."), "{told}");

        let values = ["Registry", "Tag", "DatabaseHost"].map(|name| (name.to_owned(), name.to_lowercase())).into();
        let filled = fill_value("tasks/x.json", definition, &values).expect("all are there");
        assert_eq!(filled, json!({"image": "registry/location:tag", "environment": [{"value": "databasehost"}]}));
    }

    #[test]
    fn defaults_that_aws_adds_are_no_difference_and_other_values_are() {
        let wanted = json!({"cpu": 512, "extraHosts": [], "ports": [{"containerPort": 8081}]});
        assert!(holds(&json!({"cpu": 512, "ports": [{"containerPort": 8081, "protocol": "tcp"}], "x": 1}), &wanted));
        assert!(!holds(&json!({"cpu": 256, "ports": [{"containerPort": 8081}]}), &wanted));
        assert!(!holds(&json!({"cpu": 512, "ports": []}), &wanted));
    }
}
