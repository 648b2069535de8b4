//! The end of a service, in order: SIGTERM turns readiness off, requests are served on until balancers have noticed,
//! then no more are accepted, and those under way are finished.
//!
//! SIGINT is Ctrl-C at a terminal, where no balancer has to notice: it leaves the delay out, and the second one ends the
//! process at once. Supervisors repeat SIGTERM, which changes nothing once it has come.

use std::{io, time::Duration};

use actix_web::dev::ServerHandle;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What a process was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// SIGTERM: an orchestrator takes the task down.
    Drain,
    /// SIGINT: somebody pressed Ctrl-C.
    Now,
}

/// The signals that stop a service.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// From here on, signals wait for [`next`](Self::next) instead of ending the process.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The next one.
    pub(crate) async fn next(&mut self) -> Stop {
        tokio::select! {
            _ = self.terminate.recv() => Stop::Drain,
            _ = self.interrupt.recv() => Stop::Now,
        }
    }

    /// The next SIGINT; SIGTERM is repeated in vain.
    async fn interrupted(&mut self) {
        while self.next().await == Stop::Drain {
            tracing::info!("stopping already");
        }
    }
}

/// How a service came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// All requests were finished.
    Finished,
    /// Some were not, within `SHUTDOWN_TIMEOUT`.
    TimedOut,
    /// A second SIGINT came before that.
    Interrupted,
}

/// How long each part of the end may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How long to serve on.
    pub(crate) delay: Duration,
    /// How long requests under way may take after that.
    pub(crate) timeout: Duration,
}

/// Ends `server` in order, after the signal `first`.
pub(crate) async fn drain(server: &ServerHandle, first: Stop, limits: Limits, signals: &mut Signals) -> End {
    let mut interrupts_left = match first {
        Stop::Drain => {
            tokio::select! {
                () = tokio::time::sleep(limits.delay) => 2,
                () = signals.interrupted() => 1,
            }
        }
        Stop::Now => 1,
    };
    tracing::info!("accepting no more connections, finishing what is under way");
    let finished = tokio::time::timeout(limits.timeout, server.stop(true));
    let interrupted = async {
        while interrupts_left > 0 {
            signals.interrupted().await;
            interrupts_left -= 1;
        }
    };
    tokio::select! {
        finished = finished => if finished.is_ok() { End::Finished } else { End::TimedOut },
        () = interrupted => End::Interrupted,
    }
}
