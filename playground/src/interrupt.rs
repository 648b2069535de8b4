//! Ctrl-C, SIGTERM and SIGHUP: the first asks for an orderly end; a Ctrl-C after that ends everything at once. A further
//! SIGTERM changes nothing: `timeout` and service managers send it to a whole process group, and `make` passes on what
//! it got, so that one wish arrives twice.

use anyhow::{Context, Result};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{process, terminal};

/// Tells when the person, or whoever runs us, wants us to end.
#[derive(Clone, Debug)]
pub struct Interrupt {
    first: watch::Receiver<Option<i32>>,
}

impl Interrupt {
    /// Starts listening; from here on these signals no longer end the process by themselves.
    pub fn listen() -> Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
        let (sender, first) = watch::channel(None);
        tokio::spawn(async move {
            loop {
                let number = tokio::select! {
                    _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
                    _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
                    _ = hangup.recv() => SignalKind::hangup().as_raw_value(),
                };
                if sender.borrow().is_none() {
                    sender.send_replace(Some(number));
                } else if number == SignalKind::interrupt().as_raw_value() {
                    terminal::line("asked twice: everything is killed at once");
                    process::kill_all();
                    std::process::exit(128 + number);
                }
            }
        });
        Ok(Self { first })
    }

    /// Waits for the first signal and gives its number.
    pub async fn received(&self) -> i32 {
        let mut first = self.first.clone();
        match first.wait_for(Option::is_some).await {
            Ok(number) => number.unwrap_or_default(),
            Err(_) => std::future::pending().await,
        }
    }

    /// Runs `work` unless a signal comes first; then it is dropped, and with it what it had started.
    pub async fn unless<T>(&self, work: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            number = self.received() => Err(Interrupted(number)),
            outcome = work => Ok(outcome),
        }
    }
}

/// A signal came; its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted(pub i32);

impl Interrupted {
    /// The exit code by which shells know that a signal ended a program.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        u8::try_from(128 + self.0).unwrap_or(u8::MAX)
    }
}
