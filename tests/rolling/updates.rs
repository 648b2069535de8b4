//! Updates that go well. Those of the location service carry a change of the schema ([`migration`]).

use crate::{
    migration::{OLD_COLUMN, releases},
    record::{BEFORE, Recorder, are_prompt},
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
    let slowdowns = record.slowdowns(releases.len());
    assert!(are_prompt(&slowdowns), "{slowdowns:.2?}");
    record.assert_kept(&swarm).await;
    assert!(!columns(&swarm).await.contains(&OLD_COLUMN.to_owned()), "the migration is over");
}

/// The columns of the location service's table.
async fn columns(swarm: &Swarm) -> Vec<String> {
    let query = "SELECT column_name FROM information_schema.columns \
                 WHERE table_schema = 'location' AND table_name = 'locations'";
    let columns = swarm.sql(query).await;
    columns.lines().map(str::to_owned).collect()
}
