//! The sample data and the tables.

use std::process::Stdio;

use futures_util::future::join_all;
use harness::{Database, Seeded, UserService, location, prepared, unprepared};
use sqlx::{Executor as _, MySqlConnection};

#[tokio::test]
async fn seeding_again_changes_nothing() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::Yes).await;
    let mut connection = database.connect().await;
    connection.execute("UPDATE locations SET name = 'Christiania', version = 2 WHERE id = 3143244").await.unwrap();
    connection.execute("DELETE FROM locations WHERE id = 3161732").await.unwrap();
    service.run("seed", Stdio::piped()).await.unwrap();
    assert_eq!(count(&mut connection, "SELECT COUNT(*) FROM locations").await, 33_961, "what is missing comes back");
    let kept = "SELECT COUNT(*) FROM locations WHERE id = 3143244 AND name = 'Christiania' AND version = 2";
    assert_eq!(count(&mut connection, kept).await, 1, "what was changed stays");
}

#[tokio::test]
async fn sample_users_live_in_real_places() {
    let places = location(Seeded::Yes).await;
    let users = UserService::asking(&places.running.url(""), Seeded::Yes).await;
    for id in [1, 2, 500, 1_000] {
        let user = users.client.get(&format!("/users/{id}?include=location")).await.expect(200).json();
        assert_eq!(user["location_status"], "found", "{user}");
        assert!(user["location"]["population"].as_u64().unwrap() > 100_000, "{user}");
    }
    let first = users.client.get("/users/1").await.expect(200).json();
    assert_eq!(first["username"], "ada.abebe", "they are the same every time");
}

#[tokio::test]
async fn migrations_started_at_once_take_turns() {
    let database = Database::new().await;
    let service = unprepared("location", &database);
    let runs = join_all((0..6).map(|_| service.output(&["migrate"]))).await;
    for run in runs {
        let (status, lines) = run.unwrap();
        assert!(status.success(), "{lines:?}");
    }
    let applied = count(&mut database.connect().await, "SELECT COUNT(*) FROM _sqlx_migrations WHERE success").await;
    assert_eq!(applied, 3);
    let (status, lines) = service.output(&["migrate"]).await.unwrap();
    assert!(status.success(), "again changes nothing: {lines:?}");
}

#[tokio::test]
async fn a_migration_that_did_not_end_is_told_with_its_remedy() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let mut connection = database.connect().await;
    connection.execute("UPDATE _sqlx_migrations SET success = FALSE WHERE version = 101").await.unwrap();
    let (status, lines) = service.output(&["migrate"]).await.unwrap();
    assert!(!status.success());
    let told = lines.join("\n");
    assert!(told.contains("migration 101 was begun before") && told.contains("_sqlx_migrations"), "{told}");
}

#[tokio::test]
async fn a_migration_does_not_wait_for_ever() {
    let database = Database::new().await;
    let mut other = database.connect().await;
    let lock = "SELECT GET_LOCK(CONCAT('migrate:', SHA2(DATABASE(), 224)), 0)";
    let held: Option<i64> = sqlx::query_scalar(lock).fetch_one(&mut other).await.unwrap();
    assert_eq!(held, Some(1));
    let service = unprepared("location", &database);
    let (status, lines) = service.output(&["migrate", "--lock-timeout", "1s"]).await.unwrap();
    assert!(!status.success());
    let told = lines.join("\n");
    assert!(told.contains("another migration of this database"), "{told}");
    drop(other);
    harness::eventually("the lock is free again", async || service.output(&["migrate"]).await.unwrap().0.success())
        .await;
}

async fn count(connection: &mut MySqlConnection, statement: &'static str) -> i64 {
    sqlx::query_scalar(statement).fetch_one(connection).await.unwrap()
}
