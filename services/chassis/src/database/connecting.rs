//! Connections that are being made. Making one goes on when whoever waits for it gives up, and serves the next: a server
//! that answers late would otherwise be sent a new attempt for every request, and never be seen to answer.

use std::{
    io::{self, ErrorKind},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sqlx::MySqlConnection;
use tokio::{
    task::{JoinError, JoinHandle},
    time::timeout,
};

/// How long making a connection may take: a lost packet is sent again after one second, and after two more. What is not
/// there by then is begun anew, as it may lead to a server that is gone.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

type Attempt = JoinHandle<sqlx::Result<MySqlConnection>>;

/// The attempts that nobody waits for at the moment.
pub(super) struct Connecting {
    attempts: Mutex<Vec<Attempt>>,
    limit: Duration,
}

impl Connecting {
    pub(super) fn new() -> Self {
        Self::within(CONNECT_TIMEOUT)
    }

    fn within(limit: Duration) -> Self {
        Self { attempts: Mutex::default(), limit }
    }

    /// Waits for an attempt that is under way, or begins one.
    pub(super) async fn next<F>(&self, connect: impl FnOnce() -> F) -> sqlx::Result<MySqlConnection>
    where
        F: Future<Output = sqlx::Result<MySqlConnection>> + Send + 'static,
    {
        let attempt = self.under_way().unwrap_or_else(|| {
            let (connect, limit) = (connect(), self.limit);
            tokio::spawn(async move {
                timeout(limit, connect).await.unwrap_or_else(|_| {
                    let told = format!("no connection within {limit:?}");
                    Err(sqlx::Error::Io(io::Error::new(ErrorKind::TimedOut, told)))
                })
            })
        });
        Awaited { connecting: self, attempt: Some(attempt) }.outcome().await
    }

    /// One that has not ended. Those that have are left behind: whether their connection still works is not known.
    fn under_way(&self) -> Option<Attempt> {
        let mut attempts = self.attempts();
        attempts.retain(|attempt| !attempt.is_finished());
        attempts.pop()
    }

    fn attempts(&self) -> MutexGuard<'_, Vec<Attempt>> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt that somebody waits for. If they go away, it is there for the next.
struct Awaited<'a> {
    connecting: &'a Connecting,
    attempt: Option<Attempt>,
}

impl Awaited<'_> {
    async fn outcome(mut self) -> sqlx::Result<MySqlConnection> {
        let attempt = self.attempt.as_mut().expect("taken only here and on drop");
        let outcome = attempt.await;
        self.attempt = None;
        outcome.unwrap_or_else(|_: JoinError| Err(sqlx::Error::WorkerCrashed))
    }
}

impl Drop for Awaited<'_> {
    fn drop(&mut self) {
        if let Some(attempt) = self.attempt.take() {
            self.connecting.attempts().push(attempt);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use tokio::{sync::Notify, task::yield_now};

    use super::*;

    /// Counts its calls, and ends with an error when it is told to.
    fn attempt(calls: &AtomicU32, gate: &Arc<Notify>) -> impl Future<Output = sqlx::Result<MySqlConnection>> + use<> {
        calls.fetch_add(1, Ordering::Relaxed);
        let gate = Arc::clone(gate);
        async move {
            gate.notified().await;
            Err(sqlx::Error::RowNotFound)
        }
    }

    #[tokio::test]
    async fn who_gives_up_leaves_the_attempt_to_the_next() {
        let (connecting, calls, gate) = (Connecting::new(), AtomicU32::new(0), Arc::new(Notify::new()));
        for _ in 0..5 {
            let waiting = connecting.next(|| attempt(&calls, &gate));
            assert!(timeout(Duration::from_millis(5), waiting).await.is_err());
        }
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        gate.notify_one();
        let outcome = connecting.next(|| attempt(&calls, &gate)).await;
        assert!(matches!(outcome, Err(sqlx::Error::RowNotFound)));
        assert_eq!(calls.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn one_that_ended_with_nobody_there_is_left_behind() {
        let (connecting, calls, gate) = (Connecting::new(), AtomicU32::new(0), Arc::new(Notify::new()));
        for begun in 1..=2 {
            let waiting = connecting.next(|| attempt(&calls, &gate));
            assert!(timeout(Duration::from_millis(5), waiting).await.is_err());
            assert_eq!(calls.load(Ordering::Relaxed), begun);
            gate.notify_one();
            while !connecting.attempts()[0].is_finished() {
                yield_now().await;
            }
        }
    }

    #[tokio::test]
    async fn an_attempt_ends_when_its_time_is_over() {
        let connecting = Connecting::within(Duration::from_millis(5));
        let outcome = connecting.next(std::future::pending).await;
        assert!(matches!(outcome, Err(sqlx::Error::Io(error)) if error.kind() == ErrorKind::TimedOut));
    }
}
