//! A request to another service.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use reqwest::Url;

use super::client_span::ClientSpan;
use crate::telemetry::RequestContext;

/// One try of a request to another service: a span of its own, under which that service continues the trace.
pub struct Call<'a> {
    context: &'a RequestContext,
    asking: Option<ClientSpan>,
}

impl<'a> Call<'a> {
    /// Begins a GET of `path` at `base`. `name` is the method with the route, such as `GET /locations/{id}`; `resend` says
    /// how many tries there were before this one.
    #[must_use]
    pub fn get(context: &'a RequestContext, name: &'static str, base: &Url, path: &str, resend: u32) -> Self {
        let asking = ClientSpan::begin(name, |span, _| {
            let (host, port) = (base.host_str().unwrap_or_default(), base.port_or_known_default().unwrap_or_default());
            let mut attributes = vec![
                KeyValue::new("http.request.method", "GET"),
                KeyValue::new("server.address", host.to_owned()),
                KeyValue::new("server.port", i64::from(port)),
                // Put together anew: a base may have a password in it.
                KeyValue::new("url.full", format!("{}://{host}:{port}{path}", base.scheme())),
            ];
            if resend > 0 {
                attributes.push(KeyValue::new("http.request.resend_count", i64::from(resend)));
            }
            span.with_attributes(attributes)
        });
        Self { context, asking }
    }

    /// The headers to send along.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.context.headers(self.asking.as_ref().map(|asking| asking.context().into()))
    }

    /// The status of the answer.
    pub fn answered(&mut self, status: u16) {
        if let Some(asking) = &mut self.asking {
            asking.note(KeyValue::new("http.response.status_code", i64::from(status)));
        }
    }

    /// The end of it: well, or with a kind of error, a name of which there are few.
    pub fn end(self, error: Option<Cow<'static, str>>) {
        if let Some(asking) = self.asking {
            asking.end(error);
        }
    }
}
