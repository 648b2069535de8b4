//! Names: what one file calls by a name is in another one under that name.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    Broken, Relation,
    sources::{Deployed, Sources, Task, each, shown},
};
use crate::{
    aws::{list, text},
    definition::{OURS, placeholders},
    services,
    stack::{STACKS, Stack},
};

pub(super) const RELATIONS: &[Relation] = &[
    placeholders_are_outputs,
    imports_are_exports_of_stacks_before,
    images_have_repositories,
    services_name_their_tasks_and_containers,
    schedules_name_tasks_and_containers,
    scaling_names_services_and_their_balancers,
    logs_have_groups,
];

const FOLDERS: [&str; 4] = ["deploy/tasks", "deploy/services", "deploy/schedules", "deploy/scaling"];

/// Every placeholder is the output of a stack, or one of ours.
fn placeholders_are_outputs(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, definition) in FOLDERS.iter().flat_map(|folder| sources.all(folder)) {
        let names = placeholders(&definition.to_string());
        for name in names.iter().filter(|name| !OURS.contains(&name.as_str()) && sources.output(name).is_none()) {
            broken.push(Broken::new(
                file,
                format!("the placeholder ${{{name}}} is no output of a stack, and none of {}", OURS.join(", ")),
                "make it one that is, or add the output to a template in deploy/stacks",
            ));
        }
    }
    broken
}

/// Every `Fn::ImportValue` is exported, under that name, by a stack that is made before.
fn imports_are_exports_of_stacks_before(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    let files: Vec<String> = STACKS.iter().map(Stack::file).collect();
    for (at, file) in files.iter().enumerate() {
        let mut imported = BTreeSet::new();
        each(sources.data(file), &mut Vec::new(), &mut |path, value| {
            if let (Some(&"Fn::ImportValue"), Some(name)) = (path.last(), value.as_str()) {
                // What alarms are repeated for.
                imported.extend(
                    services::names().into_iter().map(|service| name.replace("${Which}", &services::prefix(service))),
                );
            }
        });
        let exported: BTreeSet<String> = files[..at].iter().flat_map(|earlier| exports(sources, earlier)).collect();
        for name in imported.difference(&exported) {
            broken.push(Broken::new(
                file,
                format!("{name} is imported, and no stack that is made before exports it"),
                "import what one does export, or export it there (the order is STACKS in deploy/src/stack.rs)",
            ));
        }
    }
    broken
}

/// What a stack exports: its own name, which is `${Name}-` and its subject, is filled in.
fn exports(sources: &Sources, file: &str) -> Vec<String> {
    let subject = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".yaml");
    let outputs = sources.data(file)["Outputs"].as_object();
    let names = outputs.into_iter().flatten().map(|(_, output)| text(output, "/Export/Name"));
    names.map(|name| name.replace("${AWS::StackName}", &format!("${{Name}}-{subject}"))).collect()
}

/// Every task's image is of a service, in a repository that a stack makes.
fn images_have_repositories(sources: &Sources) -> Vec<Broken> {
    let repositories: Vec<&str> = sources
        .resources("AWS::ECR::Repository")
        .map(|repository| text(repository.properties, "/RepositoryName"))
        .collect();
    let each = sources.tasks().filter_map(|task| {
        let found = text(task.container, "/image");
        let there = task.service().is_some_and(|service| {
            found == format!("${{Registry}}/{}:${{Tag}}", service.name)
                && repositories.contains(&format!("${{Name}}/{}", service.name).as_str())
        });
        (!there).then(|| {
            Broken::new(
                task.file,
                format!("image is {found}, and the registry has repositories {}", repositories.join(", ")),
                "make it ${Registry}/, a service that has one there, and :${Tag}",
            )
        })
    });
    each.collect()
}

/// A service runs the family of its own name, and the balancer leads to a container of it.
fn services_name_their_tasks_and_containers(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for Deployed { service, file, definition, task } in sources.deployed() {
        let family = text(task.definition, "/family");
        for (field, wanted) in [("serviceName", service.name), ("taskDefinition", family)] {
            let found = shown(definition, &format!("/{field}"));
            if found != wanted || family != service.name {
                let found = format!("{field} is {found}, and family in {} is {family}", task.file);
                broken.push(Broken::new(&file, found, format!("make both {}", service.name)));
            }
        }
        broken.extend(container(&file, text(definition, "/loadBalancers/0/containerName"), task));
    }
    broken
}

