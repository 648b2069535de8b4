//! Whole requests, byte by byte.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpStream},
    time::Duration,
};

use harness::{Seeded, location};
use proptest::{prelude::*, test_runner::TestCaseError};

use super::exploration::explore;

#[tokio::test]
async fn any_bytes_are_answered_or_cut_off() {
    let service = location(Seeded::Yes).await;
    let port = service.running.port();
    let tried = tokio::task::spawn_blocking(move || {
        explore("heads", |bytes, tally| {
            let broken = |error: std::io::Error| TestCaseError::fail(error.to_string());
            let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(broken)?;
            stream.set_read_timeout(Some(Duration::from_secs(20))).map_err(broken)?;
            // It may be cut off before it has been sent to its end. Nothing more comes: what is incomplete stays so.
            let _ = stream.write_all(bytes).and_then(|()| stream.shutdown(Shutdown::Write));
            let mut answer = Vec::new();
            if let Err(error) = stream.read_to_end(&mut answer)
                && error.kind() != std::io::ErrorKind::ConnectionReset
            {
                return Err(broken(error));
            }
            let answer = String::from_utf8_lossy(&answer);
            let status = answer.get(9..12).unwrap_or("none").to_owned();
            prop_assert!(!status.starts_with('5'), "{answer}");
            prop_assert!(answer.is_empty() || answer.starts_with("HTTP/1."), "{answer}");
            *tally.entry(status).or_default() += 1;
            Ok(())
        });
    });
    tried.await.unwrap();
    service.client.get("/health").await.expect(200);
}
