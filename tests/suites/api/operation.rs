//! What every service has: health, figures, pages, ids that go through.

use std::time::SystemTime;

use harness::{Seeded, TOKEN, eventually, location, oslo, prepared, start};
use http::Method;

#[tokio::test]
async fn health_tells_of_the_database_without_telling_where_it_is() {
    let service = location(Seeded::No).await;
    assert_eq!(service.client.get("/livez").await.expect(200).body, "alive\n");
    assert_eq!(service.client.get("/readyz").await.expect(200).body, "ready\n");
    eventually("the database is probed", async || service.client.get("/health").await.status == 200).await;
    let health = service.client.get("/health").await.expect(200);
    assert_eq!(health.header("content-type"), "application/health+json");
    let report = health.json();
    assert_eq!((&report["status"], &report["checks"]["database"]["status"]), (&"pass".into(), &"pass".into()));
    assert_eq!(report["checks"]["connections"]["max"], 8);
    assert_eq!(report["release"], location::SERVICE.version, "without RELEASE");
    for secret in [service.database.user(), service.database.password(), "127.0.0.1", TOKEN] {
        assert!(!health.body.contains(secret), "{secret:?} is in {}", health.body);
    }
}

#[tokio::test]
async fn figures_count_requests_by_route_and_never_by_id() {
    let service = location(Seeded::No).await;
    let created = service.client.post("/locations", &oslo()).await.expect(201);
    service.client.get(created.header("location")).await.expect(200);
    service.client.get("/locations/7").await.expect(404);
    service.client.get("/nothing/at/all").await.expect(404);
    harness::send(service.client.request(Method::from_bytes(b"BREW").unwrap(), "/")).await.expect(405);
    let figures = service.client.get("/metrics").await.expect(200);
    assert_eq!(figures.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"http_requests_total{method="POST",route="/locations",status="201"} 1"#,
        r#"http_requests_total{method="GET",route="/locations/{id}",status="200"} 1"#,
        r#"http_requests_total{method="GET",route="/locations/{id}",status="404"} 1"#,
        r#"http_requests_total{method="GET",route="unmatched",status="404"} 1"#,
        r#"http_requests_total{method="other",route="/",status="405"} 1"#,
        r#"http_request_duration_seconds_count{method="GET",route="/locations/{id}"} 2"#,
        "db_pool_connections_max 8",
        r#"db_pool_refusals_total{reason="overload"} 0"#,
        r#"db_pool_refusals_total{reason="timeout"} 0"#,
    ] {
        assert!(figures.body.lines().any(|found| found == line), "{line} is not in\n{}", figures.body);
    }
}

#[tokio::test]
async fn figures_tell_what_the_process_takes_of_its_machine() {
    let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64();
    let service = location(Seeded::No).await;
    let figure = |figures: &str, name: &str| -> f64 {
        let found = figures.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        found.unwrap_or_else(|| panic!("{name} is not in\n{figures}")).parse().unwrap()
    };
    let first = service.client.get("/metrics").await.expect(200).body;
    let figures = service.client.get("/metrics").await.expect(200).body;
    // The request for the figures takes some, too.
    let [earlier, later] = [&first, &figures].map(|figures| figure(figures, "process_cpu_seconds_total"));
    assert!(earlier > 0.0 && later > earlier, "{earlier} s of processor time, then {later}");
    let started = figure(&figures, "process_start_time_seconds");
    assert!(started >= before && started < before + 60.0, "{started} is not just after {before}");
    let memory = figure(&figures, "process_resident_memory_bytes");
    assert!((1e6..1e9).contains(&memory), "{memory}");
    let (open, most) = (figure(&figures, "process_open_fds"), figure(&figures, "process_max_fds"));
    assert!(open > 5.0 && open < most, "{open} of {most}");
}

#[tokio::test]
async fn figures_are_not_for_those_who_come_through_a_balancer() {
    let service = location(Seeded::No).await;
    for path in ["/metrics", "/metrics?x", "/%6detrics"] {
        let request = service.client.request(Method::GET, path).header("x-forwarded-for", "198.51.100.7");
        harness::send(request).await.expect_problem(404, "not-found");
    }
}