/// A schedule runs a family that there is, and overrides a container of it.
fn schedules_name_tasks_and_containers(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, schedule) in sources.all("deploy/schedules") {
        let arn = text(schedule, "/Target/EcsParameters/TaskDefinitionArn");
        let family = arn.rsplit('/').next().unwrap_or(arn);
        let Some(task) = sources.family(family) else {
            let found =
                format!("TaskDefinitionArn ends with {family}, which no file in deploy/tasks has as its family");
            broken.push(Broken::new(file, found, "name one that is there"));
            continue;
        };
        let Ok(input) = serde_json::from_str::<Value>(text(schedule, "/Target/Input")) else {
            let found = format!("Input is {}, which is no JSON", text(schedule, "/Target/Input"));
            broken.push(Broken::new(file, found, "make it an object with containerOverrides"));
            continue;
        };
        for overriding in list(&input, "/containerOverrides") {
            broken.extend(container(file, text(overriding, "/name"), task));
        }
    }
    broken
}

/// Limits and policies are for a service that there is, and requests are counted where it gets them.
fn scaling_names_services_and_their_balancers(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for deployed in sources.deployed() {
        let file = format!("deploy/scaling/{}.json", deployed.service.name);
        let scaling = sources.data(&file);
        let resource = format!("service/${{Cluster}}/{}", deployed.service.name);
        for part in [&scaling["target"]].into_iter().chain(list(scaling, "/policies")) {
            let found = shown(part, "/ResourceId");
            if found != resource {
                broken.push(Broken::new(
                    &file,
                    format!("ResourceId is {found}, and the file is for {resource}"),
                    "make it that",
                ));
            }
            let label = "/TargetTrackingScalingPolicyConfiguration/PredefinedMetricSpecification/ResourceLabel";
            let Some(label) = part.pointer(label).and_then(Value::as_str) else { continue };
            let (balancer, group) = label.split_once('/').unwrap_or((label, ""));
            let named = |placeholder| sources.resource_of_placeholder(placeholder).map(|resource| resource.name);
            let (its_balancer, its_group) = (deployed.balancer(sources), deployed.target_group(sources));
            let (Some(its_balancer), Some(its_group)) = (its_balancer, its_group) else { continue };
            if (named(balancer), named(group)) != (Some(its_balancer.name), Some(its_group.name)) {
                broken.push(Broken::new(
                    &file,
                    format!(
                        "ResourceLabel is {label}, and requests come by {} and {}",
                        its_balancer.name, its_group.name
                    ),
                    "name the outputs with the full names of these two",
                ));
            }
        }
    }
    broken
}

/// Every task's log group is made by a stack, so that what is in it is kept for as long as that says.
fn logs_have_groups(sources: &Sources) -> Vec<Broken> {
    let groups: Vec<String> = sources
        .resources("AWS::Logs::LogGroup")
        .map(|group| text(group.properties, "/LogGroupName").replace("${Name}", "${Cluster}"))
        .collect();
    let each = sources.tasks().filter_map(|task| {
        let found = shown(task.container, "/logConfiguration/options/awslogs-group");
        (!groups.contains(&found)).then(|| {
            Broken::new(
                task.file,
                format!("awslogs-group is {found}, and the stacks make {}", groups.join(", ")),
                "name one of them, or add it to deploy/stacks/cluster.yaml",
            )
        })
    });
    each.collect()
}

