//! The sample data and the tables.

use std::process::Stdio;

use futures_util::future::join_all;
use harness::{Database, Seeded, UserService, location, prepared, unprepared};
use sqlx::{AssertSqlSafe, Executor as _, MySqlConnection, raw_sql};

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
    assert!(told.contains("migration 101 was begun before") && told.contains("CREATE TABLE locations ("), "{told}");
    // What it says is there to be pasted.
    let commands: Vec<_> = told.split('`').filter(|text| text.contains("_sqlx_migrations")).collect();
    let [update, _delete] = commands[..] else { panic!("{told}") };
    connection.execute(raw_sql(AssertSqlSafe(update.to_owned()))).await.unwrap();
    service.run("migrate", Stdio::piped()).await.unwrap();
}

#[tokio::test]
async fn an_older_release_accepts_a_newer_schema_and_nothing_else() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let mut connection = database.connect().await;
    for version in [2, 103, 104] {
        apply(&mut connection, version).await;
    }
    let (status, lines) = service.output(&["migrate"]).await.unwrap();
    let told = lines.join("\n");
    assert!(status.success() && told.contains("the schema is newer"), "{told}");
    apply(&mut connection, 100).await;
    let (status, lines) = service.output(&["migrate"]).await.unwrap();
    let told = lines.join("\n");
    assert!(!status.success() && told.contains("migration 100") && told.contains("DB_NAME"), "{told}");

    let (status, lines) = unprepared("user", &database).output(&["migrate"]).await.unwrap();
    let told = lines.join("\n");
    assert!(!status.success() && told.contains("DB_NAME"), "the tables of another service: {told}");
}

/// As a release that has this migration would.
async fn apply(connection: &mut MySqlConnection, version: i64) {
    sqlx::query("INSERT INTO _sqlx_migrations VALUES (?, 'later', NOW(), TRUE, 'checksum', 1)")
        .bind(version)
        .execute(connection)
        .await
        .unwrap();
}

#[tokio::test]
async fn tables_of_the_earlier_wording_of_a_migration_stay_as_they_are() {
    for (name, superseded) in
        [("location", location::SERVICE.superseded_checksums), ("user", user::SERVICE.superseded_checksums)]
    {
        let database = Database::new().await;
        let service = prepared(name, &database, Seeded::No).await;
        let mut connection = database.connect().await;
        let (version, checksum) = superseded[0];
        let earlier = "UPDATE _sqlx_migrations SET checksum = UNHEX(?) WHERE version = ? AND checksum <> UNHEX(?)";
        let update = sqlx::query(earlier).bind(checksum).bind(version).bind(checksum);
        assert_eq!(update.execute(&mut connection).await.unwrap().rows_affected(), 1, "{name}");
        service.run("migrate", Stdio::piped()).await.unwrap();
        let kept = sqlx::query_scalar("SELECT LOWER(HEX(checksum)) FROM _sqlx_migrations WHERE version = ?");
        let kept: String = kept.bind(version).fetch_one(&mut connection).await.unwrap();
        assert_eq!(kept, checksum, "an earlier release can still run its `migrate`");

        connection.execute("UPDATE _sqlx_migrations SET checksum = 'edited' WHERE version = 101").await.unwrap();
        let (status, lines) = service.output(&["migrate"]).await.unwrap();
        assert!(!status.success() && lines.join("\n").contains("migration 101"), "{lines:?}");
    }
}

#[tokio::test]
async fn a_migration_that_failed_and_changed_nothing_can_be_run_again() {
    let database = Database::new().await;
    let service = unprepared("location", &database);
    let mut connection = database.connect().await;
    connection.execute("CREATE TABLE locations (id INT)").await.unwrap();
    for _ in 0..2 {
        let (status, lines) = service.output(&["migrate"]).await.unwrap();
        let told = lines.join("\n");
        assert!(!status.success() && told.contains("migration 101 failed and changed nothing"), "{told}");
        assert!(told.contains("already exists"), "{told}");
    }
    connection.execute("DROP TABLE locations").await.unwrap();
    service.run("migrate", Stdio::piped()).await.unwrap();
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
