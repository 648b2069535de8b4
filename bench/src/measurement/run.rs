//! One run: one participant at one number of connections.

use std::time::Duration;

use anyhow::{Result, ensure};
use tokio::task::{block_in_place, yield_now};

use crate::{
    accounting::{self, Account, Parties},
    client::{Client, Load},
    contenders::sysbench,
    database::Database,
};

/// The same load before, which is not counted: connections are made, plans are cached, code is compiled.
pub(crate) const WARM_UP: Duration = Duration::from_millis(300);

/// Who has a turn in every round.
#[derive(Debug)]
pub(crate) struct Participant<'a> {
    /// What it is called.
    pub(crate) name: &'a str,
    /// What it is asked.
    pub(crate) target: Target<'a>,
}

/// What is asked.
#[derive(Debug)]
pub(crate) enum Target<'a> {
    /// A service with these processes, on this port.
    Service { processes: Vec<u32>, port: u16, load: Load },
    /// The database, by sysbench, for the rows with these ids.
    Database { ids: &'a [u64] },
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// Requests that were answered.
    pub(crate) requests: u64,
    /// From the first request to the last answer.
    pub(crate) elapsed: Duration,
    /// How long half of the requests waited at most.
    pub(crate) p50: Duration,
    /// How long 99 of 100 waited at most.
    pub(crate) p99: Duration,
    /// Processor time of the service, if there is one.
    pub(crate) service: Option<Duration>,
    /// Processor time of the database server.
    pub(crate) database: Duration,
    /// Processor time of the client.
    pub(crate) client: Duration,
    /// Resident memory of the service in bytes, at the end.
    pub(crate) resident: Option<u64>,
    /// Processors that others used meanwhile.
    pub(crate) unrelated: f64,
}

impl Participant<'_> {
    /// Has its turn.
    pub(super) async fn run(&self, connections: usize, duration: Duration, database: &Database) -> Result<Run> {
        // Here a signal is noticed that came during the run before.
        yield_now().await;
        match &self.target {
            Target::Service { processes, port, load } => {
                let parties = Parties { service: processes.clone(), database: database.process };
                // Waiting for answers, this thread does nothing else.
                block_in_place(|| of_service(&parties, *port, load, connections, duration))
            }
            Target::Database { ids } => of_database(ids, connections, duration, database).await,
        }
    }
}

impl Run {
    /// Requests in a second.
    #[expect(clippy::cast_precision_loss, reason = "far fewer requests than the mantissa has room for")]
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

fn of_service(parties: &Parties, port: u16, load: &Load, connections: usize, duration: Duration) -> Result<Run> {
    let mut client = Client::connect(port, connections, load)?;
    client.drive(WARM_UP)?;
    let before = Account::now(parties)?;
    let sample = client.drive(duration)?;
    let usage = Account::now(parties)?.since(&before);
    ensure!(!usage.service.is_zero(), "it has used no processor time: somebody else has answered");
    let quantile = |quantile| Duration::from_micros(sample.latencies.value_at_quantile(quantile));
    Ok(Run {
        requests: sample.requests,
        elapsed: sample.elapsed,
        p50: quantile(0.5),
        p99: quantile(0.99),
        service: Some(usage.service),
        database: usage.database,
        client: usage.client,
        resident: Some(accounting::resident(&parties.service)?),
        unrelated: usage.unrelated,
    })
}

/// sysbench is its own client. It has no warm-up; the threads that it counts from have connected before.
async fn of_database(ids: &[u64], connections: usize, duration: Duration, database: &Database) -> Result<Run> {
    let parties = Parties { service: Vec::new(), database: database.process };
    let before = Account::now(&parties)?;
    let report = sysbench::run(database, ids, connections, duration).await?;
    let usage = Account::now(&parties)?.since(&before);
    Ok(Run {
        requests: report.requests,
        elapsed: report.elapsed,
        p50: report.p50,
        p99: report.p99,
        service: None,
        database: usage.database,
        client: usage.client,
        resident: None,
        unrelated: usage.unrelated,
    })
}
