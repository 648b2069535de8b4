//! What people see who type `make`: colours where there is a terminal and nobody minds, plain lines everywhere else.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io,
    os::unix::process::ExitStatusExt as _,
    process::{Command, Stdio},
};

use harness::{
    docker::finish,
    eventually,
    recording::{can_make_terminals, in_terminal, svg},
};
use playground::{folders, ports};

const COLUMNS: u16 = 80;
const NOWHERE: &str = "unix:///nowhere";

/// Each way to something that prints in colours, and needs nothing for it: mostly an error.
fn programs() -> Vec<Command> {
    let workspace = folders::workspace();
    let binaries = folders::binaries().unwrap();
    let of = |program: String, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(workspace).env("LOCATION_PORT", "none").env("DOCKER_HOST", NOWHERE);
        command
    };
    let binary = |name: &str, arguments| of(binaries.join(name).display().to_string(), arguments);
    vec![
        of("make".into(), &[]),
        binary("playground", &["run"]),
        binary("deploy", &["tutorial", "none.md"]),
        of(workspace.join("docker/topology.sh").display().to_string(), &["up"]),
        of(workspace.join("docker/swarm.sh").display().to_string(), &["status"]),
        of("bash".into(), &["-c", ". docker/engine.sh; step building; ended built"]),
    ]
}

/// What a program printed, line by line, without the ends of the lines.
async fn said(command: Command) -> String {
    let name = format!("{command:?}");
    let (_, said) = finish(&name, command).await;
    assert!(!said.is_empty(), "{name} says nothing");
    said
}

#[tokio::test]
async fn colours_are_for_terminals_of_people_who_want_them() {
    if !can_make_terminals() {
        return;
    }
    for program in programs() {
        for (variable, value, coloured) in
            [("NO_COLOR", "", true), ("NO_COLOR", "1", false), ("TERM", "dumb", false), ("TERM", "xterm", true)]
        {
            let mut command = in_terminal(&program, COLUMNS);
            command.env(variable, value);
            let said = said(command).await;
            assert_eq!(said.contains('\x1b'), coloured, "{program:?} with {variable}={value}: {said:?}");
            assert!(coloured || !said.contains('\r'), "{program:?} with {variable}={value}: {said:?}");
        }
    }
    for program in programs() {
        let said = said(program).await;
        assert!(!said.contains(['\x1b', '\r']), "{said:?}");
    }
}

#[tokio::test]
async fn in_ci_even_a_terminal_gets_plain_lines() {
    if !can_make_terminals() {
        return;
    }
    // `--old-file`: it is built, and cargo would wait for whoever builds beside this test.
    let playground = format!("PLAYGROUND={}", folders::binaries().unwrap().join("playground").display());
    let mut run = Command::new("make");
    run.args(["--old-file=playground", "run", &playground])
        .current_dir(folders::workspace())
        .env("LOCATION_PORT", "none");
    for (ci, coloured) in [("", true), ("true", false)] {
        let mut command = in_terminal(&run, COLUMNS);
        command.env("CI", ci);
        let said = said(command).await;
        assert!(said.contains("LOCATION_PORT is no port: none") || said.contains("runs already"), "{said:?}");
        assert_eq!(said.contains('\x1b'), coloured, "CI={ci}: {said:?}");
    }
}

#[tokio::test]
async fn make_alone_lists_every_target_once_within_80_columns() {
    let mut make = Command::new("make");
    make.current_dir(folders::workspace());
    let list = said(make).await;
    let wide: Vec<&str> = list.lines().filter(|line| line.chars().count() > usize::from(COLUMNS)).collect();
    assert!(wide.is_empty(), "{wide:#?}");

    let listed: Vec<&str> =
        list.lines().filter_map(|line| line.strip_prefix("  ")?.split_whitespace().next()).collect();
    let makefile = fs::read_to_string(folders::workspace().join("Makefile")).unwrap();
    let documented = makefile.lines().filter(|line| !line.starts_with(['#', '\t'])).filter_map(|line| {
        let (targets, _) = line.split_once(" ## ")?;
        targets.split(':').next()
    });
    let documented: BTreeSet<&str> = documented.flat_map(str::split_whitespace).collect();
    assert!(documented.len() > 40, "{documented:?}");
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), documented);
    assert_eq!(listed.len(), documented.len(), "one is listed twice: {list}");
    assert_eq!(listed[..3], ["run", "test", "up"], "a newcomer finds first what a newcomer needs first");
}

