//! The runbooks, pasted into a shell whose `aws`, `make` and `curl` write down how they are called: none of them changes the
//! release that runs, and the aws CLI takes every command.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use futures_util::{StreamExt as _, stream};
use harness::{aws::Caller, docker::finish};
use playground::folders;

use super::{
    commands::{blocks, spans},
    files, read,
};

/// Writes down its name and its arguments, each quoted, and answers as the commands of the runbooks need it.
const STAND_IN: &str = r#"#!/usr/bin/env bash
name=${0##*/}
printf '%q ' "$name" "$@" >>"$CALLS"; echo >>"$CALLS"
case $name in
    aws) [[ -t 0 ]] || timeout 1 cat >/dev/null; echo 'one two three' ;;
    make) echo http://127.0.0.1:1 ;;
    curl) echo '{"status":"pass","release":"running"}' ;;
esac
"#;

/// What the blocks of `document` that begin to run something call, in order.
async fn calls(document: &str) -> Vec<Vec<String>> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let number = CALLS.fetch_add(1, Ordering::Relaxed);
    let folder = folders::playground().unwrap().join(format!("runbooks-{}-{number}", std::process::id()));
    let (bin, calls) = (folder.join("bin"), folder.join("calls"));
    fs::create_dir_all(&bin).unwrap();
    for name in ["aws", "make", "curl"] {
        fs::write(bin.join(name), STAND_IN).unwrap();
        fs::set_permissions(bin.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    fs::write(&calls, "").unwrap();
    for block in blocks(&read(document)) {
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", &block]).current_dir(folders::workspace()).env("CALLS", &calls);
        bash.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        let (status, said) = finish("a runbook", bash).await;
        assert!(status.success(), "{document}: {block}\n{said}");
    }
    let called = fs::read_to_string(&calls).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    called.lines().map(|line| shell_words::split(line).unwrap()).collect()
}

#[tokio::test]
async fn no_runbook_changes_the_release_that_runs() {
    let calls = calls("docs/operations.md").await;
    let made: Vec<_> = calls.iter().filter(|words| words[0] == "make").collect();
    assert!(made.len() >= 8, "{made:?}");
    for words in made {
        let deploys = words[1].starts_with("deploy") && words[1] != "deploy-stacks";
        let keeps = words.iter().any(|word| word == "TAG=running");
        assert!(!deploys || keeps, "rolls out what the checkout is of: {}", words.join(" "));
        assert!(words[1] != "release" && words[1] != "swarm-update", "{}", words.join(" "));
    }
    // In the running text as well.
    for span in ["docs/operations.md", "SECURITY.md"].iter().flat_map(|document| spans(&read(document))) {
        let deploys =
            ["make deploy", "make deploy-location", "make deploy-user"].iter().any(|deploys| span == *deploys);
        assert!(!deploys, "names no TAG: {span}");
    }
    let provisions = calls.iter().filter(|words| words.iter().any(|word| word == "COMMAND=provision")).count();
    assert_eq!(provisions, 4, "twice for a rotation, twice at once for a password that is known: {calls:?}");
}

#[tokio::test]
async fn the_aws_cli_takes_every_command_that_is_named() {
    let Some(caller) = Caller::new() else { return };
    let mut commands: BTreeSet<Vec<String>> = calls("docs/operations.md").await.into_iter().collect();
    for file in [files(".md"), files(".rs")].concat() {
        let text = read(&file).replace("\\\n", " ");
        let quoted =
            text.split('`').skip(1).step_by(2).filter(|span| span.starts_with("aws ") && span.split(' ').count() > 3);
        let filled = quoted.map(|span| {
            let end = if span.contains("wait {end}") { "stack-update-complete" } else { "app01" };
            let span = span.split(" | ").next().unwrap().replace("{end}", end);
            span.replace("{name}", "app01-cluster").replace("{cluster}", "app01").replace("{}", "app01")
        });
        commands.extend(filled.map(|span| shell_words::split(&span).unwrap()));
    }
    // `configure` and `sso login` ask nobody for anything, or ask a person.
    commands.retain(|words| words[0] == "aws" && words[1] != "configure" && words[1] != "sso");
    assert!(commands.len() >= 12, "{commands:#?}");
    let outcomes = stream::iter(commands).map(|words| {
        let caller = caller.clone();
        async move {
            // What comes through a pipe, in place of a file that is empty here.
            let words: Vec<_> = words.iter().map(|word| word.replace("file:///dev/stdin", "a-value")).collect();
            let arguments: Vec<_> = words.iter().skip(1).map(String::as_str).collect();
            (words.join(" "), caller.aws(&arguments).await)
        }
    });
    let outcomes: Vec<_> = outcomes.buffer_unordered(4).collect().await;
    for (command, outcome) in outcomes {
        // What is valid goes as far as the endpoint, where nobody listens; `wait` says so in other words.
        let valid = outcome.said.contains("Could not connect to the endpoint URL");
        assert!(valid, "{command}: {}", outcome.said);
    }
}
