//! Which request is which, across services: `x-request-id`, W3C `traceparent` with `tracestate`, and AWS's
//! `X-Amzn-Trace-Id` are taken up where they come, and passed on. A request without an `x-request-id` is given one; a
//! trace is begun only by a service that sends traces.

use std::{
    convert::Infallible,
    fmt,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload, http::header::HeaderMap};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

pub(crate) const REQUEST_ID: &str = "x-request-id";
const TRACEPARENT: &str = "traceparent";
const TRACESTATE: &str = "tracestate";
const AMZN_TRACE_ID: &str = "x-amzn-trace-id";

/// Longer or stranger than this, an id from outside is not taken up: it ends up in logs.
const MAX_ID_LENGTH: usize = 128;

/// Longest `X-Amzn-Trace-Id` that is passed on, in bytes: with the fields that balancers and Lambda add it has about 150.
const MAX_AMZN_LENGTH: usize = 512;

/// Longest `tracestate` that is passed on, in bytes. Below 512 it must not be cut off
/// (<https://www.w3.org/TR/trace-context/#tracestate-limits>).
const MAX_STATE_LENGTH: usize = 4096;

/// What identifies a request; as an extractor, the request's own.
#[derive(Clone, Debug)]
pub struct RequestContext {
    /// `x-request-id`: the caller's, or made up here.
    pub request_id: String,
    /// The trace that the request is part of, for logs.
    pub trace: TraceParent,
    given: Option<Given>,
    /// Whether this service decides if the trace is recorded.
    decides: bool,
    amzn_trace_id: Option<String>,
}

/// The caller's trace, in the caller's own words.
#[derive(Clone, Debug)]
struct Given {
    traceparent: String,
    tracestate: Option<String>,
}

impl RequestContext {
    pub(crate) fn take_up(headers: &HeaderMap) -> Self {
        let parent = TraceParent::of(headers);
        let given = parent.and_then(|_| {
            let traceparent = header(headers, TRACEPARENT, MAX_ID_LENGTH)?.to_owned();
            Some(Given { traceparent, tracestate: tracestate(headers) })
        });
        Self {
            request_id: header(headers, REQUEST_ID, MAX_ID_LENGTH)
                .map_or_else(|| hex::encode(random_bytes::<16>()), str::to_owned),
            trace: parent.unwrap_or_else(TraceParent::begin),
            given,
            decides: false,
            amzn_trace_id: header(headers, AMZN_TRACE_ID, MAX_AMZN_LENGTH).map(str::to_owned),
        }
    }

    /// Continues under the span of a service that sends traces, whether that one is recorded or not.
    pub(crate) fn continue_under(&mut self, span: TraceParent) {
        (self.trace, self.decides) = (span, true);
    }

    /// The context of `request`.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self::take_up(request.headers()))
    }

    /// The headers to send along when this request makes another. `span` stands for that, where it is recorded. Where it is
    /// not, the caller's trace is passed on as it came: a span that nobody records would break it.
    pub(super) fn headers(&self, span: Option<TraceParent>) -> impl Iterator<Item = (&'static str, String)> {
        let given = self.given.as_ref();
        let begun_here = self.decides.then(|| self.trace.to_string());
        let parent = span.map(|span| span.to_string());
        let parent = parent.or_else(|| given.map(|given| given.traceparent.clone())).or(begun_here);
        let state = given.and_then(|given| given.tracestate.clone());
        [
            (REQUEST_ID, Some(self.request_id.clone())),
            (TRACEPARENT, parent),
            (TRACESTATE, state),
            (AMZN_TRACE_ID, self.amzn_trace_id.clone()),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
    }
}

impl FromRequest for RequestContext {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

/// A header that stands there once, unless it is too long or too strange to be an id.
fn header<'a>(headers: &'a HeaderMap, name: &str, max_length: usize) -> Option<&'a str> {
    let mut values = headers.get_all(name);
    let value = values.next()?.to_str().ok()?;
    (!value.is_empty() && value.len() <= max_length && values.next().is_none()).then_some(value)
}

/// What `tracestate` says, in one line: it may have several.
fn tracestate(headers: &HeaderMap) -> Option<String> {
    let lines: Option<Vec<_>> = headers.get_all(TRACESTATE).map(|line| line.to_str().ok()).collect();
    let state = lines?.join(",");
    (!state.trim().is_empty() && state.len() <= MAX_STATE_LENGTH).then_some(state)
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

    /// What the headers of a request say.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        header(headers, TRACEPARENT, MAX_ID_LENGTH).and_then(Self::parse)
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
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn context(headers: &[(&'static str, &'static str)]) -> RequestContext {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        RequestContext::take_up(&map)
    }

    /// What is sent along beside the id of the request.
    fn sent(context: &RequestContext, span: Option<TraceParent>) -> Vec<(&'static str, String)> {
        context.headers(span).filter(|(name, _)| *name != REQUEST_ID).collect()
    }

    #[test]
    fn a_trace_that_is_not_recorded_here_is_passed_on_as_it_came() {
        let later = "cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03-more";
        let amzn = "Root=1-67891233-abcdef012345678912345678;Parent=463ac35c9f6413ad;Sampled=1;Lineage=a:1:0";
        for traceparent in [VALID, later] {
            let mut context =
                context(&[("traceparent", traceparent), ("tracestate", "a=1"), ("x-amzn-trace-id", amzn)]);
            let expected = [(TRACEPARENT, traceparent), (TRACESTATE, "a=1"), (AMZN_TRACE_ID, amzn)]
                .map(|(n, v)| (n, v.to_owned()));
            assert_eq!(sent(&context, None), expected);
            // Traces are sent, and this one is not among them.
            context.continue_under(TraceParent::begin());
            assert_eq!(sent(&context, None), expected);
        }
        let several = context(&[("traceparent", VALID), ("tracestate", "a=1"), ("tracestate", "b=2")]);
        assert_eq!(sent(&several, None)[1], (TRACESTATE, "a=1,b=2".to_owned()));
    }

    #[test]
    fn a_trace_that_is_recorded_here_continues_under_the_span_that_asks() {
        let mut context = context(&[("traceparent", VALID), ("tracestate", "a=1")]);
        context.continue_under(TraceParent::begin());
        let span = TraceParent { span_id: [7; 8], ..TraceParent::parse(VALID).expect("valid") };
        assert_eq!(sent(&context, Some(span)), [(TRACEPARENT, span.to_string()), (TRACESTATE, "a=1".to_owned())]);
    }

    #[test]
    fn no_trace_is_made_up_unless_this_service_decides_about_it() {
        for headers in [
            &[][..],
            &[("tracestate", "a=1")],
            &[("traceparent", "nonsense")],
            &[("traceparent", VALID), ("traceparent", VALID)],
        ] {
            let mut context = context(headers);
            assert_eq!(sent(&context, None), [], "{headers:?}");
            let span = TraceParent::begin();
            context.continue_under(span);
            assert_eq!(sent(&context, None), [(TRACEPARENT, span.to_string())]);
            assert!(span.to_string().ends_with("-00"), "not recorded");
        }
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
