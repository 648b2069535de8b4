//! The health check of an image, and how a container ends.

use harness::{
    docker::{Container, docker, tag, try_docker},
    eventually,
};

/// A container with the bounds of the topology, whose database is nowhere: it is ready all the same.
async fn container(image: &str, settings: &[&str]) -> Container {
    #[rustfmt::skip]
    let bounds = [
        "--read-only", "--cap-drop", "ALL", "--health-interval", "500ms", "--health-retries", "1",
        "--env", "DB_HOST=nowhere.invalid", "--env", "DB_USER=u", "--env", "DB_PWD=p", "--env", "DB_NAME=n",
    ];
    Container::run(&[&bounds[..], settings, &[image]].concat()).await
}

#[tokio::test]
async fn the_health_check_tells_the_truth_in_both_directions() {
    let Some(tag) = tag() else { return };
    for service in ["location", "user"] {
        let container = container(&format!("{service}:{tag}"), &["--env", "DRAIN_DELAY=1h"]).await;
        let state = async || container.inspect("{{.State.Health.Status}}").await;
        eventually("it is healthy", async || state().await == "healthy").await;
        let check = ["exec", container.id(), &format!("/{service}"), "healthcheck"];
        let (status, said) = try_docker(&check).await;
        assert!(status.success(), "{said}");

        // It lives and serves on, and is not ready any more.
        docker(&["kill", "--signal", "TERM", container.id()]).await;
        eventually("it is unhealthy", async || state().await == "unhealthy").await;
        let (status, said) = try_docker(&check).await;
        assert_eq!(status.code(), Some(1), "{said}");
        assert!(said.contains("503"), "{said}");
    }
}

#[tokio::test]
async fn an_image_says_under_which_tag_it_was_built() {
    let Some(tag) = tag() else { return };
    for service in ["location", "user"] {
        let container =
            container(&format!("{service}:{tag}"), &["--publish", "127.0.0.1::8000", "--env", "PORT=8000"]).await;
        let address = docker(&["port", container.id(), "8000"]).await;
        let url = format!("http://{address}/health");
        eventually("it answers", async || playground::http::get(&url).await.is_ok()).await;
        let health: serde_json::Value = playground::http::get(&url).await.unwrap().json().await.unwrap();
        assert_eq!(health["release"], *tag);
        assert!(container.id().starts_with(health["container"].as_str().unwrap()), "{health}");
    }
}

#[tokio::test]
async fn as_the_first_process_it_ends_in_order_as_a_user_without_rights() {
    let Some(tag) = tag() else { return };
    let container = container(&format!("location:{tag}"), &["--env", "DRAIN_DELAY=0s"]).await;
    eventually("it is healthy", async || container.inspect("{{.State.Health.Status}}").await == "healthy").await;
    let processes = docker(&["top", container.id(), "-eo", "uid,pid,comm"]).await;
    assert!(processes.lines().nth(1).is_some_and(|line| line.trim().starts_with("65532 ")), "{processes}");
    docker(&["stop", "--time", "20", container.id()]).await;
    assert_eq!(container.inspect("{{.State.ExitCode}} {{.State.OOMKilled}}").await, "0 false");
}

#[tokio::test]
async fn as_the_first_process_it_takes_repeated_signals_and_ctrl_c_as_documented() {
    let Some(tag) = tag() else { return };
    let image = format!("location:{tag}");
    let ends = async |signals: &[&str], code: &str| {
        let container = container(&image, &["--env", "DRAIN_DELAY=1h"]).await;
        eventually("it is healthy", async || container.inspect("{{.State.Health.Status}}").await == "healthy").await;
        for signal in signals {
            assert_eq!(container.inspect("{{.State.Running}}").await, "true", "before {signal}");
            docker(&["kill", "--signal", signal, container.id()]).await;
        }
        eventually("it has ended", async || container.inspect("{{.State.Running}}").await == "false").await;
        assert_eq!(container.inspect("{{.State.ExitCode}}").await, code, "{signals:?}");
    };
    ends(&["INT"], "0").await;
    // SIGTERM may be repeated; Ctrl-C ends the delay, and nothing is in flight.
    ends(&["TERM", "TERM", "INT"], "0").await;
}
