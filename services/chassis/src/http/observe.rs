//! Around every request: an id, a span, a line in the log, the figures, and its part of a trace.

use std::time::Instant;

use actix_web::{
    Error, HttpMessage as _,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS},
    },
    middleware::Next,
    web::Data,
};
use tracing::{Instrument as _, Level};

use super::{answered_with, contained};
use crate::telemetry::{Metrics, REQUEST_ID, RequestContext, ServerSpan, TraceParent, within};

/// What load balancers, orchestrators and collectors ask for all day long; it is logged at debug level only, and in no trace.
/// Nobody keeps an answer to it.
pub(crate) const QUIET_ROUTES: [&str; 4] = ["/livez", "/readyz", "/health", "/metrics"];

/// Middleware: gives the request its id and span, and logs and counts the answer.
pub(crate) async fn observe(
    metrics: Data<Metrics>,
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let method = request.method().clone();
    let mut context = RequestContext::take_up(request.headers());
    let quiet = QUIET_ROUTES.contains(&request.path());
    let begin = || ServerSpan::begin(&method, || TraceParent::of(request.headers()));
    let serving = (!quiet).then(begin).flatten();
    if let Some(serving) = &serving {
        context.continue_under(serving.trace());
    }
    request.extensions_mut().insert(context.clone());
    // A HEAD is answered by the route for GET; the server itself leaves the body out.
    if method == Method::HEAD {
        request.head_mut().method = Method::GET;
    }
    let span = tracing::info_span!("request", request_id = context.request_id, trace_id = context.trace.trace_id());
    // An error comes back without its request.
    let (uri, route) = (request.uri().clone(), request.match_pattern());

    let parent = serving.as_ref().map(ServerSpan::context);
    let answered = within(parent, next.call(request).instrument(span.clone())).await;
    let outcome = answered.map(|answer| contained(answer.map_into_boxed_body(), &span));

    let (status, outcome) = match outcome {
        Ok(mut answer) => {
            identify(answer.headers_mut(), &context);
            (answer.status().as_u16(), Ok(answer))
        }
        Err(error) => {
            let mut answer = error.error_response();
            identify(answer.headers_mut(), &context);
            (answer.status().as_u16(), Err(answered_with(error, answer)))
        }
    };
    span.in_scope(|| log(&method, uri.path(), route.as_deref(), status, started));
    if let Some(serving) = serving {
        serving.answered(uri.path(), route.as_deref(), status);
    }
    metrics.answered(method.as_str(), route, status, started.elapsed());
    outcome
}

fn identify(headers: &mut HeaderMap, context: &RequestContext) {
    if let Ok(id) = HeaderValue::from_str(&context.request_id) {
        headers.insert(HeaderName::from_static(REQUEST_ID), id);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// The query is left out of the log: people search for names.
fn log(method: &Method, path: &str, route: Option<&str>, status: u16, started: Instant) {
    let elapsed_us = started.elapsed().as_micros();
    if route.is_some_and(|route| QUIET_ROUTES.contains(&route)) {
        tracing::event!(Level::DEBUG, %method, path, status, elapsed_us, "answered");
    } else {
        tracing::event!(Level::INFO, %method, path, status, elapsed_us, "answered");
    }
}
