//! The topology as a stack of Swarm, as `make swarm` makes it, on an engine of our own.

use std::{
    fs,
    path::PathBuf,
    process::{Command, ExitStatus},
};

use harness::{
    Client, TOKEN,
    docker::{finish, script_command, tag},
    not_run,
    recording::in_terminal,
};
use playground::{engine::is_remote, folders};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::{
    engine::{Engine, Network, image_of},
    versions::{self, Kind},
};

/// How many tasks each service has.
pub(crate) const TASKS: usize = 4;

/// The services, as the drawings have them from left to right.
pub(crate) const SERVICES: [&str; 2] = ["location", "user"];

/// The stack, and the version that runs.
pub(crate) struct Swarm {
    // What is dropped first goes first.
    pub(crate) manager: Engine,
    network: Network,
    haproxy: String,
    version: String,
    versions: u32,
}

/// The stack, complete and on a version that serves; none where there is no engine for it.
pub(crate) async fn swarm() -> Option<MappedMutexGuard<'static, Swarm>> {
    static SWARM: Mutex<Option<Swarm>> = Mutex::const_new(None);
    let tag = tag()?;
    if !cfg!(target_os = "linux") || is_remote() {
        not_run("it asks containers at their own addresses, which takes an engine on this Linux");
        return None;
    }
    let mut shared = SWARM.lock().await;
    if shared.is_none() {
        *shared = Some(Swarm::start(&tag).await);
    }
    Some(MutexGuard::map(shared, |shared| shared.as_mut().unwrap()))
}

/// A further stack file. A database has a disk of its own; here it would share one with an engine that writes to it, and
/// waits for it, whenever it starts a container.
const OWN_DISK: (&str, &str) = (
    "own-disk",
    r#"
version: "3.9"
volumes:
  mysql:
    driver_opts: {type: tmpfs, device: tmpfs}
"#,
);

/// `STACK_FILE` with further stack files, each a name and what is in it.
pub(crate) fn stack_files(more: &[(&str, &str)]) -> String {
    let mut files = vec!["docker/swarm/stack.yaml".to_owned()];
    for (name, content) in [OWN_DISK].iter().chain(more) {
        let file = folder().join(name).with_extension("yaml");
        fs::write(&file, content).unwrap();
        files.push(file.display().to_string());
    }
    files.join(":")
}

