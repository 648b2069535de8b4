//! `make` and the scripts in shells as people have them: with settings of cargo, proxies and others' variables.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use playground::{folders, service::Service};

/// A folder with a space in its name; removed with this value.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("commands {}-{name}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn script(&self, name: &str, content: &str) -> PathBuf {
        let file = self.0.join(name);
        fs::write(&file, format!("#!/bin/sh\n{content}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        file
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn output(command: &mut Command) -> (bool, String) {
    let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().unwrap();
    (status.success(), String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr))
}

/// Runs functions of the scripts in `folder`, a checkout.
fn shell(folder: &Path, script: &str, settings: &[(&str, &str)]) -> (bool, String) {
    let script = format!(". docker/terminal.sh; . docker/preparation.sh; {script}");
    output(Command::new("bash").args(["-euo", "pipefail", "-c", &script]).current_dir(folder).envs(settings.to_vec()))
}

#[test]
fn make_runs_the_binaries_of_its_own_checkout_wherever_cargo_is_told_to_build() {
    let folder = Folder::new("cargo");
    let asked = folder.0.join("asked");
    let binary = folder.script("binary", "echo \"ran $* without a proxy for $NO_PROXY, $no_proxy\"");
    let cargo = folder.script(
        "cargo",
        "echo \"$CARGO_TARGET_DIR $CARGO_BUILD_BUILD_DIR\" >>\"$ASKED\"\nif [ \"$1\" = run ]; then echo \"$BINARY\"; fi",
    );
    // make passes it to a shell.
    let cargo = format!("CARGO='{}'", cargo.display());
    for (target, arguments) in [
        ("run", "run"),
        ("reset", "reset"),
        ("test", "test --database auto"),
        ("prepare", "prepare"),
        ("check-deploy", "check"),
        ("status", "status"),
        ("bench-chart", "chart"),
        ("bench", "run --rounds 7 --seconds 1"),
    ] {
        for elsewhere in ["elsewhere", "/nowhere/else where"] {
            let mut make = Command::new("make");
            make.args([target, &cargo, &format!("CARGO_TARGET_DIR={elsewhere}"), "ROUNDS="])
                .current_dir(folders::workspace());
            make.env_remove("MAKEFLAGS").env("ASKED", &asked).env("BINARY", &binary);
            make.env("CARGO_BUILD_TARGET_DIR", elsewhere).env("CARGO_BUILD_BUILD_DIR", elsewhere);
            make.env("DATABASE", "").env("SECONDS", "");
            make.env("http_proxy", "http://127.0.0.1:9").env("NO_PROXY", "").env("no_proxy", "db.internal");
            let (success, said) = output(&mut make);
            let direct = "127.0.0.1,localhost,.localhost,::1,db.internal";
            assert!(success && said.contains(&format!("ran {arguments}")), "{target}: {said}");
            assert!(said.contains(&format!("without a proxy for {direct}, {direct}")), "{target}: {said}");
        }
    }
    let own = folders::workspace().join("target").display().to_string();
    let asked = fs::read_to_string(asked).unwrap();
    assert!(asked.lines().count() > 16 && asked.lines().all(|line| line == format!("{own} {own}")), "{asked}");
}

#[test]
fn scripts_find_their_checkout_whatever_cdpath_says() {
    let (success, said) =
        output(Command::new("scripts/tools.sh").current_dir(folders::workspace()).env("CDPATH", folders::workspace()));
    // cd prints the folder that it finds there.
    assert_eq!((success, said.as_str()), (true, ""));
}

#[test]
fn every_checkout_has_a_topology_of_its_own() {
    let (one, other) = (Folder::new("one"), Folder::new("other"));
    let ids = [&one, &other, &one].map(|folder| {
        fs::create_dir_all(folder.0.join("docker")).unwrap();
        for script in ["terminal.sh", "preparation.sh"] {
            fs::copy(folders::workspace().join("docker").join(script), folder.0.join("docker").join(script)).unwrap();
        }
        let (success, id) = shell(&folder.0, "checkout_id", &[]);
        assert!(success && id.trim().len() == 8, "{id}");
        id
    });
    assert!(ids[0] != ids[1] && ids[0] == ids[2], "{ids:?}");
}

#[test]
fn ports_of_the_topology_differ_and_are_ports() {
    let (success, said) =
        shell(folders::workspace(), "require_different LOCATION_PORT USER_PORT", &[("LOCATION_PORT", "9091")]);
    assert!(!success && said.contains("LOCATION_PORT and USER_PORT are both 9091"), "{said}");
    for port in ["0", "65536", "http", "08081"] {
        let (success, said) =
            shell(folders::workspace(), "require_port LOCATION_PORT label ours", &[("LOCATION_PORT", port)]);
        assert!(!success && said.contains(&format!("LOCATION_PORT={port} is no port")), "{said}");
    }
    let empty = [("LOCATION_PORT", ""), ("USER_PORT", ""), ("ADDRESS", ""), ("SECRETS", "")];
    let (success, said) = shell(folders::workspace(), "echo \"$LOCATION_PORT $USER_PORT $ADDRESS $SECRETS\"", &empty);
    let secrets = folders::workspace().join("target/topology");
    assert_eq!((success, said), (true, format!("8081 9091 127.0.0.1 {}\n", secrets.display())));
}

#[test]
fn files_that_containers_mount_are_readable_under_any_umask() {
    let folder = Folder::new("umask");
    let copy = "umask 077; cp -r \"$FROM/docker\" . && find docker -type f -exec chmod go= {} +";
    let from = folders::workspace().display().to_string();
    let (success, said) = output(Command::new("bash").args(["-c", copy]).current_dir(&folder.0).env("FROM", from));
    assert!(success, "{said}");
    let (success, said) = shell(&folder.0, "umask 077; make_readable", &[]);
    assert!(success, "{said}");
    let mode = |path: &str| fs::metadata(folder.0.join(path)).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("docker/balancer/haproxy.cfg"), 0o644);
    assert_eq!(mode("docker/prometheus/dashboard/index.html"), 0o644);
    assert_eq!(mode("docker/prometheus/dashboard"), 0o755);
    assert_eq!(mode("docker/compose.yaml"), 0o600, "what no container reads stays as it is");
}

