//! Making a service's database and login, as the first task on a new server does.

use harness::{Database, unprepared};
use playground::service::Service;

/// The service on a server where nothing was made for it yet.
async fn on_a_new_server() -> (Service, Database) {
    let database = Database::new().await;
    database.vanish().await;
    let mut service = unprepared("location", &database);
    for (name, value) in database.administrator() {
        service = service.set(name, value);
    }
    (service, database)
}

async fn run(service: &Service, task: &str) -> (bool, String) {
    let (status, lines) = service.output(&[task]).await.unwrap();
    (status.success(), lines.join("\n"))
}

#[tokio::test]
async fn a_database_and_a_login_are_made_that_suffice_and_making_them_again_changes_the_password() {
    let (service, _database) = on_a_new_server().await;
    assert!(!run(&service, "migrate").await.0, "there is something already");
    let (made, told) = run(&service, "provision").await;
    assert!(made, "{told}");
    let (migrated, told) = run(&service, "migrate").await;
    assert!(migrated, "{told}");

    // A quote, a backslash and a semicolon are characters like others.
    let changed = service.clone().set("DB_PWD", "it's; \\ \"new\"");
    let (made, told) = run(&changed, "provision").await;
    assert!(made, "{told}");
    assert!(run(&changed, "migrate").await.0, "the new password");
    assert!(!run(&service, "migrate").await.0, "the old password");
}

#[tokio::test]
async fn the_login_may_do_nothing_elsewhere() {
    let (service, database) = on_a_new_server().await;
    let (made, told) = run(&service, "provision").await;
    assert!(made, "{told}");
    let mut connection = database.connect().await;
    let elsewhere = sqlx::query("CREATE DATABASE elsewhere").execute(&mut connection).await;
    assert!(elsewhere.is_err());
    let others = sqlx::query("SELECT user FROM mysql.user").execute(&mut connection).await;
    assert!(others.is_err());
}

#[tokio::test]
async fn a_name_that_would_need_quoting_and_a_wrong_administrator_are_refused() {
    let (service, _database) = on_a_new_server().await;
    for variable in ["DB_NAME", "DB_USER"] {
        let (made, told) = run(&service.clone().set(variable, "a`b"), "provision").await;
        assert!(!made && told.contains(variable) && told.contains("a-z, 0-9 and _"), "{told}");
    }
    let (made, told) = run(&service.clone().set("DB_ADMIN_PWD", "not-it"), "provision").await;
    assert!(!made && told.contains("does not let") && !told.contains("not-it"), "{told}");
    let (made, told) = run(&service.set("DB_ADMIN_USER", ""), "provision").await;
    assert!(!made && told.contains("DB_ADMIN_USER: not set"), "{told}");
}
