//! A client's connection: request heads are checked, and completed in time, before the parser of actix-http reads them.

mod chunks;
mod head;
mod rewriting;
mod service;
#[cfg(test)]
mod tests;

use std::{
    cell::RefCell,
    io,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use actix_web::{dev::ServiceRequest, web::BytesMut};
use chunks::{Chunks, Progress};
use futures_util::FutureExt as _;
use head::{Body, Examined, MAX_BUFFERED_BYTES, REFUSED_METHOD, examine};
pub(crate) use service::http_service;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

use super::{
    Problem,
    limits::{CLIENT_DISCONNECT_TIMEOUT, HEAD_TIMEOUT},
};

/// The request that the parser gets in place of a refused one.
const REFUSED: &str = "- * HTTP/1.1\r\nhost: -\r\nconnection: close\r\n\r\n";

/// Why the last request of a connection was refused, as the service learns it with that request.
#[derive(Clone, Default)]
pub(crate) struct Refusal(Rc<RefCell<Option<Problem>>>);

impl Refusal {
    /// The reason, if `request` stands for a refused one.
    pub(crate) fn of(request: &ServiceRequest) -> Option<Problem> {
        // No other request has this method as long as there is a reason: the check refuses it.
        let stands_for_refused = request.method().as_str() == REFUSED_METHOD;
        stands_for_refused.then(|| request.conn_data::<Self>()?.0.borrow_mut().take()).flatten()
    }
}

/// The next byte from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    /// It belongs to a head.
    Head,
    /// It belongs to a body, of which this many bytes are to come.
    Body(u64),
    /// It belongs to a chunked body.
    Chunks(Chunks),
    /// It is passed on unchecked, to the end of the connection.
    Endless,
    /// It is discarded: a request was refused.
    Refused,
}

/// What is to be done with the first bytes that were not passed on.
enum Step {
    /// There are none.
    Continue,
    /// Wait for more.
    Hold,
    /// Pass `replacement` on in place of the first `length` bytes.
    Replace { length: usize, replacement: Vec<u8> },
    /// Answer with a problem, and pass nothing more on.
    Refuse(Problem),
}

/// A connection whose heads are checked. All other bytes pass unchanged, and in the common case, a read of complete heads
/// that need no change, without a copy.
pub(crate) struct Connection<S> {
    stream: S,
    position: Position,
    /// The beginning of a head that is not complete.
    held: Vec<u8>,
    /// Whether something has come in since `held` was examined.
    unexamined: bool,
    /// What the parser is to read next.
    ready: BytesMut,
    /// Runs from the first byte of a head to its last; for the first head, from the beginning of the connection.
    head_timer: Option<Pin<Box<Sleep>>>,
    refusal: Refusal,
    /// How long what a client still sends after a refused request is read.
    linger: Option<Pin<Box<Sleep>>>,
}

