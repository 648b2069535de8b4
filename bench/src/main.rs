//! `make bench`, `make bench-growth`, `make bench-start` and `make bench-chart` run this.

mod accounting;
mod client;
mod compare;
mod contenders;
mod database;
mod growth;
mod measurement;
mod report;
mod selection;
mod start;
mod workloads;

use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use playground::{
    interrupt::Interrupt,
    terminal::{self, Colour, paint, told},
};

use crate::selection::{Extent, Selection};

/// Measures the services beside their peers.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs all contenders on all workloads.
    Run(Selection),
    /// Runs the location service on tables of different sizes.
    Growth(Extent),
    /// Measures how long the location service takes to start.
    Start,
    /// Draws the chart of the last whole run.
    Chart,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            terminal::line(format_args!("{} {}", paint(Colour::Red, "error:"), told(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<ExitCode> {
    // One thread: the load generator shares the processors with what it measures.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("cannot start the runtime")?.block_on(async {
        let work = async {
            match command {
                Command::Run(selection) => compare::run(&selection).await,
                Command::Growth(extent) => growth::run(&extent).await,
                Command::Start => start::run().await,
                Command::Chart => report::chart::draw(),
            }
        };
        match Interrupt::listen()?.unless(Box::pin(work)).await {
            Ok(outcome) => outcome.map(|()| ExitCode::SUCCESS),
            Err(interrupted) => Ok(ExitCode::from(interrupted.exit_code())),
        }
    })
}
