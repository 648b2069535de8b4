//! Updates to versions that are no good.

use harness::Client;

use crate::{
    record::{BEFORE, Recorder},
    swarm::{SERVICES, Swarm, TASKS, swarm},
    versions::Kind,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_crashes_and_one_that_never_becomes_ready_are_rolled_back() {
    is_rolled_back(
        [Kind::CrashesAtStart, Kind::NeverReady],
        "never-ready",
        "One version that crashes, and one that never becomes ready",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_turns_unready_is_rolled_back() {
    is_rolled_back(
        [Kind::TurnsUnready, Kind::TurnsUnready],
        "turns-unready",
        "Versions that become ready, and later want no requests",
    )
    .await;
}

async fn is_rolled_back(kinds: [Kind; 2], name: &str, title: &str) {
    let Some(mut swarm) = swarm().await else { return };
    let before = swarm.version().to_owned();
    let version = swarm.make(kinds).await;
    let mut recorder = Recorder::start(&swarm, BEFORE).await;
    recorder.mark(format!("update to {version}"));
    let (status, said) = swarm.script("update", &[("TAG", &version)]).await;
    recorder.mark(format!("back on {before}"));
    let record = recorder.finish(name, title).await;

    assert!(!status.success(), "{said}");
    assert!(said.contains("location and user: Swarm went back to what ran before, which serves"), "{said}");
    for service in SERVICES {
        assert_runs(&swarm, service, &before).await;
    }
    record.assert_nothing_failed();
    record.assert_half_were_ready();
    record.assert_prompt();
    record.assert_kept(&swarm).await;
}

/// Fails the test unless all tasks answer, and all of them are of `version`.
async fn assert_runs(swarm: &Swarm, service: &str, version: &str) {
    let client: Client = swarm.client(service);
    for _ in 0..5 * TASKS {
        let health = client.get("/health").await.expect(200).json();
        assert_eq!(health["release"], version, "{service}");
    }
}
