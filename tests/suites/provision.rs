//! Making a service's database and login, as the first task on a new server does.

use harness::{Database, PATIENCE, oslo, start, unprepared};
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
    for _ in 0..2 {
        let (made, told) = run(&changed, "provision").await;
        assert!(made, "{told}");
        assert!(run(&changed, "migrate").await.0, "the new password");
    }
    assert!(!run(&service, "migrate").await.0, "the old password");
}

#[tokio::test]
async fn a_service_goes_on_while_its_password_is_rotated() {
    let (service, database) = on_a_new_server().await;
    for task in ["provision", "migrate"] {
        let (done, told) = run(&service, task).await;
        assert!(done, "{told}");
    }
    let (running, client) = start(&service).await;
    client.get("/locations").await.expect(200);
    let rotated = service.clone().set("DB_PWD", "another-one");
    let (made, told) = run(&rotated, "provision").await;
    assert!(made, "{told}");
    // On the connections that it has.
    client.get("/locations").await.expect(200);
    database.end_connections().await;
    if database.is_mariadb().await {
        client.get("/locations").await.expect_problem(503, "unavailable");
        let refused = running.log().wait_for(|line| line.contains("Access denied"), PATIENCE).await;
        assert!(refused.is_some(), "{}", running.log().tail(10));
    } else {
        client.get("/locations").await.expect(200);
        client.post("/locations", &oslo()).await.expect(201);
    }
    let (replacement, client) = start(&rotated).await;
    client.get("/locations").await.expect(200);

    let (made, told) = run(&rotated, "provision").await;
    assert!(made, "{told}");
    assert!(!run(&service, "migrate").await.0, "now the old password is of no use");
    for running in [&running, &replacement] {
        let logged = running.log().tail(usize::MAX);
        assert!(!logged.contains(database.password()) && !logged.contains("another-one"), "{logged}");
    }
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
