//! Settings: what is wrong is told at once, by name, and without any value.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{self, Read as _, Write as _},
    net::{Ipv6Addr, SocketAddr, TcpListener},
    path::PathBuf,
    process::Command,
    thread,
};

use chassis::{database::provision::Administrator, server, settings::Reader, telemetry};
use harness::{Client, Database, PATIENCE, Seeded, eventually, not_run, prepared, start, unprepared};
use playground::{
    folders, ports,
    process::{self, Process},
    service::Service,
};

#[tokio::test]
async fn all_faults_are_told_at_once_and_no_secret_with_them() {
    let service = Service::new("user")
        .isolated()
        .set("DB_HOST", "db.internal")
        .set("DB_PORT", "70000")
        .set("DB_PWD", "hunter2")
        .set("DB_TLS", "maybe")
        .set("DB_TLS_CA", "/nowhere/ca.pem")
        .set("DB_MAX_CONNECTIONS", "0")
        .set("DB_ACQUIRE_TIMEOUT", "2")
        .set("HOST", "everywhere")
        .set("PORT", "-1")
        .set("API_TOKEN", "two words")
        .set("LOCATION_URL", "location:8081")
        .set("LOCATION_PAGES_URL", "ftp://location")
        .set("ECS_CONTAINER_METADATA_URI_V4", "169.254.170.2/v4")
        .set("LOG_FORMAT", "xml")
        .set("RUST_LOG", "info,a=b=c")
        .set("DRAIN_DELAY", "soon")
        .set("SHUTDOWN_TIMEOUT", "20")
        .set("RELEASE", "https://u:hunter2@registry")
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318");
    let (status, lines) = service.output(&["serve"]).await.unwrap();
    assert_eq!(status.code(), Some(2));
    let told = lines.join("\n");
    for variable in [
        "DB_PORT",
        "DB_USER",
        "DB_NAME",
        "DB_TLS",
        "DB_TLS_CA",
        "DB_MAX_CONNECTIONS",
        "DB_ACQUIRE_TIMEOUT",
        "HOST",
        "PORT",
        "API_TOKEN",
        "LOCATION_URL",
        "LOCATION_PAGES_URL",
        "ECS_CONTAINER_METADATA_URI_V4",
        "LOG_FORMAT",
        "RUST_LOG",
        "DRAIN_DELAY",
        "SHUTDOWN_TIMEOUT",
        "RELEASE",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
    ] {
        assert!(lines.iter().any(|line| line.trim_start().starts_with(&format!("{variable}: "))), "{variable}: {told}");
    }
    for secret in ["hunter2", "two words"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn the_example_lists_exactly_the_variables_that_are_read() {
    let mut read = BTreeSet::new();
    for service in [location::SERVICE, user::SERVICE] {
        let mut reader = Reader::new(|_| None);
        let _ = (server::Settings::read(&service, &mut reader), telemetry::Settings::read(&mut reader));
        let _ = Administrator::read(&mut reader);
        read.extend(reader.asked().iter().map(|name| (*name).to_owned()));
    }
    let example = fs::read_to_string(folders::workspace().join(".env.example")).unwrap();
    let listed: BTreeSet<String> = env_file::names(&example).into_iter().map(str::to_owned).collect();
    assert_eq!(listed, read);
}

/// A folder with a `.env` file; removed with this value.
struct Folder(PathBuf);

impl Folder {
    fn with(file: &str) -> Self {
        let folder = env::temp_dir().join(format!("settings-{}-{:x}", std::process::id(), fastrand::u64(..)));
        fs::create_dir_all(folder.join("within")).unwrap();
        fs::write(folder.join(".env"), file).unwrap();
        Self(folder)
    }

    /// Runs a binary in the folder, or in the one within it, with nothing else set; its exit code and all that it says.
    fn run(&self, within: bool, binary: &str, arguments: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String) {
        let folder = if within { self.0.join("within") } else { self.0.clone() };
        let mut command = Command::new(folders::binaries().unwrap().join(binary));
        command.args(arguments).current_dir(folder).env_clear().envs(variables.iter().copied());
        command.envs(["PATH", "LLVM_PROFILE_FILE"].iter().filter_map(|name| Some((name, env::var_os(name)?))));
        let output = command.output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(said).unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn a_line_of_an_env_file_that_cannot_be_read_is_named_and_not_repeated() {
    for (file, expected) in [
        ("DB_HOST=h\nDB_PWD=correct horse battery\n", "line 2: DB_PWD: "),
        ("DB_HOST=h\nDB_PWD=correct$horse\n", "line 2: DB_PWD: "),
        ("DB_HOST=h\nDB_PWD=correct #horse\n", "line 2: DB_PWD: "),
        ("DB_HOST=h\nDB_PWD='correct\nhorse'\n", "line 2: DB_PWD: "),
        ("DB_HOST=h\nCORRECTHORSE=a b\n", "line 2: "),
        ("DB_ADMIN_PWD=correct horse", "line 1: DB_ADMIN_PWD: "),
    ] {
        let folder = Folder::with(file);
        let name = folder.0.join(".env").to_string_lossy().into_owned();
        for (binary, arguments) in
            [("user", &["serve"][..]), ("location", &[]), ("location", &["healthcheck"]), ("playground", &["run"])]
        {
            let (code, said) = folder.run(false, binary, arguments, &[]);
            assert_eq!(code, Some(2), "{binary}: {said}");
            assert!(said.contains(&name) && said.contains(expected), "{binary}: {said}");
            for text in ["correct", "horse", "CORRECT"] {
                assert!(!said.contains(text), "{binary}: {said}");
            }
        }
        // Neither of them needs a setting.
        assert_eq!(folder.run(false, "location", &["openapi"], &[]).0, Some(0));
        assert_eq!(folder.run(false, "location", &["--version"], &[]).0, Some(0));
    }
}

#[test]
fn an_env_file_is_that_of_the_working_folder_and_the_environment_goes_first() {
    let folder = Folder::with("DB_HOST=h\nDB_USER=u\nDB_PWD='it $costs #1'\nDB_NAME='n'\nDB_PORT=none\n");
    let missing = |said: &str| said.matches(": not set").count();
    let (code, said) = folder.run(false, "location", &["migrate"], &[]);
    assert_eq!((code, missing(&said)), (Some(2), 0), "{said}");
    assert!(said.contains("DB_PORT: not a port"), "{said}");
    let (code, said) = folder.run(false, "location", &["migrate"], &[("DB_USER", "")]);
    assert!(code == Some(2) && missing(&said) == 1 && said.contains("DB_USER: not set"), "{said}");
    // The file is in the folder above.
    let (code, said) = folder.run(true, "location", &["migrate"], &[]);
    assert_eq!((code, missing(&said)), (Some(2), 4), "{said}");
    let file = folder.0.join(".env").to_string_lossy().into_owned();
    assert!(said.contains(&format!("{file} is not read")), "{said}");
}

#[test]
fn an_argument_is_not_repeated() {
    let folder = Folder::with("");
    for arguments in [&["--password=hunter2"][..], &["hunter2"], &["migrate", "--lock-timeout", "hunter2"]] {
        let (code, said) = folder.run(false, "location", arguments, &[]);
        assert!(code == Some(2) && !said.contains("hunter2") && said.contains("--help"), "{said}");
    }
}

#[tokio::test]
async fn a_password_is_good_with_a_line_end_and_refused_as_the_json_of_a_secret() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    for end in ["\n", "\r\n"] {
        let (status, lines) =
            service.clone().set("DB_PWD", format!("{}{end}", database.password())).output(&["purge"]).await.unwrap();
        assert!(status.success(), "{lines:?}");
    }
    let json = format!(r#"{{"username":"u","password":"{}"}}"#, database.password());
    let (status, lines) = service.clone().set("DB_PWD", json).output(&["purge"]).await.unwrap();
    let said = lines.join("\n");
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(said.contains("DB_PWD: ") && said.contains(":password::") && !said.contains(database.password()), "{said}");
    let quoted = format!("'{}'", database.password());
    let (status, lines) = service.set("DB_PWD", quoted).output(&["purge"]).await.unwrap();
    let said = lines.join("\n");
    assert!(!status.success() && said.contains("DB_PWD") && said.contains("begins and ends with a quote"), "{said}");
    assert!(!said.contains(database.password()), "{said}");
}

#[tokio::test]
async fn what_the_specification_of_telemetry_has_ignored_is_warned_about() {
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let database = Database::new().await;
    let service = unprepared("location", &database)
        .set("OTEL_TRACES_SAMPLER", "xray")
        .set("OTEL_TRACES_SAMPLER_ARG", "endpoint=hunter2")
        .set("OTEL_SDK_DISABLED", "true")
        .set("OTEL_BSP_SCHEDULE_DELAY", "1")
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", receiver.local_addr().unwrap()));
    let (mut running, client) = start(&service).await;
    client.get("/").await.expect(200);
    assert!(running.stop().await.unwrap().success());
    let log = running.log().tail(usize::MAX);
    for variable in ["OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG"] {
        let warned = |line: &str| line.contains("WARN") && line.contains(&format!("\"{variable}\""));
        assert!(log.lines().any(warned), "{variable}: {log}");
    }
    assert!(!log.contains("hunter2") && !log.contains("traces are sent"), "{log}");
    assert!(receiver.accept().is_err_and(|none| none.kind() == io::ErrorKind::WouldBlock), "spans were sent");
}

/// A service that is ready, as far as a health check can tell; it answers one request.
fn ready_once(address: SocketAddr) -> io::Result<(u16, thread::JoinHandle<()>)> {
    let listener = TcpListener::bind(address)?;
    let port = listener.local_addr()?.port();
    let answering = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut head = [0; 1024];
        let length = stream.read(&mut head).unwrap();
        assert!(head[..length].starts_with(b"GET /readyz HTTP/1.1\r\n"));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").unwrap();
    });
    Ok((port, answering))
}

#[tokio::test]
async fn the_health_check_asks_the_address_that_the_service_listens_on() {
    for (host, listens) in [
        ("::", "[::1]:0"),
        ("::", "127.0.0.1:0"),
        ("::1", "[::1]:0"),
        ("127.0.0.2", "127.0.0.2:0"),
        ("0.0.0.0", "127.0.0.1:0"),
    ] {
        let Ok((port, answering)) = ready_once(listens.parse().unwrap()) else {
            not_run("this machine has no IPv6 on its loopback interface");
            continue;
        };
        let check = Service::new("location").isolated().set("HOST", host).set("PORT", port.to_string());
        let (status, lines) = check.output(&["healthcheck"]).await.unwrap();
        assert!(status.success(), "{host} and {listens}: {lines:?}");
        answering.join().unwrap();
    }
}

#[tokio::test]
async fn a_service_on_all_addresses_answers_over_both_protocols() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return not_run("this machine has no IPv6 on its loopback interface");
    }
    let port = ports::free().unwrap();
    let mut command = Command::new(folders::binaries().unwrap().join("location"));
    let nowhere = [("DB_HOST", "127.0.0.1"), ("DB_PORT", "1"), ("DB_USER", "u"), ("DB_PWD", "p"), ("DB_NAME", "n")];
    command.current_dir(env::temp_dir()).envs(nowhere).env("HOST", "::").env("PORT", port.to_string());
    process::capture(&mut command);
    let mut process = Process::start("location on ::", command, PATIENCE).unwrap();
    for base in [format!("http://[::1]:{port}"), format!("http://127.0.0.1:{port}")] {
        let client = Client::new(base);
        eventually("it is ready", async || client.request(http::Method::GET, "/readyz").send().await.is_ok()).await;
        client.get("/readyz").await.expect(200);
    }
    let check = Service::new("location").isolated().set("HOST", "::").set("PORT", port.to_string());
    let (status, lines) = check.output(&["healthcheck"]).await.unwrap();
    assert!(status.success(), "{lines:?}");
    process.stop().await.unwrap();
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_remedy() {
    let database = Database::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let service = unprepared("location", &database).set("HOST", "127.0.0.1").set("PORT", port.to_string());
    let (status, lines) = service.output(&["serve"]).await.unwrap();
    assert!(!status.success());
    let told = lines.join("\n");
    assert!(told.contains(&format!("cannot listen on 127.0.0.1:{port}")) && told.contains("PORT"), "{told}");
}

#[tokio::test]
async fn the_health_check_is_true_in_both_directions() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (mut running, _) = start(&service).await;
    let check = service.clone().set("PORT", running.port().to_string());
    let (status, lines) = check.output(&["healthcheck"]).await.unwrap();
    assert!(status.success(), "{lines:?}");
    running.stop().await.unwrap();
    let (status, lines) = check.output(&["healthcheck"]).await.unwrap();
    assert_eq!(status.code(), Some(1), "{lines:?}");
    assert!(lines.join("\n").contains("no answer from http://127.0.0.1"), "{lines:?}");
}

#[tokio::test]
async fn a_wrong_password_is_logged_without_it_and_the_service_answers_503() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("DB_PWD", "not-the-password");
    let (running, client) = start(&service).await;
    client.get("/locations").await.expect_problem(503, "unavailable");
    client.get("/health").await.expect(503);
    let logged = running.log().wait_for(|line| line.contains("Access denied"), harness::PATIENCE).await;
    assert!(logged.is_some(), "{:?}", running.log().lines());
    assert!(!running.log().lines().join("\n").contains("not-the-password"));
}
