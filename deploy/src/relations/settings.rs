//! Variables and subcommands: tasks call the code by the names that it has, and give it all that it needs, and nothing
//! that it does not know.

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
    Broken, Relation,
    sources::{COMPOSE, Composed, SWARM, Sources, Task, environment, shown},
};
use crate::aws::{list, text};

pub(super) const RELATIONS: &[Relation] = &[
    tasks_have_the_settings_of_their_subcommand,
    schedules_run_subcommands_with_their_settings,
    the_topology_has_the_settings_of_its_subcommands,
    the_topology_is_the_same_under_swarm,
];

/// What of a container is no matter of who starts it, besides its variables.
const SAME: [&str; 7] = ["image", "command", "secrets", "networks", "read_only", "cap_drop", "stop_grace_period"];

/// Reads what `subcommand` of `service` reads, in the same way; false where there is no such subcommand.
pub(super) fn read(service: &Service, subcommand: &str, reader: &mut Reader) -> bool {
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
pub(super) fn names(service: &Service, subcommand: &str) -> BTreeSet<&'static str> {
    let mut reader = Reader::new(|_| None);
    read(service, subcommand, &mut reader);
    reader.asked().clone()
}

/// What `subcommand` of `service` has against these variables, in the code's own words.
fn faults(service: &Service, subcommand: &str, variables: BTreeMap<String, String>) -> Vec<Fault> {
    let mut reader = Reader::new(move |name| variables.get(name).cloned());
    read(service, subcommand, &mut reader);
    reader.finish().map_or_else(|Invalid(faults)| faults, |()| Vec::new())
}

/// The variables as the code gets them, with stand-ins for what only AWS knows.
fn variables(sources: &Sources, task: &Task) -> BTreeMap<String, String> {
    let plain = task.environment().into_iter().map(|(name, value)| (name, sources.resolve(&value)));
    plain.chain(task.secrets().keys().map(|name| ((*name).to_owned(), "secret".to_owned()))).collect()
}

/// A task's `command` is a subcommand; each variable is one that it reads; and it would start with them.
fn tasks_have_the_settings_of_their_subcommand(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for task in sources.tasks() {
        // That there is one is a relation of its own.
        let Some(service) = task.service() else { continue };
        let subcommand = task.subcommand();
        if let Some(none) = no_subcommand(task.file, "command", subcommand) {
            broken.push(none);
            continue;
        }
        let known = names(service, subcommand);
        let variables = variables(sources, &task);
        for name in variables.keys().filter(|name| !known.contains(name.as_str())) {
            broken.push(Broken::new(
                task.file,
                format!("the variable {name} is set, and `{} {subcommand}` reads no such setting", service.name),
                format!("leave it out, or make it one of {}", known.iter().copied().collect::<Vec<_>>().join(", ")),
            ));
        }
        for Fault { variable, problem } in faults(service, subcommand, variables) {
            broken.push(Broken::new(
                task.file,
                format!("`{} {subcommand}` would not start with {variable}, {problem}", service.name),
                "correct it in environment or secrets",
            ));
        }
    }
    broken
}

/// A schedule's `command` is a subcommand, and it would start with the variables of the task that it runs in.
fn schedules_run_subcommands_with_their_settings(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for (file, schedule) in sources.all("deploy/schedules") {
        let family = text(schedule, "/Target/EcsParameters/TaskDefinitionArn").rsplit('/').next().unwrap_or_default();
        let Some(task) = sources.family(family) else { continue };
        let Some(service) = task.service() else { continue };
        let input: Value = serde_json::from_str(text(schedule, "/Target/Input")).unwrap_or_default();
        for overriding in list(&input, "/containerOverrides") {
            let subcommand = text(overriding, "/command/0");
            if let Some(none) = no_subcommand(file, "command in Input", subcommand) {
                broken.push(none);
            }
            for Fault { variable, problem } in faults(service, subcommand, variables(sources, &task)) {
                broken.push(Broken::new(
                    file,
                    format!(
                        "`{} {subcommand}` would not start with {variable} of {}, {problem}",
                        service.name, task.file
                    ),
                    "correct it there",
                ));
            }
        }
    }
    broken
}

