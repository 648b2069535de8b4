//! Chromium and its driver, as processes.

use std::{process::Command, time::Duration};

use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use playground::{
    folders::find_program,
    process::{self, Process},
};
use serde_json::json;

use crate::PATIENCE;

/// What Chromium is called by different distributions.
const NAMES: [&str; 3] = ["chromium", "chromium-browser", "google-chrome"];

/// A driver that waits for sessions. Dropping it ends it, and the browser with it.
pub(super) struct Driver {
    process: Process,
    url: String,
}

impl Driver {
    pub(super) async fn start() -> Self {
        let mut command = Command::new(find_program("chromedriver").expect("make test installs it"));
        command.arg("--port=0");
        process::capture(&mut command);
        let process = Process::start("chromedriver", command, Duration::from_secs(5)).unwrap();
        let started = process.log().wait_for(|line| line.contains("started successfully on port"), PATIENCE).await;
        let started = started.unwrap_or_else(|| panic!("no chromedriver: {}", process.log().tail(5)));
        let port: String = started.chars().filter(char::is_ascii_digit).collect();
        Self { process, url: format!("http://127.0.0.1:{port}") }
    }

    /// A browser of its own, with nothing in it from any other.
    pub(super) async fn session(&self) -> Client {
        let binary = NAMES.into_iter().find_map(find_program).expect("make test installs it");
        let arguments = [
            "--headless=new",
            "--hide-scrollbars",
            // Containers give little shared memory.
            "--disable-dev-shm-usage",
            // Its sandbox wants a user other than root; what it opens here is our own.
            "--no-sandbox",
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"binary": binary, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(serde_json::from_value(capabilities).unwrap());
        builder
            .connect(&self.url)
            .await
            .unwrap_or_else(|problem| panic!("no session of Chromium: {problem}: {}", self.process.log().tail(5)))
    }

    pub(super) async fn stop(mut self) {
        self.process.stop().await.unwrap();
    }
}
