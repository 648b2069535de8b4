//! Paths and queries.

use harness::{Seeded, Wire, location};
use proptest::prelude::*;

use super::{answers::check, exploration::explore};

#[tokio::test]
async fn any_target_is_answered() {
    let service = location(Seeded::Yes).await;
    let mut wire = Wire::to(service.running.port());
    let tried = tokio::task::spawn_blocking(move || {
        explore("targets", |target, tally| {
            // What ends the line ends the target; other tests have whole heads.
            let target: Vec<u8> = target.iter().copied().filter(|byte| !b" \r\n".contains(byte)).collect();
            prop_assume!(!target.is_empty());
            let request = [&b"GET "[..], &target, b" HTTP/1.1\r\nhost: x\r\n\r\n"].concat();
            check(&mut wire, &request, &[200, 400, 404, 405, 431], tally)
        });
    });
    tried.await.unwrap();
    service.client.get("/health").await.expect(200);
}
