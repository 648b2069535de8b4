//! What each answer says of how long it may be kept, and by whom.

use std::process::Stdio;

use harness::{Answer, Client, LocationService, Seeded, UserService, ada, eventually, location, oslo, send};
use http::Method;
use serde_json::Value;

const HTML: &str = "text/html,application/xhtml+xml,*/*;q=0.8";
const JSON: &str = "application/json";
const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0,*/*;q=0.1";

/// A request, and what its answer has to say.
struct Expected {
    method: Method,
    path: &'static str,
    accept: &'static str,
    status: u16,
    media_type: &'static str,
    cache_control: &'static str,
    vary: &'static str,
    /// Whether the answer has an ETag, under which it is not sent again.
    etag: bool,
}

#[rustfmt::skip]
fn reads(service: &str) -> Vec<Expected> {
    let get = |path, accept, status, media_type, cache_control, vary, etag| {
        Expected { method: Method::GET, path, accept, status, media_type, cache_control, vary, etag }
    };
    let html = "text/html; charset=utf-8";
    let problem = "application/problem+json";
    let mut expected = vec![
        get("/", HTML, 200, html, "no-store", "", false),
        get("/docs", HTML, 200, html, "no-cache", "", true),
        get("/openapi.json", JSON, 200, JSON, "no-cache", "", true),
        get("/style.css", "*/*", 200, "text/css; charset=utf-8", "max-age=300", "", true),
        get("/live-search.js", "*/*", 200, "text/javascript; charset=utf-8", "max-age=300", "", true),
        get("/try-requests.js", "*/*", 200, "text/javascript; charset=utf-8", "max-age=300", "", true),
        get("/livez", "*/*", 200, "text/plain; charset=utf-8", "no-store", "", false),
        get("/readyz", "*/*", 200, "text/plain; charset=utf-8", "no-store", "", false),
        get("/health", "*/*", 200, "application/health+json", "no-store", "", false),
        get("/metrics", "*/*", 200, "text/plain; version=0.0.4; charset=utf-8", "no-store", "accept", false),
        get("/metrics", OPEN_METRICS, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", "no-store", "accept", false),
        get("/nothing", JSON, 404, problem, "no-store", "accept", false),
        get("/nothing", HTML, 404, html, "no-store", "accept", false),
        Expected { method: Method::DELETE, ..get("/", JSON, 405, problem, "no-store", "", false) },
        Expected { method: Method::OPTIONS, ..get("/docs", HTML, 405, problem, "no-store", "", false) },
    ];
    match service {
        "location" => expected.extend([
            get("/locations?limit=2", JSON, 200, JSON, "no-cache", "accept", true),
            get("/locations?limit=2", HTML, 200, html, "no-cache", "accept", true),
            get("/locations/3143244", JSON, 200, JSON, "no-cache", "accept", true),
            get("/locations/3143244", HTML, 200, html, "no-cache", "accept", true),
            get("/locations/table", HTML, 200, html, "no-store", "", false),
            get("/locations/batch?ids=3143244", JSON, 200, JSON, "no-cache", "", true),
            get("/locations/nearest?lat=59&lon=10", JSON, 200, JSON, "no-cache", "", true),
            get("/locations/7", JSON, 404, problem, "no-store", "accept", false),
            get("/locations/x", JSON, 400, problem, "no-store", "accept", false),
            get("/locations?limit=0", HTML, 400, html, "no-store", "accept", false),
            Expected { method: Method::POST, ..get("/locations", JSON, 401, problem, "no-store", "", false) },
        ]),
        _ => expected.extend([
            get("/users?limit=2", JSON, 200, JSON, "private, no-cache", "accept, authorization", true),
            get("/users?limit=2", HTML, 200, html, "private, no-cache", "accept, authorization", true),
            get("/users/1", JSON, 200, JSON, "private, no-cache", "accept, authorization", true),
            get("/users/1", HTML, 200, html, "private, no-cache", "accept, authorization", true),
            get("/users/1?include=location", JSON, 200, JSON, "private, no-cache", "accept, authorization", true),
            get("/users/9999", JSON, 404, problem, "no-store", "accept", false),
            Expected { method: Method::PUT, ..get("/users/1", JSON, 401, problem, "no-store", "", false) },
        ]),
    }
    expected
}

