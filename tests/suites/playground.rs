//! `make run`, as a person uses it and abuses it.
//!
//! The playground keeps what is its own in the target folder of its executable, so each test runs copies in a target
//! folder of its own.

use std::{
    env, fs,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use harness::{
    Client, PATIENCE, eventually, not_run,
    recording::{can_make_terminals, in_terminal, picture},
};
use playground::{database::private, folders, ports, process::Process};
use rustix::process::Signal;

/// As wide as terminals are at least.
const COLUMNS: u16 = 80;

/// A folder with a space in its name, and a target folder with the playground and the services in it; removed with this value.
struct Checkout {
    folder: PathBuf,
    location_port: u16,
    user_port: u16,
}

impl Checkout {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("playground {}-{name}", std::process::id()));
        let binaries = folder.join("target/debug");
        fs::create_dir_all(&binaries).unwrap();
        for binary in ["playground", "location", "user"] {
            fs::copy(folders::binaries().unwrap().join(binary), binaries.join(binary)).unwrap();
        }
        Self { folder, location_port: ports::free().unwrap(), user_port: ports::free().unwrap() }
    }

    /// `playground run`.
    fn command(&self) -> Command {
        let mut command = Command::new(self.folder.join("target/debug/playground"));
        command.arg("run").current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts `command`, without whatever settings this machine has.
    fn start(&self, mut command: Command, settings: &[(&str, &str)]) -> Process {
        command.env_clear().envs(env::var("PATH").map(|path| ("PATH", path)));
        command.env("LOCATION_PORT", self.location_port.to_string()).env("USER_PORT", self.user_port.to_string());
        command.envs(settings.iter().copied());
        Process::start("playground run", command, PATIENCE).unwrap()
    }

    fn run(&self) -> Process {
        self.start(self.command(), &[])
    }

    /// Runs it in a terminal until both services are ready, and ends it with Ctrl-C; all that stood there.
    async fn run_in_terminal(&self, settings: &[(&str, &str)]) -> Vec<String> {
        let mut run = self.start(in_terminal(&self.command(), COLUMNS), settings);
        let ready = run.log().wait_for(|line| line.contains("The services' logs:"), PATIENCE).await;
        assert!(ready.is_some(), "{}", run.log().tail(30));
        signal("INT", &format!("^{}/target/debug/playground run$", self.folder.display()));
        assert!(run.wait().await.unwrap().success(), "{}", run.log().tail(20));
        self.left_nothing_running().await;
        run.log().lines()
    }

    /// Starts it and waits until both services are ready.
    async fn run_until_ready(&self) -> Process {
        self.ready(self.run()).await
    }

    /// Runs another subcommand to its end; what it said.
    async fn finish(&self, subcommand: &str, settings: &[(&str, &str)]) -> String {
        let mut command = Command::new(self.folder.join("target/debug/playground"));
        command.arg(subcommand).current_dir(&self.folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = self.start(command, settings);
        tokio::time::timeout(PATIENCE, process.wait()).await.expect("it ends").unwrap();
        process.log().tail(20)
    }

    async fn ready(&self, run: Process) -> Process {
        let ready = run.log().wait_for(|line| line == "The services' logs:", PATIENCE).await;
        assert!(ready.is_some(), "{}", run.log().tail(30));
        run
    }

    fn locations(&self) -> Client {
        Client::new(format!("http://127.0.0.1:{}", self.location_port))
    }

    /// Everything that runs with this folder in its command line or as its program.
    fn processes(&self) -> Vec<String> {
        let ours = self.folder.to_string_lossy().into_owned();
        let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|process| {
            let arguments = fs::read_to_string(process.path().join("cmdline")).ok()?.replace('\0', " ");
            let program = fs::read_link(process.path().join("exe")).unwrap_or_default();
            (arguments.contains(&ours) || program.starts_with(&self.folder)).then_some(arguments)
        });
        processes.collect()
    }

    async fn left_nothing_running(&self) {
        eventually("nothing runs any more", async || self.processes().is_empty()).await;
        for port in [self.location_port, self.user_port] {
            let free = async || TcpListener::bind(("127.0.0.1", port)).is_ok();
            eventually(&format!("port {port} is free again"), free).await;
        }
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// These tests are about private instances: where there is only Docker, `make run` takes that, and it has its own
/// means against all of this.
async fn private_server() -> bool {
    let there = private::find().await.is_some();
    if !there {
        not_run("there is no mysqld or mariadbd on this machine for `make run` to start");
    }
    there
}

#[tokio::test]
async fn what_was_written_survives_and_ctrl_c_leaves_nothing_running() {
    if !private_server().await {
        return;
    }
    let checkout = Checkout::new("survives");
    // What people's shells have for other purposes counts for nothing, but for their token.
    let token = checkout.folder.join("token");
    fs::write(&token, "from-a-file,the-next-one\n").unwrap();
    let token = token.to_string_lossy();
    let mut settings = vec![("API_TOKEN_FILE", &*token), ("DB_PWD_FILE", "/nowhere"), ("DB_TLS", "verify-identity")];
    settings.extend([("DB_TLS_CA", "/nowhere"), ("DB_HOST", ""), ("API_TOKEN", ""), ("HOST", "x86_64-linux")]);
    settings.extend(
        ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"].map(|variable| (variable, "http://127.0.0.1:9")),
    );
    let mut first = checkout.ready(checkout.start(checkout.command(), &settings)).await;
    let (status, answer) = pasted(&first, "my-first-place");
    assert!(status && answer.starts_with("HTTP/1.1 201"), "what is printed works when pasted: {answer}");
    let path = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    let (status, answer) = pasted(&first, "my-first-user");
    assert!(status && answer.starts_with("HTTP/1.1 201"), "what is printed works when pasted: {answer}");
    let users = Client::new(format!("http://127.0.0.1:{}", checkout.user_port));
    let delete = users.request(reqwest::Method::DELETE, "/users/1").bearer_auth("the-next-one");
    assert_eq!(delete.send().await.unwrap().status(), 204);
    let delete = checkout.locations().request(reqwest::Method::DELETE, "/locations/3143244").bearer_auth("from-a-file");
    assert_eq!(delete.send().await.unwrap().status(), 204);
    let refused = checkout.finish("reset", &[]).await;
    assert!(refused.contains("the playground runs already"), "{refused}");
    first.signal(Signal::INT);
    assert!(first.wait().await.unwrap().success(), "{}", first.log().tail(20));
    checkout.left_nothing_running().await;

    let mut second = checkout.run_until_ready().await;
    assert_eq!(checkout.locations().get(&path).await.expect(200).json()["population"], 45);
    for line in ["country=NO", "/nearest", "include=location", "my-first-place", "my-first-user"] {
        let (status, answer) = pasted(&second, line);
        assert!(status && answer.starts_with("HTTP/1.1 20"), "{line} works on the data that are there: {answer}");
    }
    second.signal(Signal::TERM);
    let stopping = second.log().wait_for(|line| line.contains("stopping the services"), PATIENCE).await;
    assert!(stopping.is_some(), "{}", second.log().tail(20));
    second.signal(Signal::TERM);
    assert!(second.wait().await.unwrap().success(), "the same wish twice: {}", second.log().tail(20));
    checkout.left_nothing_running().await;

    let elsewhere = checkout.finish("reset", &[("DB_HOST", "db.internal")]).await;
    assert!(elsewhere.contains("DB_HOST") && elsewhere.contains("db.internal"), "{elsewhere}");
    let data = ["mariadb", "mysql"].map(|server| checkout.folder.join("target/playground").join(server));
    assert!(data.iter().any(|folder| folder.exists()), "{elsewhere}");
    let reset = checkout.finish("reset", &[]).await;
    assert!(reset.contains("sample data again") && !data.iter().any(|folder| folder.exists()), "{reset}");
}

#[tokio::test]
async fn a_terminal_sees_what_happens_and_what_to_do_next() {
    if !can_make_terminals() || !private_server().await {
        return;
    }
    let mut checkout = Checkout::new("recorded");
    // The usual ports, where somebody wants the picture and they are to be had.
    if env::var_os("TEST_PICTURES").is_some() && [8081, 9091].map(ports::is_free) == [true, true] {
        (checkout.location_port, checkout.user_port) = (8081, 9091);
    }
    // Which is another one every time.
    let token = ("API_TOKEN", "made-up-by-each-make-run");
    let lines = checkout.run_in_terminal(&[("TERM", "xterm-256color"), token]).await;
    let end = lines.iter().position(|line| line.contains("The services' logs:")).unwrap();
    // A person's checkout is where that person is.
    let here = format!("{}/", checkout.folder.display());
    let shown: Vec<String> = lines[..=end].iter().map(|line| line.replace(&here, "")).collect();
    picture("run", "make run", &shown, COLUMNS);
    for moving_or_coloured in ["\x1b[32mReady\x1b[0m on", "\r\x1b[2K", "\x1b[36mlocation"] {
        assert!(lines.join("\n").contains(moving_or_coloured), "{moving_or_coloured:?}: {lines:#?}");
    }

    for plain in [[("TERM", "xterm-256color"), ("NO_COLOR", "1")], [("TERM", "dumb"), ("NO_COLOR", "")]] {
        let lines = checkout.run_in_terminal(&plain).await;
        assert!(lines.contains(&"  starting the services …".to_owned()), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains(['\x1b', '\r'])), "{plain:?}: {lines:#?}");
    }
}

#[tokio::test]
async fn a_killed_run_leaves_nothing_that_hinders_the_next() {
    if !private_server().await {
        return;
    }
    let checkout = Checkout::new("killed");
    let mut first = checkout.run_until_ready().await;
    first.kill().await.unwrap();
    let mut second = checkout.run_until_ready().await;
    checkout.locations().get("/locations?limit=1").await.expect(200);
    second.stop().await.unwrap();
    checkout.left_nothing_running().await;
}

#[tokio::test]
async fn a_folder_that_is_half_initialised_is_made_anew() {
    if !private_server().await {
        return;
    }
    let checkout = Checkout::new("half");
    for server in ["mariadb", "mysql"] {
        let partial = checkout.folder.join("target/playground").join(server).join("data.partial");
        fs::create_dir_all(&partial).unwrap();
        fs::write(partial.join("ibdata1"), "half of it").unwrap();
    }
    let mut run = checkout.run_until_ready().await;
    checkout.locations().get("/locations?limit=1").await.expect(200);
    run.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_run_and_a_taken_port_are_told_with_their_remedies() {
    if !private_server().await {
        return;
    }
    let checkout = Checkout::new("taken");
    let holder = TcpListener::bind(("127.0.0.1", checkout.user_port)).unwrap();
    let told = checkout.finish("run", &[]).await;
    let own = std::process::id();
    assert!(told.contains(&format!("port {} is taken by", checkout.user_port)), "{told}");
    assert!(told.contains(&format!("process {own}")) && told.contains("USER_PORT"), "{told}");
    drop(holder);
    let own = checkout.location_port.to_string();
    for (setting, reason) in [
        (("USER_PORT", &*own), "both services would listen on port"),
        (("LOCATION_PORT", "65536"), "LOCATION_PORT is no port: 65536"),
        (("LOCATION_PORT", "0"), "LOCATION_PORT is no port: 0"),
        (("USER_PORT", "tcp://10.0.0.1:9091"), "USER_PORT is no port: tcp://10.0.0.1:9091"),
    ] {
        let told = checkout.finish("run", &[setting]).await;
        assert!(told.contains(reason) && !told.contains("starting"), "{told}");
    }

    let mut first = checkout.run_until_ready().await;
    let told = checkout.finish("run", &[]).await;
    assert!(told.contains(&format!("the playground runs already (process {}", first.id())), "{told}");
    checkout.locations().get("/readyz").await.expect(200);
    first.stop().await.unwrap();
    checkout.left_nothing_running().await;
}

#[tokio::test]
async fn what_ends_by_itself_ends_the_run_and_is_named() {
    if !private_server().await {
        return;
    }
    let checkout = Checkout::new("ends");
    let user = checkout.folder.join("target/debug/user").to_string_lossy().into_owned();
    let data = checkout.folder.join("target/playground").to_string_lossy().into_owned();
    for (command_line, name) in [(user, "user service"), (format!("--datadir={data}"), "database server")] {
        let mut run = checkout.run_until_ready().await;
        signal("KILL", &command_line);
        assert!(!run.wait().await.unwrap().success());
        let told = run.log().tail(10);
        assert!(told.contains(&format!("the {name} ended by itself")), "{told}");
        checkout.left_nothing_running().await;
    }
}

#[tokio::test]
async fn a_second_ctrl_c_does_not_wait_for_what_hangs() {
    if !private_server().await {
        return;
    }
    let checkout = Checkout::new("hangs");
    let mut run = checkout.run_until_ready().await;
    signal("STOP", &checkout.folder.join("target/debug/location").to_string_lossy());
    run.signal(Signal::INT);
    let stopping = run.log().wait_for(|line| line.contains("stopping the services"), PATIENCE).await;
    assert!(stopping.is_some(), "{}", run.log().tail(20));
    run.signal(Signal::INT);
    let status = tokio::time::timeout(Duration::from_secs(5), run.wait()).await.expect("at once").unwrap();
    assert_eq!(status.code(), Some(130), "{}", run.log().tail(20));
    checkout.left_nothing_running().await;
}

/// Runs the printed command that has `part` in it, as a person with a proxy would; whether it succeeded, and the answer.
fn pasted(run: &Process, part: &str) -> (bool, String) {
    let printed = run.log().lines().join("\n");
    let block = printed.split("\n\n").find(|block| block.contains("curl ") && block.contains(part)).unwrap();
    // One command is several lines, or several are one line each.
    let command = if block.contains("\\\n") { block } else { block.lines().find(|line| line.contains(part)).unwrap() };
    let mut shell = Command::new("sh");
    let proxy = if printed.contains("--noproxy") { "http://127.0.0.1:9" } else { "" };
    shell.args(["-c", &format!("{} -s -i", command.trim())]).env("http_proxy", proxy);
    let output = shell.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[tokio::test]
async fn a_folder_of_another_user_is_named_with_the_remedy() {
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        not_run("only root can become another user");
        return;
    }
    let checkout = Checkout::new("owner");
    fs::create_dir_all(checkout.folder.join("scripts")).unwrap();
    let script = checkout.folder.join("scripts/ownership.sh");
    fs::copy(folders::workspace().join("scripts/ownership.sh"), &script).unwrap();
    for mut command in [checkout.command(), Command::new(script)] {
        command.uid(NOBODY).gid(NOBODY).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = checkout.start(command, &[]);
        assert!(!run.wait().await.unwrap().success());
        let told = run.log().tail(20);
        assert!(told.contains("target") && told.contains("belongs to root"), "{told}");
        assert!(told.contains("sudo chown -R"), "{told}");
    }
}

/// Sends a signal to the one process whose command line has `part`.
fn signal(name: &str, part: &str) {
    let sent = Command::new("pkill").args([&format!("-{name}"), "-f", "--", part]).status().unwrap();
    assert!(sent.success(), "no process has {part}");
}
