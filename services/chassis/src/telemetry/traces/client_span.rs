//! What a request asks of others, whoever they are.

use std::borrow::Cow;

use opentelemetry::{
    Context, KeyValue,
    trace::{Span as _, SpanBuilder, SpanContext, SpanKind, Status},
};
use opentelemetry_sdk::trace::Span;

use super::child;

/// Something that is asked of another. It has failed unless it is said to have ended well: whoever is no longer waited for
/// took too long, or the one who asked has gone.
pub(super) struct ClientSpan {
    span: Span,
    ended: bool,
}

impl ClientSpan {
    /// Begins, where the trace of the request is recorded.
    pub(super) fn begin(
        name: &'static str,
        describe: impl FnOnce(SpanBuilder, &Context) -> SpanBuilder,
    ) -> Option<Self> {
        child(SpanKind::Client, name, describe).map(|span| Self { span, ended: false })
    }

    pub(super) fn context(&self) -> &SpanContext {
        self.span.span_context()
    }

    pub(super) fn note(&mut self, attribute: KeyValue) {
        self.span.set_attribute(attribute);
    }

    /// Ends well, or with a kind of error: a name of which there are few, and nothing of its message.
    pub(super) fn end(mut self, error: Option<Cow<'static, str>>) {
        self.conclude(error);
    }

    fn conclude(&mut self, error: Option<Cow<'static, str>>) {
        self.ended = true;
        if let Some(error) = error {
            self.span.set_attribute(KeyValue::new("error.type", error));
            self.span.set_status(Status::error(""));
        }
        self.span.end();
    }
}

impl Drop for ClientSpan {
    fn drop(&mut self) {
        if !self.ended {
            self.conclude(Some("given_up".into()));
        }
    }
}