async fn ask(client: &Client, expected: &Expected) {
    let request = || client.request(expected.method.clone(), expected.path).header("accept", expected.accept);
    let what = format!("{} {} for {}", expected.method, expected.path, expected.accept);
    let mut answer = send(request()).await.expect(expected.status);
    if expected.etag {
        // The first requests for a page with the map come before the map is drawn.
        eventually(&what, async || {
            answer = send(request()).await.expect(200);
            send(request().header("if-none-match", answer.header("etag"))).await.status == 304
        })
        .await;
    }
    for (name, value) in [
        ("content-type", expected.media_type),
        ("cache-control", expected.cache_control),
        ("vary", expected.vary),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), value, "{what}: {name}");
    }
    assert!(!answer.header("x-request-id").is_empty() && !answer.header("date").is_empty(), "{what}");
    let etag = answer.header("etag");
    assert_eq!(!etag.is_empty(), expected.etag, "{what}: {etag:?}");
    if expected.etag {
        let again = send(request().header("if-none-match", etag)).await.expect(304);
        for name in ["etag", "cache-control", "vary"] {
            assert_eq!(again.header(name), answer.header(name), "{what}: {name} of 304");
        }
        send(request().header("if-none-match", "\"another\"")).await.expect(200);
    }
    if expected.method == Method::GET {
        let head = send(client.request(Method::HEAD, expected.path).header("accept", expected.accept)).await;
        let head = head.expect(expected.status);
        let headers = |answer: &Answer| {
            let mut headers: Vec<_> =
                answer.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
            // These are of each answer, and the home page and the metrics have other numbers every time.
            headers.retain(|(name, _)| {
                !["date", "x-request-id", "content-length", "transfer-encoding"].contains(&&**name)
            });
            headers.sort_by(|one, other| one.0.cmp(&other.0));
            headers
        };
        assert_eq!(headers(&head), headers(&answer), "{what}: HEAD");
    }
}

/// Every path of the service's document is in the table.
async fn assert_complete(client: &Client, expected: &[Expected]) {
    let document = client.get("/openapi.json").await.expect(200).json();
    for (path, item) in document["paths"].as_object().unwrap() {
        if item.get("get").is_some_and(Value::is_object) {
            let is_tried = |expected: &Expected| {
                let tried = expected.path.split('?').next().unwrap();
                tried == path
                    || path.ends_with("/{id}")
                        && tried
                            .strip_prefix(path.trim_end_matches("{id}"))
                            .is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_digit()))
            };
            assert!(expected.iter().any(is_tried), "{path} is not tried");
        }
    }
}

#[tokio::test]
async fn every_answer_of_the_location_service_says_how_long_it_may_be_kept() {
    let service = location(Seeded::Yes).await;
    let expected = reads("location");
    for expected in &expected {
        ask(&service.client, expected).await;
    }
    assert_complete(&service.client, &expected).await;
    writes_are_not_kept(&service.client, "/locations", &oslo()).await;
    promtool_finds_nothing(&service).await;
}

#[tokio::test]
async fn every_answer_of_the_user_service_says_how_long_it_may_be_kept() {
    let service = UserService::asking("http://127.0.0.1:1", Seeded::Yes).await;
    let expected = reads("user");
    for expected in &expected {
        ask(&service.client, expected).await;
    }
    assert_complete(&service.client, &expected).await;
    writes_are_not_kept(&service.client, "/users", &ada()).await;
}

async fn writes_are_not_kept(client: &Client, list: &str, body: &Value) {
    let created = client.post(list, body).await.expect(201);
    let path = created.header("location");
    let replaced = client.put(path, Some(created.header("etag")), body).await.expect(200);
    let deleted = client.delete(path, Some(replaced.header("etag"))).await.expect(204);
    for answer in [&created, &replaced, &deleted] {
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
}

/// Both formats, as promtool reads them; it reads Prometheus text only.
async fn promtool_finds_nothing(service: &LocationService) {
    let text = service.client.get("/metrics").await.expect(200).body;
    assert!(
        text.contains("# TYPE http_requests_total counter\n") && text.contains("# TYPE build_info gauge\n"),
        "{text}"
    );
    let mut promtool = std::process::Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut running) = promtool.spawn() else {
        return harness::not_run("it takes promtool, which is in Debian's package prometheus");
    };
    std::io::Write::write_all(&mut running.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let output = running.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}\n{text}");

    let open_metrics = service.client.request(Method::GET, "/metrics").header("accept", OPEN_METRICS);
    let open_metrics = send(open_metrics).await.expect(200).body;
    assert!(open_metrics.contains("# TYPE http_requests counter\n") && open_metrics.ends_with("# EOF\n"));
}
