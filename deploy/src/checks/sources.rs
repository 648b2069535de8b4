//! The files that the checks compare: definitions and stacks, and the topology under Compose and under Swarm.

use std::{collections::BTreeMap, fs, path::Path, str::FromStr};

use anyhow::{Context as _, Result};
use chassis::{Service, settings::Reader};
use serde_json::Value;

use crate::{
    aws::{list, text},
    definition::placeholders,
    services::SERVICES,
};

pub(super) const COMPOSE: &str = "docker/compose.yaml";
pub(super) const SWARM: &str = "docker/swarm/stack.yaml";
pub(super) const HAPROXY: &str = "docker/balancer/haproxy.cfg";
/// The definitions, in which placeholders are filled in.
pub(super) const DEFINITIONS: [&str; 4] = ["deploy/tasks", "deploy/services", "deploy/schedules", "deploy/scaling"];
const STACKS: &str = "deploy/stacks";

/// The files, by their paths from the root of the workspace.
#[derive(Clone)]
pub(super) struct Sources {
    texts: BTreeMap<String, String>,
    /// Of those that are JSON or YAML.
    data: BTreeMap<String, Value>,
}

impl Sources {
    /// Reads the files of the workspace at `root`.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let mut files = [COMPOSE, SWARM, HAPROXY].map(str::to_owned).to_vec();
        for folder in DEFINITIONS.into_iter().chain([STACKS]) {
            for entry in fs::read_dir(root.join(folder)).with_context(|| format!("{folder} cannot be read"))? {
                files.push(format!("{folder}/{}", entry?.file_name().to_string_lossy()));
            }
            // Every check counts on the definitions of a service; a missing one fails here.
            if ["deploy/tasks", "deploy/services", "deploy/scaling"].contains(&folder) {
                files.extend(SERVICES.iter().map(|service| format!("{folder}/{}.json", service.name)));
            }
        }
        let mut sources = Self { texts: BTreeMap::new(), data: BTreeMap::new() };
        for file in files {
            let text = fs::read_to_string(root.join(&file)).with_context(|| format!("{file} cannot be read"))?;
            sources.insert(file, text)?;
        }
        Ok(sources)
    }

    fn insert(&mut self, file: String, text: String) -> Result<()> {
        let value = match Path::new(&file).extension().and_then(|extension| extension.to_str()) {
            Some("json") => serde_json::from_str(&text).with_context(|| format!("{file} is no JSON"))?,
            Some("yaml") => serde_saphyr::from_str(&text).with_context(|| format!("{file} is no YAML"))?,
            _ => Value::Null,
        };
        self.data.insert(file.clone(), value);
        self.texts.insert(file, text);
        Ok(())
    }

    /// Replaces `from` in `file` by `to`, wherever it is.
    #[cfg(test)]
    pub(super) fn change(&mut self, file: &str, from: &str, to: &str) {
        let before = &self.texts[file];
        assert!(before.contains(from), "{file} has no {from:?}");
        let after = before.replace(from, to);
        self.insert(file.to_owned(), after).expect("the changed file can be read");
    }

    /// The content of `file`.
    pub(super) fn data(&self, file: &str) -> &Value {
        &self.data[file]
    }

    /// The content of every JSON or YAML file in `folder`.
    pub(super) fn all(&self, folder: &str) -> impl Iterator<Item = (&str, &Value)> {
        let folder = format!("{folder}/");
        self.data.iter().filter(move |(file, _)| file.starts_with(&folder)).map(|(file, value)| (&**file, value))
    }

    /// The words of the line of `haproxy.cfg` that begins with `start`, without these.
    pub(super) fn haproxy(&self, start: &str) -> Option<&str> {
        self.texts[HAPROXY].lines().find_map(|line| line.trim().strip_prefix(start)?.strip_prefix(' '))
    }

    /// The task definitions of services and of one-off tasks.
    pub(super) fn tasks(&self) -> impl Iterator<Item = Task<'_>> {
        self.all("deploy/tasks").map(|(file, definition)| {
            let container = &definition["containerDefinitions"][0];
            Task { file, definition, container }
        })
    }

    /// The schedules, each with the family of the task definition that it runs.
    pub(super) fn schedules(&self) -> impl Iterator<Item = (&str, &Value, &str)> {
        self.all("deploy/schedules").map(|(file, schedule)| {
            let arn = text(schedule, "/Target/EcsParameters/TaskDefinitionArn");
            (file, schedule, arn.rsplit('/').next().unwrap_or(arn))
        })
    }

    /// The task definition of `family`. Other files may hold other revisions of it; the one of its name counts.
    pub(super) fn family(&self, family: &str) -> Option<Task<'_>> {
        let file = format!("deploy/tasks/{family}.json");
        self.tasks().find(|task| task.file == file && text(task.definition, "/family") == family)
    }

    /// The services on ECS.
    pub(super) fn deployed(&self) -> impl Iterator<Item = Deployed<'_>> {
        SERVICES.into_iter().map(|service| {
            let files = ["tasks", "services", "scaling"].map(|folder| {
                let (file, value) = self
                    .data
                    .get_key_value(&format!("deploy/{folder}/{}.json", service.name))
                    .expect("read() fails without it");
                (file.as_str(), value)
            });
            let [(task_file, task), (file, definition), (_, scaling)] = files;
            let task = Task { file: task_file, definition: task, container: &task["containerDefinitions"][0] };
            Deployed { service, file, definition, task, scaling }
        })
    }

    /// Every service of the topology in the sense of Compose and Swarm: file, name and definition.
    pub(super) fn compose_services(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        [COMPOSE, SWARM].into_iter().flat_map(|file| {
            fields(&self.data(file)["services"]).map(move |(name, definition)| (file, name, definition))
        })
    }

    /// The containers of the topology that run an image of a service, one-off tasks included.
    pub(super) fn composed(&self) -> impl Iterator<Item = Composed<'_>> {
        self.compose_services().filter_map(|(file, name, definition)| {
            let image = text(definition, "/image");
            let deployed = self
                .deployed()
                .find(|deployed| image == format!("${{{}_IMAGE}}", deployed.service.name.to_ascii_uppercase()))?;
            Some(Composed { file, name, definition, deployed })
        })
    }

    /// The containers of the topology that answer requests.
    pub(super) fn serving(&self) -> impl Iterator<Item = Composed<'_>> {
        self.composed().filter(|composed| subcommand(composed.definition) == "serve")
    }

    /// All resources of all stacks.
    pub(super) fn all_resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.all(STACKS).flat_map(|(file, template)| {
            fields(&template["Resources"]).map(move |(name, resource)| Resource {
                file,
                name,
                kind: text(resource, "/Type"),
                properties: &resource["Properties"],
            })
        })
    }

    /// The resources of one type, in all stacks.
    pub(super) fn resources(&self, kind: &str) -> impl Iterator<Item = Resource<'_>> {
        self.all_resources().filter(move |resource| resource.kind == kind)
    }

    /// The value of an output, with the stack's file.
    pub(super) fn output(&self, name: &str) -> Option<(&str, &Value)> {
        self.all(STACKS).find_map(|(file, template)| Some((file, template["Outputs"].get(name)?.get("Value")?)))
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
}