fn container(file: &str, name: &str, task: Task) -> Option<Broken> {
    let containers: Vec<&str> =
        list(task.definition, "/containerDefinitions").iter().map(|container| text(container, "/name")).collect();
    (!containers.contains(&name)).then(|| {
        Broken::new(
            file,
            format!("the container is called {name:?}, and {} has {}", task.file, containers.join(", ")),
            "name one that is there",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::assert_told, *};

    #[test]
    fn a_placeholder_that_nothing_fills_is_told() {
        let told = "deploy/tasks/user.json: the placeholder ${LocationAddress} is no output of a stack, and none of \
                    Tag, Region, Account: make it one that is, or add the output to a template in deploy/stacks";
        let change = ["${LocationUrl}", "${LocationAddress}"];
        assert_told(placeholders_are_outputs, "deploy/tasks/user.json", change[0], change[1], &[told]);
    }

    #[test]
    fn an_import_that_nothing_exports_is_told() {
        let relation = imports_are_exports_of_stacks_before;
        let told = |file: &str, name: &str| {
            format!(
                "deploy/stacks/{file}.yaml: ${{Name}}-{name} is imported, and no stack that is made before exports it: \
                 import what one does export, or export it there (the order is STACKS in deploy/src/stack.rs)"
            )
        };
        let change = ["${AWS::StackName}-LocationRepositoryArn", "${AWS::StackName}-LocationRepository"];
        let expected = told("cluster", "registry-LocationRepositoryArn");
        assert_told(relation, "deploy/stacks/registry.yaml", change[0], change[1], &[&expected]);
        // A stack that is made later cannot be waited for.
        let expected = told("database", "cluster-Cluster");
        let change = ["${Name}-network-DatabaseSecurityGroup", "${Name}-cluster-Cluster"];
        assert_told(relation, "deploy/stacks/database.yaml", change[0], change[1], &[&expected]);
        // What alarms are repeated for.
        let expected = told("alarms", "cluster-UserTargetGroupName");
        let change = ["${AWS::StackName}-UserTargetGroupName", "${AWS::StackName}-UserGroupName"];
        assert_told(relation, "deploy/stacks/cluster.yaml", change[0], change[1], &[&expected]);
    }

    #[test]
    fn an_image_without_a_repository_is_told() {
        let told = "deploy/tasks/user.json: image is ${Registry}/users:${Tag}, and the registry has repositories \
                    ${Name}/location, ${Name}/user: make it ${Registry}/, a service that has one there, and :${Tag}";
        let change = ["${Registry}/user:", "${Registry}/users:"];
        assert_told(images_have_repositories, "deploy/tasks/user.json", change[0], change[1], &[told]);
    }

    #[test]
    fn a_container_that_is_not_in_the_task_is_told() {
        let rest = "and deploy/tasks/user.json has user: name one that is there";
        for (relation, file, change) in [
            (
                services_name_their_tasks_and_containers as Relation,
                "deploy/services/user.json",
                ["\"containerName\": \"user\"", "\"containerName\": \"web\""],
            ),
            (
                schedules_name_tasks_and_containers,
                "deploy/schedules/user-purge.json",
                [r#"\"name\": \"user\""#, r#"\"name\": \"web\""#],
            ),
        ] {
            assert_told(
                relation,
                file,
                change[0],
                change[1],
                &[&format!("{file}: the container is called \"web\", {rest}")],
            );
        }
    }

    #[test]
    fn a_family_that_is_not_there_is_told() {
        let told = "deploy/services/user.json: taskDefinition is users, and family in deploy/tasks/user.json is user: \
                    make both user";
        let change = ["\"taskDefinition\": \"user\"", "\"taskDefinition\": \"users\""];
        assert_told(
            services_name_their_tasks_and_containers,
            "deploy/services/user.json",
            change[0],
            change[1],
            &[told],
        );
        let told = "deploy/schedules/user-purge.json: TaskDefinitionArn ends with users, which no file in deploy/tasks \
                    has as its family: name one that is there";
        let change = ["task-definition/user", "task-definition/users"];
        assert_told(
            schedules_name_tasks_and_containers,
            "deploy/schedules/user-purge.json",
            change[0],
            change[1],
            &[told],
        );
    }

    #[test]
    fn scaling_by_the_requests_of_another_service_is_told() {
        let told = "deploy/scaling/user.json: ResourceLabel is ${UserBalancerName}/${LocationTargetGroupName}, and \
                    requests come by UserBalancer and UserTargetGroup: name the outputs with the full names of these \
                    two";
        let relation = scaling_names_services_and_their_balancers;
        let change = ["/${UserTargetGroupName}", "/${LocationTargetGroupName}"];
        assert_told(relation, "deploy/scaling/user.json", change[0], change[1], &[told]);
        let told = "deploy/scaling/user.json: ResourceId is service/${Cluster}/users, and the file is for \
                    service/${Cluster}/user: make it that";
        // The target and both policies.
        assert_told(relation, "deploy/scaling/user.json", "${Cluster}/user", "${Cluster}/users", &[told, told, told]);
    }

    #[test]
    fn a_log_group_that_no_stack_makes_is_told() {
        // Names within a template are sorted.
        let told = "deploy/tasks/user.json: awslogs-group is /${Cluster}/users, and the stacks make \
                    /${Cluster}/database, /${Cluster}/location, /${Cluster}/user, \
                    /aws/rds/instance/${Cluster}-database/error, /aws/rds/instance/${Cluster}-database/slowquery: name \
                    one of them, or add it to deploy/stacks/cluster.yaml";
        let change = ["\"/${Cluster}/user\"", "\"/${Cluster}/users\""];
        assert_told(logs_have_groups, "deploy/tasks/user.json", change[0], change[1], &[told]);
    }
}
