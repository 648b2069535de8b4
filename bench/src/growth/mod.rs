//! `bench growth`: what our service costs when its table grows. The same requests, on the sample data and on ten and a
//! hundred times as many rows, in turns.

mod places;
mod whole_table;

use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use playground::{database::login::Login, ports, process::Process, secret, terminal};
use serde::Serialize;

use crate::{
    accounting,
    contenders::{self, answering},
    database::{Database, Rows},
    measurement::{Participant, Rounds, Run, Target, rehearse},
    progress::Progress,
    report::{
        figures::{mebibytes, millis, rounded},
        results::{self, Results},
        statistics::median,
        table,
    },
    selection::duration,
    workloads::{self, Workload},
};

/// How many times the sample data.
const TIMES: [u64; 3] = [1, 10, 100];
/// The workloads whose cost is not to depend on it.
const WORKLOADS: [&str; 4] = [workloads::BY_ID, "page-of-50", "pages-apart", "nearest"];
/// Numbers of connections.
const AT: [usize; 2] = [1, 32];
/// So that the largest table is in memory, as the smallest is.
const BUFFER_POOL: u64 = 2 << 30;
/// How often the whole table is asked for.
const TABLES: usize = 3;

/// How long it is measured.
#[derive(Args, Debug)]
pub(crate) struct Growth {
    /// Rounds, in each of which every size has its turn.
    #[arg(long, default_value = "7", value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Seconds for each run.
    #[arg(long, default_value = "1", value_parser = duration)]
    seconds: Duration,
}

/// What came of one size.
#[derive(Debug, Serialize)]
struct Grown {
    workload: &'static str,
    concurrency: usize,
    rows: usize,
    rps: f64,
    p50_ms: f64,
    /// How many times as long as on the smallest table: the median of the rounds.
    p50_ratio: f64,
    /// The most resident memory of the service so far.
    rss_mib: f64,
}

/// A service on a table of some size.
struct Size {
    name: String,
    rows: Rows,
    port: u16,
    process: Process,
}

/// Fills the tables and measures.
pub(crate) async fn run(growth: &Growth) -> Result<()> {
    contenders::build_services().await?;
    let database = Database::start().await?;
    database.run(&format!("SET GLOBAL innodb_buffer_pool_size = {BUFFER_POOL}")).await?;
    let token = secret::random(16)?;
    let mut sizes = Vec::new();
    for times in TIMES {
        sizes.push(Size::fill(&database, times, &token).await?);
    }
    // First, while nothing else has made the services keep memory.
    let mut all = whole_tables(&sizes)?;
    let rounds = Rounds {
        database: &database,
        count: growth.rounds.into(),
        duration: growth.seconds,
        progress: Progress::of(sizes.len() * WORKLOADS.len() * AT.len() * usize::from(growth.rounds)),
    };
    for workload in workloads::ALL.iter().filter(|workload| WORKLOADS.contains(&workload.name)) {
        let participants = participants(&sizes, workload, &token)?;
        for concurrency in AT {
            let runs = rounds.of(workload, concurrency, &participants).await?;
            all.extend(grown(&sizes, workload.name, concurrency, &runs));
        }
    }
    drop(rounds);
    terminal::line(printed(&all));
    for mut size in sizes {
        size.process.stop().await?;
    }
    database.stop().await?;
    Results::kept().write(results::GROWTH, &all)
}

impl Size {
    /// Makes a table of so many times the sample data, and starts a service on it.
    async fn fill(database: &Database, times: u64, token: &str) -> Result<Self> {
        let login: Login = database.location.with_database(&database.server, &format!("location_{times}")).await?;
        let service = database.service("location", &login).set("API_TOKEN", token);
        database.seed(&service).await?;
        places::multiply(&mut database.connect(&login).await?, &database.locations(&login).await?, times).await?;
        database.run(&format!("ANALYZE TABLE {}.locations", login.database)).await?;
        let rows = Rows { locations: database.locations(&login).await?, users: Vec::new() };
        let port = ports::free()?;
        let mut process = service.start(port)?.into_process();
        answering(&mut process, port).await?;
        Ok(Self { name: format!("{} rows", table::count(rows.locations.len())), rows, port, process })
    }
}

/// Asks each service for its whole table, which it is not to hold in memory.
fn whole_tables(sizes: &[Size]) -> Result<Vec<Grown>> {
    let mut first = None;
    let whole = sizes.iter().map(|size| {
        let rows = size.rows.locations.len();
        let took = (0..TABLES).map(|_| table_of(size, rows)).collect::<Result<Vec<_>>>()?;
        let took = median(took.into_iter().map(|took| took.as_secs_f64())).unwrap_or_default();
        Ok(Grown {
            workload: "full-table",
            concurrency: 1,
            rows,
            rps: rounded(1.0 / took, 3),
            p50_ms: rounded(took * 1e3, 3),
            p50_ratio: rounded(took / *first.get_or_insert(took), 3),
            rss_mib: rounded(mebibytes(accounting::peak(size.process.id())?), 1),
        })
    });
    whole.collect()
}

fn table_of(size: &Size, rows: usize) -> Result<Duration> {
    tokio::task::block_in_place(|| whole_table::read(size.port, rows)).with_context(|| size.name.clone())
}

fn participants<'a>(sizes: &'a [Size], workload: &Workload, token: &str) -> Result<Vec<Participant<'a>>> {
    let participants = sizes.iter().map(|Size { name, rows, port, process }| {
        let load = rehearse(*port, &workload.plan(rows), token);
        let load = load.with_context(|| format!("{} is not answered right on {name}", workload.name))?;
        Ok(Participant { name, target: Target::Service { processes: vec![process.id()], port: *port, load } })
    });
    participants.collect()
}

fn grown(sizes: &[Size], workload: &'static str, concurrency: usize, runs: &[Vec<Run>]) -> Vec<Grown> {
    let smallest = runs.first().map(Vec::as_slice).unwrap_or_default();
    let of_size = |(size, runs): (&Size, &Vec<Run>)| {
        let ratios = runs.iter().zip(smallest).map(|(run, least)| run.p50.as_secs_f64() / least.p50.as_secs_f64());
        Grown {
            workload,
            concurrency,
            rows: size.rows.locations.len(),
            rps: rounded(median(runs.iter().map(Run::rate)).unwrap_or_default(), 1),
            p50_ms: rounded(median(runs.iter().map(|run| millis(run.p50))).unwrap_or_default(), 3),
            p50_ratio: rounded(median(ratios).unwrap_or_default(), 3),
            rss_mib: rounded(mebibytes(runs.iter().filter_map(|run| run.resident).max().unwrap_or_default()), 1),
        }
    };
    sizes.iter().zip(runs).map(of_size).collect()
}

fn printed(all: &[Grown]) -> String {
    let rows = all.iter().map(|one| {
        vec![
            format!("{} at {}", one.workload, one.concurrency),
            table::count(one.rows),
            table::told(one.rps),
            format!("{:.3}", one.p50_ms),
            format!("{:.2}", one.p50_ratio),
            table::told(one.rss_mib),
        ]
    });
    let head = ["workload", "rows", "requests/s", "p50 ms", "× smallest", "memory MiB"];
    table::table(&head, &rows.collect::<Vec<_>>())
}
