//! Bodies that are JSON in another form, or something else.

use harness::{Seeded, location, oslo};
use http::Method;

/// `{}`, compressed.
const GZIP: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_in_utf_8_is_refused() {
    let service = location(Seeded::No).await;
    for content_type in [
        "application/json; charset=iso-8859-1",
        "application/json; charset=utf-16",
        "application/merge-patch+json",
        "application/json-patch+json",
        "application/x-ndjson",
        "text/json",
    ] {
        let request = service.client.authorized(Method::POST, "/locations").header("content-type", content_type);
        let answer = harness::send(request.body(oslo().to_string())).await;
        let told = answer.expect_problem(415, "unsupported-media-type");
        assert!(told["detail"].as_str().unwrap().contains("JSON"), "{told}");
        assert_eq!(answer.header("accept-encoding"), "", "it is not the coding that is wrong");
    }
    for content_type in ["application/json; charset=utf-8", "Application/JSON"] {
        let request = service.client.authorized(Method::POST, "/locations").header("content-type", content_type);
        harness::send(request.body(oslo().to_string())).await.expect(201);
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_with_the_codings_that_are_taken() {
    let places = location(Seeded::No).await;
    let path = places.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let coded = |method: &Method, path: &str, coding: &str| {
        places.client.authorized(method.clone(), path).json(&oslo()).header("content-encoding", coding)
    };
    for (method, path) in [(Method::POST, "/locations"), (Method::PUT, &path)] {
        for coding in ["gzip", "GZIP", "br", "deflate", "zstd", "identity, gzip", "x-unknown"] {
            let answer = harness::send(coded(&method, path, coding).body(GZIP)).await;
            answer.expect_problem(415, "unsupported-media-type");
            assert_eq!(answer.header("accept-encoding"), "identity", "{coding}");
        }
        let stranger = places.client.request(method.clone(), path).header("content-encoding", "gzip");
        harness::send(stranger.body(GZIP)).await.expect_problem(401, "unauthorized");
        let plain = harness::send(coded(&method, path, "identity")).await;
        assert!(plain.status.is_success(), "{}", plain.body);
    }
    // Without a word about it, it is a body that is not JSON.
    let unsaid = places.client.authorized(Method::POST, "/locations").header("content-type", "application/json");
    harness::send(unsaid.body(GZIP)).await.expect_problem(400, "malformed");
}