fn folder() -> PathBuf {
    let folder = folders::playground().unwrap().join("swarm");
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// What the script is to know of an engine and of the tests' own choices.
fn settings_of(engine: &Engine) -> Vec<(&'static str, String)> {
    let folder = folder();
    fs::write(folder.join("api-token"), TOKEN).unwrap();
    vec![
        ("DOCKER_HOST", engine.host()),
        ("ADDRESS", engine.address().to_owned()),
        ("SECRETS", folder.display().to_string()),
        ("STACK", "ecs-playground-swarm".to_owned()),
        ("STACK_FILE", stack_files(&[])),
        ("TASK_MEMORY", "128M".to_owned()),
    ]
}

/// Runs the script of `make swarm` and its kin on an engine; how it ended, and what it said.
pub(crate) async fn swarm_script(engine: &Engine, command: &str, settings: &[(&str, &str)]) -> (ExitStatus, String) {
    finish("swarm.sh", swarm_command(engine, command, settings)).await
}

/// That script, to be run.
pub(crate) fn swarm_command(engine: &Engine, command: &str, settings: &[(&str, &str)]) -> Command {
    let all = settings_of(engine);
    // Of two that are given for one name the last one counts.
    let all = all.iter().map(|(name, value)| (*name, value.as_str())).chain(settings.iter().copied());
    let script = script_command("swarm.sh", &[command], &all.collect::<Vec<_>>());
    // Whoever watches an update does not do so on the machines that it is about.
    in_background(&script)
}

/// `command`, behind everything else that wants the processor.
fn in_background(command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    nice
}

impl Swarm {
    async fn start(tag: &str) -> Self {
        let network = Network::create("swarm").await;
        let manager = Engine::start("manager", network.name()).await;
        let (mysql, haproxy) = (image_of("mysql").await, image_of("haproxy").await);
        let ours = SERVICES.map(|service| format!("{service}:{tag}"));
        manager.load(&[&ours[0], &ours[1], &mysql, &haproxy]).await;
        for (image, service) in ours.iter().zip(SERVICES) {
            manager.docker(&["tag", image, &versions::base(service)]).await;
        }
        let mut swarm = Self { manager, network, haproxy, version: String::new(), versions: 0 };
        // One that `make swarm` makes is alone; here, other nodes are to join.
        swarm.manager.docker(&["swarm", "init", "--advertise-addr", swarm.manager.address()]).await;
        let version = swarm.make(&[Kind::Good, Kind::Good]).await;
        let images = [("MYSQL_IMAGE", mysql.as_str()), ("HAPROXY_IMAGE", swarm.haproxy.as_str())];
        let (status, said) = swarm.script("up", &[&images[..], &[("TAG", &version)]].concat()).await;
        assert!(status.success(), "{said}");
        swarm.version = version;
        swarm
    }

    /// Makes the next version of both services, and gives its name.
    pub(crate) async fn make(&mut self, kinds: &[Kind; 2]) -> String {
        self.versions += 1;
        let version = format!("v{}", self.versions);
        for (service, kind) in SERVICES.into_iter().zip(kinds) {
            versions::make(&self.manager, service, &version, kind, &self.haproxy).await;
        }
        version
    }

    /// Has versions that are made from now on be like `version`, but for what is wrong with them.
    pub(crate) async fn build_on(&self, version: &str) {
        for service in SERVICES {
            self.manager.docker(&["tag", &format!("{service}:{version}"), &versions::base(service)]).await;
        }
    }

    /// What the database answers to an administrator.
    pub(crate) async fn sql(&self, query: &str) -> String {
        let filter = "label=com.docker.swarm.service.name=ecs-playground-swarm_mysql";
        let container = self.manager.docker(&["ps", "--quiet", "--filter", filter]).await;
        let ask =
            r#"MYSQL_PWD=$(cat /run/secrets/mysql-root-password) mysql --user=root --skip-column-names --execute "$0""#;
        self.manager.docker(&["exec", &container, "bash", "-c", ask, query]).await
    }

    /// The version that runs.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Rolls `version` out, which has to succeed.
    pub(crate) async fn update(&mut self, version: &str, settings: &[(&str, &str)]) {
        let (status, said) = self.script("update", &[&[("TAG", version)], settings].concat()).await;
        assert!(status.success(), "{said}");
        version.clone_into(&mut self.version);
    }

    /// As [`Swarm::update`], in a terminal of so many columns; the lines that stood there.
    pub(crate) async fn update_in_terminal(&mut self, version: &str, columns: u16) -> Vec<String> {
        let command = in_terminal(&swarm_command(&self.manager, "update", &[("TAG", version)]), columns);
        let (status, said) = finish("swarm.sh", command).await;
        assert!(status.success(), "{said}");
        version.clone_into(&mut self.version);
        said.split('\n').map(str::to_owned).collect()
    }

    /// Runs the script of `make swarm` and its kin; how it ended, and what it said.
    pub(crate) async fn script(&self, command: &str, settings: &[(&str, &str)]) -> (ExitStatus, String) {
        swarm_script(&self.manager, command, settings).await
    }

    /// A client of a service, through its balancer.
    pub(crate) fn client(&self, service: &str) -> Client {
        self.at(if service == "location" { 8081 } else { 9091 })
    }

    /// A client of the statistics of a service's balancer.
    pub(crate) fn statistics(&self, service: &str) -> Client {
        self.at(if service == "location" { 8404 } else { 8405 })
    }

    fn at(&self, port: u16) -> Client {
        Client::new(format!("http://{}:{port}", self.manager.address()))
    }

    /// Starts a further engine that joins the swarm, as a zone of its own, and has the version that runs.
    pub(crate) async fn join(&self, name: &str) -> Engine {
        let engine = Engine::start(name, self.network.name()).await;
        let images = SERVICES.map(|service| format!("{service}:{}", self.version));
        engine.load_from(&self.manager, &[&images[0], &images[1]]).await;
        let token = self.manager.docker(&["swarm", "join-token", "--quiet", "worker"]).await;
        engine.docker(&["swarm", "join", "--token", &token, &format!("{}:2377", self.manager.address())]).await;
        self.manager.docker(&["node", "update", "--label-add", &format!("zone={name}"), name]).await;
        engine
    }
}