/// A task definition with its one container.
#[derive(Clone, Copy)]
pub(super) struct Task<'a> {
    pub(super) file: &'a str,
    pub(super) definition: &'a Value,
    pub(super) container: &'a Value,
}

impl<'a> Task<'a> {
    /// The service whose image it runs, by the name of the repository: `${Registry}/location:${Tag}`.
    pub(super) fn service(&self) -> Option<&'static Service> {
        let image = text(self.container, "/image");
        SERVICES.into_iter().find(|service| image == format!("${{Registry}}/{}:${{Tag}}", service.name))
    }

    /// Its variables, without the secret ones.
    pub(super) fn environment(&self) -> BTreeMap<&'a str, String> {
        let variables = list(self.container, "/environment").iter();
        variables.map(|variable| (text(variable, "/name"), text(variable, "/value").to_owned())).collect()
    }

    /// Its secret variables, each with where it comes from.
    pub(super) fn secrets(&self) -> BTreeMap<&'a str, &'a str> {
        let variables = list(self.container, "/secrets").iter();
        variables.map(|variable| (text(variable, "/name"), text(variable, "/valueFrom"))).collect()
    }
}

/// A service on ECS.
pub(super) struct Deployed<'a> {
    pub(super) service: &'static Service,
    pub(super) file: &'a str,
    pub(super) definition: &'a Value,
    pub(super) task: Task<'a>,
    pub(super) scaling: &'a Value,
}

