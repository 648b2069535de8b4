//! Bodies of requests.

use harness::{Seeded, TOKEN, UserService, Wire, location};

use super::{answers::check, exploration::explore};

const STATUSES: [u16; 4] = [201, 400, 413, 422];

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn any_body_is_a_location_or_refused() {
    let service = location(Seeded::No).await;
    let mut wire = Wire::to(service.running.port());
    let tried = tokio::task::spawn_blocking(move || {
        explore("bodies", |body, tally| check(&mut wire, &post("/locations", body), &STATUSES, tally));
    });
    tried.await.unwrap();
    service.client.get("/locations").await.expect(200);
}

#[tokio::test]
async fn any_body_is_a_user_or_refused() {
    let places = location(Seeded::No).await;
    let service = UserService::asking(&places.running.url(""), Seeded::No).await;
    let mut wire = Wire::to(service.running.port());
    let tried = tokio::task::spawn_blocking(move || {
        explore("users", |body, tally| {
            check(&mut wire, &post("/users", body), &[&STATUSES[..], &[409]].concat(), tally)
        });
    });
    tried.await.unwrap();
    service.client.get("/users").await.expect(200);
}
