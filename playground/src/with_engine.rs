//! `playground engine -- COMMAND…`: a command that needs a Docker engine, on a machine that may have none.

use std::{
    process::{Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, Result};

use crate::{engine, folders, interrupt::Interrupt, process::Process};

/// How long the command may take to end after Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs `command` with the engine that answers, or else with one that is started, or installed and started, and that is
/// stopped afterwards. Gives the command's exit code.
pub async fn run(interrupt: &Interrupt, command: &[String]) -> Result<ExitCode> {
    let (program, arguments) = command.split_first().context("no command is given")?;
    // The last to go.
    let _engine = match interrupt.unless(Box::pin(engine::obtain())).await {
        Ok(obtained) => obtained?,
        Err(interrupted) => return Ok(ExitCode::from(interrupted.exit_code())),
    };
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folders::workspace());
    let mut process = Process::start(program, command, PATIENCE)?;
    match interrupt.unless(process.wait()).await {
        Ok(status) => {
            Ok(status?.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
        }
        Err(interrupted) => {
            process.stop().await?;
            Ok(ExitCode::from(interrupted.exit_code()))
        }
    }
}
