//! Settings: what is wrong is told at once, by name, and without the secrets.

use std::{collections::BTreeSet, fs, net::TcpListener};

use chassis::{database::provision::Administrator, server, settings::Reader, telemetry};
use harness::{Database, Seeded, prepared, start, unprepared};
use playground::{folders, service::Service};

#[tokio::test]
async fn all_faults_are_told_at_once_and_no_secret_with_them() {
    let service = Service::new("user")
        .isolated()
        .set("DB_HOST", "db.internal")
        .set("DB_PORT", "70000")
        .set("DB_PWD", "hunter2")
        .set("DB_TLS", "maybe")
        .set("DB_TLS_CA", "/nowhere/ca.pem")
        .set("DB_MAX_CONNECTIONS", "0")
        .set("DB_ACQUIRE_TIMEOUT", "2")
        .set("HOST", "everywhere")
        .set("PORT", "-1")
        .set("API_TOKEN", "two words")
        .set("LOCATION_URL", "location:8081")
        .set("LOCATION_PAGES_URL", "ftp://location")
        .set("ECS_CONTAINER_METADATA_URI_V4", "169.254.170.2/v4")
        .set("LOG_FORMAT", "xml")
        .set("RUST_LOG", "info,a=b=c")
        .set("DRAIN_DELAY", "soon")
        .set("SHUTDOWN_TIMEOUT", "20")
        .set("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4318")
        .set("OTEL_TRACES_SAMPLER", "xray")
        .set("OTEL_TRACES_SAMPLER_ARG", "5");
    let (status, lines) = service.output(&["serve"]).await.unwrap();
    assert_eq!(status.code(), Some(2));
    let told = lines.join("\n");
    for variable in [
        "DB_PORT",
        "DB_USER",
        "DB_NAME",
        "DB_TLS",
        "DB_TLS_CA",
        "DB_MAX_CONNECTIONS",
        "DB_ACQUIRE_TIMEOUT",
        "HOST",
        "PORT",
        "API_TOKEN",
        "LOCATION_URL",
        "LOCATION_PAGES_URL",
        "ECS_CONTAINER_METADATA_URI_V4",
        "LOG_FORMAT",
        "RUST_LOG",
        "DRAIN_DELAY",
        "SHUTDOWN_TIMEOUT",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_TRACES_SAMPLER",
        "OTEL_TRACES_SAMPLER_ARG",
    ] {
        assert!(lines.iter().any(|line| line.trim_start().starts_with(&format!("{variable}: "))), "{variable}: {told}");
    }
    for secret in ["hunter2", "two words"] {
        assert!(!told.contains(secret), "{told}");
    }
}

#[test]
fn the_example_lists_exactly_the_variables_that_are_read() {
    let mut read = BTreeSet::new();
    for service in [location::SERVICE, user::SERVICE] {
        let mut reader = Reader::new(|_| None);
        let _ = (server::Settings::read(&service, &mut reader), telemetry::Settings::read(&mut reader));
        let _ = Administrator::read(&mut reader);
        read.extend(reader.asked().iter().map(|name| (*name).to_owned()));
    }
    let example = fs::read_to_string(folders::workspace().join(".env.example")).unwrap();
    let listed: BTreeSet<String> = example
        .lines()
        .filter_map(|line| line.trim_start_matches('#').trim_start().split_once('='))
        .map(|(name, _)| name.to_owned())
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'))
        .collect();
    assert_eq!(listed, read);
}

#[tokio::test]
async fn a_taken_port_is_named_with_the_remedy() {
    let database = Database::new().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let service = unprepared("location", &database).set("HOST", "127.0.0.1").set("PORT", port.to_string());
    let (status, lines) = service.output(&["serve"]).await.unwrap();
    assert!(!status.success());
    let told = lines.join("\n");
    assert!(told.contains(&format!("cannot listen on 127.0.0.1:{port}")) && told.contains("PORT"), "{told}");
}

#[tokio::test]
async fn the_health_check_is_true_in_both_directions() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    let (mut running, _) = start(&service).await;
    let check = service.clone().set("PORT", running.port().to_string());
    let (status, lines) = check.output(&["healthcheck"]).await.unwrap();
    assert!(status.success(), "{lines:?}");
    running.stop().await.unwrap();
    let (status, lines) = check.output(&["healthcheck"]).await.unwrap();
    assert_eq!(status.code(), Some(1), "{lines:?}");
    assert!(lines.join("\n").contains("no answer from http://127.0.0.1"), "{lines:?}");
}

#[tokio::test]
async fn a_wrong_password_is_logged_without_it_and_the_service_answers_503() {
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("DB_PWD", "not-the-password");
    let (running, client) = start(&service).await;
    client.get("/locations").await.expect_problem(503, "unavailable");
    client.get("/health").await.expect(503);
    let logged = running.log().wait_for(|line| line.contains("Access denied"), harness::PATIENCE).await;
    assert!(logged.is_some(), "{:?}", running.log().lines());
    assert!(!running.log().lines().join("\n").contains("not-the-password"));
}