#[tokio::test]
async fn pages_load_nothing_from_elsewhere() {
    let service = location(Seeded::No).await;
    for path in ["/", "/docs"] {
        let page = service.client.get(path).await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        let loads = page
            .body
            .lines()
            .filter(|line| line.contains("<link") || line.contains("<script") || line.contains("<img"));
        for line in loads {
            assert!(!line.contains("//"), "{path} loads {line}");
        }
    }
    let home = service.client.get("/").await.body;
    let container = rustix::system::uname().nodename().to_string_lossy().into_owned();
    assert!(home.contains(&container) && home.contains("<time "), "{home}");
    assert!(service.client.get("/docs").await.body.contains("/locations/nearest"));
    assert_eq!(service.client.get("/style.css").await.expect(200).header("content-type"), "text/css; charset=utf-8");
}

#[tokio::test]
async fn a_head_request_gets_the_headers_of_a_get() {
    let service = location(Seeded::No).await;
    for path in ["/", "/readyz", "/locations"] {
        let head = harness::send(service.client.request(Method::HEAD, path)).await.expect(200);
        let get = service.client.get(path).await.expect(200);
        assert_eq!(head.header("content-type"), get.header("content-type"));
        assert_eq!(head.body, "");
    }
}

#[tokio::test]
async fn ids_are_taken_up_and_told() {
    let service = location(Seeded::No).await;
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = service
        .client
        .request(Method::GET, "/locations/7")
        .header("x-request-id", "from-outside")
        .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"));
    assert_eq!(harness::send(request).await.header("x-request-id"), "from-outside");
    let logged = service.running.log().wait_for(|line| line.contains("from-outside"), harness::PATIENCE).await;
    assert!(logged.is_some_and(|line| line.contains(trace)), "{:?}", service.running.log().lines());

    let own = service.client.get("/livez").await.header("x-request-id").to_owned();
    assert_eq!(own.len(), 32, "{own}");
    for unfit in ["x".repeat(200), "caf\u{e9}".to_owned()] {
        let request = service.client.request(Method::GET, "/livez").header("x-request-id", unfit.as_bytes());
        assert_eq!(harness::send(request).await.header("x-request-id").len(), 32, "{unfit:?} was taken up");
    }
}

#[tokio::test]
async fn without_a_token_a_service_is_read_only() {
    let database = harness::Database::new().await;
    let service = prepared("location", &database, Seeded::No).await.set("API_TOKEN", "");
    let (_running, client) = start(&service).await;
    client.get("/locations").await.expect(200);
    client.post("/locations", &oslo()).await.expect_problem(403, "read-only");
    client.delete("/locations/1", None).await.expect_problem(403, "read-only");
}

#[tokio::test]
async fn logs_are_json_where_nobody_looks_and_text_on_demand() {
    let database = harness::Database::new().await;
    let service = prepared("location", &database, Seeded::No).await;
    for (format, is_json) in [("", true), ("json", true), ("text", false)] {
        let (running, client) = start(&service.clone().set("LOG_FORMAT", format)).await;
        client.get("/locations").await.expect(200);
        client.get("/readyz").await.expect(200);
        let line = running.log().wait_for(|line| line.contains("answered"), harness::PATIENCE).await.unwrap();
        assert_eq!(serde_json::from_str::<serde_json::Value>(&line).is_ok(), is_json, "{format:?}: {line}");
        assert!(
            !running.log().lines().iter().any(|line| line.contains("readyz\"")),
            "health checks stay out of the log"
        );
    }
}

#[tokio::test]
async fn a_service_runs_where_ecs_does_not_tell_where() {
    let database = harness::Database::new().await;
    let nobody = format!("http://127.0.0.1:{}/v4", playground::ports::free().unwrap());
    let service = prepared("location", &database, Seeded::No).await.set("ECS_CONTAINER_METADATA_URI_V4", nobody);
    let (running, client) = start(&service).await;
    client.get("/locations").await.expect(200);
    let told = |line: &str| line.contains("ECS does not tell where the task runs");
    assert!(running.log().wait_for(told, harness::PATIENCE).await.is_some(), "{:?}", running.log().lines());
    assert!(!client.get("/").await.expect(200).body.contains("Availability zone"));
}
