//! What caches and clients may keep: `Cache-Control` for every answer, and 304 to those who have it already.

use actix_web::{
    Error, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{
            CACHE_CONTROL, ETAG, EntityTag, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LINK, VARY,
        },
    },
    middleware::Next,
};

use super::{Problem, version::Tags};
use crate::telemetry::QUIET_ROUTES;

/// For what is different every time, and for answers to writes.
const NEVER_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// Kept by anybody, and used again only after the service was asked whether it is still the same.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// The same for what depends on the caller's token: no cache that others share keeps it.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The headers of a 200 that its 304 has as well (RFC 9110, section 15.4.5).
const OF_THE_SAME: [HeaderName; 4] = [ETAG, CACHE_CONTROL, VARY, LINK];

/// Middleware: evaluates the preconditions of reads, and says how long an answer may be kept where its handler has not.
pub(crate) async fn caching(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<EitherBody<impl MessageBody>>, Error> {
    let answer = next.call(request).await?;
    let is_read = answer.request().method() == Method::GET;
    let mut answer = match instead(&answer).filter(|_| is_read) {
        Some(instead) => answer.into_response(instead).map_into_right_body(),
        None => answer.map_into_left_body(),
    };
    if !answer.headers().contains_key(CACHE_CONTROL) {
        let cache_control = if is_read { of_a_read(&answer) } else { NEVER_KEPT };
        answer.headers_mut().insert(CACHE_CONTROL, cache_control);
    }
    Ok(answer)
}

fn of_a_read<B>(answer: &ServiceResponse<B>) -> HeaderValue {
    let is_kept = answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED;
    if !is_kept || QUIET_ROUTES.contains(&answer.request().path()) {
        NEVER_KEPT
    } else if names(answer.headers().get(VARY), "authorization") {
        PRIVATE
    } else {
        REVALIDATED
    }
}

/// Whether a list of header names has `name`.
fn names(list: Option<&HeaderValue>, name: &str) -> bool {
    let list = list.and_then(|list| list.to_str().ok()).unwrap_or_default();
    list.split(',').any(|element| element.trim().eq_ignore_ascii_case(name))
}

/// What the request's preconditions have in place of a representation with an ETag; `If-Match` comes first (RFC 9110,
/// section 13.2.2).
fn instead<B>(answer: &ServiceResponse<B>) -> Option<HttpResponse> {
    let request = answer.request();
    let current: EntityTag = match (answer.status(), answer.headers().get(ETAG)) {
        (StatusCode::OK, Some(tag)) => tag.to_str().ok()?.parse().ok()?,
        _ => return None,
    };
    let current = [current];
    match Tags::of(request.headers(), &IF_MATCH) {
        Err(problem) => return Some(problem.error_response()),
        Ok(Some(wanted)) if !wanted.include(&current, EntityTag::strong_eq) => return Some(changed(request)),
        Ok(_) => {}
    }
    // What is no list of entity tags matches nothing.
    let known = Tags::of(request.headers(), &IF_NONE_MATCH).ok().flatten()?;
    known.include(&current, EntityTag::weak_eq).then(|| not_modified(answer.headers()))
}

fn changed(request: &HttpRequest) -> HttpResponse {
    let detail = format!("{} is not the representation that If-Match names", request.path());
    Problem::precondition_failed(detail).error_response()
}

fn not_modified(headers: &HeaderMap) -> HttpResponse {
    let mut answer = HttpResponseBuilder::new(StatusCode::NOT_MODIFIED);
    for name in OF_THE_SAME {
        if let Some(value) = headers.get(&name) {
            answer.insert_header((name, value.clone()));
        }
    }
    answer.finish()
}
