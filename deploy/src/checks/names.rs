//! Names: each file uses the names that another one defines.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Report,
    sources::{DEFINITIONS, Sources, Task, each, shown},
};
use crate::{
    aws::{list, text},
    definition::{self, OURS},
    services,
    stack::{STACKS, Stack},
};

/// Every placeholder is the output of a stack, or one of ours.
pub(super) fn placeholders(sources: &Sources, report: &mut Report) {
    for (file, definition) in DEFINITIONS.iter().flat_map(|folder| sources.all(folder)) {
        for name in definition::placeholders(&definition.to_string()) {
            report.require(
                OURS.contains(&name.as_str()) || sources.output(&name).is_some(),
                file,
                format_args!("the placeholder ${{{name}}} is no output of a stack, and none of {}", OURS.join(", ")),
                "make it one that is, or add the output to a template in deploy/stacks",
            );
        }
    }
}

/// Every `Fn::ImportValue` is exported, under that name, by a stack that is made before.
pub(super) fn imports(sources: &Sources, report: &mut Report) {
    let mut exported = BTreeSet::new();
    for file in STACKS.iter().map(Stack::file) {
        let template = sources.data(&file);
        let mut imported = BTreeSet::new();
        each(template, &mut Vec::new(), &mut |path, value| {
            if let (Some(&"Fn::ImportValue"), Some(name)) = (path.last(), value.as_str()) {
                // The loop that repeats alarms for each service.
                let names = services::names().into_iter();
                imported.extend(names.map(|service| name.replace("${Which}", &services::prefix(service))));
            }
        });
        for name in imported.difference(&exported) {
            report.require(
                false,
                &file,
                format_args!("{name} is imported, and no stack that is made before exports it"),
                "import what one does export, or export it there (the order is STACKS in deploy/src/stack.rs)",
            );
        }
        let subject = file.rsplit('/').next().unwrap_or(&file).trim_end_matches(".yaml");
        let outputs = template["Outputs"].as_object().into_iter().flatten();
        let names = outputs.map(|(_, output)| text(output, "/Export/Name"));
        exported.extend(names.map(|name| name.replace("${AWS::StackName}", &format!("${{Name}}-{subject}"))));
    }
}

/// A schedule runs a family that there is, and overrides its container. EventBridge Scheduler asks neither.
pub(super) fn schedules(sources: &Sources, report: &mut Report) {
    for (file, schedule, family) in sources.schedules() {
        let Some(Task { container, file: task, .. }) = sources.family(family) else {
            let found =
                format_args!("TaskDefinitionArn ends with {family}, which is the family of no file in deploy/tasks");
            report.require(false, file, found, "name one that is there");
            continue;
        };
        let input: Value = serde_json::from_str(text(schedule, "/Target/Input")).unwrap_or_default();
        let (found, wanted) = (shown(&input, "/containerOverrides/0/name"), text(container, "/name"));
        report.equal(file, "the container in Input", &found, wanted, format_args!("{task} has {wanted}"));
    }
}

/// Limits and policies are for the service of the file, and requests are counted where it gets them.
pub(super) fn scaling(sources: &Sources, report: &mut Report) {
    for deployed in sources.deployed() {
        let file = format!("deploy/scaling/{}.json", deployed.service.name);
        let resource = format!("service/${{Cluster}}/{}", deployed.service.name);
        for part in [&deployed.scaling["target"]].into_iter().chain(list(deployed.scaling, "/policies")) {
            let found = shown(part, "/ResourceId");
            report.equal(&file, "ResourceId", &found, &resource, "the file is for that service");
            let label = "/TargetTrackingScalingPolicyConfiguration/PredefinedMetricSpecification/ResourceLabel";
            let Some((balancer, group)) = text(part, label).split_once('/') else { continue };
            let named = [balancer, group].map(|name| sources.resource_of_placeholder(name).map(|found| found.name));
            let its = [deployed.balancer(sources), deployed.target_group(sources)];
            report.require(
                named == its.map(|resource| resource.map(|resource| resource.name)),
                &file,
                format_args!("ResourceLabel is {balancer}/{group}, and the service gets its requests by others"),
                "name the outputs with the full names of its balancer and target group",
            );
        }
    }
}
