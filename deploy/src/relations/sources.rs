//! What the relations are between: every file under `deploy`, the topology under Compose and under Swarm, and the
//! services' own code.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    str::FromStr,
    time::Duration,
};

use anyhow::{Context as _, Result};
use chassis::{
    Service,
    server::{DEFAULT_DRAIN_DELAY, DEFAULT_SHUTDOWN_TIMEOUT},
    settings::{Period, Reader},
};
use serde_json::Value;

use crate::{
    aws::{list, text},
    definition, services,
    services::SERVICES,
    stack::{STACKS, Stack},
};

pub(super) const COMPOSE: &str = "docker/compose.yaml";
pub(super) const SWARM: &str = "docker/swarm/stack.yaml";
pub(super) const HAPROXY: &str = "docker/balancer/haproxy.cfg";
/// `make swarm`, and the number of tasks that it begins with.
pub(super) const SWARM_SCRIPT: &str = "docker/swarm.sh";
/// What sets the placeholders of [`SWARM`].
const SCRIPTS: [&str; 2] = [SWARM_SCRIPT, "docker/preparation.sh"];

/// The files, by their paths from the root of the workspace.
#[derive(Clone)]
pub(super) struct Sources {
    texts: BTreeMap<String, String>,
    /// Of those that are JSON or YAML.
    data: BTreeMap<String, Value>,
}

