//! `make run`, as a person uses it and abuses it.
//!
//! The playground keeps what is its own in the target folder of its executable, so each test runs copies in a target
//! folder of its own.

use std::{
    env, fs,
    net::TcpListener,
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

/// A target folder with the playground and the services in it; removed with this value.
struct Checkout {
    folder: PathBuf,
    location_port: u16,
    user_port: u16,
}

impl Checkout {
    fn new(name: &str) -> Self {
        let folder = env::temp_dir().join(format!("playground-{}-{name}", std::process::id()));
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
        let run = self.run();
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
            assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "port {port} is still taken");
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
    let mut first = checkout.run_until_ready().await;
    let printed = first.log().lines().join("\n");
    let post = printed.split("\n\n").find(|block| block.contains("my-first-place")).unwrap().trim();
    let output = Command::new("sh").args(["-c", &format!("{post} -s -i")]).output().unwrap();
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(answer.starts_with("HTTP/1.1 201"), "what is printed works when pasted: {post}\n{answer}");
    let path = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().to_owned();
    first.signal(Signal::INT);
    assert!(first.wait().await.unwrap().success(), "{}", first.log().tail(20));
    checkout.left_nothing_running().await;

    let mut second = checkout.run_until_ready().await;
    assert_eq!(checkout.locations().get(&path).await.expect(200).json()["population"], 45);
    second.signal(Signal::TERM);
    let stopping = second.log().wait_for(|line| line.contains("stopping the services"), PATIENCE).await;
    assert!(stopping.is_some(), "{}", second.log().tail(20));
    second.signal(Signal::TERM);
    assert!(second.wait().await.unwrap().success(), "the same wish twice: {}", second.log().tail(20));
    checkout.left_nothing_running().await;
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
    let told = refused(&checkout).await;
    let own = std::process::id();
    assert!(told.contains(&format!("port {} is taken by", checkout.user_port)), "{told}");
    assert!(told.contains(&format!("process {own}")) && told.contains("USER_PORT"), "{told}");
    drop(holder);

    let mut first = checkout.run_until_ready().await;
    let told = refused(&checkout).await;
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

/// Sends a signal to the one process whose command line has `part`.
fn signal(name: &str, part: &str) {
    let sent = Command::new("pkill").args([&format!("-{name}"), "-f", "--", part]).status().unwrap();
    assert!(sent.success(), "no process has {part}");
}

/// Runs it once more, which has to fail soon; what it said.
async fn refused(checkout: &Checkout) -> String {
    let mut run = checkout.run();
    let status = tokio::time::timeout(Duration::from_secs(10), run.wait()).await.expect("it fails soon").unwrap();
    assert!(!status.success());
    run.log().tail(20)
}
