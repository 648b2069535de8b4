//! A private instance that is there to be broken: killed and started again, with options of the test's own.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Result, bail};

use super::{
    Binary, Instance, Keeper, PATIENCE, START, Server, launch, make_data_folder, server_command, throwaway_folder,
};
use crate::process::Process;

/// A throwaway instance beside the one that the other tests use. Its data survive what is done to it; with this value
/// they go.
#[derive(Debug)]
pub struct Breakable {
    server: Server,
    binary: Binary,
    options: Vec<String>,
}

impl Breakable {
    /// Starts one with `options` on top of the usual ones.
    pub async fn start(binary: Binary, options: &[&str]) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(1);
        let name = format!("{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let (folder, lock) = throwaway_folder(&name)?;
        let options: Vec<_> = options.iter().map(|&option| option.to_owned()).collect();
        let instance = Instance { process: None, folder, lock: Some(lock) };
        make_data_folder(&binary, &instance.folder).await?;
        Ok(Self { server: launch(&binary, instance, &options).await?, binary, options })
    }

    /// How it is reached, now and after it was started again.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Whether it is `MariaDB`, which knows some statements by other names.
    #[must_use]
    pub fn is_mariadb(&self) -> bool {
        self.binary.mariadb
    }

    /// Reaches it without TLS from now on.
    pub fn disable_tls(&mut self) {
        self.server.tls.mode = Some("disabled".into());
    }

    /// Kills it, as a crash would.
    pub async fn kill(&mut self) -> Result<()> {
        let Some(mut process) = self.instance()?.process.take() else { bail!("the server is down already") };
        process.kill().await?;
        Ok(())
    }

    /// Stops it in order.
    pub async fn stop(&mut self) -> Result<()> {
        let Some(mut process) = self.instance()?.process.take() else { bail!("the server is down already") };
        let status = process.stop().await?;
        if status.success() { Ok(()) } else { bail!("the database server ended with {status}") }
    }

    /// Starts it again where it was, with other options from now on if there are any, and waits until it answers.
    pub async fn start_again(&mut self, options: &[&str]) -> Result<()> {
        if !options.is_empty() {
            self.options = options.iter().map(|&option| option.to_owned()).collect();
        }
        let Server { port, password, .. } = &self.server;
        let (port, password) = (*port, password.clone());
        let folder = self.instance()?.folder.clone();
        let command = server_command(&self.binary, &folder, port, &password, &self.options)?;
        self.instance()?.process = Some(Process::start("the database server", command, PATIENCE)?);
        self.server.answers(START, async || Ok(())).await?;
        Ok(())
    }

    fn instance(&mut self) -> Result<&mut Instance> {
        match &mut self.server.keeper {
            Keeper::Private(instance) => Ok(instance),
            Keeper::SomebodyElse | Keeper::Container(_) => bail!("it is no private instance"),
        }
    }
}