impl Sources {
    /// Reads all of them from the workspace at `root`. Fails where one is not there that every relation counts on.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files: Vec<String> =
            [COMPOSE, SWARM, HAPROXY].iter().chain(&SCRIPTS).map(|&file| file.to_owned()).collect();
        files.extend(STACKS.iter().map(Stack::file));
        for service in SERVICES {
            let name = service.name;
            files.push(format!("docker/{name}/Dockerfile"));
            files.extend(["tasks", "services", "scaling"].map(|folder| format!("deploy/{folder}/{name}.json")));
        }
        walk(root, Path::new("deploy"), &mut files)?;
        let mut sources = Self { texts: BTreeMap::new(), data: BTreeMap::new() };
        for file in files {
            let bytes = fs::read(root.join(&file)).with_context(|| format!("{file} cannot be read"))?;
            // What is no text holds nothing that relates to anything.
            if let Ok(text) = String::from_utf8(bytes) {
                sources.insert(file, text)?;
            }
        }
        Ok(sources)
    }

    fn insert(&mut self, file: String, text: String) -> Result<()> {
        match Path::new(&file).extension().and_then(|extension| extension.to_str()) {
            Some("json") => {
                let value = serde_json::from_str(&text).with_context(|| format!("{file} is no JSON"))?;
                self.data.insert(file.clone(), value);
            }
            Some("yaml") => {
                let value = serde_saphyr::from_str(&text).with_context(|| format!("{file} is no YAML"))?;
                self.data.insert(file.clone(), value);
            }
            _ => {}
        }
        self.texts.insert(file, text);
        Ok(())
    }

    /// What is in `file`; nothing where it is neither JSON nor YAML.
    pub(super) fn data(&self, file: &str) -> &Value {
        self.data.get(file).unwrap_or(&Value::Null)
    }

    /// `file` as it is written.
    pub(super) fn text(&self, file: &str) -> &str {
        self.texts.get(file).map_or("", String::as_str)
    }

    /// Every file in `folder` and below, as it is written.
    pub(super) fn texts(&self, folder: &str) -> impl Iterator<Item = (&str, &str)> {
        let folder = format!("{folder}/");
        self.texts.iter().filter(move |(file, _)| file.starts_with(&folder)).map(|(file, text)| (&**file, &**text))
    }

    /// What is in every JSON or YAML file in `folder`.
    pub(super) fn all(&self, folder: &str) -> impl Iterator<Item = (&str, &Value)> {
        let folder = format!("{folder}/");
        self.data.iter().filter(move |(file, _)| file.starts_with(&folder)).map(|(file, value)| (&**file, value))
    }

    /// Every task definition, of services and of one-off tasks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        self.all("deploy/tasks").map(|(file, definition)| Task::new(file, definition))
    }

    /// The task definition of that family. Other files may hold other revisions of it, and that of its name counts.
    pub(super) fn family(&self, family: &str) -> Option<Task<'_>> {
        let file = format!("deploy/tasks/{family}.json");
        self.tasks().find(|task| task.file == file && text(task.definition, "/family") == family)
    }

    /// Every service with its definition and that of its tasks.
    pub(super) fn deployed(&self) -> impl Iterator<Item = Deployed<'_>> {
        SERVICES.into_iter().map(|service| {
            let file = format!("deploy/services/{}.json", service.name);
            let (task_file, _) = self
                .data
                .get_key_value(&format!("deploy/tasks/{}.json", service.name))
                .unwrap_or_else(|| unreachable!("read() fails without it"));
            let task = Task::new(task_file, self.data(task_file));
            Deployed { service, definition: self.data(&file), file, task }
        })
    }

    /// What runs a service in the topology, under Compose and under Swarm, one-off tasks included.
    pub(super) fn composed(&self) -> impl Iterator<Item = Composed<'_>> {
        self.compose_services().filter_map(|(file, name, definition)| {
            let image = text(definition, "/image");
            let service = SERVICES
                .into_iter()
                .find(|service| image == format!("${{{}_IMAGE}}", service.name.to_ascii_uppercase()))?;
            Some(Composed { file, name, service, definition })
        })
    }

    /// What answers requests in the topology, without one-off tasks.
    pub(super) fn serving(&self) -> impl Iterator<Item = Composed<'_>> {
        self.composed().filter(|composed| composed.subcommand() == "serve")
    }

    /// Every service of the topology, as Compose and Swarm understand the word: its file, its name, and what it is.
    pub(super) fn compose_services(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        [COMPOSE, SWARM].into_iter().flat_map(|file| {
            fields(&self.data(file)["services"]).map(move |(name, definition)| (file, name, definition))
        })
    }

    /// `text` with the placeholders filled in that docker/swarm.sh has a default for: `NAME=${NAME:-default}`.
    pub(super) fn with_defaults(&self, text: &str) -> String {
        definition::placeholders(text).into_iter().fold(text.to_owned(), |text, name| {
            let default = SCRIPTS.iter().find_map(|script| {
                let (_, rest) = self.text(script).split_once(&format!("{name}=${{{name}:-"))?;
                Some(rest.split_once('}')?.0)
            });
            text.replace(&format!("${{{name}}}"), default.unwrap_or(&name))
        })
    }

    /// The time that `setting` has in `haproxy.cfg`.
    pub(super) fn haproxy(&self, setting: &str) -> Option<Duration> {
        let rest = self.text(HAPROXY).lines().find_map(|line| line.trim().strip_prefix(setting)?.strip_prefix(' '))?;
        period(rest.trim())
    }

    /// The resources of one type, in all stacks.
    pub(super) fn resources(&self, kind: &str) -> impl Iterator<Item = Resource<'_>> {
        self.all_resources().filter(move |resource| resource.kind == kind)
    }

    /// All resources of all stacks.
    pub(super) fn all_resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.all("deploy/stacks").flat_map(|(file, template)| {
            fields(&template["Resources"]).map(move |(name, resource)| Resource {
                file,
                name,
                kind: text(resource, "/Type"),
                properties: &resource["Properties"],
            })
        })
    }

    /// The output of that name, with the stack's file.
    pub(super) fn output(&self, name: &str) -> Option<(&str, &Value)> {
        self.all("deploy/stacks")
            .find_map(|(file, template)| Some((file, template["Outputs"].get(name)?.get("Value")?)))
    }

    /// The resource that an output is about, as `!Ref` or `!GetAtt` name it.
    pub(super) fn resource_of_output(&self, name: &str) -> Option<Resource<'_>> {
        let (file, value) = self.output(name)?;
        let id = value.as_str()?.split('.').next()?;
        self.all_resources().find(|resource| resource.file == file && resource.name == id)
    }

    /// The resource that the placeholder at the beginning of `text` stands for.
    pub(super) fn resource_of_placeholder(&self, text: &str) -> Option<Resource<'_>> {
        self.resource_of_output(text.strip_prefix("${")?.split_once('}')?.0)
    }

    /// `text` with the placeholders filled in that are parameters with a default, or texts; of others, the name.
    pub(super) fn resolve(&self, text: &str) -> String {
        definition::placeholders(text).into_iter().fold(text.to_owned(), |text, name| {
            let default = self.output(&name).and_then(|(file, value)| match value {
                Value::Array(_) => substituted(value),
                value => {
                    let parameter = &self.data(file)["Parameters"][value.as_str()?];
                    Some(parameter["Default"].as_str()?.to_owned())
                }
            });
            text.replace(&format!("${{{name}}}"), default.as_deref().unwrap_or(&name))
        })
    }

    /// Replaces `from` in `file` by `to`, wherever it is.
    #[cfg(test)]
    pub(super) fn change(&mut self, file: &str, from: &str, to: &str) {
        let before = self.text(file);
        assert!(before.contains(from), "{file} has no {from:?}");
        let after = before.replace(from, to);
        self.insert(file.to_owned(), after).expect("what it is changed to can be read");
    }
}

/// A task definition with its one container.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) file: &'a str,
    pub(super) definition: &'a Value,
    pub(super) container: &'a Value,
}

