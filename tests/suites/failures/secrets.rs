//! Secrets stay where they are, however much is logged and however a process ends.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt as _,
    process::{Command, ExitStatus},
};

use harness::{
    Client, Database, PATIENCE, Seeded, TOKEN, UserService, ada, eventually, not_run, oslo, prepared, start,
};
use playground::{
    folders, ports,
    process::{self, Process},
};
use rustix::process::Signal;

/// Does all that has to do with secrets: writes, with the right token and with wrong ones, and fails.
async fn exercise(client: &Client) {
    client.post("/locations", &oslo()).await.expect(201);
    client.post_once("/locations", "a-key-that-nobody-else-has", &oslo()).await.expect(201);
    for wrong in ["Bearer a-wrong-token-of-somebody", "Basic c29tZWJvZHk6c29tZXRoaW5n"] {
        let request = client.request(http::Method::POST, "/locations").header("authorization", wrong).json(&oslo());
        harness::send(request).await.expect(401);
    }
    client.get("/locations?limit=nonsense").await.expect(400);
    client.get("/health").await.expect(200);
    let figures = client.get("/metrics").await.expect(200).body;
    for page in
        [figures, client.get("/").await.body, client.get("/docs").await.body, client.get("/openapi.json").await.body]
    {
        assert!(!page.contains(TOKEN), "{page}");
    }
}

#[tokio::test]
async fn no_secret_is_logged_even_where_everything_is() {
    let database = Database::new().await;
    let location = prepared("location", &database, Seeded::No).await.set("RUST_LOG", "trace");
    let (running, client) = start(&location).await;
    exercise(&client).await;
    let log = running.log().tail(usize::MAX);
    assert!(log.contains("\"level\":\"TRACE\""), "everything is logged");
    for secret in [
        TOKEN,
        database.password(),
        "a-key-that-nobody-else-has",
        "a-wrong-token-of-somebody",
        "c29tZWJvZHk6c29tZXRoaW5n",
        "authorization: ",
    ] {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(secret)).collect();
        assert!(lines.is_empty(), "{secret:?} is in {lines:#?}");
    }
}

#[tokio::test]
async fn private_fields_are_not_logged_either() {
    let users = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    users.client.post("/users", &ada()).await.expect(201);
    users.client.post("/users", &ada()).await.expect(409);
    let log = users.running.log().tail(usize::MAX);
    assert!(!log.contains("ada@example.com"), "{log}");
}

/// Ends a program by a signal that usually leaves a core dump, in a folder of its own.
async fn aborted(program: &[&str], settings: &[(&'static str, String)], ready: impl AsyncFnOnce()) -> ExitStatus {
    let folder = env::temp_dir().join(format!("core-{}-{:x}", std::process::id(), fastrand::u32(..)));
    fs::create_dir(&folder).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -c unlimited && echo granted && exec \"$@\"", "sh"]).args(program).current_dir(&folder);
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    process::capture(&mut command);
    let mut process = Process::start("a program that crashes", command, PATIENCE).unwrap();
    let _ = process.log().wait_for(|line| line == "granted", PATIENCE).await;
    ready().await;
    process.signal(Signal::ABORT);
    let status = process.wait().await.unwrap();
    fs::remove_dir_all(&folder).unwrap();
    status
}

#[tokio::test]
async fn a_crash_leaves_no_core_dump_with_secrets_in_it() {
    // Whether this machine writes any.
    let other = aborted(&["sleep", "60"], &[], async || {}).await;
    if !other.core_dumped() {
        return not_run("no program leaves a core dump on this machine");
    }
    let database = Database::new().await;
    let port = ports::free().unwrap();
    let mut settings = database.settings();
    settings.extend([("HOST", "127.0.0.1".to_owned()), ("PORT", port.to_string()), ("API_TOKEN", TOKEN.to_owned())]);
    let client = Client::new(format!("http://127.0.0.1:{port}"));
    let binary = folders::binaries().unwrap().join("location");
    let status = aborted(&[&binary.to_string_lossy()], &settings, async || {
        eventually("it serves", async || {
            playground::http::get(&format!("http://127.0.0.1:{port}/livez")).await.is_ok()
        })
        .await;
        client.get("/livez").await.expect(200);
    })
    .await;
    assert_eq!(status.signal(), Some(Signal::ABORT.as_raw()));
    assert!(!status.core_dumped());
}
