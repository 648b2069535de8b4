//! ETag, If-Match, If-None-Match: what is known is not sent again, and nobody overwrites what they have not seen.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::{Answer, Client, Seeded, UserService, ada, location, oslo, send, with};
use http::Method;

/// Sends a request with the token, and with `headers`.
async fn ask(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = client.authorized(method.clone(), path);
    if method == Method::PUT || method == Method::POST {
        request = request.json(&if path.starts_with("/users") { ada() } else { oslo() });
    }
    send(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
}

#[tokio::test]
async fn a_version_that_is_known_is_not_sent_again() {
    let service = location(Seeded::No).await;
    let path = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let knowing = async |etag: &str| {
        harness::send(service.client.request(Method::GET, &path).header("if-none-match", etag)).await
    };
    for known in ["\"1\"", "W/\"1\"", "\"7\", \"1\"", "*"] {
        let answer = knowing(known).await.expect(304);
        assert_eq!((answer.body.as_str(), answer.header("etag")), ("", "\"1\""), "{known}");
    }
    for unknown in ["\"2\"", "\"\""] {
        knowing(unknown).await.expect(200);
    }
}

#[tokio::test]
async fn a_stale_if_match_changes_nothing() {
    let service = location(Seeded::No).await;
    let created = service.client.post("/locations", &oslo()).await.expect(201);
    let path = created.header("location");
    let current = service.client.put(path, Some("\"1\""), &with(oslo(), "population", 2)).await.expect(200);
    assert_eq!(current.header("etag"), "\"2\"");
    for stale in ["\"1\"", "W/\"2\"", "\"3\", \"4\"", "\"1,2\""] {
        service.client.put(path, Some(stale), &oslo()).await.expect_problem(412, "precondition-failed");
        service.client.delete(path, Some(stale)).await.expect_problem(412, "precondition-failed");
    }
    for malformed in ["1", "\"1", "", "\"2\", 3"] {
        service.client.put(path, Some(malformed), &oslo()).await.expect_problem(400, "malformed");
    }
    assert_eq!(service.client.get(path).await.json(), current.json());
    service.client.put(path, Some("*"), &oslo()).await.expect(200);
    service.client.delete(path, Some("\"2\", \"3\"")).await.expect(204);
}

#[tokio::test]
async fn writers_at_the_same_time_lose_no_update() {
    const WRITERS: u64 = 8;
    const UPDATES: u64 = 5;
    let service = location(Seeded::No).await;
    let path = service.client.post("/locations", &with(oslo(), "population", 0)).await.expect(201);
    let path = path.header("location");
    // Each writer adds one to what it read, and starts anew where somebody else was faster.
    let add_one = async || loop {
        let read = service.client.get(path).await.expect(200);
        let population = read.json()["population"].as_u64().unwrap();
        let changed = with(oslo(), "population", population + 1);
        let answer = service.client.put(path, Some(read.header("etag")), &changed).await;
        if answer.status == 200 {
            break;
        }
        answer.expect_problem(412, "precondition-failed");
    };
    let writer = async || {
        for _ in 0..UPDATES {
            add_one().await;
        }
    };
    join_all((0..WRITERS).map(|_| writer())).await;
    let end = service.client.get(path).await.expect(200);
    assert_eq!(end.json()["population"], WRITERS * UPDATES);
    assert_eq!(end.header("etag"), format!("\"{}\"", WRITERS * UPDATES + 1));
}

#[tokio::test]
async fn an_etag_names_what_the_caller_may_see() {
    let users = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    let created = users.client.post_once("/users", "key", &ada()).await.expect(201);
    let replayed = users.client.post_once("/users", "key", &ada()).await.expect(201);
    let path = created.header("location");
    let private = ask(&users.client, Method::GET, path, &[]).await.expect(200);
    let public = users.client.get(path).await.expect(200);
    assert!(private.body.contains("email") && !public.body.contains("email"));
    assert_ne!(private.header("etag"), public.header("etag"));
    for same in [&created, &replayed] {
        assert_eq!((&same.body, same.header("etag")), (&private.body, private.header("etag")));
    }

    // What is kept without the token is not what the token shows, and the other way round.
    for (known, stranger, trusted) in [(&public, 304, 200), (&private, 200, 304)] {
        let header = ("if-none-match", known.header("etag"));
        let answer = send(users.client.request(Method::GET, path).header(header.0, header.1)).await.expect(stranger);
        assert_eq!(answer.header("etag"), public.header("etag"));
        let answer = ask(&users.client, Method::GET, path, &[header]).await.expect(trusted);
        assert_eq!(answer.header("etag"), private.header("etag"));
    }
    // Pages, and users with an embedded place, change without the user: their ETags name their content.
    let page = [("accept", "text/html"), ("if-none-match", private.header("etag"))];
    let page_tag = ask(&users.client, Method::GET, path, &page).await.expect(200).header("etag").to_owned();
    let embedded = ask(&users.client, Method::GET, &format!("{path}?include=location"), &page[1..]).await.expect(200);
    let tags = BTreeSet::from([page_tag.as_str(), embedded.header("etag"), private.header("etag")]);
    assert!(tags.len() == 3 && !tags.contains(""), "{tags:?}");

    // Either tag names the version that a change is for.
    let changed = ask(&users.client, Method::PUT, path, &[("if-match", public.header("etag"))]).await.expect(200);
    ask(&users.client, Method::PUT, path, &[("if-match", private.header("etag"))]).await.expect(412);
    ask(&users.client, Method::DELETE, path, &[("if-match", changed.header("etag"))]).await.expect(204);
}

#[tokio::test]
async fn every_method_keeps_if_none_match_and_if_match() {
    let places = location(Seeded::No).await;
    let path = places.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let users = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    let user = users.client.post("/users", &ada()).await.expect(201).header("location").to_owned();
    for (client, path) in [(&places.client, path.as_str()), (&users.client, user.as_str())] {
        let before = client.get(path).await.expect(200);
        let etag = before.header("etag");
        let weak = format!("W/{etag}");
        for method in [Method::PUT, Method::DELETE] {
            for known in ["*", etag, &weak, &format!("\"other\", {etag}")] {
                let answer = ask(client, method.clone(), path, &[("if-none-match", known)]).await;
                answer.expect_problem(412, "precondition-failed");
            }
            ask(client, method.clone(), path, &[("if-match", etag), ("if-none-match", "*")]).await.expect(412);
            for malformed in ["1", "", "\"1"] {
                let answer = ask(client, method.clone(), path, &[("if-none-match", malformed)]).await;
                answer.expect_problem(400, "malformed");
            }
            // What does not exist is not found, whatever the preconditions are.
            ask(client, method.clone(), &format!("{path}9"), &[("if-none-match", "*")]).await.expect(404);
            ask(client, method, &format!("{path}9"), &[("if-match", etag)]).await.expect(404);
        }
        assert_eq!(client.get(path).await.header("etag"), etag, "nothing was changed");

        let list = path.rsplit_once('/').unwrap().0;
        ask(client, Method::POST, list, &[("if-none-match", "*")]).await.expect_problem(412, "precondition-failed");
        ask(client, Method::POST, list, &[("if-match", etag)]).await.expect_problem(412, "precondition-failed");
        for method in [Method::GET, Method::HEAD] {
            ask(client, method.clone(), path, &[("if-match", "\"other\"")]).await.expect(412);
            let not_modified = ask(client, method.clone(), path, &[("if-none-match", "*")]).await.expect(304);
            let whole = ask(client, method, path, &[]).await.expect(200);
            for name in ["etag", "cache-control", "vary"] {
                assert_eq!(not_modified.header(name), whole.header(name), "{name}");
            }
            assert_eq!(not_modified.header("content-type"), "");
        }
        // There are no dates to compare with, and no ranges to be had.
        for ignored in [
            ("if-unmodified-since", "Mon, 01 Jan 2001 00:00:00 GMT"),
            ("if-modified-since", "Mon, 01 Jan 2601 00:00:00 GMT"),
            ("if-range", etag),
            ("range", "bytes=0-1"),
            ("if-none-match", "not-quoted"),
        ] {
            assert_eq!(
                ask(client, Method::GET, path, &[ignored]).await.expect(200).json(),
                ask(client, Method::GET, path, &[]).await.json()
            );
        }
        ask(client, Method::PUT, path, &[("if-none-match", "\"other\"")]).await.expect(200);
        ask(client, Method::DELETE, path, &[("if-none-match", etag)]).await.expect(204);
    }
}