#[test]
fn every_file_has_the_same_bytes_in_every_checkout() {
    let (success, files) = output(Command::new("git").args(["ls-files", "--eol"]).current_dir(folders::workspace()));
    assert!(success && files.lines().count() > 300, "{files}");
    for file in files.lines() {
        let text = file.starts_with("i/lf") && file.contains("attr/text=auto eol=lf");
        let binary = file.starts_with("i/-text") && file.contains("attr/-text");
        let empty = file.starts_with("i/none");
        assert!(text || binary || empty, "{file}: is it in .gitattributes?");
    }
}

#[test]
fn a_copied_example_of_settings_changes_nothing() {
    let example = fs::read_to_string(folders::workspace().join(".env.example")).unwrap();
    let active: Vec<_> = example.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(active.is_empty(), "{active:?}");
}

#[test]
fn queries_are_checked_offline_whatever_the_shell_says() {
    let folder = Folder::new("offline");
    let config = fs::read_to_string(folders::workspace().join(".cargo/config.toml")).unwrap();
    for (file, content) in [
        ("Cargo.toml", "[package]\nname = \"offline\"\nedition = \"2024\"\n[workspace]\n"),
        ("src/main.rs", "fn main() { println!(\"{} {}\", env!(\"SQLX_OFFLINE\"), env!(\"SQLX_OFFLINE_DIR\")) }"),
        (".cargo/config.toml", config.as_str()),
    ] {
        fs::create_dir_all(folder.0.join(file).parent().unwrap()).unwrap();
        fs::write(folder.0.join(file), content).unwrap();
    }
    let mut cargo = Command::new("cargo");
    cargo.args(["run", "--quiet", "--offline"]).current_dir(&folder.0).env("SQLX_OFFLINE", "false");
    cargo.env("SQLX_OFFLINE_DIR", "/nowhere").env("DATABASE_URL", "mysql://nobody@127.0.0.1:1/none");
    for variable in ["CARGO_TARGET_DIR", "CARGO_BUILD_BUILD_DIR"] {
        cargo.env(variable, folder.0.join("target"));
    }
    let (success, said) = output(&mut cargo);
    assert_eq!((success, said), (true, format!("true {}\n", folder.0.join(".sqlx").display())));
}

#[tokio::test]
async fn an_address_of_another_machine_is_not_called_a_taken_port() {
    let service = Service::new("location").isolated().set("HOST", "192.0.2.1").set("PORT", "8081");
    let database = [("DB_HOST", "127.0.0.1"), ("DB_USER", "none"), ("DB_PWD", "none"), ("DB_NAME", "none")];
    let service = database.iter().fold(service, |service, (name, value)| service.set(name, *value));
    let (status, lines) = service.output(&["serve"]).await.unwrap();
    let told = lines.join("\n");
    assert!(!status.success() && told.contains("cannot listen on 192.0.2.1:8081"), "{told}");
    assert!(told.contains("set HOST") && !told.contains("holds the port"), "{told}");
}
