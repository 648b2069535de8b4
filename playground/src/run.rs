//! `playground run`: the database and both services, until somebody ends it.

use std::{
    env,
    io::{self, IsTerminal},
    process::{ExitCode, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use crate::{
    database::{
        self, Server,
        login::{self, Login},
    },
    folders::{self, shown},
    interrupt::Interrupt,
    lock::{Asked, Lock},
    ports, secret,
    service::{Running, Service},
    terminal::{self, Colour, paint, seconds},
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
    up.introduce(start.elapsed());
    let ended = up.watch(interrupt).await;
    let taken_down = up.take_down().await;
    ended.and(taken_down).map(|()| ExitCode::SUCCESS)
}

fn lock() -> Result<Lock> {
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
    let (location_port, user_port) = (port("LOCATION_PORT", 8081)?, port("USER_PORT", 9091)?);
    let server = database::for_trying_out().await?;
    let (location, user) = (filled(&server, "location").await?, filled(&server, "user").await?);

    let step = terminal::step("starting the services");
    let token = match env::var("API_TOKEN") {
        Ok(token) if !token.is_empty() => token,
        _ => secret::random(16)?,
    };
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

/// The port that `variable` names, or `default`, if it is free.
fn port(variable: &str, default: u16) -> Result<u16> {
    let port = match env::var(variable) {
        Ok(value) => value.parse().with_context(|| format!("{variable} is no port: {value}"))?,
        Err(_) => default,
    };
    ports::require(port, variable)?;
    Ok(port)
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
    let name = match env::var("DB_NAME") {
        Ok(prefix) if !prefix.is_empty() => format!("{prefix}_{service}"),
        _ => service.to_owned(),
    };
    login::create_without_login(server, &name).await
}

fn serving(service: Service, token: &str) -> Service {
    service.set("API_TOKEN", token).set("DRAIN_DELAY", "0s").set("LOG_FORMAT", "text")
}

impl Up {
    fn introduce(&self, took: Duration) {
        let Self { user, location, server, token } = self;
        let (location, user) = (location.url(""), user.url(""));
        terminal::line(format_args!(
            "\n{} on {},\nafter {}.\n",
            paint(Colour::Green, "Ready"),
            server.description,
            seconds(took)
        ));
        for (name, colour, url) in [("location", Colour::Cyan, &location), ("user", Colour::Magenta, &user)] {
            terminal::line(format_args!("  {}  {url}/   {url}/docs", paint(colour, &format!("{name:8}"))));
        }
        terminal::line(format_args!(
            "
To read:

  curl '{location}/locations?country=NO&limit=3'
  curl '{location}/locations/nearest?lat=59.91&lon=10.75&limit=5'
  curl '{user}/users/1?include=location'

To write, which takes the token:

  curl '{location}/locations' -H 'content-type: application/json' \\
    -H 'authorization: Bearer {token}' \\
    -H 'idempotency-key: my-first-place' \\
    -d '{{\"name\": \"Ny-Ålesund\", \"country\": \"NO\", \"region\": \"Svalbard\",
         \"latitude\": 78.9235, \"longitude\": 11.9099, \"population\": 45,
         \"timezone\": \"Arctic/Longyearbyen\"}}'

  curl '{user}/users' -H 'content-type: application/json' \\
    -H 'authorization: Bearer {token}' \\
    -H 'idempotency-key: my-first-user' \\
    -d '{{\"username\": \"ada\", \"display_name\": \"Ada\",
         \"email\": \"ada@example.org\", \"location_id\": 3143244}}'

Ctrl-C ends it; what you wrote is there the next time. Next: `make test` runs
all tests, `make up` four tasks of each service in containers.

The services' logs:
"
        ));
    }

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
