//! Clients that generators make of the OpenAPI documents: they compile, and read every kind of answer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use harness::{Seeded, TOKEN, UserService, location};
use playground::{folders, process};

use super::program;

const SERVICES: [&str; 2] = ["location", "user"];

/// How long a generator or a compiler may take.
const BOUND: Duration = Duration::from_mins(2);

#[tokio::test]
async fn clients_in_python_read_every_kind_of_answer() {
    let Some(generator) = program("openapi-python-client") else { return };
    let folder = folder("python");
    let bin = fs::canonicalize(&generator).unwrap().parent().unwrap().to_owned();
    for service in SERVICES {
        let mut command = Command::new(&generator);
        // A warning is an operation, or an answer, that the client lacks.
        command.args(["generate", "--fail-on-warning", "--overwrite", "--meta", "none", "--path"]);
        command
            .arg(document(service, &folder).await)
            .arg("--output-path")
            .arg(folder.join(format!("{service}_client")));
        // It formats with the ruff beside it.
        command.env("PATH", format!("{}:{}", bin.display(), std::env::var("PATH").unwrap()));
        process::output("openapi-python-client", command, BOUND).await.unwrap();
    }
    let mut command = Command::new(bin.join("python"));
    command.arg(sources().join("read.py")).env("PYTHONPATH", &folder);
    read(command).await;
}

#[tokio::test]
async fn clients_in_typescript_read_every_kind_of_answer() {
    let Some(generator) = program("openapi-typescript") else { return };
    let folder = folder("typescript");
    let modules = generator.parent().unwrap().join("../node/openapi-typescript/node_modules");
    for service in SERVICES {
        let mut command = Command::new(&generator);
        command.arg(document(service, &folder).await).arg("--output").arg(folder.join(format!("{service}.ts")));
        process::output("openapi-typescript", command, BOUND).await.unwrap();
    }
    fs::write(folder.join("package.json"), r#"{"type": "module"}"#).unwrap();
    fs::copy(sources().join("read.ts"), folder.join("read.ts")).unwrap();
    std::os::unix::fs::symlink(fs::canonicalize(&modules).unwrap(), folder.join("node_modules")).unwrap();
    let mut command = Command::new(modules.join(".bin/tsc"));
    command.args(["--strict", "--noUncheckedIndexedAccess", "--target", "es2022", "--module", "nodenext", "read.ts"]);
    command.current_dir(&folder);
    process::output("tsc", command, BOUND).await.unwrap();
    let mut command = Command::new("node");
    command.arg(folder.join("read.js"));
    read(command).await;
}

/// Has a program of ours read the answers of both services.
async fn read(mut command: Command) {
    let places = location(Seeded::Yes).await;
    let users = UserService::asking(&places.running.url(""), Seeded::Yes).await;
    command.args([places.running.url(""), users.running.url(""), TOKEN.to_owned()]);
    let said = process::output("the client", command, BOUND).await.unwrap();
    assert!(said.contains("every answer was read"), "{said}");
}

/// Writes the document of a service to `folder`.
async fn document(service: &str, folder: &Path) -> PathBuf {
    let mut command = Command::new(folders::binaries().unwrap().join(service));
    command.arg("openapi");
    let file = folder.join(format!("{service}.json"));
    fs::write(&file, process::output(service, command, BOUND).await.unwrap()).unwrap();
    file
}

fn sources() -> PathBuf {
    folders::workspace().join("tests/suites/contract/clients")
}

/// An empty folder for clients in that language.
fn folder(language: &str) -> PathBuf {
    let folder = folders::playground().unwrap().join(format!("clients-{language}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}
