//! Bounds on what a handler can do to the rest: a deadline for its answer, and an answer in its place when it panics.

use std::{
    error::Error as StdError,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    middleware::Next,
    web::Bytes,
};
use futures_util::FutureExt as _;
use tokio::time::timeout;
use tracing::Span;

use super::{Problem, limits::REQUEST_TIMEOUT};

/// Middleware: a handler that panics, or whose answer is not there in time, ends in a problem. Whatever it had begun is
/// dropped: its database connection is closed, and the transaction rolled back.
///
/// The problem is an error rather than an answer, since the request went into the handler. (No middleware can keep a
/// clone of it: actix-web finds the route of a request that nobody else holds.)
pub(crate) async fn contain(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let handling = AssertUnwindSafe(async { next.call(request).await }).catch_unwind();
    match timeout(REQUEST_TIMEOUT, handling).await {
        Ok(Ok(answer)) => answer,
        // The panic hook has logged it.
        Ok(Err(_)) => Err(failed().into()),
        Err(_) => {
            tracing::warn!(limit = ?REQUEST_TIMEOUT, "no answer in time; the request is given up");
            Err(Problem::unavailable(format!(
                "no answer within {REQUEST_TIMEOUT:?}: try again. A write may have been made; sent again with the same \
                 Idempotency-Key or If-Match it is not made twice"
            ))
            .into())
        }
    }
}

fn failed() -> Problem {
    Problem::internal("this is a fault of the service's; the log says more under the request's id")
}

/// An error that is answered with `response`.
pub(crate) fn answered_with(error: Error, response: HttpResponse) -> Error {
    InternalError::from_response(error, response).into()
}

/// `answer` with a body that is logged under the request's `span` while it is sent, and ends in an error where making it
/// panics.
pub(crate) fn contained(answer: ServiceResponse<BoxBody>, span: &Span) -> ServiceResponse<BoxBody> {
    if answer.response().body().size() != BodySize::Stream {
        return answer;
    }
    answer.map_body(|_, body| BoxBody::new(Contained { body, span: span.clone() }))
}

struct Contained {
    body: BoxBody,
    span: Span,
}

impl MessageBody for Contained {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let this = &mut *self;
        let _entered = this.span.enter();
        let body = Pin::new(&mut this.body);
        let polled = catch_unwind(AssertUnwindSafe(|| body.poll_next(context)));
        // What was sent so far cannot be taken back: the connection is closed before the end of the body.
        polled.unwrap_or_else(|_| Poll::Ready(Some(Err(failed().into()))))
    }
}
