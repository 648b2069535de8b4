//! Which request is which, across services: `x-request-id`, W3C `traceparent` and AWS's `X-Amzn-Trace-Id` are taken up
//! where they come, made up where they are missing, and passed on.

use std::{
    fmt,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, http::header::HeaderMap};

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
        let header = |name| {
            let value = headers.get(name)?.to_str().ok()?;
            (!value.is_empty() && value.len() <= MAX_ID_LENGTH).then(|| value.to_owned())
        };
        Self {
            request_id: header(REQUEST_ID).unwrap_or_else(|| hex::encode(random_bytes::<16>())),
            trace: header(TRACEPARENT).and_then(|value| TraceParent::parse(&value)).unwrap_or_else(TraceParent::begin),
            amzn_trace_id: header(AMZN_TRACE_ID),
        }
    }

    /// The context of `request`.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self::take_up(request.headers()))
    }

    /// The headers to send along when this request makes another.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        let amzn = self.amzn_trace_id.clone().map(|id| (AMZN_TRACE_ID, id));
        [(REQUEST_ID, self.request_id.clone()), (TRACEPARENT, self.trace.child().to_string())].into_iter().chain(amzn)
    }
}

impl FromRequest for RequestContext {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
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
