//! A deadline for request bodies: actix-web has one for heads only.

use std::io;

use actix_web::{
    Error, HttpMessage as _,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    middleware::Next,
};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::limits::BODY_TIMEOUT;

/// Middleware: a body that is not there in time ends in an error, which the JSON extractor answers with 408.
pub(crate) async fn body_deadline(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let payload = request.take_payload();
    if !matches!(payload, Payload::None) {
        let limited = limited(payload, Instant::now() + BODY_TIMEOUT);
        request.set_payload(Payload::Stream {
            payload: limited.boxed_local(),
        });
    }
    next.call(request).await
}

/// The chunks of `payload`, and an error in place of the first one that is not there by `deadline`.
fn limited(payload: Payload, deadline: Instant) -> impl stream::Stream<Item = <Payload as stream::Stream>::Item> {
    stream::unfold(Some(payload), move |payload| async move {
        let mut payload = payload?;
        match timeout_at(deadline, payload.next()).await {
            Ok(chunk) => chunk.map(|chunk| (chunk, Some(payload))),
            Err(_) => Some((Err(PayloadError::Io(io::ErrorKind::TimedOut.into())), None)),
        }
    })
}
