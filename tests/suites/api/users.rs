//! Users: created, read with and without their place, replaced, deleted.

use harness::{Seeded, TOKEN, UserService, ada, location, oslo, with};
use http::Method;
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_lives_in_a_place_that_exists() {
    let places = location(Seeded::No).await;
    let users = UserService::asking(&places.running.url(""), Seeded::No).await;
    let place = places.client.post("/locations", &oslo()).await.expect(201).json();

    let missing = users.client.post("/users", &with(ada(), "location_id", 17)).await.expect_problem(422, "invalid");
    assert_eq!(missing["errors"][0]["field"], "location_id");

    let body = with(ada(), "location_id", place["id"].clone());
    let created = users.client.post("/users", &body).await.expect(201);
    let path = created.header("location");
    assert_eq!(created.json(), with(body, "id", created.json()["id"].clone()));

    let embedded = users.client.get(&format!("{path}?include=location")).await.expect(200).json();
    assert_eq!((&embedded["location"], &embedded["location_status"]), (&place, &json!("found")));

    places.client.delete(&format!("/locations/{}", place["id"]), None).await.expect(204);
    let embedded = users.client.get(&format!("{path}?include=location")).await.expect(200).json();
    assert_eq!((&embedded["location"], &embedded["location_status"]), (&Value::Null, &json!("gone")));

    let homeless = users.client.put(path, Some("\"1\""), &ada()).await.expect(200);
    assert_eq!((homeless.json()["location_id"].clone(), homeless.header("etag")), (Value::Null, "\"2-private\""));
    let embedded = users.client.get(&format!("{path}?include=location")).await.expect(200).json();
    assert_eq!((&embedded["location"], &embedded["location_status"]), (&Value::Null, &json!("none")));

    users.client.put(path, Some("\"1\""), &ada()).await.expect_problem(412, "precondition-failed");
    users.client.delete(path, Some("\"2\"")).await.expect(204);
    users.client.get(path).await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn an_email_is_shown_to_callers_with_the_token_only() {
    let users = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    let path = users.client.post("/users", &ada()).await.expect(201).header("location").to_owned();
    for path in [path.as_str(), "/users"] {
        let stranger = users.client.get(path).await.expect(200);
        assert!(!stranger.body.contains("email") && !stranger.body.contains("ada@"), "{}", stranger.body);
        assert!(stranger.header("vary").ends_with("authorization"), "caches keep the two apart");
        let trusted = harness::send(users.client.authorized(Method::GET, path)).await.expect(200);
        assert!(trusted.body.contains("\"email\":\"ada@example.com\""), "{}", trusted.body);
        let wrong = users.client.request(Method::GET, path).bearer_auth("wrong");
        harness::send(wrong).await.expect_problem(401, "unauthorized");
    }
    let page = users.client.authorized(Method::GET, "/users").header("accept", "text/html");
    let page = harness::send(page).await.expect(200);
    assert!(page.body.contains("Ada Hansen") && !page.body.contains(TOKEN));
}

#[tokio::test]
async fn a_username_and_an_email_are_one_users() {
    let users = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    users.client.post("/users", &ada()).await.expect(201);
    let other = with(with(ada(), "username", "other"), "email", "other@example.com");
    let path = users.client.post("/users", &other).await.expect(201).header("location").to_owned();

    let same_name = users.client.post("/users", &with(ada(), "email", "new@example.com")).await;
    let told = same_name.expect_problem(409, "duplicate")["detail"].to_string();
    assert!(told.contains("username"), "{told}");
    let same_email = users.client.put(&path, None, &with(other.clone(), "email", "ADA@example.com")).await;
    let told = same_email.expect_problem(409, "duplicate")["detail"].to_string();
    assert!(told.contains("email"), "{told}");
    assert_eq!(users.client.get(&path).await.header("etag"), "\"1\"", "nothing was changed");
}

#[tokio::test]
async fn users_come_a_page_at_a_time() {
    let users = UserService::asking("http://127.0.0.1:1", Seeded::Yes).await;
    let (mut path, mut ids) = ("/users?limit=200".to_owned(), Vec::new());
    loop {
        let page = users.client.get(&path).await.expect(200).json();
        ids.extend(page["items"].as_array().unwrap().iter().map(|user| user["id"].as_u64().unwrap()));
        let Some(next) = page["next"].as_str() else { break };
        next.clone_into(&mut path);
    }
    assert_eq!(ids, (1..=1_000).collect::<Vec<u64>>());
}
