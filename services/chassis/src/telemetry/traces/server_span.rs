//! A request that is served.

use actix_web::http::Method;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanBuilder, SpanKind, Status, TraceContextExt as _, Tracer as _},
};

use super::TRACER;
use crate::telemetry::context::TraceParent;

/// What stands for a part of a path that no service of ours has made up.
const REDACTED: &str = "REDACTED";

/// A request that is served, until it is answered or its client has gone.
pub(crate) struct ServerSpan {
    context: Context,
    method: &'static str,
}

impl ServerSpan {
    /// Begins, under the span of whoever sent the request; where no traces are wanted there is nothing to begin.
    pub(crate) fn begin(method: &Method, parent: impl FnOnce() -> Option<TraceParent>) -> Option<Self> {
        let tracer = TRACER.get()?;
        let parent =
            parent().map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent.into()));
        let method = known_method(method);
        let attributes = [KeyValue::new("http.request.method", method), KeyValue::new("url.scheme", "http")];
        // Its name is known once its route is.
        let span = SpanBuilder::from_name(method).with_kind(SpanKind::Server).with_attributes(attributes);
        Some(Self { context: Context::new().with_span(tracer.build_with_context(span, &parent)), method })
    }

    /// What the request's log lines and its own requests have to name: the ids of this span.
    pub(crate) fn trace(&self) -> TraceParent {
        self.context.span().span_context().into()
    }

    /// What the work on the request is to be done in, so that its parts are under this span.
    pub(crate) fn context(&self) -> Context {
        self.context.clone()
    }

    /// Ends with the head of the answer, as the line in the log does.
    pub(crate) fn answered(self, path: &str, route: Option<&str>, status: u16) {
        let span = self.context.span();
        if span.is_recording() {
            span.set_attribute(KeyValue::new("url.path", url_path(path, route)));
            span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status)));
            if let Some(route) = route {
                let method = if self.method == OTHER { "HTTP" } else { self.method };
                span.update_name(format!("{method} {route}"));
                span.set_attribute(KeyValue::new("http.route", route.to_owned()));
            }
            if status >= 500 {
                span.set_attribute(KeyValue::new("error.type", status.to_string()));
                span.set_status(Status::error(""));
            }
        }
        span.end();
    }
}

/// What the conventions have for methods that they do not name.
const OTHER: &str = "_OTHER";

fn known_method(method: &Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or(OTHER)
}

/// The path, with numbers in the place of its parameters. Anything else there is something that a client made up, such as an
/// e-mail address in the place of an id.
fn url_path(path: &str, route: Option<&str>) -> String {
    let Some(route) = route else { return format!("/{REDACTED}") };
    let mut parts = path.split('/');
    let shown = route.split('/').map(|expected| match parts.next() {
        Some(part) if part == expected => part,
        Some(part) if !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) => part,
        _ => REDACTED,
    });
    shown.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::url_path;

    #[test]
    fn a_path_shows_ids_and_nothing_that_a_client_made_up() {
        for (path, route, shown) in [
            ("/", Some("/"), "/"),
            ("/locations/17", Some("/locations/{id}"), "/locations/17"),
            ("/locations/nearest", Some("/locations/nearest"), "/locations/nearest"),
            ("/users/ada@example.com", Some("/users/{id}"), "/users/REDACTED"),
            ("/users/ada%40example.com", Some("/users/{id}"), "/users/REDACTED"),
            ("/ada/lovelace", None, "/REDACTED"),
        ] {
            assert_eq!(url_path(path, route), shown);
        }
    }
}
