//! A deadline for request bodies: actix-web has one for heads only.

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    Error, HttpMessage as _,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest, ServiceResponse},
    error::PayloadError,
    middleware::Next,
    web::Bytes,
};
use futures_util::{
    FutureExt as _, StreamExt as _,
    stream::{self, Stream},
};
use tokio::time::sleep;

use super::{answered_with, limits::BODY_TIMEOUT};

/// Middleware: a body that is not there in time ends in an error, which the JSON extractor answers with 408; and a
/// connection whose body was not read to its end is closed after the answer. It has to stand outside of every middleware
/// that answers by itself or replaces the body of an answer.
pub(crate) async fn body_deadline(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let payload = request.take_payload();
    if matches!(payload, Payload::None) {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let payload = Rc::new(RefCell::new(payload));
    request.set_payload(Payload::Stream { payload: limited(Rc::clone(&payload)).boxed_local() });
    let keep = |body| BoxBody::new(Answer { body, _unread: payload });
    match next.call(request).await {
        Ok(answer) => Ok(answer.map_into_boxed_body().map_body(|_, body| keep(body))),
        Err(error) => {
            let answer = error.error_response().map_body(|_, body| keep(body));
            Err(answered_with(error, answer))
        }
    }
}

/// The chunks of `payload`, and an error in place of the first one that is not there in time.
fn limited(payload: Rc<RefCell<Payload>>) -> impl Stream<Item = Result<Bytes, PayloadError>> {
    let mut deadline = Box::pin(sleep(BODY_TIMEOUT));
    stream::poll_fn(move |context| match deadline.poll_unpin(context) {
        Poll::Ready(()) => Poll::Ready(Some(Err(PayloadError::Io(io::ErrorKind::TimedOut.into())))),
        Poll::Pending => payload.borrow_mut().poll_next_unpin(context),
    })
}

/// The body of an answer, which keeps what is unread of the request until it is sent. The server closes a connection
/// with an unread body; for one that was dropped and came in chunks it would read on instead, as slowly and for as
/// long as the client likes.
struct Answer {
    body: BoxBody,
    _unread: Rc<RefCell<Payload>>,
}

impl MessageBody for Answer {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
