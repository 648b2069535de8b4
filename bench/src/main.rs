//! `make bench`, `make bench-growth`, `make bench-start` and `make bench-chart` end up here.

mod accounting;
mod client;
mod compare;
mod contenders;
mod database;
mod growth;
mod measurement;
mod progress;
mod report;
mod selection;
mod start;
mod workloads;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use playground::{
    interrupt::Interrupt,
    terminal::{self, Colour, paint, told},
};

use crate::{growth::Growth, selection::Selection};

/// Measures the services against their peers.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Runs all contenders on all workloads.
    Run(Selection),
    /// Asks our service the same on tables of different sizes.
    Growth(Growth),
    /// Starts our service again and again.
    Start,
    /// Draws the results that are kept.
    Chart,
}

fn main() -> ExitCode {
    match perform(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            terminal::line(format_args!("{} {}", paint(Colour::Red, "error:"), told(&error)));
            ExitCode::FAILURE
        }
    }
}

fn perform(task: Task) -> Result<ExitCode> {
    match task {
        Task::Run(selection) => unless_interrupted(compare::run(&selection)),
        Task::Growth(growth) => unless_interrupted(growth::run(&growth)),
        Task::Start => unless_interrupted(start::run()),
        Task::Chart => report::chart::draw().map(|()| ExitCode::SUCCESS),
    }
}

fn unless_interrupted(work: impl Future<Output = Result<()>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(async {
        match Interrupt::listen()?.unless(Box::pin(work)).await {
            Ok(outcome) => outcome.map(|()| ExitCode::SUCCESS),
            Err(interrupted) => Ok(ExitCode::from(interrupted.exit_code())),
        }
    })
}