impl<'a> Task<'a> {
    fn new(file: &'a str, definition: &'a Value) -> Self {
        Self { file, definition, container: definition.pointer("/containerDefinitions/0").unwrap_or(&Value::Null) }
    }

    /// The service whose image it runs, by the name of the repository: `${Registry}/location:${Tag}`.
    pub(super) fn service(&self) -> Option<&'static Service> {
        let repository = text(self.container, "/image").rsplit('/').next()?.split(':').next()?;
        SERVICES.into_iter().find(|service| service.name == repository)
    }

    /// Its variables, without the secret ones.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        list(self.container, "/environment")
            .iter()
            .map(|variable| (text(variable, "/name").to_owned(), text(variable, "/value").to_owned()))
            .collect()
    }

    /// Its secret variables, each with where it comes from.
    pub(super) fn secrets(&self) -> BTreeMap<&'a str, &'a str> {
        list(self.container, "/secrets")
            .iter()
            .map(|variable| (text(variable, "/name"), text(variable, "/valueFrom")))
            .collect()
    }

    /// What it does.
    pub(super) fn subcommand(&self) -> &'a str {
        subcommand(self.container)
    }
}

/// A service on ECS.
pub(super) struct Deployed<'a> {
    pub(super) service: &'static Service,
    pub(super) file: String,
    pub(super) definition: &'a Value,
    pub(super) task: Task<'a>,
}

impl<'a> Deployed<'a> {
    /// The port on which its tasks listen.
    pub(super) fn port(&self) -> u16 {
        setting(&self.task.environment(), "PORT", self.service.default_port)
    }

    /// The target group to which ECS adds its tasks.
    pub(super) fn target_group(&self, sources: &'a Sources) -> Option<Resource<'a>> {
        sources.resource_of_placeholder(text(self.definition, "/loadBalancers/0/targetGroupArn"))
    }

    /// The listener that sends requests to that target group.
    pub(super) fn listener(&self, sources: &'a Sources) -> Option<Resource<'a>> {
        let group = self.target_group(sources)?;
        sources.resources("AWS::ElasticLoadBalancingV2::Listener").find(|listener| {
            let actions = list(listener.properties, "/DefaultActions");
            actions.iter().any(|action| text(action, "/TargetGroupArn") == group.name)
        })
    }

    /// The load balancer of that listener.
    pub(super) fn balancer(&self, sources: &'a Sources) -> Option<Resource<'a>> {
        let name = text(self.listener(sources)?.properties, "/LoadBalancerArn");
        sources.resources("AWS::ElasticLoadBalancingV2::LoadBalancer").find(|balancer| balancer.name == name)
    }

    /// The most tasks that there are of it: as many as are asked for, or as autoscaling may ask for.
    pub(super) fn most_tasks(&self, sources: &Sources) -> u64 {
        let scaling = sources.data(&format!("deploy/scaling/{}.json", self.service.name));
        self.desired().max(whole(scaling, "/target/MaxCapacity").unwrap_or_default())
    }

    /// How many tasks it begins with.
    pub(super) fn desired(&self) -> u64 {
        whole(self.definition, "/desiredCount").unwrap_or_default()
    }

    /// How many tasks a rollout makes of `tasks`.
    pub(super) fn during_rollout(&self, tasks: u64) -> u64 {
        // Where it is not set, ECS takes 200.
        tasks * whole(self.definition, "/deploymentConfiguration/maximumPercent").unwrap_or(200) / 100
    }
}

/// What runs a service in the topology.
pub(super) struct Composed<'a> {
    pub(super) file: &'a str,
    pub(super) name: &'a str,
    pub(super) service: &'static Service,
    pub(super) definition: &'a Value,
}

impl<'a> Composed<'a> {
    /// Its variables, where nobody says otherwise: `${NAME:-default}` is the default.
    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let default = |value: String| {
            definition::placeholders(&value).into_iter().fold(value, |value, placeholder| {
                let default = placeholder.split_once(":-").map_or("", |(_, default)| default);
                value.replace(&format!("${{{placeholder}}}"), default)
            })
        };
        environment(self.definition).into_iter().map(|(name, value)| (name, default(value))).collect()
    }

    pub(super) fn subcommand(&self) -> &'a str {
        subcommand(self.definition)
    }

