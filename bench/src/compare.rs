//! `bench run`: all contenders on all workloads.

use anyhow::{Context as _, Result, ensure};
use playground::{secret, terminal};

use crate::{
    contenders::{self, Kind, Running},
    database::{Database, Rows},
    measurement::{Participant, Rounds, Target, WARM_UP, rehearse},
    report::{
        self, Measured, chart,
        environment::{Environment, Measurement},
        figures::Figures,
        goals, table,
    },
    selection::Selection,
    workloads::{Plan, Workload, location_ids},
};

/// Measures the selected contenders and workloads.
pub(crate) async fn run(selection: &Selection) -> Result<()> {
    let workloads = selection.workloads();
    let prepared = contenders::prepare(selection.contenders()).await?;
    let database = Database::start().await?;
    database.fill().await?;
    let token = secret::random(16)?;
    let mut running = Vec::new();
    for ready in &prepared.contenders {
        running.push(Running::start(ready.contender, &database, &token).await?);
    }
    let (count, duration) = (selection.extent.rounds, selection.extent.seconds);
    let measurement =
        Measurement { rounds: count, seconds: duration.as_secs_f64(), warm_up_ms: WARM_UP.as_millis(), runs_again: 0 };
    let mut environment = Environment::now(database.description().await?, measurement, prepared)?;
    terminal::line(serde_json::to_string_pretty(&environment)?);
    let participants = |workload| running.iter().filter(|one| one.contender.runs(workload)).count();
    let per_round: usize = workloads.iter().map(|(workload, at)| participants(workload) * at.len()).sum();
    ensure!(per_round > 0, "none of the selected contenders runs any of the selected workloads");

    let rows = database.rows().await?;
    let ids = location_ids(&rows);
    let mut rounds = Rounds::new(&database, count, duration, per_round * count);
    let mut measured = Vec::new();
    for (workload, connections) in workloads {
        let participants = participants_of(workload, &running, &rows, &ids, &token).await?;
        if workload.writes {
            database.remove_written().await?;
        }
        for concurrency in connections.iter().copied() {
            let runs = rounds.run(workload, concurrency, &participants).await?;
            let contenders = running.iter().map(|one| one.contender).filter(|one| one.runs(workload));
            let one = Measured { workload, concurrency, runs: contenders.zip(runs).collect() };
            rounds.print(&table::of_workload(workload.what, &Figures::of(&one)));
            measured.push(one);
        }
    }
    environment.measurement.runs_again = rounds.repeated;
    drop(rounds);
    terminal::line(format_args!("\nGoals\n{}", goals::table(&measured)));
    for one in running {
        one.stop().await?;
    }
    database.stop().await?;
    keep(selection, &environment, &measured)
}

/// Writes the results. Those of a part never replace those of the whole.
fn keep(selection: &Selection, environment: &Environment, measured: &[Measured]) -> Result<()> {
    let folder = if selection.is_partial() { report::PARTIAL } else { report::KEPT };
    let mut figures: Vec<Figures> = measured.iter().flat_map(Figures::of).collect();
    figures.sort_by_cached_key(|one| (one.workload.clone(), one.concurrency, one.contender.clone()));
    report::write_json(folder, "latest.json", &figures)?;
    report::write_json(folder, "environment.json", environment)?;
    terminal::line(format_args!("The figures are in {folder}"));
    if selection.is_partial() {
        terminal::line(
            "They are of a part: bench/results and docs/bench.svg are unchanged. `make bench` measures it all.",
        );
        return Ok(());
    }
    chart::draw()?;
    terminal::line("Next: docs/performance.md explains them; make bench-growth has larger tables.");
    Ok(())
}

/// The contenders that run `workload`, after each gave the right response to every request.
async fn participants_of<'a>(
    workload: &Workload,
    running: &'a [Running],
    rows: &Rows,
    ids: &'a [u64],
    token: &str,
) -> Result<Vec<Participant<'a>>> {
    let plan = workload.plan(rows);
    let mut participants = Vec::new();
    for one in running.iter().filter(|one| one.contender.runs(workload)) {
        let name = &one.contender.name;
        let plan = match one.contender.kind {
            Kind::Sysbench => {
                participants.push(Participant { name, target: Target::Database { ids } });
                continue;
            }
            Kind::OwnNoDatabase => &Plan::without_database(),
            Kind::Own | Kind::Peer => &plan,
        };
        let port = one.port(workload.service)?;
        let load = rehearse(port, plan, token).await;
        let load = load.with_context(|| format!("{name} fails the check of {}", workload.name))?;
        participants.push(Participant { name, target: Target::Service { processes: one.processes(), port, load } });
    }
    Ok(participants)
}
