//! What would be lost without draining: the check that these tests can fail.

use std::time::Duration;

use crate::{
    record::Recorder,
    swarm::{stack_files, swarm},
    versions::Kind,
};

/// A further stack file: tasks end at once, whatever is under way.
const NO_DRAIN: &str = r#"
version: "3.9"
x-no-drain: &no-drain
  stop_grace_period: 0s
  environment: {DRAIN_DELAY: 0s, SHUTDOWN_TIMEOUT: 0s}
services:
  location: *no-drain
  user: *no-drain
"#;

/// As above, for updates that nobody looks at.
const IN_HASTE: &str = r#"
version: "3.9"
x-in-haste: &in-haste
  deploy:
    update_config: {order: start-first, parallelism: 0, delay: 0s, monitor: 1s, failure_action: rollback}
services:
  location: *in-haste
  user: *in-haste
"#;

#[tokio::test(flavor = "multi_thread")]
async fn without_draining_an_update_loses_requests() {
    let Some(mut swarm) = swarm().await else { return };
    let (no_drain, in_haste) = (("no-drain", NO_DRAIN), ("in-haste", IN_HASTE));

    // The tasks that are there must be such that do not drain before the update that is looked at.
    let version = swarm.make(&[Kind::Good, Kind::Good]).await;
    swarm.update(&version, &[("STACK_FILE", &stack_files(&[no_drain, in_haste]))]).await;
    let next = swarm.make(&[Kind::Good, Kind::Good]).await;
    let mut recorder = Recorder::start(&swarm, Duration::from_secs(3)).await;
    recorder.mark(format!("update to {next}"));
    swarm.update(&next, &[("STACK_FILE", &stack_files(&[no_drain]))]).await;
    let record = recorder.finish("without-drain", "The same update with draining switched off").await;
    // The next test finds tasks that drain.
    let last = swarm.make(&[Kind::Good, Kind::Good]).await;
    swarm.update(&last, &[("STACK_FILE", &stack_files(&[in_haste]))]).await;

    assert!(
        !record.failures().is_empty(),
        "nothing was lost: this load would not notice an update that loses requests"
    );
    eprintln!("{} requests failed", record.failures().len());
}