/// The same for the topology, whose one-off tasks share the variables of their service. Secrets are files, and a task
/// is given the files that it reads.
fn the_topology_has_the_settings_of_its_subcommands(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    for composed in sources.composed() {
        let Composed { file, name: container, service, definition } = composed;
        let subcommand = composed.subcommand();
        if let Some(none) = no_subcommand(file, &format!("command of {container}"), subcommand) {
            broken.push(none);
            continue;
        }
        let known: BTreeSet<_> =
            ["serve", subcommand].iter().flat_map(|subcommand| names(service, subcommand)).collect();
        let reads = names(service, subcommand);
        let given: Vec<&str> = list(definition, "/secrets").iter().filter_map(Value::as_str).collect();
        let mut variables = BTreeMap::new();
        for (name, value) in composed.environment() {
            if !known.contains(name.as_str()) {
                broken.push(Broken::new(
                    file,
                    format!(
                        "the variable {name} of {container} is set, and `{} {subcommand}` reads no such setting",
                        service.name
                    ),
                    "leave it out, or make it one that .env.example lists",
                ));
            }
            let secret = value.strip_prefix("/run/secrets/");
            if let Some(secret) = secret.filter(|secret| reads.contains(name.as_str()) && !given.contains(secret)) {
                broken.push(Broken::new(
                    file,
                    format!("{name} of {container} is {value}, and secrets are {}", given.join(", ")),
                    format!("add {secret} to its secrets"),
                ));
            }
            // The files are made up when the topology starts.
            match name.strip_suffix("_FILE") {
                Some(name) => variables.insert(name.to_owned(), "secret".to_owned()),
                None => variables.insert(name, value),
            };
        }
        for Fault { variable, problem } in faults(service, subcommand, variables) {
            broken.push(Broken::new(
                file,
                format!("{container} (`{} {subcommand}`) would not start with {variable}, {problem}", service.name),
                "correct it in environment",
            ));
        }
    }
    broken
}

/// Both files have the same services, of the same images, with the same settings, secrets and networks; but for those with
/// a profile, which are only there when they are asked for: Swarm knows no profiles.
fn the_topology_is_the_same_under_swarm(sources: &Sources) -> Vec<Broken> {
    let mut broken = Vec::new();
    let always = sources.compose_services().filter(|(.., definition)| list(definition, "/profiles").is_empty());
    let names: BTreeSet<&str> = always.map(|(_, name, _)| name).collect();
    for name in names {
        let [compose, swarm] = [COMPOSE, SWARM].map(|file| &sources.data(file)["services"][name]);
        if let Some((file, other)) = match (compose, swarm) {
            (Value::Null, _) => Some((COMPOSE, SWARM)),
            (_, Value::Null) => Some((SWARM, COMPOSE)),
            _ => None,
        } {
            let found = format!("there is no service {name}, which {other} has");
            broken.push(Broken::new(file, found, "add it, or remove it there"));
            continue;
        }
        for field in SAME.into_iter().filter(|field| compose[*field] != swarm[*field]) {
            let [there, here] = [compose, swarm].map(|definition| shown(definition, &format!("/{field}")));
            let found = format!("{field} of {name} is {here}, and {there} in {COMPOSE}");
            broken.push(Broken::new(SWARM, found, "make both the same"));
        }
        let [there, here] = [compose, swarm].map(environment);
        let variables: BTreeSet<&String> = there.keys().chain(here.keys()).collect();
        for variable in variables.into_iter().filter(|variable| there.get(*variable) != here.get(*variable)) {
            // A value may be a secret, so it is not repeated.
            let found = format!("the variable {variable} of {name} is not as in {COMPOSE}");
            broken.push(Broken::new(SWARM, found, "make both the same"));
        }
    }
    broken
}

