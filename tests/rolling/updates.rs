//! Updates that go well. Those of the location service carry a change of the schema ([`migration`]).

use harness::recording::{can_make_terminals, picture};

use crate::{
    migration::{OLD_COLUMN, releases},
    record::{BEFORE, Recorder},
    swarm::{Swarm, swarm},
    versions::Kind,
};

#[tokio::test(flavor = "multi_thread")]
async fn updates_of_both_services_lose_nothing_not_even_with_a_migration_by_expand_and_contract() {
    let Some(mut swarm) = swarm().await else { return };
    let releases = releases().await;
    assert!(columns(&swarm).await.contains(&OLD_COLUMN.to_owned()));

    let mut recorder = Recorder::start(&swarm, BEFORE).await;
    for release in &releases {
        let version = swarm.make(&[Kind::Binary(release.binary.clone()), Kind::Good]).await;
        recorder.mark(format!("{version}: {}", release.name));
        swarm.update(&version, &[]).await;
        // What comes later suits the tables as they are now.
        swarm.build_on(&version).await;
    }
    let title = "Updates of both services, by halves, new tasks first; of location with a migration";
    let record = recorder.finish("rolling-update", title).await;

    record.assert_nothing_failed();
    record.assert_half_were_ready();
    record.assert_prompt(releases.len());
    record.assert_kept(&swarm).await;
    assert!(!columns(&swarm).await.contains(&OLD_COLUMN.to_owned()), "the migration is over");
}

/// Apart from what is measured, which nobody watches in a terminal.
#[tokio::test(flavor = "multi_thread")]
async fn an_update_is_told_as_it_happens() {
    const COLUMNS: u16 = 100;
    if !can_make_terminals() {
        return;
    }
    let Some(mut swarm) = swarm().await else { return };
    let (old, new) = (swarm.version().to_owned(), swarm.make(&[Kind::Good, Kind::Good]).await);
    let lines = swarm.update_in_terminal(&new, COLUMNS).await;
    picture("rollout", &format!("make swarm-update TAG={new}"), &lines, COLUMNS);
    let said = lines.join("\n");
    for part in [
        "\x1b[32m✓\x1b[0m location: migrate (".to_owned(),
        format!("\x1b[36mlocation:\x1b[0m 4 {old} running"),
        format!("\x1b[35muser:    \x1b[0m 4 {new} running"),
        format!("user: 4 tasks answer through the balancer, all of {new} ("),
        "\x1b[32mUpdated\x1b[0m after ".to_owned(),
    ] {
        assert!(said.contains(&part), "{part:?} is not in {said}");
    }
}

/// The columns of the location service's table.
async fn columns(swarm: &Swarm) -> Vec<String> {
    let query = "SELECT column_name FROM information_schema.columns \
                 WHERE table_schema = 'location' AND table_name = 'locations'";
    let columns = swarm.sql(query).await;
    columns.lines().map(str::to_owned).collect()
}
