//! Docker engines in containers: machines of a swarm, on one machine.

use std::{
    env,
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt as _,
    path::PathBuf,
    process::Command,
};

use harness::{
    PATIENCE,
    docker::{self, Container, docker, try_docker},
    eventually,
};
use playground::{folders, process};
use rustix::process::getgid;
use tokio::sync::OnceCell;

/// What an engine may not do without, where it cannot have all rights. (Some machines have not all of them to give.)
#[rustfmt::skip]
const RIGHTS: [&str; 16] = [
    "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE", "--cap-add", "MKNOD",
    "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
    "--security-opt", "systempaths=unconfined", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw",
];

/// An engine of our own. It goes with this value, with everything that is in it.
pub(crate) struct Engine {
    container: Container,
    folder: PathBuf,
    address: String,
}

impl Engine {
    /// Starts one in `network`.
    pub(crate) async fn start(name: &str, network: &str) -> Self {
        let image = image().await;
        let folder = PathBuf::from(env::var_os("TEST_SOCKETS").unwrap()).join(name);
        DirBuilder::new().mode(0o700).recursive(true).create(&folder).unwrap();
        let mount = format!("{}:/run/engine", folder.display());
        let group = getgid().as_raw().to_string();
        let mut arguments = vec!["--hostname", name, "--network", network, "--volume", &mount];
        // To start containers is work that a node has a core for. Here it shares two or four with the load and with the
        // services under it, which come first.
        arguments.extend(["--cpu-shares", "128"]);
        // An engine finds out for itself how to listen; this one is for nobody but us.
        arguments.extend(["--env", "DOCKER_TLS_CERTDIR="]);
        if may_have_all_rights(&image).await {
            arguments.push("--privileged");
        } else {
            arguments.extend(RIGHTS);
        }
        arguments.extend([&*image, "dockerd", "--host", "unix:///run/engine/docker.sock", "--group", &group]);
        let container = Container::run(&arguments).await;
        let address = container.inspect("{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}").await;
        let engine = Self { container, folder, address };
        eventually("an engine in a container answers", async || {
            engine.try_docker(&["version"]).await.is_ok() || engine.is_dead().await
        })
        .await;
        assert!(!engine.is_dead().await, "{}", docker(&["logs", "--tail", "5", engine.container.id()]).await);
        engine
    }

    async fn is_dead(&self) -> bool {
        self.container.inspect("{{.State.Running}}").await != "true"
    }

    /// Where it listens, as `DOCKER_HOST` has it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its socket.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.join("docker.sock")
    }

    /// Its address, which it shares with the ports that it publishes.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Runs the docker client on it, which has to succeed, and gives its standard output.
    pub(crate) async fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments).await.unwrap_or_else(|error| panic!("{error}"))
    }

    async fn try_docker(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new("docker");
        command.args(arguments).env("DOCKER_HOST", self.host());
        process::output("docker", command, 4 * PATIENCE).await.map_err(|error| format!("{error:#}"))
    }

    /// Gives it images of the engine outside.
    pub(crate) async fn load(&self, images: &[&str]) {
        self.load_saved("", images).await;
    }

    /// Gives it images of another engine.
    pub(crate) async fn load_from(&self, other: &Self, images: &[&str]) {
        self.load_saved(&other.host(), images).await;
    }

    /// Gives it images of the engine at `host`; outside where that is empty.
    async fn load_saved(&self, host: &str, images: &[&str]) {
        let mut command = Command::new("bash");
        let copy = r#"set -o pipefail; docker ${1:+--host "$1"} save "${@:2}" | docker --host "$0" load --quiet"#;
        command.args(["-c", copy, &self.host(), host]).args(images);
        process::output("docker load", command, 4 * PATIENCE).await.unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// Copies a file from one container to another.
    pub(crate) async fn copy(&self, from: &str, to: &str) {
        let file = self.folder.join("copied");
        self.docker(&["cp", from, &file.to_string_lossy()]).await;
        self.docker(&["cp", &file.to_string_lossy(), to]).await;
        fs::remove_file(file).unwrap();
    }

    /// Ends it at once, and everything that runs in it, as if somebody had pulled the plug.
    pub(crate) async fn pull_the_plug(&self) {
        docker(&["kill", "--signal", "KILL", self.container.id()]).await;
    }
}

/// A network of the engine outside, which goes with this value.
pub(crate) struct Network(String);

impl Network {
    pub(crate) async fn create(name: &str) -> Self {
        let name = format!("ecs-playground-{name}-{}", std::process::id());
        docker(&["network", "create", "--label", &docker::label(), &name]).await;
        Self(name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = Command::new("docker").args(["network", "rm", &self.0]).output();
    }
}

/// The engine's image.
async fn image() -> String {
    static IMAGE: OnceCell<String> = OnceCell::const_new();
    IMAGE.get_or_init(async || image_of("docker").await).await.clone()
}

/// An image that is not ours, by the name of `docker/image.sh`.
pub(crate) async fn image_of(name: &str) -> String {
    let mut command = Command::new(folders::workspace().join("docker/image.sh"));
    command.arg(name);
    process::output("docker/image.sh", command, 20 * PATIENCE).await.unwrap_or_else(|error| panic!("{error:#}"))
}

async fn may_have_all_rights(image: &str) -> bool {
    static ALL: OnceCell<bool> = OnceCell::const_new();
    let asked = async || try_docker(&["run", "--rm", "--privileged", "--entrypoint", "true", image]).await.0.success();
    *ALL.get_or_init(asked).await
}
