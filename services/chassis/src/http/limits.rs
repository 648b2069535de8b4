//! How much a client may send and how long it may take, each limit with its reason.

use std::{io, time::Duration};

use actix_web::{
    error::{JsonPayloadError, PathError, PayloadError, QueryPayloadError},
    rt::net::TcpStream,
    web::{JsonConfig, PathConfig, QueryConfig, ServiceConfig},
};
use serde_json::error::Category;

use super::Problem;

/// How long an idle connection is kept: longer than an Application Load Balancer's idle timeout (60 s), so that it is
/// the balancer who closes. The other way round it sends requests into connections that are just being closed, and
/// answers 502.
pub const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How long a client may take to send the head of a request: a balancer sends it at once, and whoever drips it in
/// holds a connection for nothing.
pub(super) const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// Deadline of a request, from the end of its head to the head of its answer. All that it waits for shares this: its
/// body, a database connection, statements and their retries, another service.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(8);

/// How long a client may take to send a body: the largest that is taken, over a slow mobile connection. It leaves some of
/// [`REQUEST_TIMEOUT`] for what is done with it.
pub(super) const BODY_TIMEOUT: Duration = Duration::from_secs(6);

const _: () = assert!(BODY_TIMEOUT.as_millis() < REQUEST_TIMEOUT.as_millis(), "a slow body is 408 rather than 503");

/// How long a connection may take to close in order before it is reset.
pub(super) const CLIENT_DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// How long a client may take nothing of its answer. After that the kernel gives the connection up, and what is held for
/// it is free again: the server itself would wait for ever.
const READ_TIMEOUT: Duration = Duration::from_secs(20);

/// The most connections of clients to each worker, however many files may be open.
const MAX_CONNECTIONS: usize = 25_000;

/// Largest request body, in bytes: several times the largest valid one, which has a few short fields.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// Largest request target and headers together, in bytes: what browsers and balancers send is well below 8 KiB. A
/// head of twice as much is not read to its end, and closes the connection.
pub(super) const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The answer to a head that is larger.
pub(super) fn head_too_large() -> Problem {
    Problem::head_too_large(format!("request line and headers are larger than {MAX_HEAD_BYTES} bytes"))
}

/// How many clients may be connected to each of so many workers; others wait until one goes. `granted` is what the
/// operating system allows.
pub(crate) fn connections_of_worker(granted: usize, workers: usize) -> usize {
    (granted / workers).clamp(1, MAX_CONNECTIONS)
}

/// Limits a connection that was just accepted.
pub(super) fn limit_connection(stream: &TcpStream) {
    #[cfg(target_os = "linux")]
    {
        let milliseconds = u32::try_from(READ_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
        if let Err(problem) = rustix::net::sockopt::set_tcp_user_timeout(stream, milliseconds) {
            tracing::debug!(%problem, "a client may take as long as it likes to read");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// Makes the extractors keep the limits and answer with problems.
pub(crate) fn extractors(config: &mut ServiceConfig) {
    config
        .app_data(JsonConfig::default().limit(MAX_BODY_BYTES).error_handler(|error, _| json_problem(error).into()))
        .app_data(PathConfig::default().error_handler(|error, _| {
            let PathError::Deserialize(error) = error else {
                return error.into();
            };
            Problem::malformed(format!("the path has a part that cannot be right: {error}")).into()
        }))
        .app_data(QueryConfig::default().error_handler(|error, _| {
            let QueryPayloadError::Deserialize(error) = error else {
                return error.into();
            };
            Problem::malformed(format!("the query will not do: {error}")).into()
        }));
}

fn json_problem(error: JsonPayloadError) -> Problem {
    match error {
        JsonPayloadError::OverflowKnownLength { .. }
        | JsonPayloadError::Overflow { .. }
        | JsonPayloadError::Payload(PayloadError::Overflow) => {
            Problem::too_large(format!("the body is larger than {MAX_BODY_BYTES} bytes"))
        }
        JsonPayloadError::ContentType => {
            Problem::unsupported_media_type("send the body as JSON, with `content-type: application/json`")
        }
        // JSON that is well-formed but not what is asked for (a wrong type, a missing or an unknown field) is invalid
        // rather than malformed.
        JsonPayloadError::Deserialize(error) if error.classify() == Category::Data => {
            Problem::invalid_body(error.to_string())
        }
        JsonPayloadError::Deserialize(error) => Problem::malformed(format!("the body is not JSON: {error}")),
        JsonPayloadError::Payload(PayloadError::Io(error)) if error.kind() == io::ErrorKind::TimedOut => {
            Problem::timeout(format!("the body did not arrive within {BODY_TIMEOUT:?}"))
        }
        _ => Problem::malformed("the body did not arrive whole"),
    }
}
