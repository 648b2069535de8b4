//! `bench growth`: the cost of the location service on the sample data, and on ten and a hundred times as many rows.

mod places;

use anyhow::{Context as _, Result};
use indicatif::HumanCount;
use playground::{database::login::Login, ports, process::Process, secret};

use crate::{
    accounting,
    contenders::{self, healthy},
    database::{Database, Rows},
    measurement::{Participant, Rounds, Target, rehearse},
    report::{
        self,
        figures::{Figures, mebibytes},
        table,
    },
    selection::Extent,
    workloads::{self, Workload},
};

/// Multiples of the sample data.
const TIMES: [u64; 3] = [1, 10, 100];
/// The workloads, each with its numbers of connections. Of all but the whole table the cost must not grow. That table
/// comes first, as services keep memory that the others need.
const WORKLOADS: [(&str, &[usize]); 5] = [
    ("full-table", &[1]),
    (workloads::BY_ID, &[1, 32]),
    ("page-of-50", &[1, 32]),
    ("pages-apart", &[1, 32]),
    ("nearest", &[1, 32]),
];
/// Bytes: the largest table is in memory, as the smallest is.
const BUFFER_POOL: u64 = 2 << 30;

/// A service on a table of some size.
struct Size {
    name: String,
    rows: Rows,
    port: u16,
    process: Process,
}

/// Fills the tables, and measures.
pub(crate) async fn run(extent: &Extent) -> Result<()> {
    contenders::build_services().await?;
    let database = Database::start().await?;
    database.run(&format!("SET GLOBAL innodb_buffer_pool_size = {BUFFER_POOL}")).await?;
    let token = secret::random(16)?;
    let mut sizes = Vec::new();
    for times in TIMES {
        sizes.push(Size::fill(&database, times, &token).await?);
    }
    let planned =
        sizes.len() * WORKLOADS.iter().map(|(_, connections)| connections.len()).sum::<usize>() * extent.rounds;
    let mut rounds = Rounds::new(&database, extent.rounds, extent.seconds, planned);
    let mut all = Vec::new();
    for (workload, connections) in WORKLOADS {
        let workload = Workload::named(workload).context("unknown workload")?;
        let mut participants = Vec::new();
        for size in &sizes {
            participants.push(size.participant(workload, &token).await?);
        }
        for connections in connections.iter().copied() {
            let runs = rounds.run(workload, connections, &participants).await?;
            let mut figures = Vec::new();
            for (size, of_size) in sizes.iter().zip(&runs) {
                let of_size = Figures::new(workload, connections, &size.name, of_size, Some(&runs[0]));
                // Not at the end of a run, when the whole table is sent.
                let peak = accounting::peak(size.process.id())?;
                figures.push(Figures { rss_mib: Some(mebibytes(peak)), ..of_size });
            }
            rounds.print(&table::of_workload(workload.what, &figures));
            all.extend(figures);
        }
    }
    drop(rounds);
    for mut size in sizes {
        size.process.stop().await?;
    }
    database.stop().await?;
    report::write_json(report::KEPT, "growth.json", &all)
}

impl Size {
    /// Fills a table with `times` the sample data, and starts a service on it.
    async fn fill(database: &Database, times: u64, token: &str) -> Result<Self> {
        let login: Login = database.location.with_database(&database.server, &format!("location_{times}")).await?;
        let service = database.service("location", &login).set("API_TOKEN", token);
        database.seed(&service).await?;
        places::multiply(&mut database.connect(&login).await?, &database.locations(&login).await?, times).await?;
        database.run(&format!("ANALYZE TABLE {}.locations", login.database)).await?;
        let rows = Rows { locations: database.locations(&login).await?, users: Vec::new() };
        let port = ports::free()?;
        let mut process = service.start(port)?.into_process();
        healthy(&mut process, port).await?;
        Ok(Self { name: format!("{} rows", HumanCount(rows.locations.len() as u64)), rows, port, process })
    }

    async fn participant(&self, workload: &Workload, token: &str) -> Result<Participant<'_>> {
        let load = rehearse(self.port, &workload.plan(&self.rows), token).await;
        let load = load.with_context(|| format!("{} fails the check of {}", self.name, workload.name))?;
        let target = Target::Service { processes: vec![self.process.id()], port: self.port, load };
        Ok(Participant { name: &self.name, target })
    }
}
