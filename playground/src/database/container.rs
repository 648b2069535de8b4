//! `MySQL` in a container.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::Ipv4Addr,
    process::Command,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use testcontainers::{
    ContainerAsync, GenericImage, ImageExt,
    bollard::models::PortBinding,
    core::{IntoContainerPort, Mount},
    runners::AsyncRunner,
};
use tokio::net::TcpStream;

use super::{Keeper, Server, Tls};
use crate::{
    engine::{self, Engine},
    folders, process, reaper, secret, terminal,
};

const PORT: u16 = 3306;
const START: Duration = Duration::from_mins(2);
const DATA: &str = "/var/lib/mysql";
const DATA_IN_MEMORY: i64 = 2 << 30;

const OPTIONS: [&str; 5] = [
    "--skip-log-bin",
    "--skip-name-resolve",
    "--performance-schema=OFF",
    "--innodb-buffer-pool-size=128M",
    "--max-connections=400",
];

/// A running container. Dropping it removes it.
#[derive(Debug)]
pub struct Container {
    // Declared before the engine, hence dropped before it.
    container: ContainerAsync<GenericImage>,
    _engine: Arc<Engine>,
}

impl Container {
    pub(super) async fn stop(self) -> Result<()> {
        // In order, as the data may be in a volume; then it is removed.
        self.container.stop_with_timeout(Some(60)).await.context("cannot stop the database's container")?;
        self.container.rm().await.context("cannot remove the database's container")
    }

    /// Fails when the container no longer runs, with the last lines it said.
    async fn alive(&self) -> Result<()> {
        if self.container.is_running().await.unwrap_or(false) {
            return Ok(());
        }
        let said = self.container.stderr_to_vec().await.unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        bail!("the database's container has ended:\n{}", lines[lines.len().saturating_sub(15)..].join("\n"))
    }
}

/// A container whose data are in memory, of a server with `options` on top of the usual ones.
pub async fn throwaway(engine: Arc<Engine>, options: &[&str]) -> Result<Server> {
    let mount = Mount::tmpfs_mount(DATA).with_size_bytes(DATA_IN_MEMORY);
    start(engine, mount, secret::random(16)?, options).await
}

/// A container whose data are in a volume and survive.
pub async fn lasting(engine: Engine) -> Result<Server> {
    let password = secret::kept(&folders::playground()?.join("container-password"))?;
    let volume = volume();
    start(Arc::new(engine), Mount::volume_mount(&volume, DATA), password, &[]).await.with_context(|| {
        format!(
            "MySQL in a container with its data in the volume {volume}; if they are damaged: docker volume rm {volume}"
        )
    })
}

/// Removes the volume in which the data of [`lasting`] are, if there is one and an engine to ask.
pub async fn forget() -> Result<()> {
    if engine::answering().await.is_ok() {
        engine::docker(&["volume", "rm", "--force", &volume()], Duration::from_secs(30)).await?;
    }
    Ok(())
}

/// A name of its own for every checkout on this machine.
fn volume() -> String {
    let mut hasher = DefaultHasher::new();
    folders::workspace().hash(&mut hasher);
    format!("ecs-playground-{:016x}", hasher.finish())
}

async fn start(engine: Arc<Engine>, data: Mount, password: String, options: &[&str]) -> Result<Server> {
    let image = image().await?;
    let (name, tag) = image.rsplit_once(':').with_context(|| format!("{image} is no image of a version"))?;
    let step = terminal::step(format!("starting {image} in a container"));
    let version = engine.version().to_owned();
    let container =
        request(name, tag, data, &password, options).start().await.context("the container does not start")?;
    let (host, port) = address(&container).await?;
    let container = Container { container, _engine: engine };
    let mut server = Server {
        host,
        port,
        user: "root".into(),
        password,
        tls: Tls::default(),
        description: String::new(),
        keeper: Keeper::SomebodyElse,
    };
    let mysql = server.answers(START, async || container.alive().await).await?;
    server.description = format!("{mysql} in a container (image {image}, Docker {version})");
    server.keeper = Keeper::Container(Box::new(container));
    step.done(&server.description);
    Ok(server)
}

fn request(
    name: &str,
    tag: &str,
    data: Mount,
    password: &str,
    options: &[&str],
) -> testcontainers::ContainerRequest<GenericImage> {
    GenericImage::new(name, tag)
        .with_exposed_port(PORT.tcp())
        .with_cmd(OPTIONS.iter().chain(options).copied())
        .with_env_var("MYSQL_ROOT_PASSWORD", password)
        .with_mount(data)
        .with_label(reaper::LABEL, reaper::owner())
        .with_startup_timeout(START)
        .with_host_config_modifier(|host| {
            // Published to the engine's own machine only, unless that is not ours; by default it is to its network.
            let published =
                PortBinding { host_ip: (!engine::is_remote()).then(|| "127.0.0.1".into()), host_port: None };
            host.publish_all_ports = Some(false);
            host.port_bindings = Some([(format!("{PORT}/tcp"), Some(vec![published]))].into());
        })
}

/// Where the container's server is reached from here.
async fn address(container: &ContainerAsync<GenericImage>) -> Result<(String, u16)> {
    let port = container.get_host_port_ipv4(PORT).await?;
    if engine::is_remote() {
        return Ok((container.get_host().await?.to_string(), port));
    }
    if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_ok() {
        return Ok(("127.0.0.1".into(), port));
    }
    // We may be in a container ourselves, with the engine's socket mounted: then its localhost is not ours.
    let sibling = container.get_bridge_ip_address().await?;
    Ok((sibling.to_string(), PORT))
}

/// The image to use: the official one if it is here or can be pulled, else one built from Debian's packages.
async fn image() -> Result<String> {
    let step = terminal::step("looking for a MySQL image (built from Debian's packages where none can be pulled)");
    let mut command = Command::new(folders::workspace().join("docker/image.sh"));
    command.arg("mysql");
    let image = process::output("docker/image.sh", command, Duration::from_mins(15)).await?;
    step.done(format_args!("MySQL comes from the image {image}"));
    Ok(image)
}
