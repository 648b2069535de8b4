//! Bad input: every answer is a problem that says what is wrong, and nothing is changed.

use std::time::Duration;

use harness::{Answer, Client, LocationService, Seeded, TOKEN, UserService, ada, location, oslo, raw, with};
use http::Method;
use serde_json::{Value, json};

/// What people write who hope that it ends up in SQL.
const SQL: [&str; 6] = [
    "'; DROP TABLE locations; -- ",
    "' OR '1'='1",
    "\\'; SELECT SLEEP(10); #",
    "1 UNION SELECT table_name, 2 FROM information_schema.tables",
    "\"; DELETE FROM users; --",
    "%' AND EXTRACTVALUE(1, CONCAT(0x7e, VERSION())) -- ",
];

#[tokio::test]
async fn bodies_that_are_not_json_are_malformed() {
    let service = location(Seeded::No).await;
    let valid = oslo().to_string();
    for body in [
        "",
        "{",
        "not json",
        "{\"name\": \"Oslo\"",
        "{'name': 'Oslo'}",
        &valid.replace("59.913", "NaN"),
        &valid.replace("59.913", "Infinity"),
        &valid.replace("59.913", "-inf"),
        &valid.replace("59.913", "1e999"),
        &valid.replace("Oslo\"", "Os\\ud800lo\""),
        &valid.replace("Oslo\"", "Os\0lo\""),
        &valid.replace("Oslo\"", "Os\nlo\""),
        &format!("{valid}{valid}"),
    ] {
        let told = post(&service.client, body).await.expect_problem(400, "malformed");
        assert!(told["detail"].as_str().unwrap().starts_with("the body is not JSON: "), "{told}");
    }
    let mut not_utf8 = valid.clone().into_bytes();
    not_utf8[10] = 0xff;
    let request = service.client.authorized(Method::POST, "/locations").header("content-type", "application/json");
    harness::send(request.body(not_utf8)).await.expect_problem(400, "malformed");
    assert_unchanged(&service).await;
}

#[tokio::test]
async fn json_of_another_shape_is_invalid_and_the_field_is_named() {
    let service = location(Seeded::No).await;
    let mut without_name = oslo();
    without_name.as_object_mut().unwrap().remove("name");
    let mut cases = vec![
        (json!([]), "expected an object"),
        (json!(["Oslo", "NO", null, 59.9, 10.7, 1, "Europe/Oslo"]), "expected an object"),
        (json!("Oslo"), "invalid type: string"),
        (json!(null), "invalid type: null"),
        (without_name, "missing field `name`"),
        (with(oslo(), "mayor", "Marianne"), "unknown field `mayor`"),
        (with(oslo(), "id", 1), "unknown field `id`"),
    ];
    for (field, wrong) in [
        ("name", json!(1)),
        ("name", json!(null)),
        ("country", json!(["NO"])),
        ("region", json!(12)),
        ("latitude", json!("59.9")),
        ("latitude", json!(null)),
        ("longitude", json!({})),
        ("population", json!(-1)),
        ("population", json!(1.5)),
        ("population", json!(18_446_744_073_709_551_616_f64)),
        ("timezone", json!(true)),
    ] {
        cases.push((with(oslo(), field, wrong), "invalid"));
    }
    for (body, expected) in cases {
        let told = service.client.post("/locations", &body).await.expect_problem(422, "invalid");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.contains(expected), "{detail:?} does not say {expected:?}");
    }
    let twice = oslo().to_string().replacen('{', "{\"name\": \"Bergen\", ", 1);
    let told = post(&service.client, &twice).await.expect_problem(422, "invalid");
    assert!(told["detail"].as_str().unwrap().contains("duplicate field `name`"), "{told}");
    assert_unchanged(&service).await;
}