fn no_subcommand(file: &str, what: &str, subcommand: &str) -> Option<Broken> {
    let all = cli::subcommands();
    (!all.iter().any(|known| known == subcommand)).then(|| {
        Broken::new(
            file,
            format!("{what} is {subcommand:?}, which is no subcommand of the services"),
            format!("make it one of {}", all.join(", ")),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::assert_told, *};
    use crate::services::SERVICES;

    const ALL: &str = "serve, provision, migrate, seed, purge, healthcheck, openapi";

    #[test]
    fn the_settings_of_every_subcommand_are_known() {
        for subcommand in cli::subcommands() {
            assert!(
                SERVICES.iter().all(|service| read(service, &subcommand, &mut Reader::new(|_| None))),
                "{subcommand}"
            );
        }
    }

    #[test]
    fn a_variable_that_nothing_reads_or_that_is_missing_is_told() {
        let relation = tasks_have_the_settings_of_their_subcommand;
        let file = "deploy/tasks/location-database.json";
        let told = [
            "deploy/tasks/location-database.json: the variable DB_HOSTNAME is set, and `location provision` reads no \
             such setting: leave it out, or make it one of DB_ACQUIRE_TIMEOUT, DB_ADMIN_PWD, DB_ADMIN_PWD_FILE, \
             DB_ADMIN_USER, DB_COALESCING, DB_HOST, DB_MAX_CONNECTIONS, DB_NAME, DB_PORT, DB_PWD, DB_PWD_FILE, DB_TLS, \
             DB_TLS_CA, DB_USER, LOG_FORMAT, RUST_LOG",
            "deploy/tasks/location-database.json: `location provision` would not start with DB_HOST, not set; give it \
             the host name of the MySQL server: correct it in environment or secrets",
        ];
        assert_told(relation, file, "\"DB_HOST\"", "\"DB_HOSTNAME\"", &told);
        // A setting of `serve` is none of `provision`.
        let set = r#""environment": [{ "name": "DRAIN_DELAY", "value": "5s" },"#;
        let told = told[0].replace("DB_HOSTNAME", "DRAIN_DELAY");
        assert_told(relation, file, "\"environment\": [", set, &[&told]);
    }

    #[test]
    fn a_value_that_the_code_refuses_is_told() {
        let relation = tasks_have_the_settings_of_their_subcommand;
        let told = "deploy/tasks/user.json: `user serve` would not start with DRAIN_DELAY, not a length of time; write \
                    it with its unit, as in 500ms, 5s or 2m: correct it in environment or secrets";
        let set = r#""environment": [{ "name": "DRAIN_DELAY", "value": "5" },"#;
        assert_told(relation, "deploy/tasks/user.json", "\"environment\": [", set, &[told]);
        let told = "deploy/tasks/user.json: `user serve` would not start with LOCATION_URL, has to be of the form \
                    http://host:port: correct it in environment or secrets";
        let change = ["Default: http://location:8081", "Default: https://location:8081"];
        assert_told(relation, "deploy/stacks/cluster.yaml", change[0], change[1], &[told]);
    }

    #[test]
    fn a_command_that_is_no_subcommand_is_told() {
        let file = "deploy/tasks/user-database.json";
        let told =
            format!("{file}: command is \"create\", which is no subcommand of the services: make it one of {ALL}");
        let change = ["[\"provision\"]", "[\"create\"]"];
        assert_told(tasks_have_the_settings_of_their_subcommand, file, change[0], change[1], &[&told]);
        let file = "deploy/schedules/user-purge.json";
        let told = format!(
            "{file}: command in Input is \"clean\", which is no subcommand of the services: make it one of {ALL}"
        );
        let change = [r#"[\"purge\"]"#, r#"[\"clean\"]"#];
        assert_told(schedules_run_subcommands_with_their_settings, file, change[0], change[1], &[&told]);
        let told = ["location-seed", "user-seed"].map(|name| {
            format!(
                "{COMPOSE}: command of {name} is \"fill\", which is no subcommand of the services: make it one of {ALL}"
            )
        });
        let told = told.each_ref().map(String::as_str);
        let relation = the_topology_has_the_settings_of_its_subcommands;
        assert_told(relation, COMPOSE, "command: [seed]", "command: [fill]", &told);
    }

    #[test]
    fn a_schedule_without_its_settings_is_told() {
        let told = "deploy/schedules/user-purge.json: `user purge` would not start with DB_NAME of \
                    deploy/tasks/user.json, not set; give it the database of this service: correct it there";
        let change = ["{ \"name\": \"DB_NAME\", \"value\": \"user\" },", ""];
        let relation = schedules_run_subcommands_with_their_settings;
        assert_told(relation, "deploy/tasks/user.json", change[0], change[1], &[told]);
    }

    #[test]
    fn settings_of_the_topology_are_held_against_the_code() {
        let relation = the_topology_has_the_settings_of_its_subcommands;
        let change = ["LOCATION_URL: http", "LOCATIONS_URL: http"];
        let told = ["user-database", "user-migrate", "user-seed", "user"].map(|name| {
            let subcommand = name.strip_prefix("user-").map_or("serve", |name| name.trim_end_matches("database"));
            let subcommand = if subcommand.is_empty() { "provision" } else { subcommand };
            format!(
                "{COMPOSE}: the variable LOCATIONS_URL of {name} is set, and `user {subcommand}` reads no such \
                 setting: leave it out, or make it one that .env.example lists"
            )
        });
        let mut told = told.each_ref().map(String::as_str);
        told.sort_unstable();
        let mut seen = super::super::tests::told(relation, &[(COMPOSE, change[0], change[1])]);
        seen.sort_unstable();
        assert_eq!(seen, told);
        let change = ["[mysql-root-password, location-db-password]", "[location-db-password]"];
        for file in [COMPOSE, SWARM] {
            let told = format!(
                "{file}: DB_ADMIN_PWD_FILE of location-database is /run/secrets/mysql-root-password, and secrets are \
                 location-db-password: add mysql-root-password to its secrets"
            );
            assert_told(relation, file, change[0], change[1], &[&told]);
        }
    }

    #[test]
    fn a_topology_that_is_another_one_under_swarm_is_told() {
        let relation = the_topology_is_the_same_under_swarm;
        let told = "docker/swarm/stack.yaml: command of mysql is [\"--skip-name-resolve\",\"--max-connections=400\",\
                    \"--performance-schema=OFF\"], and [\"--skip-name-resolve\",\"--max-connections=300\",\
                    \"--performance-schema=OFF\"] in docker/compose.yaml: make both the same";
        assert_told(relation, SWARM, "--max-connections=300", "--max-connections=400", &[told]);
        // Without the value, which may be a secret.
        let told = ["user", "user-database", "user-migrate", "user-seed"].map(|name| {
            format!("{SWARM}: the variable LOCATION_URL of {name} is not as in {COMPOSE}: make both the same")
        });
        let told = told.each_ref().map(String::as_str);
        assert_told(relation, COMPOSE, "LOCATION_URL: http:", "LOCATION_URL: https:", &told);
        let told = format!("{SWARM}: there is no service prometheus, which {COMPOSE} has: add it, or remove it there");
        assert_told(relation, COMPOSE, "profiles: [metrics]", "profiles: []", &[&told]);
        for (file, other) in [(COMPOSE, SWARM), (SWARM, COMPOSE)] {
            let mut told = [
                format!("{file}: there is no service user-seed, which {other} has: add it, or remove it there"),
                format!("{other}: there is no service user-fill, which {file} has: add it, or remove it there"),
            ];
            let mut seen = super::super::tests::told(relation, &[(file, "  user-seed:", "  user-fill:")]);
            seen.sort_unstable();
            told.sort_unstable();
            assert_eq!(seen, told);
        }
    }
}
