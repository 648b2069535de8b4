//! `REDbot` against each kind of answer: it checks caching, validators and media types against RFC 9110 and RFC 9111.

use std::{path::Path, process::Command};

use harness::{PATIENCE, Seeded, UserService, location};
use playground::{process, service::Running};
use serde_json::Value;

use super::program;

const COMMON: [&str; 9] =
    ["/", "/docs", "/health", "/livez", "/live-search.js", "/metrics", "/nothing", "/openapi.json", "/style.css"];

#[tokio::test]
async fn redbot_has_nothing_against_any_kind_of_answer() {
    let Some(redbot) = program("redbot") else { return };
    let places = location(Seeded::Yes).await;
    let users = UserService::asking(&places.running.url(""), Seeded::Yes).await;
    let of_places = [
        "/locations?limit=2",
        "/locations/3143244",
        "/locations/7",
        "/locations/x",
        "/locations/batch?ids=3143244",
        "/locations/nearest?lat=59&lon=10",
        "/locations/table",
    ];
    let of_users = ["/users?limit=2", "/users/1", "/users/1?include=location", "/users/9999"];
    for (running, paths) in [(&places.running, &of_places[..]), (&users.running, &of_users[..])] {
        for path in COMMON.iter().chain(paths) {
            assert_nothing_is_wrong(&redbot, running, path).await;
        }
    }
}

async fn assert_nothing_is_wrong(redbot: &Path, running: &Running, path: &str) {
    let mut command = Command::new(redbot);
    command.args(["--output-format", "har", &running.url(path)]);
    let report: Value = serde_json::from_str(&process::output("redbot", command, PATIENCE).await.unwrap()).unwrap();
    let entries = report["log"]["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{path}: {report}");
    let notes = entries[0]["_red_messages"].as_array().unwrap();
    assert!(notes.len() >= 3, "{path}: {notes:?}");
    // A note on the status itself says only what the path asked for.
    let is_status = |note: &Value| note["note_id"].as_str().unwrap().starts_with("STATUS_");
    let is_fine = |note: &Value| note["level"] == "GOOD" || note["level"] == "INFO" || is_status(note);
    let wrong: Vec<_> = notes.iter().filter(|note| !is_fine(note)).collect();
    assert!(wrong.is_empty(), "{path}: {wrong:#?}");
}