#[tokio::test]
async fn values_that_will_not_do_are_told_field_by_field() {
    let service = location(Seeded::No).await;
    for (field, wrong) in [
        ("name", json!("")),
        ("name", json!(" \u{3000}")),
        ("name", json!("x".repeat(201))),
        ("name", json!("a\0b")),
        ("name", json!("a\u{7}b")),
        ("name", json!("a\r\nb")),
        ("country", json!("no")),
        ("country", json!("NOR")),
        ("country", json!("Ñ")),
        ("region", json!("r".repeat(21))),
        ("region", json!("")),
        ("latitude", json!(90.0001)),
        ("latitude", json!(-90.0001)),
        ("longitude", json!(180.0001)),
        ("longitude", json!(-1e300)),
        ("population", json!(100_000_000_001_u64)),
        ("population", json!(u64::MAX)),
        ("timezone", json!("Europe/Os lo")),
        ("timezone", json!("/")),
        ("timezone", json!("../../etc/passwd")),
    ] {
        let told = service.client.post("/locations", &with(oslo(), field, wrong.clone())).await;
        let told = told.expect_problem(422, "invalid");
        assert_eq!(told["errors"].as_array().unwrap().len(), 1, "{told}");
        assert_eq!(told["errors"][0]["field"], field, "{wrong}: {told}");
    }
    let all = json!({"name": "", "country": "", "region": "", "latitude": 91, "longitude": 181, "population": u64::MAX, "timezone": ""});
    let told = service.client.post("/locations", &all).await.expect_problem(422, "invalid");
    assert_eq!(told["errors"].as_array().unwrap().len(), 7, "all faults are told at once: {told}");

    let users = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    for (field, wrong) in [
        ("username", json!("Ada")),
        ("username", json!("a".repeat(33))),
        ("username", json!("ada\0")),
        ("display_name", json!("\t")),
        ("display_name", json!("x".repeat(101))),
        ("email", json!("nobody")),
        ("email", json!(format!("{}@example.com", "a".repeat(250)))),
        ("email", json!("ada@example.com\0")),
        ("email", json!("Ada <ada@example.com>")),
        ("email", json!("\u{e5}da@example.com")),
    ] {
        let told = users.client.post("/users", &with(ada(), field, wrong)).await.expect_problem(422, "invalid");
        assert_eq!(told["errors"][0]["field"], field, "{told}");
    }
    for wrong in [json!(0), json!(-1), json!("1"), json!(1.5)] {
        users.client.post("/users", &with(ada(), "location_id", wrong)).await.expect_problem(422, "invalid");
    }
    assert_unchanged(&service).await;
}

#[tokio::test]
async fn queries_that_will_not_do_are_malformed() {
    let service = location(Seeded::No).await;
    for query in [
        "/locations?limit=0",
        "/locations?limit=10000",
        "/locations?limit=-1",
        "/locations?limit=",
        "/locations?limit=ten",
        "/locations?limit=1&limit=2",
        "/locations?after=abc",
        "/locations?after=-1",
        "/locations?after=9223372036854775808",
        "/locations?after=18446744073709551616",
        "/locations?country=no",
        "/locations?country=NOR",
        "/locations?colour=red",
        "/locations/nearest",
        "/locations/nearest?lat=1",
        "/locations/nearest?lat=90.0001&lon=0",
        "/locations/nearest?lat=0&lon=180.0001",
        "/locations/nearest?lat=NaN&lon=0",
        "/locations/nearest?lat=inf&lon=0",
        "/locations/nearest?lat=0&lon=-Infinity",
        "/locations/nearest?lat=zero&lon=0",
        "/locations/nearest?lat=0&lon=0&limit=0",
    ] {
        let told = service.client.get(query).await.expect_problem(400, "malformed");
        let detail = told["detail"].as_str().unwrap();
        assert!(detail.starts_with("the query will not do: "), "{query}: {detail}");
    }
    let long = format!("/locations?q={}", "a".repeat(201));
    service.client.get(&long).await.expect_problem(400, "malformed");
    for harmless in
        ["/locations?q=%00", "/locations?q=%F0%9F%8F%94", "/locations?q=%ff", "/locations?after=9223372036854775807"]
    {
        service.client.get(harmless).await.expect(200);
    }
}

