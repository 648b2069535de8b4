//! The `seed` subcommand: sample data, loaded in bulk.

use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use crate::{
    Service,
    database::{self, TaskError},
};

/// How far a long piece of work is: a bar on a terminal, nothing elsewhere.
pub struct Progress(ProgressBar);

impl Progress {
    /// Begins with `total` rows to go.
    pub fn begin(&self, total: u64) {
        self.0.set_length(total);
    }

    /// `rows` more are done.
    pub fn advance(&self, rows: u64) {
        self.0.inc(rows);
    }
}

/// Loads the service's sample data; whatever is there already stays as it is.
pub async fn run(service: &Service, settings: &database::Settings) -> Result<(), TaskError> {
    let started = Instant::now();
    let mut connection = database::connect(settings).await?;
    let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} rows")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style).with_message(format!("seeding {}", service.name));
    let rows = (service.seed)(&mut connection, &Progress(bar.clone())).await.map_err(TaskError::refused(settings))?;
    bar.finish_and_clear();
    tracing::info!(rows, elapsed = ?started.elapsed(), "the sample data is there");
    Ok(())
}
