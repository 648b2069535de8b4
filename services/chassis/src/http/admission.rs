//! Requests that are answered before any route sees them.

use actix_web::{
    Error,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    middleware::Next,
};

use super::{
    Problem,
    connection::Refusal,
    limits::{MAX_HEAD_BYTES, head_too_large},
};

/// Middleware: answers requests that the parser would refuse, and those whose head is too large.
pub(crate) async fn admit(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let refusal = Refusal::of(&request).inspect(|problem| {
        tracing::info!(reason = problem.detail(), "refused a request that is not valid HTTP/1.1");
    });
    match refusal.or_else(|| too_large(&request)) {
        Some(problem) => Ok(request.error_response(problem).map_into_right_body()),
        None => Ok(next.call(request).await?.map_into_left_body()),
    }
}

fn too_large(request: &ServiceRequest) -> Option<Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    let size = request.headers().iter().fold(target, |size, (name, value)| size + name.as_str().len() + value.len());
    (size > MAX_HEAD_BYTES).then(head_too_large)
}
