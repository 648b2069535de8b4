//! The end of a service, in order: SIGTERM turns readiness off, requests are served on until balancers have noticed,
//! then no more are accepted, and those under way are finished.
//!
//! SIGINT is Ctrl-C at a terminal, where no balancer has to notice: it leaves the delay out. A second signal of either
//! kind ends the process at once.

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
}

/// Lets `server` serve on for `delay`, then end in order. False where a second signal cut it short.
pub(crate) async fn drain(server: &ServerHandle, delay: Duration, signals: &mut Signals) -> bool {
    let in_order = async {
        tokio::time::sleep(delay).await;
        tracing::info!("accepting no more connections, finishing what is under way");
        server.stop(true).await;
    };
    tokio::select! {
        () = in_order => true,
        _ = signals.next() => false,
    }
}
