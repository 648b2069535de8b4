//! Which request is which, across services: `x-request-id`, W3C `traceparent` and AWS's `X-Amzn-Trace-Id` are taken up
//! where they come, made up where they are missing, and passed on.

use std::{
    fmt,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, http::header::HeaderMap};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::super::http::Problem;

pub(super) const REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";
const AMZN_TRACE_ID: &str = "x-amzn-trace-id";

/// Longer or stranger than this, an id from outside is not taken up: it ends up in logs.
const MAX_ID_LENGTH: usize = 128;

/// What identifies a request; as an extractor, the request's own.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// `x-request-id`: the caller's, or made up here.
    pub request_id: String,
    /// The trace that the request is part of.
    pub trace: TraceParent,
    amzn_trace_id: Option<String>,
}

impl RequestContext {
    pub(super) fn take_up(headers: &HeaderMap) -> Self {
        let id = |name| header(headers, name).map(str::to_owned);
        Self {
            request_id: id(REQUEST_ID).unwrap_or_else(|| hex::encode(random_bytes::<16>())),
            trace: TraceParent::of(headers).unwrap_or_else(TraceParent::begin),
            amzn_trace_id: id(AMZN_TRACE_ID),
        }
    }

    /// The context of `request`.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self::take_up(request.headers()))
    }

    /// The headers to send along when this request makes another, with the span that stands for that, where there is one.
    pub(super) fn headers(&self, span: Option<TraceParent>) -> impl Iterator<Item = (&'static str, String)> {
        let amzn = self.amzn_trace_id.clone().map(|id| (AMZN_TRACE_ID, id));
        let parent = span.unwrap_or_else(|| self.trace.child());
        [(REQUEST_ID, self.request_id.clone()), (TRACEPARENT, parent.to_string())].into_iter().chain(amzn)
    }
}

impl FromRequest for RequestContext {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// A header, unless it is too long or too strange to be an id.
fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    (!value.is_empty() && value.len() <= MAX_ID_LENGTH).then_some(value)
}

/// W3C Trace Context, version 00: <https://www.w3.org/TR/trace-context/#traceparent-header>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    trace_id: [u8; 16],
    span_id: [u8; 8],
    flags: u8,
}

impl TraceParent {
    fn begin() -> Self {
        Self { trace_id: random_bytes(), span_id: random_bytes(), flags: 0 }
    }

    fn child(self) -> Self {
        Self { span_id: random_bytes(), ..self }
    }

    /// What the headers of a request say.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        header(headers, TRACEPARENT).and_then(Self::parse)
    }

    /// The header's value; none where it is not valid. Later versions may add fields, which are left out.
    fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('-');
        let (version, trace_id, span_id, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let valid_version = match version {
            "00" => parts.next().is_none(),
            "ff" => false,
            _ => decode::<1>(version).is_some(),
        };
        let parent = Self { trace_id: decode(trace_id)?, span_id: decode(span_id)?, flags: decode::<1>(flags)?[0] };
        (valid_version && parent.trace_id != [0; 16] && parent.span_id != [0; 8]).then_some(parent)
    }

    /// The id that all requests of the trace share, in hexadecimal.
    #[must_use]
    pub fn trace_id(&self) -> String {
        hex::encode(self.trace_id)
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-{:02x}", hex::encode(self.trace_id), hex::encode(self.span_id), self.flags)
    }
}

impl From<&SpanContext> for TraceParent {
    fn from(span: &SpanContext) -> Self {
        Self {
            trace_id: span.trace_id().to_bytes(),
            span_id: span.span_id().to_bytes(),
            flags: span.trace_flags().to_u8(),
        }
    }
}

impl From<TraceParent> for SpanContext {
    /// A span of somebody else's.
    fn from(parent: TraceParent) -> Self {
        let (trace_id, span_id) = (TraceId::from_bytes(parent.trace_id), SpanId::from_bytes(parent.span_id));
        Self::new(trace_id, span_id, TraceFlags::new(parent.flags), true, TraceState::NONE)
    }
}

/// Lower-case hexadecimal of exactly `N` bytes, as the specification has it.
fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let lower_case = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    (lower_case && hex::decode_to_slice(text, &mut bytes).is_ok()).then_some(bytes)
}

/// Ids need to differ, not to be secret: the fast generator will do.
fn random_bytes<const N: usize>() -> [u8; N] {
    std::array::from_fn(|_| fastrand::u8(..))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_trace_is_continued_under_a_span_of_its_own() {
        let parent = TraceParent::parse(VALID).expect("valid");
        assert_eq!(parent.to_string(), VALID);
        let child = parent.child();
        assert_eq!((child.trace_id(), child.flags), (parent.trace_id(), 1));
        assert_ne!(child.span_id, parent.span_id);
    }

    #[test]
    fn an_invalid_trace_is_not_taken_up() {
        for invalid in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert_eq!(TraceParent::parse(invalid), None, "{invalid:?} was taken");
        }
    }
}
