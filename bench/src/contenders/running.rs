//! Running contenders, each on separate ports.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use playground::{
    http, ports,
    process::{self, POLL, Process},
    terminal,
};
use tokio::time::sleep;

use super::{Contender, Kind};
use crate::{database::Database, workloads::Service};

const START_TIMEOUT: Duration = Duration::from_secs(30);
/// Environment variables that a peer gets beside its settings.
const KEPT: [&str; 4] = ["PATH", "HOME", "TMPDIR", "TARGET"];
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// A contender that answers. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) contender: &'static Contender,
    servers: Vec<Server>,
}

#[derive(Debug)]
struct Server {
    /// `None` for a peer, which serves both.
    service: Option<Service>,
    port: u16,
    process: Process,
}

impl Running {
    /// Starts `contender`, and waits until it is healthy. `token` is the bearer token for writes.
    pub(crate) async fn start(contender: &'static Contender, database: &Database, token: &str) -> Result<Self> {
        let step = terminal::step(format!("starting {}", contender.name));
        let own = |service, name, login| {
            let settings = contender.settings.iter();
            let own = database.service(name, login).set("API_TOKEN", token);
            let own = settings.fold(own, |own, (name, value)| own.set(name, value));
            let port = ports::free()?;
            anyhow::Ok(Server { service: Some(service), port, process: own.start(port)?.into_process() })
        };
        let mut servers = match contender.kind {
            Kind::Own | Kind::OwnNoDatabase => {
                let location = own(Service::Location, "location", &database.location)?;
                vec![location, own(Service::User, "user", &database.user)?]
            }
            Kind::Peer => vec![peer(contender, database, token)?],
            Kind::Sysbench => Vec::new(),
        };
        for server in &mut servers {
            let healthy = healthy(&mut server.process, server.port).await;
            healthy.with_context(|| format!("{} does not start", contender.name))?;
        }
        step.done(format_args!("{} is ready", contender.name));
        Ok(Self { contender, servers })
    }

    /// The port of `service`.
    pub(crate) fn port(&self, service: Service) -> Result<u16> {
        let server = self.servers.iter().find(|server| server.service.is_none_or(|of| of == service));
        Ok(server.with_context(|| format!("{} is no server", self.contender.name))?.port)
    }

    /// The processes that were started; they may have children.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(|server| server.process.id()).collect()
    }

    pub(crate) async fn stop(mut self) -> Result<()> {
        for server in &mut self.servers {
            server.process.stop().await?;
        }
        Ok(())
    }
}

fn peer(contender: &Contender, database: &Database, token: &str) -> Result<Server> {
    let port = ports::free()?;
    let mut command = contender.shell(&contender.serve);
    // None of this machine's settings, so that it does the same everywhere.
    for (name, _) in env::vars_os().filter(|(name, _)| !KEPT.iter().any(|kept| name == kept)) {
        command.env_remove(name);
    }
    command
        .envs(database.peers.settings(&database.server))
        .env("USER_DB_NAME", &database.user.database)
        .env("HOST", "127.0.0.1")
        .env("PORT", port.to_string())
        .env("API_TOKEN", token)
        .envs(&contender.settings);
    process::capture(&mut command);
    Ok(Server { service: None, port, process: Process::start(&contender.name, command, STOP_TIMEOUT)? })
}

/// Waits until `/health` of the server on `port` is 200: its database answers as well.
pub(crate) async fn healthy(process: &mut Process, port: u16) -> Result<()> {
    let url = format!("http://127.0.0.1:{port}/health");
    let deadline = Instant::now() + START_TIMEOUT;
    loop {
        if let Some(status) = process.ended()? {
            process.wait().await?;
            bail!("it ended by itself ({status}):\n{}", process.log().tail(20));
        }
        let outcome = match http::get(&url).await {
            Ok(response) if response.status().is_success() => return Ok(()),
            Ok(response) => response.status().to_string(),
            Err(error) => error.to_string(),
        };
        if Instant::now() > deadline {
            bail!("{url}: {outcome}\n{}", process.log().tail(20));
        }
        sleep(POLL).await;
    }
}
