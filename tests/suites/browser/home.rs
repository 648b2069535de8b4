//! The home page.

use harness::{Database, Seeded, browser::Browser, eventually, prepared, start};
use rustix::system::uname;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

/// Tells a task of itself as ECS does, at the URL that is given: a stand-in for the agent, which runs on AWS only.
async fn agent() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v4/3f2a1c9d0b7e", listener.local_addr().unwrap());
    let task = json!({
        "Cluster": "arn:aws:ecs:eu-west-1:111122223333:cluster/app01",
        "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/app01/158d1c8083dd49d6b527399fd6414f5c",
        "Family": "location", "Revision": "7", "AvailabilityZone": "eu-west-1b", "LaunchType": "EC2"
    });
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        assert!(head.starts_with(b"GET /v4/3f2a1c9d0b7e/task "), "{}", String::from_utf8_lossy(&head));
        let body = task.to_string();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
    });
    url
}

#[tokio::test]
async fn home_tells_which_task_answers_where_it_runs_and_how_its_database_is() {
    let Some(browser) = Browser::open().await else { return };
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No)
        .await
        .set("RELEASE", "4e7d2a1")
        .set("ECS_CONTAINER_METADATA_URI_V4", agent().await);
    let (running, client) = start(&service).await;
    eventually("ECS has told", async || client.get("/").await.body.contains("eu-west-1b")).await;
    eventually("the database is probed", async || client.get("/health").await.status == 200).await;

    browser.visit(&running.url("/")).await;
    let facts = browser.texts("dd").await;
    let container = uname().nodename().to_string_lossy().into_owned();
    for fact in [&container, "4e7d2a1", "eu-west-1b", "location:7", "158d1c8083dd49d6b527399fd6414f5c"] {
        assert!(facts.iter().any(|told| told == fact), "{fact} is not in {facts:?}");
    }
    assert!(facts.iter().any(|told| told.starts_with("well, answered in ")), "{facts:?}");
    assert!(facts.iter().any(|told| told.contains(" of 8, ")), "{facts:?}");
    assert_eq!(browser.count("time[datetime]").await, 2);
    browser.picture("home").await;
    browser.click("main a[href='/locations']").await;
    browser.until("the list is there", async |browser| browser.url().await.ends_with("/locations")).await;
    browser.finish(&[&running.url("/")]).await;
}

#[tokio::test]
async fn home_says_so_when_the_database_is_away() {
    let Some(browser) = Browser::open().await else { return };
    let database = Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("DB_PORT", "1");
    let (running, client) = start(&service).await;
    eventually("the database is probed", async || client.get("/").await.body.contains("not available")).await;
    browser.visit(&running.url("/")).await;
    assert!(browser.text("dl .bad").await.contains("not available"));
    browser.finish(&[&running.url("/")]).await;
}
