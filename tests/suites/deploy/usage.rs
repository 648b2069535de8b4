//! Command lines that are wrong, and the remedies that are printed: each is pasted here.

use std::{
    collections::BTreeMap,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use harness::aws::{Caller, Moto};
use playground::folders;

use super::scaling::{OUTPUTS, services};

/// `script` with `make`, which takes the deployment tool as it is built.
fn with_make(script: &str) -> String {
    let tool = folders::binaries().unwrap().join("deploy");
    format!("make() {{ command make --old-file=deploy-tool DEPLOY={} \"$@\"; }}\n{script}", tool.display())
}

/// The first command of `make` between backquotes.
fn remedy(said: &str) -> &str {
    let remedy = said.split('`').find(|piece| piece.starts_with("make "));
    remedy.unwrap_or_else(|| panic!("no command is named: {said}"))
}

/// A folder with a program of that name, to go first in a `PATH`.
fn program(name: &str, script: &str) -> PathBuf {
    let folder = folders::playground().unwrap().join(format!("program-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(folder.join(name), Permissions::from_mode(0o755)).unwrap();
    folder
}

#[tokio::test]
async fn a_variable_that_is_missing_or_wrong_is_named_with_what_it_may_be() {
    let Some(caller) = Caller::new() else { return };
    for (subcommand, variables, parts) in [
        ("url", &[][..], &["SERVICE is not set", "`make url SERVICE=location`"][..]),
        ("url", &[("SERVICE", "")], &["SERVICE is not set", "`make url SERVICE=location`"]),
        ("rollback", &[], &["SERVICE is not set", "`make rollback SERVICE=location`"]),
        ("logs", &[("SERVICE", "lokation")], &["SERVICE=lokation is none of location, user"]),
        ("run-task", &[], &["SERVICE and COMMAND are not set", "`make run-task SERVICE=location COMMAND=seed`"]),
        ("run-task", &[("SERVICE", "user")], &["COMMAND is not set", "`make run-task SERVICE=user COMMAND=seed`"]),
        ("run-task", &[("SERVICE", "user"), ("COMMAND", "sed")], &["COMMAND=sed: ", "seed, purge"]),
        ("run-task", &[("SERVICE", "user"), ("COMMAND", "serve")], &["COMMAND=serve: ", "has to end"]),
        ("up", &[("LOAD", "abc")], &["LOAD=abc: ", "such as LOAD=50"]),
        ("up", &[("LOAD", "0")], &["LOAD=0: ", "1 to 1000"]),
        ("up", &[("TAG", "a/b")], &["TAG=a/b: ", "128 letters"]),
        ("diff", &[("TAG", "…")], &["TAG=…: ", "128 letters"]),
        ("release", &[("TAG", "latest")], &["TAG=latest: ", "git revision"]),
        ("destroy", &[("DATA", "delete")], &["DATA=delete is none of keep, remove"]),
        ("status", &[("CLUSTER", "App_1")], &["CLUSTER=App_1: ", "lower-case letters"]),
        // Empty is unset: what is refused is that nobody listens.
        ("status", &[("CLUSTER", "")], &["no local AWS answers"]),
        ("destroy", &[("DATA", ""), ("CONFIRM", "app01")], &["no local AWS answers"]),
    ] {
        let caller = variables.iter().fold(caller.clone(), |caller, (name, value)| caller.with(name, value));
        caller.deploy(&[subcommand]).await.expect_refusal(parts);
    }
}

#[tokio::test]
async fn a_variable_that_a_target_does_not_read_is_refused_before_anything_is_done() {
    let Some(caller) = Caller::new() else { return };
    for (command, parts) in [
        ("make destroy SERVICE=location", &["`make destroy` does not read SERVICE", "nothing was done"][..]),
        ("make rollback SERVICE=user TAG=first", &["`make rollback` does not read TAG"]),
        ("make deploy SERVICE=user TAG=first", &["`make deploy` does not read SERVICE"]),
        ("make deploy-location SERVICE=user TAG=first", &["SERVICE=user contradicts the target"]),
        ("make deploy SERVCE=location", &["no target reads the variable SERVCE", "SERVICE"]),
        ("make destroy DATE=remove", &["no target reads the variable DATE", "DATA"]),
        ("make up TGA=first", &["no target reads the variable TGA", "TAG"]),
    ] {
        caller.bash(&with_make(command)).await.expect_refusal(parts);
    }
}

#[tokio::test]
async fn what_a_message_names_as_the_remedy_works_when_it_is_pasted() {
    let Some(moto) = Moto::start().await else { return };
    // Whatever a definition refers to, so that it can be compared.
    let mut outputs: BTreeMap<String, String> = BTreeMap::new();
    for folder in ["tasks", "services"] {
        for entry in fs::read_dir(folders::workspace().join("deploy").join(folder)).unwrap() {
            let text = fs::read_to_string(entry.unwrap().path()).unwrap();
            let names = text.split("${").skip(1).map(|rest| rest.split('}').next().unwrap().to_owned());
            outputs.extend(names.map(|name| (name, "x".to_owned())));
        }
    }
    outputs.extend(OUTPUTS.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let outputs: Vec<_> = outputs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    moto.stack("cluster", &outputs).await;
    services(&moto).await;
    let paste = async |said: &str| moto.caller.bash(&with_make(remedy(said))).await;

    let told = moto.caller.deploy(&["url"]).await;
    told.expect_refusal(&[]);
    let pasted = paste(&told.said).await;
    pasted.expect_success(&["/_alb/app01-location"]);

    // One that would make what was compared gets as far as the engine that it builds with.
    let nowhere = moto.caller.clone().with("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let diff = nowhere.deploy(&["diff", "--tag", "second"]).await;
    diff.expect_success(&["would change; `make deploy TAG=second` does it"]);
    nowhere.bash(&with_make(remedy(&diff.said))).await.expect_refusal(&["images are built with it"]);
    let missing = nowhere.deploy(&["service", "location", "--tag", "missing"]).await;
    missing.expect_refusal(&["`make release TAG=missing` builds and pushes it"]);
    nowhere.bash(&with_make(remedy(&missing.said))).await.expect_refusal(&["images are built with it"]);
}

#[tokio::test]
async fn provisioning_runs_the_task_that_has_the_administrators_login_and_rolls_nothing_out() {
    let Some(moto) = Moto::start().await else { return };
    moto.stack("cluster", &OUTPUTS).await;
    services(&moto).await;
    let definition = r#"[{"name": "location-database", "image": "x", "memory": 4}]"#;
    let register = ["ecs", "register-task-definition", "--family", "location-database", "--container-definitions"];
    moto.caller.ask(&[&register[..], &[definition]].concat()).await;
    let describe = ["ecs", "describe-services", "--cluster", "app01", "--services", "location", "user"];
    let before = moto.caller.ask(&describe).await;
    // There is no instance, so moto does not start it.
    let outcome = moto.caller.deploy(&["run-task", "location", "provision"]).await;
    outcome.expect_refusal(&["run-task --cluster app01 --task-definition location-database:1"]);
    assert_eq!(moto.caller.ask(&describe).await, before);
}

#[tokio::test]
async fn a_cli_that_would_reach_aws_in_place_of_a_local_one_is_refused() {
    let Some(caller) = Caller::new() else { return };
    for (version, helps) in [("aws-cli/2.9.19 Python/3.11.2", "2.13"), ("aws-cli/1.22.34 Python/3.10", "1.29")] {
        let old = program("aws", &format!("echo '{version}'"));
        let path = format!("{}:/usr/bin:/bin", old.display());
        let outcome = caller.clone().with("PATH", &path).deploy(&["status"]).await;
        outcome.expect_refusal(&["ignores AWS_ENDPOINT_URL", helps, "https://"]);
        fs::remove_dir_all(&old).unwrap();
    }
    let nobody = caller.without("AWS_REGION").without("AWS_DEFAULT_REGION").with("AWS_PROFILE", "nobody");
    nobody.deploy(&["status"]).await.expect_refusal(&["AWS_PROFILE", "nobody"]);
}

/// An engine that has an image of another version, and of none that is asked for.
const ENGINE: &str = r#"case "$*" in
    version*) echo 27.0.0 ;;
    info*ControlAvailable*) echo active true ;;
    "images --format"*) echo first ;;
    image*|pull*|tag*|*haproxy*) exit 1 ;;
    "service inspect"*Image*) echo location:first ;;
esac"#;

#[tokio::test]
async fn the_scripts_repeat_the_tag_that_was_given() {
    let Some(caller) = Caller::new() else { return };
    let engine = program("docker", ENGINE);
    let path = format!("{}:{}", engine.display(), std::env::var("PATH").unwrap());
    let caller = caller.with("PATH", &path);
    for (command, parts) in [
        (
            "make up TAG=missing",
            &["no image location:missing", "`make build TAG=missing`", "`docker images location`"][..],
        ),
        ("make swarm-update", &["TAG is not set", "`make swarm-update TAG=first`"]),
        ("make push TAG=missing REGISTRY=example.org/x", &["`make build TAG=missing`"]),
    ] {
        caller.bash(command).await.expect_refusal(parts);
    }
    fs::remove_dir_all(&engine).unwrap();
}
