//! What people write is shown as text, wherever it is shown.

use harness::{Client, Seeded, UserService, ada, location, oslo, with};

/// What ends a text, an attribute, a title or a comment in HTML, and would then be run.
const PAYLOADS: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' autofocus onfocus='alert(1)",
    "</title><svg onload=alert(1)>",
    "--><!--<script>alert(1)//",
    "{{7*7}}${7*7}&lt;b&gt;",
];

/// Fails unless the page at `path` has `payload` as text only, and headers that would stop it all the same.
async fn is_text_on(client: &Client, path: &str, query: &[(&str, &str)], payload: &str) {
    let page = harness::send(client.query(path, query).header("accept", "text/html")).await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
    assert!(!page.body.contains(payload), "{path} has {payload} as it is");
    let policy = page.header("content-security-policy");
    for part in
        ["default-src 'none'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.header("x-content-type-options"), "nosniff");
    assert_eq!(page.header("referrer-policy"), "same-origin");
}

#[tokio::test]
async fn markup_in_a_name_or_a_query_is_shown_and_not_run() {
    let places = location(Seeded::No).await;
    let users = UserService::asking(&places.running.url(""), Seeded::No).await;
    for (index, payload) in PAYLOADS.into_iter().enumerate() {
        let body = with(with(oslo(), "name", payload), "region", &payload[..payload.len().min(20)]);
        let place = places.client.post("/locations", &body).await.expect(201).header("location").to_owned();
        let user = with(with(ada(), "display_name", payload), "username", format!("ada{index}"));
        let user = with(user, "email", format!("ada{index}@example.com"));
        let user = users.client.post("/users", &user).await.expect(201).header("location").to_owned();
        for (client, path, query) in [
            (&places.client, "/locations", &[][..]),
            (&places.client, "/locations", &[("q", payload)]),
            (&places.client, "/locations/table", &[]),
            (&places.client, &place, &[]),
            (&users.client, "/users", &[]),
            (&users.client, &user, &[]),
        ] {
            is_text_on(client, path, query, payload).await;
        }
        // So are problems, as pages and as what they are to programs: JSON, which no browser takes for anything else.
        for query in [("country", payload), (payload, "x"), ("limit", payload)] {
            let told = places.client.get_with("/locations", &[query]).await;
            told.expect_problem(400, "malformed");
            assert_eq!(told.header("x-content-type-options"), "nosniff");
            let page = places.client.query("/locations", &[query]).header("accept", "text/html");
            let page = harness::send(page).await.expect(400);
            assert!(
                page.header("content-type").starts_with("text/html") && !page.body.contains(payload),
                "{}",
                page.body
            );
        }
    }
}
