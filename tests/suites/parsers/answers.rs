//! What any request has to be answered with.

use harness::Wire;
use proptest::{
    prop_assert,
    test_runner::{TestCaseError, TestCaseResult},
};

use super::exploration::Tally;

/// Sends `request`, and holds the answer to one of `statuses`, and to a problem where it is one. A request that is no HTTP
/// at all is answered by the server itself, without a body.
pub(super) fn check(wire: &mut Wire, request: &[u8], statuses: &[u16], tally: &mut Tally) -> TestCaseResult {
    let reply = wire.exchange(request).map_err(|error| TestCaseError::fail(format!("no answer: {error}")))?;
    let Some(reply) = reply else {
        *tally.entry("closed".into()).or_default() += 1;
        return Ok(());
    };
    *tally.entry(reply.status.to_string()).or_default() += 1;
    let body = String::from_utf8_lossy(&reply.body);
    prop_assert!(statuses.contains(&reply.status), "{}: {body}", reply.status);
    if reply.status >= 400 && !reply.body.is_empty() {
        prop_assert!(reply.media_type == "application/problem+json", "{} in {}", reply.status, reply.media_type);
        let problem: Result<serde_json::Value, _> = serde_json::from_slice(&reply.body);
        prop_assert!(problem.is_ok_and(|problem| problem["status"] == reply.status), "{body}");
    }
    Ok(())
}
