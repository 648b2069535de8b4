//! The `purge` subcommand: a scheduled task that deletes what has expired.

use std::time::Instant;

use crate::{
    database::{self, TaskError},
    idempotency,
};

/// Rows deleted at a time: a short transaction, which holds few locks and lets a replica keep up.
const BATCH: u32 = 1_000;

/// Deletes expired idempotency keys, batch by batch, until none is left.
pub(crate) async fn run(settings: &database::Settings) -> Result<(), TaskError> {
    let started = Instant::now();
    let mut connection = database::connect(settings).await?;
    let mut total = 0;
    loop {
        let purged = idempotency::purge(&mut connection, BATCH).await.map_err(TaskError::refused(settings))?;
        total += purged;
        if purged < BATCH.into() {
            break;
        }
    }
    tracing::info!(keys = total, elapsed = ?started.elapsed(), "expired idempotency keys are gone");
    Ok(())
}
