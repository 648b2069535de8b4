//! Figures for Prometheus. Names, units and labels are listed in docs/observability.md.

mod process;

use std::{fmt, time::Duration};

use process::Process;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text::encode},
    metrics::{counter::Counter, family::Family, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::instance::Instance;

/// Upper bounds of the latency histogram, in seconds: from below what a read by key takes to above every deadline.
const LATENCY_BUCKETS: [f64; 14] =
    [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Operation {
    method: &'static str,
    route: String,
}

/// The figures of this process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    latency: Family<Operation, Histogram>,
}

impl Metrics {
    pub(crate) fn new(instance: &Instance) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
        };
        let registry = &mut metrics.registry;
        let build = Info::new([
            ("service", instance.service.to_owned()),
            ("version", instance.version.to_owned()),
            ("release", instance.release.clone()),
        ]);
        registry.register("build", "What runs here", build);
        registry.register("http_requests", "Requests answered", metrics.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time from the head of a request to the head of its answer",
            Unit::Seconds,
            metrics.latency.clone(),
        );
        registry.register_collector(Box::new(Process::new()));
        metrics
    }

    /// Counts one request. `route` is the route's template: ids in labels would make a series for every row.
    pub(crate) fn answered(&self, method: &str, route: Option<String>, status: u16, latency: Duration) {
        let method = known_method(method);
        let route = route.unwrap_or_else(|| "unmatched".to_owned());
        self.latency.get_or_create(&Operation { method, route: route.clone() }).observe(latency.as_secs_f64());
        self.requests.get_or_create(&Answered { method, route, status }).inc();
    }

    /// Registers metrics that are read at each scrape.
    pub(crate) fn collect(&mut self, collector: impl Collector) {
        self.registry.register_collector(Box::new(collector));
    }

    /// All metrics, as OpenMetrics.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        text
    }
}

/// Encodes a metric of a [`Collector`].
pub(crate) fn put(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    unit: Option<&Unit>,
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(encoder.encode_descriptor(name, help, unit, metric.metric_type())?)
}

/// Clients may send any method, so that only known ones may become labels.
fn known_method(method: &str) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}
