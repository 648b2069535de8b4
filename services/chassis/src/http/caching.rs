//! What caches and clients may keep: `Cache-Control` and validators for every answer, and 304 to those who have it already.

use actix_web::{
    Error, HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError as _,
    body::{BodySize, EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method, StatusCode,
        header::{
            CACHE_CONTROL, ETAG, EntityTag, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LINK,
            TryIntoHeaderValue as _, VARY,
        },
    },
    middleware::Next,
    web::Bytes,
};
use sha2::{Digest as _, Sha256};

use super::{Problem, QUIET_ROUTES, revision::Tags};

/// For what is different every time, for answers to writes, and for streams, which have no validator.
const NEVER_KEPT: HeaderValue = HeaderValue::from_static("no-store");

/// Kept by anybody, and used again only after the service was asked whether it is still the same.
const REVALIDATED: HeaderValue = HeaderValue::from_static("no-cache");

/// The same for what depends on the caller's token: no cache that others share keeps it.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// The headers of a 200 that its 304 has as well (RFC 9110, section 15.4.5).
const OF_THE_SAME: [HeaderName; 4] = [ETAG, CACHE_CONTROL, VARY, LINK];

/// Middleware: evaluates the preconditions of reads, says how long an answer may be kept where its handler has not, and
/// names the content of what may be kept.
pub(crate) async fn caching(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<EitherBody<EitherBody<impl MessageBody, Bytes>>>, Error> {
    let mut answer = next.call(request).await?;
    let is_read = answer.request().method() == Method::GET;
    set_cache_control(&mut answer, is_read);
    let answer = if is_read && is_kept(&answer) { tagged(answer) } else { answer.map_into_left_body() };
    let Some(instead) = instead(&answer).filter(|_| is_read) else { return Ok(answer.map_into_left_body()) };
    let mut answer = answer.into_response(instead).map_into_right_body();
    set_cache_control(&mut answer, is_read);
    Ok(answer)
}

fn set_cache_control(answer: &mut ServiceResponse<impl MessageBody>, is_read: bool) {
    if !answer.headers().contains_key(CACHE_CONTROL) {
        let cache_control = if is_read { of_a_read(answer) } else { NEVER_KEPT };
        answer.headers_mut().insert(CACHE_CONTROL, cache_control);
    }
}

fn of_a_read(answer: &ServiceResponse<impl MessageBody>) -> HeaderValue {
    let is_kept = answer.status().is_success() || answer.status() == StatusCode::NOT_MODIFIED;
    let is_stream = matches!(answer.response().body().size(), BodySize::Stream);
    if !is_kept || is_stream || QUIET_ROUTES.contains(&answer.request().path()) {
        NEVER_KEPT
    } else if names(answer.headers().get(VARY), "authorization") {
        PRIVATE
    } else {
        REVALIDATED
    }
}

fn is_kept<B>(answer: &ServiceResponse<B>) -> bool {
    answer.status() == StatusCode::OK && answer.headers().get(CACHE_CONTROL) != Some(&NEVER_KEPT)
}

/// Gives an answer without an ETag one that names its content.
fn tagged<B: MessageBody>(answer: ServiceResponse<B>) -> ServiceResponse<EitherBody<B, Bytes>> {
    if answer.headers().contains_key(ETAG) {
        return answer.map_into_left_body();
    }
    answer.map_body(|head, body| match body.try_into_bytes() {
        Ok(content) => {
            let digest: [u8; 32] = Sha256::digest(&content).into();
            let tag = EntityTag::new_strong(hex::encode(&digest[..16]));
            if let Ok(tag) = tag.try_into_value() {
                head.headers.insert(ETAG, tag);
            }
            EitherBody::right(content)
        }
        Err(body) => EitherBody::left(body),
    })
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
