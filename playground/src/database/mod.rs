//! The database server: which one is used, and how it is reached.

pub mod container;
pub mod external;
pub mod install;
pub mod login;
pub mod private;

use std::{
    process::ExitStatus,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow};
use sqlx::{
    ConnectOptions, Connection,
    mysql::{MySqlConnectOptions, MySqlConnection, MySqlSslMode},
};
use tokio::time::{sleep, timeout};

use crate::{
    engine::{self, Engine},
    process::POLL,
    terminal,
};

/// A server that answers, and the login that may create databases and logins on it.
#[derive(Debug)]
pub struct Server {
    /// Its address.
    pub host: String,
    /// Its TCP port.
    pub port: u16,
    /// The administrator's name.
    pub user: String,
    /// The administrator's password.
    pub password: String,
    /// `DB_TLS` and `DB_TLS_CA` where they are set.
    pub tls: Tls,
    /// What it is and where it runs, for people.
    pub description: String,
    keeper: Keeper,
}

/// How connections to the server are encrypted; empty where the default serves: encrypted if the server can.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// `DB_TLS`
    pub mode: Option<String>,
    /// `DB_TLS_CA`
    pub ca: Option<String>,
}

/// Who has to be told when the server is needed no more.
#[derive(Debug)]
enum Keeper {
    SomebodyElse,
    Private(Box<private::Instance>),
    Container(Box<container::Container>),
}

/// Where `playground test` is to take a server from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Choice {
    /// A container where there can be one, else a private instance.
    Auto,
    /// A container, or nothing.
    Container,
    /// A private instance of a server installed here.
    Private,
}

impl Choice {
    /// The engine for the containers of tests: one that answers, is started or is installed; none where a private
    /// instance is insisted on.
    pub async fn engine(self) -> Option<Result<Arc<Engine>>> {
        match self {
            Self::Private => None,
            Self::Auto | Self::Container => Some(engine::obtain().await.map(Arc::new)),
        }
    }
}

impl Server {
    /// The server that the environment names for tests; `make test` sets the variables.
    pub fn for_this_test() -> Result<Self> {
        external::of_tests()?
            .context("TEST_DB_HOST is not set: run the tests with `make test`, which brings up a server")
    }

    /// How to connect as the administrator, to no database in particular.
    pub fn options(&self) -> Result<MySqlConnectOptions> {
        let options = MySqlConnectOptions::new()
            .host(&self.host)
            .port(self.port)
            .username(&self.user)
            .password(&self.password)
            .ssl_mode(self.tls.parsed()?)
            .disable_statement_logging();
        Ok(match &self.tls.ca {
            Some(file) => options.ssl_ca(file),
            None => options,
        })
    }

    /// The same server, of which somebody else takes care.
    #[must_use]
    pub fn reference(&self) -> Self {
        Self {
            host: self.host.clone(),
            port: self.port,
            user: self.user.clone(),
            password: self.password.clone(),
            tls: self.tls.clone(),
            description: self.description.clone(),
            keeper: Keeper::SomebodyElse,
        }
    }

    /// Connects as the administrator.
    pub async fn connect(&self) -> Result<MySqlConnection> {
        let options = self.options()?;
        timeout(Duration::from_secs(10), MySqlConnection::connect_with(&options))
            .await
            .map_err(|_| anyhow!("no answer within 10 s"))
            .and_then(|connected| connected.map_err(Into::into))
            .with_context(|| format!("cannot log in to {}:{} as {}", self.host, self.port, self.user))
    }

    /// Product and version, such as `MySQL 9.7.0`.
    async fn version(&self) -> Result<String> {
        let mut connection = self.connect().await?;
        let version: String = sqlx::query_scalar("SELECT VERSION()")
            .fetch_one(&mut connection)
            .await
            .context("cannot ask for VERSION()")?;
        connection.close().await?;
        Ok(product(&version))
    }

    /// Waits until the server takes a login and gives its product and version. `alive` fails when there is nothing
    /// left to wait for.
    async fn answers(&self, bound: Duration, mut alive: impl AsyncFnMut() -> Result<()>) -> Result<String> {
        let deadline = Instant::now() + bound;
        loop {
            let error = match self.version().await {
                Ok(version) => return Ok(version),
                Err(error) => error,
            };
            alive().await?;
            if Instant::now() > deadline {
                return Err(error.context(format!("the server took no login within {} s", bound.as_secs())));
            }
            sleep(POLL).await;
        }
    }

