//! Updates to versions that are no good.

use crate::{
    record::{BEFORE, Record, Recorder},
    swarm::{SERVICES, Swarm, TASKS, swarm},
    versions::Kind,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_crashes_and_one_that_never_becomes_ready_are_rolled_back() {
    let title = "One version that crashes, and one that never becomes ready";
    are_rolled_back(&[Kind::CrashesAtStart, Kind::NeverReady], "never-ready", title).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_turns_unready_is_rolled_back() {
    let title = "Versions that become ready, and later want no requests";
    are_rolled_back(&[Kind::TurnsUnready, Kind::TurnsUnready], "turns-unready", title).await;
}

async fn are_rolled_back(kinds: &[Kind; 2], name: &str, title: &str) {
    let Some(mut swarm) = swarm().await else { return };
    let record = roll_back(&mut swarm, kinds, name, title).await;
    record.assert_nothing_failed();
    record.assert_half_were_ready();
    record.assert_prompt(1);
    record.assert_kept(&swarm).await;
}

/// Rolls out what Swarm has to roll back.
async fn roll_back(swarm: &mut Swarm, kinds: &[Kind; 2], name: &str, title: &str) -> Record {
    let before = swarm.version().to_owned();
    let version = swarm.make(kinds).await;
    let mut recorder = Recorder::start(swarm, BEFORE).await;
    recorder.mark(format!("update to {version}"));
    let (status, said) = swarm.script("update", &[("TAG", &version)]).await;
    recorder.mark(format!("back on {before}"));
    let record = recorder.finish(name, title).await;

    assert!(!status.success(), "{said}");
    assert!(said.contains("location and user: Swarm went back to what ran before, which serves"), "{said}");
    for service in SERVICES {
        let client = swarm.client(service);
        for _ in 0..5 * TASKS {
            let health = client.get("/health").await.expect(200).json();
            assert_eq!(health["release"], before.as_str(), "{service}");
        }
    }
    record
}
