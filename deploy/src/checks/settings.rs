//! Variables and subcommands: containers call the code by the names that it has, and give it all that it needs, and
//! nothing that it does not know.

use std::collections::{BTreeMap, BTreeSet};

use chassis::{
    Service, cli,
    database::{self, provision::Administrator},
    http::Address,
    server,
    settings::{Fault, Invalid, Reader},
    telemetry,
};
use serde_json::Value;

use super::{
    Report,
    sources::{COMPOSE, SWARM, Sources, Task, fields, subcommand},
};
use crate::{
    aws::{list, text},
    definition::placeholders,
};

/// What of a container does not depend on who starts it.
const SAME: [&str; 8] =
    ["image", "command", "environment", "secrets", "networks", "read_only", "cap_drop", "stop_grace_period"];

/// Reads what `subcommand` of `service` reads, in the same way; false where there is no such subcommand.
fn read(service: &Service, subcommand: &str, reader: &mut Reader) -> bool {
    match subcommand {
        "serve" => {
            server::Settings::read(service, reader);
            telemetry::Settings::read(reader);
        }
        "provision" => {
            Administrator::read(reader);
            database::Settings::read(reader);
            telemetry::Settings::read(reader);
        }
        "migrate" | "seed" | "purge" => {
            database::Settings::read(reader);
            telemetry::Settings::read(reader);
        }
        "healthcheck" => drop(Address::read(service.default_port, reader)),
        "openapi" => drop((service.configure)(reader)),
        _ => return false,
    }
    true
}

/// The variables that `subcommand` of `service` reads.
fn names(service: &Service, subcommand: &str) -> BTreeSet<&'static str> {
    let mut reader = Reader::new(|_| None);
    read(service, subcommand, &mut reader);
    reader.asked().clone()
}

/// A container that runs a subcommand of a service.
struct Container<'a> {
    file: &'a str,
    /// What a message calls it.
    name: String,
    service: &'static Service,
    subcommand: String,
    variables: BTreeMap<&'a str, String>,
    /// Whether its variables are those of `serve` as well.
    shared: bool,
}

/// Tasks, schedules, which run in the container of a task, and the topology.
fn containers(sources: &Sources) -> Vec<Container<'_>> {
    let mut containers = Vec::new();
    for task in sources.tasks() {
        // An image of no service is reported by the permissions, which are for those of the services.
        let Some(service) = task.service() else { continue };
        let (subcommand, variables) = (subcommand(task.container).to_owned(), variables(sources, &task));
        let name = "the task".to_owned();
        containers.push(Container { file: task.file, name, service, subcommand, variables, shared: false });
    }
    for (file, schedule, family) in sources.schedules() {
        let Some((task, service)) = sources.family(family).and_then(|task| Some((task, task.service()?))) else {
            continue;
        };
        let input: Value = serde_json::from_str(text(schedule, "/Target/Input")).unwrap_or_default();
        let subcommand = text(&input, "/containerOverrides/0/command/0").to_owned();
        let variables = variables(sources, &task);
        let name = format!("the schedule of {}", task.file);
        containers.push(Container { file, name, service, subcommand, variables, shared: true });
    }
    for composed in sources.composed() {
        let (service, subcommand) = (composed.deployed.service, subcommand(composed.definition).to_owned());
        // The files of secrets are made up when the topology starts.
        let variables = composed.environment().into_iter().map(|(name, value)| match name.strip_suffix("_FILE") {
            Some(name) => (name, "secret".to_owned()),
            None => (name, value),
        });
        let (name, variables) = (composed.name.to_owned(), variables.collect());
        containers.push(Container { file: composed.file, name, service, subcommand, variables, shared: true });
    }
    containers
}

/// The variables as the code gets them, with stand-ins for what only AWS knows.
fn variables<'a>(sources: &'a Sources, task: &Task<'a>) -> BTreeMap<&'a str, String> {
    let resolve = |value: String| {
        placeholders(&value).into_iter().fold(value, |value, name| {
            let given = sources.output(&name).map_or(Value::Null, |(file, output)| match output.as_str() {
                Some(parameter) => sources.data(file)["Parameters"][parameter]["Default"].clone(),
                // A URL that CloudFormation puts together.
                None => "http://balancer:1".into(),
            });
            value.replace(&format!("${{{name}}}"), given.as_str().unwrap_or(&name))
        })
    };
    let plain = task.environment().into_iter().map(|(name, value)| (name, resolve(value)));
    plain.chain(task.secrets().into_keys().map(|name| (name, "secret".to_owned()))).collect()
}

/// The `command` of every container is a subcommand; each variable is one that it reads; and it would start with them.
pub(super) fn settings(sources: &Sources, report: &mut Report) {
    for Container { file, name, service, subcommand, variables, shared } in containers(sources) {
        let all = cli::subcommands();
        if !all.contains(&subcommand) {
            let found = format_args!("command of {name} is {subcommand:?}, which is no subcommand of the services");
            report.require(false, file, found, format_args!("make it one of {}", all.join(", ")));
            continue;
        }
        let runs = format!("`{} {subcommand}`", service.name);
        let serve = if shared { names(service, "serve") } else { BTreeSet::new() };
        let known = &names(service, &subcommand) | &serve;
        for variable in variables.keys().filter(|variable| !known.contains(*variable)) {
            report.require(
                false,
                file,
                format_args!("the variable {variable} of {name} is set, and {runs} reads no such setting"),
                format_args!(
                    "leave it out, or make it one of {}",
                    known.iter().copied().collect::<Vec<_>>().join(", ")
                ),
            );
        }
        let variables: BTreeMap<String, String> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let mut reader = Reader::new(move |name| variables.get(name).cloned());
        read(service, &subcommand, &mut reader);
        let Err(Invalid(faults)) = reader.finish() else { continue };
        for Fault { variable, problem } in faults {
            let found = format_args!("{runs} would not start with {variable} of {name}, {problem}");
            report.require(false, file, found, "correct it in environment or secrets");
        }
    }
}

/// Both files of the topology have the same services, of the same images, with the same settings, secrets and networks;
/// but for those with a profile, which are only there when they are asked for: Swarm knows no profiles.
pub(super) fn swarm_is_as_compose(sources: &Sources, report: &mut Report) {
    let [compose, swarm] = [COMPOSE, SWARM].map(|file| &sources.data(file)["services"]);
    let always = |(_, definition): &(&str, &Value)| list(definition, "/profiles").is_empty();
    let names: BTreeSet<&str> = fields(compose).chain(fields(swarm)).filter(always).map(|(name, _)| name).collect();
    for name in names {
        for field in SAME.into_iter().filter(|field| compose[name][field] != swarm[name][field]) {
            // A value may be a secret, so none is repeated.
            let found = format_args!("{field} of {name} is not as in {COMPOSE}");
            report.require(false, SWARM, found, "make both the same");
        }
    }
}
