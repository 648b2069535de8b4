//! `playground run`: the database and both services, until somebody ends it.

use std::{
    io::{self, IsTerminal},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Result, bail};

use crate::{
    database::{
        self, Server,
        login::{self, Login},
    },
    folders::{self, shown},
    interrupt::Interrupt,
    introduction,
    lock::{Asked, Lock},
    ports, secret,
    service::{Running, Service},
    settings::{self, setting},
    terminal::{self, Colour, paint},
};

const READY: Duration = Duration::from_secs(30);

/// Brings everything up, follows the logs, and takes everything down when a signal comes or a service ends.
pub async fn run(interrupt: &Interrupt) -> Result<ExitCode> {
    let start = Instant::now();
    let _lock = lock()?;
    let Ok(up) = interrupt.unless(Box::pin(bring_up())).await else {
        terminal::line("interrupted; what was started has been stopped");
        return Ok(ExitCode::SUCCESS);
    };
    let mut up = up?;
    introduction::print(&up.location, &up.user, &up.server.description, &up.token, start.elapsed()).await;
    let ended = up.watch(interrupt).await;
    let taken_down = up.take_down().await;
    ended.and(taken_down).map(|()| ExitCode::SUCCESS)
}

pub(crate) fn lock() -> Result<Lock> {
    let path = folders::playground()?.join("lock");
    match Lock::ask(&path)? {
        Asked::Held(lock) => Ok(lock),
        Asked::Taken(pid) => {
            let pid = pid.map_or_else(|| "unknown".to_owned(), |pid| pid.to_string());
            bail!(
                "the playground runs already (process {pid}, which holds {}): use that one, or end it with Ctrl-C or `kill {pid}`",
                shown(&path)
            )
        }
    }
}

/// All that runs. The fields are dropped in this order when a signal comes while more is being brought up.
struct Up {
    user: Running,
    location: Running,
    server: Server,
    token: String,
}

async fn bring_up() -> Result<Up> {
    let (location_port, user_port) = ports_of_both()?;
    let given_token = settings::secret("API_TOKEN")?;
    let server = database::for_trying_out().await?;
    let (location, user) = (filled(&server, "location").await?, filled(&server, "user").await?);

    let step = terminal::step("starting the services");
    let token = given_token.map_or_else(|| secret::random(16), Ok)?;
    let mut location = serving(location, &token).start(location_port)?;
    let mut user = serving(user, &token)
        .set("LOCATION_URL", location.url(""))
        .set("LOCATION_PAGES_URL", location.url(""))
        .start(user_port)?;
    location.healthy(READY).await?;
    user.healthy(READY).await?;
    step.done(format_args!("location and user are ready on {location_port} and {user_port}"));
    Ok(Up { user, location, server, token })
}

/// The ports that `LOCATION_PORT` and `USER_PORT` choose, if a service can listen on them.
fn ports_of_both() -> Result<(u16, u16)> {
    let chosen =
        |variable: &str, default| setting(variable).map_or(Ok(default), |value| ports::parse(&value, variable));
    let (location, user) = (chosen("LOCATION_PORT", 8081)?, chosen("USER_PORT", 9091)?);
    if location == user {
        bail!("both services would listen on port {user}: choose different ones with LOCATION_PORT=… and USER_PORT=…");
    }
    ports::require(location, "LOCATION_PORT")?;
    ports::require(user, "USER_PORT")?;
    Ok((location, user))
}

/// A service whose database is there, migrated and seeded.
async fn filled(server: &Server, name: &str) -> Result<Service> {
    let service = Service::new(name).set_all(database_of(server, name).await?.settings(server));
    let step = terminal::step(format!("{name}: migrating"));
    service.run("migrate", Stdio::piped()).await?;
    step.done(format_args!("{name}: migrated"));

    let mut step = terminal::step(format!("{name}: seeding"));
    let draws = terminal::is_live() && io::stderr().is_terminal();
    if draws {
        step.hand_over_terminal();
    }
    service.run("seed", if draws { Stdio::inherit() } else { Stdio::piped() }).await?;
    step.done(format_args!("{name}: seeded"));
    Ok(service)
}

/// On a server of our own each service has a login for its database only; on somebody else's, the one it came with.
async fn database_of(server: &Server, service: &str) -> Result<Login> {
    if !server.is_external() {
        return login::create(server, service).await;
    }
    let name = setting("DB_NAME").map_or_else(|| service.to_owned(), |prefix| format!("{prefix}_{service}"));
    login::create_without_login(server, &name).await
}

fn serving(service: Service, token: &str) -> Service {
    service.set("API_TOKEN", token).set("DRAIN_DELAY", "0s").set("LOG_FORMAT", "text")
}

impl Up {
    /// Follows the logs until a signal comes; fails when a service ends by itself.
    async fn watch(&mut self, interrupt: &Interrupt) -> Result<()> {
        follow(&self.location, "location", Colour::Cyan);
        follow(&self.user, "user", Colour::Magenta);
        let (name, status) = tokio::select! {
            _ = interrupt.received() => return Ok(()),
            status = self.location.process().wait() => ("location service", status?),
            status = self.user.process().wait() => ("user service", status?),
            status = self.server.ended() => ("database server", status?),
        };
        bail!("the {name} ended by itself ({status}); the rest was stopped")
    }

    async fn take_down(mut self) -> Result<()> {
        let step = terminal::step("stopping the services");
        self.user.stop().await?;
        self.location.stop().await?;
        step.done("stopped the services");
        if self.server.is_external() {
            return Ok(());
        }
        let step = terminal::step("stopping the database");
        self.server.stop().await?;
        step.done("stopped the database");
        Ok(())
    }
}

fn follow(service: &Running, name: &str, colour: Colour) {
    let prefix = paint(colour, &format!("{name:8} │ "));
    service.log().follow(move |line| terminal::line(format_args!("{prefix}{line}")));
}
