//! Traces for OpenTelemetry, sent to the receiver that `OTEL_EXPORTER_OTLP_ENDPOINT` names. Where it is not set there is
//! nothing of all this but the question whether it is.
//!
//! A request has a span ([`ServerSpan`]), and under it what it asks of others: another service ([`Call`]) and the database
//! ([`db_span()`]; `shared.rs` where one statement answers several requests). Names and attributes are those of
//! OpenTelemetry's conventions for HTTP and databases. Nothing that a client or a row says is in them: no query, no body,
//! no value, no message of the database.
//!
//! Spans go into a bounded queue, which a thread of its own empties: no request waits for the receiver, and none fails with
//! it. What finds no room is lost.

mod call;
mod client_span;
mod db_span;
mod delivery;
mod server_span;
mod settings;
mod shared;

use std::{future::poll_fn, pin::pin, sync::OnceLock, time::Duration};

pub use call::Call;
pub use db_span::db_span;
use delivery::Delivery;
use opentelemetry::{
    Context, KeyValue,
    trace::{SpanBuilder, SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _},
};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{
    Resource,
    resource::{EnvResourceDetector, TelemetryResourceDetector},
    trace::{SdkTracer, SdkTracerProvider, Span},
};
pub(crate) use server_span::ServerSpan;
pub(crate) use settings::Settings;
pub(crate) use shared::{Waiting, with_span_links};

use crate::{errors::chain, instance::Instance};

/// How long the end of the service waits for the last spans to be delivered.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What makes spans, for the whole process; nothing where no traces are wanted.
static TRACER: OnceLock<SdkTracer> = OnceLock::new();

/// The traces of a process that serves.
pub(crate) struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts them where they are wanted. What cannot be had then is told in the log: a service runs without traces too.
    pub(crate) fn start(settings: &Settings, instance: &Instance) -> Self {
        let Some(url) = settings.url() else { return Self(None) };
        match provider(&url, settings, instance) {
            Ok(provider) => {
                let _ = TRACER.set(provider.tracer(env!("CARGO_PKG_NAME")));
                tracing::info!(receiver = url, "traces are sent");
                Self(Some(provider))
            }
            Err(problem) => {
                tracing::error!(error = chain(&*problem), "no traces are sent");
                Self(None)
            }
        }
    }

    /// Has the last spans delivered, within a time that a task has left for it at its end.
    pub(crate) async fn stop(self) {
        let Some(provider) = self.0 else { return };
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_TIMEOUT)).await;
        if !matches!(stopped, Ok(Ok(()))) {
            tracing::warn!(limit = ?FLUSH_TIMEOUT, "the last traces were not delivered in time");
        }
    }
}

fn provider(
    url: &str,
    settings: &Settings,
    instance: &Instance,
) -> Result<SdkTracerProvider, Box<dyn std::error::Error>> {
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Delivery::new()?)
        .with_endpoint(url)
        .with_protocol(Protocol::HttpBinary)
        .build()?;
    let provider = SdkTracerProvider::builder()
        .with_sampler(settings.sampler.clone())
        .with_resource(resource(settings, instance))
        .with_batch_exporter(exporter);
    Ok(provider.build())
}

/// Who sends the spans. What the environment says of it wins.
fn resource(settings: &Settings, instance: &Instance) -> Resource {
    let resource = Resource::builder_empty()
        .with_detector(Box::new(TelemetryResourceDetector))
        .with_attributes([
            KeyValue::new("service.name", instance.service),
            KeyValue::new("service.version", instance.version),
            KeyValue::new("service.instance.id", instance.container.clone()),
            KeyValue::new("deployment.release", instance.release.clone()),
        ])
        .with_detector(Box::new(EnvResourceDetector::new()));
    match &settings.service_name {
        Some(name) => resource.with_service_name(name.clone()),
        None => resource,
    }
    .build()
}

/// Begins a span under the one of the request that is being worked on, where that is recorded.
fn child(
    kind: SpanKind,
    name: &'static str,
    describe: impl FnOnce(SpanBuilder, &Context) -> SpanBuilder,
) -> Option<Span> {
    let tracer = TRACER.get()?;
    Context::map_current(|parent| {
        let recorded = parent.span().span_context().is_sampled();
        recorded
            .then(|| tracer.build_with_context(describe(SpanBuilder::from_name(name).with_kind(kind), parent), parent))
    })
}

/// Does `work` under the span of that context, where there is one.
pub(crate) async fn within<T>(context: Option<Context>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|task| {
        let _attached = context.clone().map(Context::attach);
        work.as_mut().poll(task)
    })
    .await
}
