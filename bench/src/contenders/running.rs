//! Contenders at work: each with a port of its own.

use std::{
    env,
    net::Ipv4Addr,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use playground::{
    ports,
    process::{self, POLL, Process},
    terminal,
};
use tokio::time::sleep;

use super::{Contender, Kind};
use crate::{client::Single, database::Database, workloads::Service};

/// The first of the contenders' ports, unless `BENCH_PORT` names another one.
const FIRST_PORT: u16 = 18_100;
const FIRST_PORT_VARIABLE: &str = "BENCH_PORT";

/// How long a contender may take to answer, and to end.
const START: Duration = Duration::from_secs(30);
const END: Duration = Duration::from_secs(10);

/// What contenders are started with.
#[derive(Debug)]
pub(crate) struct Surroundings<'a> {
    database: &'a Database,
    /// What writers show.
    token: &'a str,
    next_port: u16,
}

/// A contender that answers. Dropping it stops it.
#[derive(Debug)]
pub(crate) struct Running {
    /// Who it is.
    pub(crate) contender: &'static Contender,
    servers: Vec<Server>,
}

/// A process that listens.
#[derive(Debug)]
struct Server {
    service: Option<Service>,
    port: u16,
    process: Process,
}

impl<'a> Surroundings<'a> {
    pub(crate) fn new(database: &'a Database, token: &'a str) -> Result<Self> {
        let next_port = match env::var(FIRST_PORT_VARIABLE) {
            Ok(port) => port.parse().with_context(|| format!("{FIRST_PORT_VARIABLE} is no port: {port}"))?,
            Err(_) => FIRST_PORT,
        };
        Ok(Self { database, token, next_port })
    }

    /// Starts a contender and waits until it answers.
    pub(crate) async fn start(&mut self, contender: &'static Contender) -> Result<Running> {
        let step = terminal::step(format!("starting {}", contender.name));
        let mut servers = match contender.kind {
            Kind::Own(settings) => self.own(settings)?,
            Kind::OwnWithoutDatabase => self.own(&[])?,
            Kind::Peer(stack, settings) => vec![self.peer(contender.name, (stack.serve)(), settings)?],
            Kind::Sysbench => Vec::new(),
        };
        for server in &mut servers {
            answering(&mut server.process, server.port)
                .await
                .with_context(|| format!("{} does not start", contender.name))?;
        }
        let at: Vec<_> = servers.iter().map(|server| format!(" on {}", server.port)).collect();
        step.done(format_args!("{} is ready{}", contender.name, at.concat()));
        Ok(Running { contender, servers })
    }

    /// Both of our services.
    fn own(&mut self, settings: &[(&'static str, &str)]) -> Result<Vec<Server>> {
        let database = self.database;
        let mut servers = Vec::new();
        for (service, name, login) in
            [(Service::Location, "location", &database.location), (Service::User, "user", &database.user)]
        {
            let process = database
                .service(name, login)
                .set_all(settings.iter().map(|(name, value)| (*name, (*value).to_owned())))
                .set("API_TOKEN", self.token);
            let port = self.port()?;
            servers.push(Server { service: Some(service), port, process: process.start(port)?.into_process() });
        }
        Ok(servers)
    }

    /// A peer, which serves both kinds of things.
    fn peer(&mut self, name: &str, mut command: Command, settings: &[(&str, &str)]) -> Result<Server> {
        let port = self.port()?;
        let database = self.database;
        // Nothing of this machine's own settings, so that it does the same everywhere.
        command.env_clear();
        command.envs(["PATH", "HOME", "TMPDIR"].iter().filter_map(|name| Some((name, env::var_os(name)?))));
        command
            .envs(database.peers.settings(&database.server))
            .env("USER_DB_NAME", &database.user.database)
            .env("HOST", Ipv4Addr::LOCALHOST.to_string())
            .env("PORT", port.to_string())
            .env("API_TOKEN", self.token)
            .envs(settings.iter().copied());
        process::capture(&mut command);
        Ok(Server { service: None, port, process: Process::start(name, command, END)? })
    }

    fn port(&mut self) -> Result<u16> {
        let port = self.next_port;
        ports::require(port, FIRST_PORT_VARIABLE)?;
        self.next_port += 1;
        Ok(port)
    }
}

impl Running {
    /// Where that service is.
    pub(crate) fn port(&self, service: Service) -> Result<u16> {
        let server = self.servers.iter().find(|server| server.service.is_none_or(|of| of == service));
        Ok(server.with_context(|| format!("{} is no server", self.contender.name))?.port)
    }

    /// The processes that were started; they may have children.
    pub(crate) fn processes(&self) -> Vec<u32> {
        self.servers.iter().map(|server| server.process.id()).collect()
    }

    /// Stops it in order.
    pub(crate) async fn stop(mut self) -> Result<()> {
        for server in &mut self.servers {
            server.process.stop().await?;
        }
        Ok(())
    }
}

/// Waits until the server on `port` answers that its database answers.
pub(crate) async fn answering(process: &mut Process, port: u16) -> Result<()> {
    let question = format!("GET /health HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\n\r\n");
    let deadline = Instant::now() + START;
    loop {
        if let Some(status) = process.ended()? {
            process.wait().await?;
            bail!("it ended by itself ({status}):\n{}", process.log().tail(20));
        }
        let answer = Single::connect(port).and_then(|mut connection| connection.ask(question.as_bytes()));
        match answer {
            Ok(answer) if answer.status == 200 => return Ok(()),
            _ if Instant::now() < deadline => sleep(POLL).await,
            Ok(answer) => bail!("/health answers {}:\n{}", answer.status, process.log().tail(20)),
            Err(error) => bail!("/health does not answer ({error}):\n{}", process.log().tail(20)),
        }
    }
}