impl<S> Connection<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            position: Position::Head,
            held: Vec::new(),
            unexamined: false,
            ready: BytesMut::new(),
            head_timer: Some(Box::pin(sleep(HEAD_TIMEOUT))),
            refusal: Refusal::default(),
            linger: None,
        }
    }

    /// How many bytes of `input` can be passed on as they are, and what to do with the rest.
    fn advance(&mut self, input: &[u8]) -> (usize, Step) {
        let mut passed = 0;
        while passed < input.len() {
            let rest = &input[passed..];
            match self.position {
                Position::Endless | Position::Refused => return (input.len(), Step::Continue),
                Position::Chunks(mut chunks) => {
                    let progress = chunks.follow(rest);
                    (self.position, passed) = match progress {
                        Progress::Continues => (Position::Chunks(chunks), input.len()),
                        Progress::Ends(length) => (Position::Head, passed + length),
                        Progress::Broken => (Position::Endless, input.len()),
                    };
                }
                Position::Body(left) => {
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(rest.len());
                    passed += here;
                    self.enter(Body::Length(left - here as u64));
                }
                Position::Head => match examine(rest) {
                    Examined::Incomplete => return (passed, Step::Hold),
                    Examined::EmptyLines(length) => {
                        return (passed, Step::Replace { length, replacement: Vec::new() });
                    }
                    Examined::Accepted { length, body } => {
                        self.head_timer = None;
                        self.enter(body);
                        passed += length;
                    }
                    Examined::Rewritten { length, replacement, body } => {
                        self.head_timer = None;
                        self.enter(body);
                        return (passed, Step::Replace { length, replacement });
                    }
                    Examined::Refused(problem) => return (passed, Step::Refuse(problem)),
                },
            }
        }
        (passed, Step::Continue)
    }

    fn enter(&mut self, body: Body) {
        self.position = match body {
            Body::Length(0) => Position::Head,
            Body::Length(left) => Position::Body(left),
            Body::Chunked => Position::Chunks(Chunks::SizeFirst),
            Body::Endless => Position::Endless,
        };
    }

    /// Carries out `step`, with `held` beginning at the first byte that was not passed on.
    fn take(&mut self, step: Step) {
        self.unexamined = false;
        match step {
            Step::Continue => {}
            Step::Hold => {
                self.head_timer.get_or_insert_with(|| Box::pin(sleep(HEAD_TIMEOUT)));
            }
            Step::Replace { length, replacement } => {
                self.held.drain(..length);
                self.unexamined = !self.held.is_empty();
                self.ready.extend_from_slice(&replacement);
            }
            Step::Refuse(problem) => self.refuse(problem),
        }
    }

    fn refuse(&mut self, problem: Problem) {
        self.position = Position::Refused;
        self.head_timer = None;
        self.held = Vec::new();
        self.refusal.0.replace(Some(problem));
        self.ready.extend_from_slice(REFUSED.as_bytes());
    }

    /// Examines what is held.
    fn examine_held(&mut self) {
        let mut held = std::mem::take(&mut self.held);
        let (passed, step) = self.advance(&held);
        self.ready.extend_from_slice(&held[..passed]);
        held.drain(..passed);
        self.held = held;
        self.take(step);
    }

    /// Takes what was read into `buffer` after its first `before` bytes; leaves there what can be passed on.
    fn take_in(&mut self, buffer: &mut ReadBuf<'_>, before: usize) {
        let read = &buffer.filled()[before..];
        if self.position == Position::Refused {
            buffer.set_filled(before);
        } else if self.held.is_empty() {
            let (passed, step) = self.advance(read);
            self.held.extend_from_slice(&read[passed..]);
            buffer.set_filled(before + passed);
            self.take(step);
        } else {
            // No head is complete, or refused for its size, before one of these comes in.
            self.held.extend_from_slice(read);
            self.unexamined = read.contains(&b'\n') || self.held.len() > MAX_BUFFERED_BYTES;
            buffer.set_filled(before);
        }
    }

    /// Moves into `buffer` what fits of `ready`.
    fn deliver(&mut self, buffer: &mut ReadBuf<'_>) {
        let count = self.ready.len().min(buffer.remaining());
        buffer.put_slice(&self.ready.split_to(count));
        if self.ready.is_empty() {
            self.ready = BytesMut::new();
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        loop {
            if !this.ready.is_empty() {
                this.deliver(buffer);
                return Poll::Ready(Ok(()));
            }
            if this.unexamined {
                this.examine_held();
                continue;
            }
            if Pin::new(&mut this.stream).poll_read(context, buffer)?.is_pending() {
                if this.head_timer.as_mut().is_none_or(|timer| timer.poll_unpin(context).is_pending()) {
                    return Poll::Pending;
                }
                this.refuse(Problem::timeout(format!(
                    "the head of the request did not arrive within {HEAD_TIMEOUT:?}"
                )));
            } else if buffer.filled().len() > before {
                this.take_in(buffer, before);
                if buffer.filled().len() > before {
                    return Poll::Ready(Ok(()));
                }
            } else if this.held.is_empty() {
                return Poll::Ready(Ok(()));
            } else {
                this.refuse(Problem::malformed(
                    "the connection was closed before the head of the request was complete",
                ));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    /// After a refused request, reads on for a moment: closing a connection with something unread resets it, and the client
    /// may lose the answer (RFC 9112, 9.6).
    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.linger.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
            if this.position != Position::Refused {
                return Poll::Ready(Ok(()));
            }
        }
        let linger = this.linger.get_or_insert_with(|| Box::pin(sleep(CLIENT_DISCONNECT_TIMEOUT)));
        if linger.poll_unpin(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scratch = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}