    /// Waits until the server ends by itself, which only a private instance can tell.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        match &mut self.keeper {
            Keeper::Private(instance) => instance.ended().await,
            Keeper::SomebodyElse | Keeper::Container(_) => std::future::pending().await,
        }
    }

    /// Its process id, where it is a private instance.
    #[must_use]
    pub fn process_id(&self) -> Option<u32> {
        match &self.keeper {
            Keeper::Private(instance) => instance.process_id(),
            Keeper::SomebodyElse | Keeper::Container(_) => None,
        }
    }

    /// Stops the server, if it was started here.
    pub async fn stop(self) -> Result<()> {
        match self.keeper {
            Keeper::SomebodyElse => Ok(()),
            Keeper::Private(instance) => instance.stop().await,
            Keeper::Container(container) => container.stop().await,
        }
    }

    /// Whether it was here before us and will be after.
    #[must_use]
    pub fn is_external(&self) -> bool {
        matches!(self.keeper, Keeper::SomebodyElse)
    }
}

impl Tls {
    fn parsed(&self) -> Result<MySqlSslMode> {
        let mode = self.mode.as_deref().unwrap_or("preferred").replace('-', "_");
        mode.parse()
            .map_err(|_| anyhow!("DB_TLS is none of disabled, preferred, required, verify-ca, verify-identity: {mode}"))
    }
}

/// `10.11.19-MariaDB-0+deb12u1` → `MariaDB 10.11.19`.
fn product(version: &str) -> String {
    let name = if version.contains("MariaDB") { "MariaDB" } else { "MySQL" };
    let number = version.split(['-', '+']).next().unwrap_or(version);
    format!("{name} {number}")
}

/// A server for trying the services out: its data survive. In this order: the one that `DB_HOST` names, a private
/// instance of a server installed here, a container, a server installed for the purpose.
pub async fn for_trying_out() -> Result<Server> {
    if let Some(server) = external::of_settings().await? {
        return Ok(server);
    }
    if let Some(binary) = private::find().await {
        return private::lasting(binary).await;
    }
    if let Ok(engine) = engine::answering().await {
        return container::lasting(engine).await;
    }
    install::server().await?;
    private::lasting(installed().await?).await
}

/// A server for tests, empty and thrown away afterwards, and what was wanted but could not be had. Containers run in
/// `engine`; it is not asked for where a private instance is insisted on.
pub async fn for_tests(choice: Choice, engine: Option<&Result<Arc<Engine>>>) -> Result<(Server, Vec<String>)> {
    if let Some(mut server) = external::of_tests()? {
        let version = server.version().await.context("the server that TEST_DB_HOST names")?;
        server.description = format!("{version} at {}:{}, as TEST_DB_HOST says", server.host, server.port);
        return Ok((server, Vec::new()));
    }
    let in_container = match engine {
        None => return Ok((throwaway().await?, Vec::new())),
        Some(Ok(engine)) => container::throwaway(Arc::clone(engine), &[]).await,
        Some(Err(error)) => Err(anyhow!(terminal::told(error))),
    };
    match in_container {
        Ok(server) => {
            install::server_for_tests_of_run().await;
            Ok((server, Vec::new()))
        }
        Err(error) if choice == Choice::Auto => {
            let reason = format!(
                "MySQL in a container (a private instance was used instead), because {}",
                terminal::told(&error)
            );
            terminal::line(format_args!("  could not run: {reason}"));
            Ok((throwaway().await?, vec![reason]))
        }
        Err(error) => Err(error),
    }
}

async fn throwaway() -> Result<Server> {
    if private::find().await.is_none() {
        install::server().await?;
    }
    private::throwaway(installed().await?).await
}

async fn installed() -> Result<private::Binary> {
    private::find().await.context("there is no mysqld or mariadbd, in PATH or where servers usually lie")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_with_their_product() {
        assert_eq!(product("10.11.19-MariaDB-0+deb12u1"), "MariaDB 10.11.19");
        assert_eq!(product("9.7.4-2"), "MySQL 9.7.4");
        assert_eq!(product("8.4.6"), "MySQL 8.4.6");
    }

    #[test]
    fn tls_modes_are_those_of_the_services() {
        for mode in ["disabled", "preferred", "required", "verify-ca", "verify-identity"] {
            assert!(Tls { mode: Some(mode.into()), ca: None }.parsed().is_ok(), "{mode}");
        }
        assert!(Tls { mode: Some("perhaps".into()), ca: None }.parsed().is_err());
    }
}
