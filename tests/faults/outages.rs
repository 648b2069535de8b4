//! The database, or the way to it, is gone for a while.

use std::time::Duration;

use harness::{
    Database,
    form::{choose, is_long},
    server,
};
use tokio::time::sleep;

use crate::{
    scene::{Scene, health_is},
    turn::turn,
};

#[tokio::test]
async fn a_link_that_is_cut_or_reset() {
    let _turn = turn().await;
    let mut scene = Scene::on(Database::new().await).await;
    let lasts = Duration::from_secs(choose(4, 60));
    scene
        .endures("link cut", async |link| {
            link.cut().await;
            sleep(lasts).await;
            link.mend();
        })
        .await;
    if is_long() {
        scene
            .endures("link reset, again and again", async |link| {
                for _ in 0..20 {
                    link.reset().await;
                    link.mend();
                    sleep(Duration::from_millis(500)).await;
                }
            })
            .await;
    }
}

#[tokio::test]
async fn connections_that_are_half_open() {
    let _turn = turn().await;
    let mut scene = Scene::on(Database::new().await).await;
    let lasts = Duration::from_secs(choose(4, 60));
    scene
        .endures("packets vanish, no reset", async |link| {
            link.silence();
            sleep(lasts).await;
            link.mend();
        })
        .await;
}

#[tokio::test]
async fn a_database_that_answers_late() {
    let _turn = turn().await;
    let mut scene = Scene::on(Database::new().await).await;
    let lasts = Duration::from_secs(choose(4, 30));
    scene
        .endures("answers 5 s late", async |link| {
            link.delay(Duration::from_secs(5));
            sleep(lasts).await;
            link.mend();
        })
        .await;
    if is_long() {
        scene
            .endures("2 kB/s on each connection", async |link| {
                link.throttle(2_000);
                sleep(lasts).await;
                link.mend();
            })
            .await;
    }
}

#[tokio::test]
async fn a_database_that_is_killed_and_started_again() {
    let _turn = turn().await;
    let Some(mut server) = server::start(&[]).await else { return };
    let mut scene = Scene::on(Database::on(server.server()).await).await;
    let client = scene.client.clone();
    scene
        .endures("database killed (-9) and started again", async |_| {
            server.kill().await.unwrap();
            health_is(&client, 503).await;
            sleep(Duration::from_secs(choose(1, 10))).await;
            server.start_again(&[]).await.unwrap();
        })
        .await;
}