#[tokio::test]
async fn ids_that_cannot_be_are_malformed_and_others_are_not_found() {
    let service = location(Seeded::No).await;
    for id in
        ["0", "-1", "abc", "1.5", "18446744073709551616", "%00", "1%2F2", "..%2F..%2Fetc%2Fpasswd", "%ff", "1e3", "%20"]
    {
        let path = format!("/locations/{id}");
        service.client.get(&path).await.expect_problem(400, "malformed");
        service.client.put(&path, None, &oslo()).await.expect_problem(400, "malformed");
        service.client.delete(&path, None).await.expect_problem(400, "malformed");
    }
    service.client.get("/locations/18446744073709551615").await.expect_problem(404, "not-found");
    service.client.get("/locations/1").await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn unknown_paths_are_not_found_and_wrong_methods_are_told_the_right_ones() {
    let service = location(Seeded::No).await;
    for path in [
        "/nothing",
        "/locations/",
        "/locations/1/2",
        "//locations",
        "/LOCATIONS",
        "/%2e%2e/etc/passwd",
        "/users",
        "/.env",
    ] {
        service.client.get(path).await.expect_problem(404, "not-found");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/locations", "GET, HEAD, POST"),
        (Method::PATCH, "/locations/1", "GET, HEAD, PUT, DELETE"),
        (Method::POST, "/locations/1", "GET, HEAD, PUT, DELETE"),
        (Method::PUT, "/locations/nearest", "GET, HEAD"),
        (Method::DELETE, "/locations/table", "GET, HEAD"),
        (Method::POST, "/", "GET, HEAD"),
        (Method::PUT, "/readyz", "GET, HEAD"),
        (Method::OPTIONS, "/health", "GET, HEAD"),
        (Method::from_bytes(b"BREW").unwrap(), "/docs", "GET, HEAD"),
    ] {
        let answer = harness::send(service.client.authorized(method.clone(), path)).await;
        answer.expect_problem(405, "method-not-allowed");
        assert_eq!(answer.header("allow"), allow, "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_that_are_too_large_or_of_another_type_are_refused() {
    let service = location(Seeded::No).await;
    let large = with(oslo(), "name", "x".repeat(20_000));
    service.client.post("/locations", &large).await.expect_problem(413, "too-large");
    // The same without a length told beforehand.
    let head = format!(
        "POST /locations HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    );
    let chunk = format!("3e8\r\n{}\r\n", " ".repeat(1_000));
    let pieces: Vec<&[u8]> = std::iter::once(head.as_bytes()).chain((0..20).map(|_| chunk.as_bytes())).collect();
    let answer = raw(service.running.port(), &pieces, Duration::ZERO).await;
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("urn:problem-type:too-large"), "{answer:?}");

    for content_type in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/xml"), Some("json")]
    {
        let mut request = service.client.authorized(Method::POST, "/locations").body(oslo().to_string());
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let told = harness::send(request).await.expect_problem(415, "unsupported-media-type");
        assert!(told["detail"].as_str().unwrap().contains("application/json"), "{content_type:?}: {told}");
    }
    assert_unchanged(&service).await;
}

#[tokio::test]
async fn writes_need_the_token() {
    let service = location(Seeded::No).await;
    let path = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    for (method, path) in [(Method::POST, "/locations"), (Method::PUT, &path), (Method::DELETE, &path)] {
        let request = || service.client.request(method.clone(), path).json(&oslo());
        let answer = harness::send(request()).await;
        answer.expect_problem(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        for wrong in [format!("Bearer {TOKEN}x"), format!("Basic {TOKEN}"), TOKEN.to_owned(), "Bearer".to_owned()] {
            let answer = harness::send(request().header("authorization", &wrong)).await;
            answer.expect_problem(401, "unauthorized");
        }
    }
    // The body is not even looked at.
    let stranger = service.client.request(Method::POST, "/locations").body("not json");
    harness::send(stranger).await.expect_problem(401, "unauthorized");
    service.client.get(&path).await.expect(200);
}

#[tokio::test]
async fn sql_in_any_field_is_text() {
    let places = location(Seeded::No).await;
    let users = UserService::asking(&places.running.url(""), Seeded::No).await;
    for (index, sql) in SQL.into_iter().enumerate() {
        let created = places.client.post("/locations", &with(oslo(), "name", sql)).await.expect(201);
        assert_eq!(places.client.get(created.header("location")).await.json()["name"], sql);
        let found = places.client.get_with("/locations", &[("q", sql)]).await;
        let found = found.expect(200).json();
        assert_eq!(found["items"][0]["name"], sql, "{found}");
        for field in ["country", "timezone"] {
            places.client.post("/locations", &with(oslo(), field, sql)).await.expect_problem(422, "invalid");
        }
        for parameter in ["country", "limit", "after"] {
            let answer = places.client.get_with("/locations", &[(parameter, sql)]).await;
            answer.expect_problem(400, "malformed");
        }
        places.client.post_once("/locations", &sql.replace(' ', "+"), &oslo()).await.expect(201);

        let named = with(with(ada(), "display_name", sql), "username", format!("ada{index}"));
        let created =
            users.client.post("/users", &with(named, "email", format!("ada{index}@example.com"))).await.expect(201);
        assert_eq!(users.client.get(created.header("location")).await.json()["display_name"], sql);
        for field in ["username", "email", "location_id"] {
            users.client.post("/users", &with(ada(), field, sql)).await.expect_problem(422, "invalid");
        }
    }
    let left = places.client.get("/locations?limit=200").await.expect(200).json();
    assert_eq!(left["items"].as_array().unwrap().len(), 2 * SQL.len(), "all tables are still there");
}

#[tokio::test]
async fn heads_that_are_too_large_or_no_http_are_refused() {
    let service = location(Seeded::No).await;
    let large = service.client.request(Method::GET, "/locations").header("x-large", "x".repeat(20_000));
    harness::send(large).await.expect_problem(431, "head-too-large");
    let port = service.running.port();
    for (request, status) in [
        (format!("GET /livez HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(200_000)), "431"),
        ("GET /livez HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n".to_owned(), "400"),
        ("GET /livez\0 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("nonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = raw(port, &[request.as_bytes()], Duration::ZERO).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{status}: {answer:?}");
    }
    service.client.get("/livez").await.expect(200);
}

async fn post(client: &Client, body: &str) -> Answer {
    let request = client.authorized(Method::POST, "/locations").header("content-type", "application/json");
    harness::send(request.body(body.to_owned())).await
}

/// Nothing was stored, and the log has neither the token nor the database's password.
async fn assert_unchanged(service: &LocationService) {
    let page: Value = service.client.get("/locations").await.expect(200).json();
    assert_eq!(page["items"], json!([]));
    for line in service.running.log().lines() {
        assert!(!line.contains(TOKEN) && !line.contains(service.database.password()), "{line}");
    }
}
