//! Headers of requests.

use harness::{Seeded, TOKEN, Wire, location, oslo};
use proptest::prelude::*;

use super::{answers::check, exploration::explore};

#[tokio::test]
async fn any_header_is_taken_or_refused() {
    let service = location(Seeded::Yes).await;
    let path = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    let mut wire = Wire::to(service.running.port());
    let tried = tokio::task::spawn_blocking(move || {
        let body = oslo().to_string();
        let length = body.len();
        explore("headers", |header, tally| {
            // What ends the line ends the header; other tests have whole heads.
            let header: Vec<u8> = header.iter().copied().filter(|byte| !b"\r\n".contains(byte)).collect();
            prop_assume!(!header.is_empty());
            let with_header = |head: &str, rest: &str| [head.as_bytes(), &header, rest.as_bytes()].concat();
            for path in [&*path, "/locations?limit=1"] {
                let get = with_header(&format!("GET {path} HTTP/1.1\r\nhost: x\r\n"), "\r\n\r\n");
                check(&mut wire, &get, &[200, 304, 400, 401, 412, 431], tally)?;
            }
            let own = format!(
                "host: x\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n"
            );
            for line in [format!("PUT {path} HTTP/1.1\r\n"), "POST /locations HTTP/1.1\r\n".into()] {
                let write = with_header(&format!("{line}{own}"), &format!("\r\n\r\n{body}"));
                check(&mut wire, &write, &[200, 201, 400, 401, 412, 413, 415, 422, 431], tally)?;
            }
            Ok(())
        });
    });
    tried.await.unwrap();
    service.client.get("/health").await.expect(200);
}
