//! Scheduled tasks, by EventBridge Scheduler.

use anyhow::Result;

use crate::{
    aws::{Aws, text},
    definition::{self, Values},
    say,
};

/// Where the schedules are.
pub(crate) const FOLDER: &str = "deploy/schedules";

/// Makes all schedules, or brings them up to date.
pub(crate) async fn schedule(aws: &Aws, values: &Values) -> Result<()> {
    for file in definition::files(FOLDER)? {
        let wanted = definition::fill(&file, values)?;
        let name = text(&wanted, "/Name");
        say::step(format_args!("schedule {name}: {} UTC", text(&wanted, "/ScheduleExpression")));
        let input = definition::write(&format!("{name}-schedule"), &wanted)?;
        let there =
            aws.find_one(&["scheduler", "get-schedule", "--name", name], &["ResourceNotFoundException"]).await?;
        let call = if there.is_some() { "update-schedule" } else { "create-schedule" };
        aws.call(&["scheduler", call, "--cli-input-json", &input]).await?;
        say::done(format_args!("{name} is there; what its tasks say is in the service's log"));
    }
    Ok(())
}

/// Removes all schedules that are there.
pub(crate) async fn remove(aws: &Aws, cluster: &str) -> Result<()> {
    for file in definition::files(FOLDER)? {
        let definition = definition::read(&file)?;
        let name = text(&definition, "/Name").replace("${Cluster}", cluster);
        aws.find_one(&["scheduler", "delete-schedule", "--name", &name], &["ResourceNotFoundException"]).await?;
    }
    Ok(())
}