/// Standard output of a command whose reader has gone, as `head` goes when it has enough.
fn gone() -> Stdio {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[test]
fn a_command_that_prints_ends_quietly_when_its_reader_has_gone() {
    let binaries = folders::binaries().unwrap();
    let sigpipe = 13;
    for (program, arguments) in [
        ("location", &["openapi"][..]),
        ("user", &["openapi"]),
        ("location", &["--help"]),
        ("location", &["--version"]),
        ("user", &["serve", "--help"]),
        ("deploy", &["help"]),
        ("deploy", &["check"]),
        ("deploy", &["tutorial", "--aws-only", "docs/tutorial.md"]),
        ("playground", &["--help"]),
        ("make", &[]),
    ] {
        let path = binaries.join(program);
        let mut command = if path.is_file() { Command::new(path) } else { Command::new(program) };
        command.args(arguments).current_dir(folders::workspace()).stdout(gone());
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.is_empty(), "{program} {arguments:?}: {said}");
        let ended = output.status.success() || output.status.signal() == Some(sigpipe);
        // make reports that the shell of its recipe was ended.
        assert!(ended || program == "make", "{program} {arguments:?}: {}", output.status);
    }
}

#[test]
fn what_cannot_be_written_is_an_error() {
    for arguments in [&["openapi"][..], &["--help"], &["--version"]] {
        let mut command = Command::new(folders::binaries().unwrap().join("location"));
        let full = File::options().write(true).open("/dev/full").unwrap();
        let output = command.args(arguments).stdout(full).stderr(Stdio::piped()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("No space left"), "{arguments:?}: {output:?}");
    }
    let mut wrong = Command::new(folders::binaries().unwrap().join("location"));
    let status = wrong.arg("--nonsense").stdout(gone()).stderr(gone()).status().unwrap();
    assert_eq!(status.code(), Some(2), "the exit code does not depend on who reads the message");
}

#[tokio::test]
async fn a_service_outlives_the_reader_of_its_log() {
    let port = ports::free().unwrap();
    let mut service = Command::new(folders::binaries().unwrap().join("location"));
    service.env_clear().envs([
        ("HOST", "127.0.0.1"),
        ("DRAIN_DELAY", "0s"),
        ("DB_HOST", "127.0.0.1"),
        ("DB_PORT", "1"),
    ]);
    service.envs([("DB_USER", "nobody"), ("DB_PWD", "none"), ("DB_NAME", "none")]).env("PORT", port.to_string());
    let mut service = service.stdout(gone()).stderr(gone()).spawn().unwrap();
    let get = async |path: &str| {
        Ok::<_, reqwest::Error>(reqwest::get(format!("http://127.0.0.1:{port}{path}")).await?.status())
    };
    eventually("the service answers", async || get("/readyz").await.is_ok_and(|status| status == 200)).await;
    for _ in 0..3 {
        assert_eq!(get("/locations").await.unwrap(), 503, "logged as an error, and answered");
    }
    let ended = Command::new("kill").arg(service.id().to_string()).status().unwrap();
    assert!(ended.success());
    assert_eq!(service.wait().unwrap().code(), Some(0));
}

#[test]
fn what_was_overwritten_is_not_in_the_picture() {
    let lines = ["⠁ seeding … 0s   \r\x1b[2K\x1b[32m✓\x1b[0m filled (<1 s)".to_owned(), "end".to_owned()];
    let picture = svg("make", &lines, COLUMNS);
    assert!(picture.contains("filled (&lt;1 s)") && !picture.contains("seeding"), "{picture}");
    assert!(picture.contains(".fg-green { fill: #3FB950 }"), "{picture}");
    assert_eq!(picture, svg("make", &lines, COLUMNS));
}
