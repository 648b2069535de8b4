//! Figures of every task and of both balancers, as Prometheus has them, and what is made of them.

use std::time::Duration;

use harness::{
    PATIENCE,
    browser::{Browser, Screen},
    docker::{label, try_docker},
    topology::{Topology, topology},
};
use playground::folders;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::dashboards;

/// How often Prometheus is asked whether it has what is waited for; it has nothing new for seconds.
const POLL: Duration = Duration::from_millis(500);

/// For rules, which are evaluated every minute: twice that.
const RULES_PATIENCE: Duration = Duration::from_mins(2);

/// What Prometheus answers to a question in PromQL, or why it does not.
async fn ask(topology: &Topology, query: &str) -> Result<Vec<Value>, String> {
    let answer = topology.prometheus.get_with("/api/v1/query", &[("query", query)]).await;
    let body: Value = serde_json::from_str(&answer.body).map_err(|problem| format!("{problem}: {}", answer.body))?;
    body["data"]["result"].as_array().cloned().ok_or(answer.body)
}

/// Waits until `count` targets of a job answer Prometheus, and no others are known.
pub(super) async fn targets_become(topology: &Topology, job: &str, count: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let up = ask(topology, &format!("up{{job='{job}'}}")).await.unwrap();
        if up.len() == count && up.iter().all(|target| target["value"][1] == "1") {
            return;
        }
        if Instant::now() > deadline {
            let targets = topology.prometheus.get("/api/v1/targets?state=active").await.body;
            panic!("not {count} targets of {job} within {PATIENCE:?}: {targets}");
        }
        sleep(POLL).await;
    }
}

#[tokio::test]
async fn every_task_and_both_balancers_are_asked_for_figures() {
    let Some(topology) = topology().await else { return };
    for (job, count) in [("location", 4), ("user", 4), ("balancers", 2)] {
        targets_become(&topology, job, count).await;
    }
}

/// The last value of a line, where there is one that can be drawn.
fn is_drawn(answer: &Result<Vec<Value>, String>) -> bool {
    let number = |series: &Value| series["value"][1].as_str().and_then(|value| value.parse::<f64>().ok());
    answer.as_ref().is_ok_and(|series| series.iter().filter_map(number).any(f64::is_finite))
}

#[tokio::test]
async fn every_line_of_the_dashboard_has_values() {
    let Some(topology) = topology().await else { return };
    let lines: Vec<_> = dashboards::panels().into_iter().flat_map(|panel| panel.series).collect();
    let deadline = Instant::now() + PATIENCE;
    loop {
        topology.location.get("/locations/3143244").await.expect(200);
        topology.user.get("/users/1?include=location").await.expect(200);
        let mut without = Vec::new();
        for line in &lines {
            let answer = ask(&topology, &line.query).await;
            if !is_drawn(&answer) {
                without.push((line, answer));
            }
        }
        if without.is_empty() {
            break;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {without:#?}");
        sleep(POLL).await;
    }
}

#[tokio::test]
async fn the_page_and_its_panels_are_served() {
    let Some(topology) = topology().await else { return };
    let page = topology.prometheus.get("/user/").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.body.contains("panels.json"), "{}", page.body);
    let panels = topology.prometheus.get("/user/panels.json").await.expect(200);
    assert_eq!(panels.json()["services"], serde_json::json!(["location", "user"]));
}

#[tokio::test]
async fn a_browser_draws_every_panel_on_every_screen() {
    let Some(topology) = topology().await else { return };
    let Some(browser) = Browser::open().await else { return };
    let url = topology.prometheus.url("/user/");
    browser.show_on(Screen::Wide).await;
    browser.visit(&url).await;
    let panels = dashboards::panels().len();
    let all_drawn = async |browser: &Browser| {
        // Some answer for the lines to be of.
        topology.location.get("/locations/3143244").await.expect(200);
        topology.user.get("/users/1?include=location").await.expect(200);
        let drawn =
            "return [...document.querySelectorAll('article')].filter(it => it.querySelector('path[d*=L]')).length";
        browser.run(drawn, vec![]).await == panels
    };
    browser.until("a line in every panel", all_drawn).await;
    browser.picture("dashboard").await;
    for (screen, scheme) in [(Screen::Wide, "light"), (Screen::Phone, "light"), (Screen::Phone, "dark")] {
        browser.show_on(screen).await;
        browser.prefer(scheme).await;
        assert_eq!(browser.barriers().await, Vec::<String>::new(), "{screen:?}, {scheme}");
        assert!(browser.fits().await, "it is wider than {screen:?}");
    }
    browser.finish(&[&topology.prometheus.url("/")]).await;
}

#[tokio::test]
async fn the_rules_are_evaluated() {
    let Some(topology) = topology().await else { return };
    let deadline = Instant::now() + RULES_PATIENCE;
    loop {
        let answer = topology.prometheus.get("/api/v1/rules").await.expect(200).json();
        let groups = answer["data"]["groups"].as_array().unwrap().iter();
        let rules: Vec<_> = groups.flat_map(|group| group["rules"].as_array().unwrap()).collect();
        assert!(rules.len() >= 5, "{answer:#}");
        if rules.iter().all(|rule| rule["health"] == "ok") {
            return;
        }
        let fault = rules.iter().find(|rule| rule["health"] == "err");
        assert!(fault.is_none() && Instant::now() < deadline, "{answer:#}");
        sleep(POLL).await;
    }
}

/// By promtool, which is in Prometheus's image. Each alarm rings when it should, and not before.
#[tokio::test]
async fn settings_and_rules_are_what_prometheus_understands_and_alarms_ring() {
    let Some(topology) = topology().await else { return };
    let image = try_docker(&["inspect", "--format", "{{.Config.Image}}", &topology.only("prometheus").await]).await.1;
    let folder = |from: &str, to: &str| format!("{}/{from}:{to}:ro", folders::workspace().display());
    let (settings, tests) = (folder("docker/prometheus", "/etc/prometheus"), folder("tests/suites/topology", "/tests"));
    for arguments in [["check", "config", "/etc/prometheus/prometheus.yml"], ["test", "rules", "/tests/rules.yml"]] {
        let run = ["run", "--rm", "--network", "none", "--label", &label(), "--volume", &settings];
        let tool = ["--volume", &tests, "--entrypoint", "promtool", image.trim()];
        let (status, said) = try_docker(&[&run[..], &tool, &arguments].concat()).await;
        assert!(status.success(), "promtool {}: {said}", arguments.join(" "));
    }
}