    /// The same service on ECS.
    pub(super) fn deployed(&self, sources: &'a Sources) -> Option<Deployed<'a>> {
        sources.deployed().find(|deployed| deployed.service.name == self.service.name)
    }

    /// How many tasks it begins with. A stack has a placeholder for it, as later on there are as many as there were.
    pub(super) fn tasks(&self, sources: &Sources) -> u64 {
        let begins_with =
            || sources.text(SWARM_SCRIPT).lines().find_map(|line| line.strip_prefix("tasks=")?.parse().ok());
        whole(self.definition, "/deploy/replicas").or_else(begins_with).unwrap_or(1)
    }

    /// How many tasks there are at the most while it is updated. Compose knows no update.
    pub(super) fn during_update(&self, sources: &Sources) -> u64 {
        let starts_first = text(self.definition, "/deploy/update_config/order") == "start-first";
        self.tasks(sources) * if starts_first { 2 } else { 1 }
    }
}

/// A resource of a stack.
#[derive(Clone, Copy)]
pub(super) struct Resource<'a> {
    pub(super) file: &'a str,
    pub(super) name: &'a str,
    pub(super) kind: &'a str,
    pub(super) properties: &'a Value,
}

impl Resource<'_> {
    /// A load balancer's or target group's attribute, a number.
    pub(super) fn attribute(&self, key: &str) -> Option<u64> {
        ["/LoadBalancerAttributes", "/TargetGroupAttributes"]
            .iter()
            .flat_map(|attributes| list(self.properties, attributes))
            .find(|attribute| text(attribute, "/Key") == key)
            .and_then(|attribute| whole(attribute, "/Value"))
    }
}

/// The variables of a service of the topology.
pub(super) fn environment(definition: &Value) -> BTreeMap<String, String> {
    fields(&definition["environment"])
        .map(|(name, value)| (name.to_owned(), value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
        .collect()
}

/// What a `!Sub` of a text and its own variables comes to: of a choice (`!If`) the last, of what only AWS knows the name.
fn substituted(sub: &Value) -> Option<String> {
    let text = sub[0].as_str()?.to_owned();
    Some(definition::placeholders(&text).into_iter().fold(text, |text, name| {
        let given = match &sub[1][&name] {
            Value::Array(choice) => choice.last().and_then(Value::as_str),
            given => given.as_str(),
        };
        text.replace(&format!("${{{name}}}"), given.unwrap_or(&name))
    }))
}

/// The value of `name` as the services' code reads it, or `default`.
pub(super) fn setting<T>(environment: &BTreeMap<String, String>, name: &'static str, default: T) -> T
where
    T: FromStr<Err: std::fmt::Display>,
{
    let value = environment.get(name).cloned();
    Reader::new(move |_| value.clone()).or(name, default)
}

/// How long a task with these variables serves on after SIGTERM, and how long it then takes at most.
pub(super) fn stopping(environment: &BTreeMap<String, String>) -> (Duration, Duration) {
    (
        setting(environment, "DRAIN_DELAY", DEFAULT_DRAIN_DELAY).0,
        setting(environment, "SHUTDOWN_TIMEOUT", DEFAULT_SHUTDOWN_TIMEOUT).0,
    )
}

/// The subcommand that a container runs: the first word of its `command`, which comes after the image's entry point.
fn subcommand(container: &Value) -> &str {
    container.pointer("/command/0").and_then(Value::as_str).unwrap_or("serve")
}

/// The fields of an object, or none.
pub(super) fn fields(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

/// The whole number at `pointer`, which a template may have as a string.
pub(super) fn whole(value: &Value, pointer: &str) -> Option<u64> {
    let value = value.pointer(pointer)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// A length of time with its unit, as Compose, Swarm, `haproxy.cfg` and the services have them.
pub(super) fn period(text: &str) -> Option<Duration> {
    text.parse::<Period>().ok().map(|period| period.0)
}

/// A length of time, as a sentence has it.
pub(super) fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// What is at `pointer`, as a sentence has it.
pub(super) fn shown(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => "not set".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

/// Calls `see` with every value in `value`, itself included, and the names of the fields that lead to it.
pub(super) fn each<'a>(value: &'a Value, path: &mut Vec<&'a str>, see: &mut impl FnMut(&[&'a str], &'a Value)) {
    see(path, value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| each(item, path, see)),
        Value::Object(_) => {
            for (name, field) in fields(value) {
                path.push(name);
                each(field, path, see);
                path.pop();
            }
        }
        _ => {}
    }
}

/// `location` as `Location`: how names in stacks begin.
pub(super) fn prefix(service: &Service) -> String {
    services::prefix(service.name)
}

/// Every file in `folder` and below.
fn walk(root: &Path, folder: &Path, files: &mut Vec<String>) -> Result<()> {
    let entries = fs::read_dir(root.join(folder)).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let entry = entry.with_context(|| format!("{} cannot be read", folder.display()))?;
        let path: PathBuf = folder.join(entry.file_name());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            walk(root, &path, files)?;
        } else {
            files.push(path.to_string_lossy().into_owned());
        }
    }
    Ok(())
}
