//! Following a service's log.

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::{
    aws::{Aws, INSTALLING},
    say, whole,
};

/// Follows the log of all tasks of `service`, from ten minutes ago on, until Ctrl-C.
pub(crate) async fn follow(aws: &Aws, cluster: &str, service: &str) -> Result<()> {
    let group = format!("/{cluster}/{service}");
    ensure!(
        aws.major >= 2,
        "`aws logs tail` is in version 2 of the aws CLI only, and this is version {}: install it ({INSTALLING})",
        aws.major
    );
    whole::cluster_values(aws, cluster).await?;
    let words = ["aws", "logs", "tail", &group, "--follow", "--since", "10m"].map(str::to_owned);
    say::command(&words);
    let status = Command::new(&words[0])
        .args(&words[1..])
        .env("AWS_REGION", &aws.region)
        .status()
        .await
        .context("the aws CLI cannot be started")?;
    ensure!(status.success(), "the log {group} cannot be followed; see above");
    Ok(())
}