impl<'a> Deployed<'a> {
    /// The target group to which ECS adds its tasks.
    pub(super) fn target_group(&self, sources: &'a Sources) -> Option<Resource<'a>> {
        sources.resource_of_placeholder(text(self.definition, "/loadBalancers/0/targetGroupArn"))
    }

    /// The listener that sends requests to that target group.
    pub(super) fn listener(&self, sources: &'a Sources) -> Option<Resource<'a>> {
        let group = self.target_group(sources)?;
        sources
            .resources("AWS::ElasticLoadBalancingV2::Listener")
            .find(|listener| text(listener.properties, "/DefaultActions/0/TargetGroupArn") == group.name)
    }

    /// The load balancer of that listener.
    pub(super) fn balancer(&self, sources: &'a Sources) -> Option<Resource<'a>> {
        let name = text(self.listener(sources)?.properties, "/LoadBalancerArn");
        sources.resources("AWS::ElasticLoadBalancingV2::LoadBalancer").find(|balancer| balancer.name == name)
    }

    /// How many tasks it begins with.
    pub(super) fn desired(&self) -> u64 {
        whole(self.definition, "/desiredCount").unwrap_or_default()
    }

    /// The most tasks that there are of it: as many as are asked for, or as autoscaling may ask for.
    pub(super) fn most_tasks(&self) -> u64 {
        self.desired().max(whole(self.scaling, "/target/MaxCapacity").unwrap_or_default())
    }

    /// The fewest tasks that serve, and the most that there are, while a service of `tasks` is rolled out.
    pub(super) fn during_rollout(&self, tasks: u64) -> (u64, u64) {
        // Where they are not set, ECS takes 100 and 200.
        let percent = |name: &str, unset| whole(&self.definition["deploymentConfiguration"], name).unwrap_or(unset);
        let (least, most) = (percent("/minimumHealthyPercent", 100), percent("/maximumPercent", 200));
        ((tasks * least).div_ceil(100), tasks * most / 100)
    }
}

/// A container of the topology that runs a service.
pub(super) struct Composed<'a> {
    pub(super) file: &'a str,
    pub(super) name: &'a str,
    pub(super) definition: &'a Value,
    /// The same service on ECS.
    pub(super) deployed: Deployed<'a>,
}

impl<'a> Composed<'a> {
    /// Its variables, with the default of those that may be set from outside: `${NAME:-default}`.
    pub(super) fn environment(&self) -> BTreeMap<&'a str, String> {
        let variables = fields(&self.definition["environment"]);
        variables.map(|(name, value)| (name, with_defaults(value.as_str().unwrap_or_default()))).collect()
    }
}

fn with_defaults(value: &str) -> String {
    placeholders(value).into_iter().fold(value.to_owned(), |value, placeholder| {
        let default = placeholder.split_once(":-").map_or("", |(_, default)| default);
        value.replace(&format!("${{{placeholder}}}"), default)
    })
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

/// The value of `name` as the services' code reads it, or `default`.
pub(super) fn setting<T>(environment: &BTreeMap<&str, String>, name: &'static str, default: T) -> T
where
    T: FromStr<Err: std::fmt::Display>,
{
    let value = environment.get(name).cloned();
    Reader::new(move |_| value.clone()).or(name, default)
}

/// The subcommand that a container runs: the first word of its `command`, which comes after the image's entry point.
pub(super) fn subcommand(container: &Value) -> &str {
    container["command"][0].as_str().unwrap_or("serve")
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

/// The value at `pointer` in a message.
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
    for item in value.as_array().into_iter().flatten() {
        each(item, path, see);
    }
    for (name, field) in fields(value) {
        path.push(name);
        each(field, path, see);
        path.pop();
    }
}
