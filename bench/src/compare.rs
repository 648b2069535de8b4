//! `bench run`: all contenders, all workloads, from an empty machine to the last table.

use anyhow::{Context, Result, ensure};
use playground::{folders::shown, secret, terminal};
use tokio::task::yield_now;

use crate::{
    contenders::{self, Contender, Running, Surroundings},
    database::{Database, Rows},
    measurement::{Participant, Rounds, Target, WARM_UP, rehearse},
    progress::Progress,
    report::{
        Measured, chart,
        environment::{Environment, Measurement},
        figures::{self, Figures},
        goals,
        results::{self, Results},
        table,
    },
    selection::Selection,
    workloads::{Plan, Workload, location_ids},
};

/// Measures what is selected.
pub(crate) async fn run(selection: &Selection) -> Result<()> {
    let workloads = selection.workloads()?;
    let ready = contenders::prepare(&selection.contenders()?).await?;
    ensure!(!ready.contenders.is_empty(), "no contender is left");
    let database = Database::start().await?;
    database.fill().await?;
    let token = secret::random(16)?;
    let mut surroundings = Surroundings::new(&database, &token)?;
    let mut running = Vec::new();
    for (contender, _) in &ready.contenders {
        running.push(surroundings.start(contender).await?);
    }
    let measurement = Measurement {
        rounds: selection.rounds(),
        seconds: selection.duration().as_secs_f64(),
        warm_up_ms: WARM_UP.as_millis(),
        runs_again: 0,
    };
    let environment = Environment::now(database.description().await?, measurement, &ready);
    terminal::line(environment.told());
    let runs = turns(&running, &workloads) * selection.rounds();
    let each = selection.duration() + WARM_UP;
    let minutes = each.as_secs_f64() * f64::from(u32::try_from(runs)?) / 60.0;
    terminal::line(format_args!("{runs} runs, some {:.0} min; Ctrl-C ends it, and keeps nothing", minutes.ceil()));

    let course = Course {
        rows: database.rows().await?,
        token: &token,
        running: &running,
        rounds: Rounds {
            database: &database,
            count: selection.rounds(),
            duration: selection.duration(),
            progress: Progress::of(runs),
        },
    };
    let measured = course.all(&workloads).await?;
    let environment = environment.after(course.conclude(&measured));
    drop(course);
    for one in running {
        one.stop().await?;
    }
    database.stop().await?;
    keep(selection, &environment, &measured)
}

/// How many turns there are in a round.
fn turns(running: &[Running], workloads: &[(&Workload, Vec<usize>)]) -> usize {
    let participants = |workload| running.iter().filter(|running| running.contender.takes(workload)).count();
    workloads.iter().map(|(workload, at)| participants(workload) * at.len()).sum()
}

/// Writes the results down. What is only a part of the whole never takes its place.
fn keep(selection: &Selection, environment: &Environment, measured: &[Measured]) -> Result<()> {
    let results = if selection.is_partial() { Results::of_part() } else { Results::kept() };
    let mut figures: Vec<Figures> = measured.iter().flat_map(figures::of).collect();
    figures.sort_by(|one, other| one.place().cmp(&other.place()));
    results.write(results::LATEST, &figures)?;
    results.write(results::ENVIRONMENT, environment)?;
    terminal::line(format_args!("The figures are in {}", shown(&results.file(results::LATEST))));
    if selection.is_partial() {
        terminal::line(
            "They are of a part: those of the whole, and docs/bench.svg, stay. `make bench` measures it all.",
        );
        return Ok(());
    }
    chart::draw()?;
    terminal::line("Next: docs/performance.md says how to read them; make bench-growth has larger tables.");
    Ok(())
}

/// All that runs, and what it is asked.
struct Course<'a> {
    rows: Rows,
    token: &'a str,
    running: &'a [Running],
    rounds: Rounds<'a>,
}

impl Course<'_> {
    async fn all(&self, workloads: &[(&'static Workload, Vec<usize>)]) -> Result<Vec<Measured>> {
        let mut all = Vec::new();
        let ids = location_ids(&self.rows);
        for (workload, at) in workloads {
            let (contenders, participants) = self.participants(workload, &ids).await?;
            for concurrency in at.iter().copied() {
                let runs = self.rounds.of(workload, concurrency, &participants).await?;
                let runs = contenders.iter().copied().zip(runs).collect();
                let measured = Measured { workload, concurrency, runs };
                let table = table::of_workload(workload.what, &figures::of(&measured));
                let left = self.rounds.progress.left().map(|left| format!("  {left} left"));
                self.rounds.progress.print(&format!("{table}{}", left.unwrap_or_default()));
                all.push(measured);
            }
        }
        Ok(all)
    }

    /// Those who take part, after each of them has answered everything right.
    async fn participants<'i>(
        &self,
        workload: &Workload,
        ids: &'i [u64],
    ) -> Result<(Vec<&'static Contender>, Vec<Participant<'i>>)> {
        let plan = workload.plan(&self.rows);
        let mut participants = Vec::new();
        let taking = || self.running.iter().filter(|running| running.contender.takes(workload));
        for running in taking() {
            let name = running.contender.name;
            self.rounds.progress.says(format!("{}: does {name} answer right?", workload.name));
            yield_now().await;
            let target = self.target(running, workload, &plan, ids);
            let target = target.with_context(|| format!("{name} does not answer {} right", workload.name))?;
            participants.push(Participant { name, target });
        }
        if workload.writes {
            self.rounds.database.remove_written().await?;
        }
        Ok((taking().map(|running| running.contender).collect(), participants))
    }

    fn target<'i>(&self, running: &Running, workload: &Workload, plan: &Plan, ids: &'i [u64]) -> Result<Target<'i>> {
        if running.contender.is_sysbench() {
            return Ok(Target::Database { ids });
        }
        let port = running.port(workload.service)?;
        let load = if running.contender.has_database() {
            rehearse(port, plan, self.token)?
        } else {
            rehearse(port, &Plan::without_database(), self.token)?
        };
        Ok(Target::Service { processes: running.processes(), port, load })
    }

    /// Tells what was reached, and how many runs had to be done again.
    fn conclude(&self, measured: &[Measured]) -> usize {
        let progress = &self.rounds.progress;
        progress.print(&format!("\nGoals\n{}", goals::printed(&goals::verdicts(measured))));
        progress.print(&format!(
            "{} runs were done again, as something else used the processors meanwhile",
            progress.runs_again()
        ));
        progress.runs_again()
    }
}
