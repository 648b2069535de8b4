//! Figures for Prometheus. Names, units and labels are listed in docs/observability.md.

mod exposition;
mod process;

use std::{sync::atomic::Ordering, time::Duration};

pub(crate) use exposition::Exposition;
use process::Process;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram, info::Info},
    registry::{Registry, Unit},
};

use crate::{Service, database::Connections, instance::Instance};

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

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refused {
    reason: &'static str,
}

/// The figures of this process.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    latency: Family<Operation, Histogram>,
    connections: Family<State, Gauge>,
    connections_max: Gauge,
    waiting: Gauge,
    refusals: Family<Refused, Counter>,
    database_up: Gauge,
}

impl Metrics {
    pub(crate) fn new(service: &Service, instance: &Instance) -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            requests: Family::default(),
            latency: Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS)),
            connections: Family::default(),
            connections_max: Gauge::default(),
            waiting: Gauge::default(),
            refusals: Family::default(),
            database_up: Gauge::default(),
        };
        let registry = &mut metrics.registry;
        let build = Info::new([
            ("service", service.name.to_owned()),
            ("version", service.version.to_owned()),
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
        registry.register(
            "db_pool_connections",
            "Connections to the database that are open",
            metrics.connections.clone(),
        );
        registry.register(
            "db_pool_connections_max",
            "The most connections there can be",
            metrics.connections_max.clone(),
        );
        registry.register("db_pool_waiting", "Requests that wait for a connection", metrics.waiting.clone());
        registry.register("db_pool_refusals", "Requests that got no connection", metrics.refusals.clone());
        registry.register(
            "db_up",
            "Whether the database passed the last probe, whatever the pool does",
            metrics.database_up.clone(),
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

    /// All metrics in the `format`.
    pub(crate) fn text(&self, format: Exposition, connections: Connections, database_up: bool) -> String {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.connections.get_or_create(&State { state: "idle" }).set(count(connections.idle));
        self.connections.get_or_create(&State { state: "used" }).set(count(connections.used));
        self.connections_max.set(count(connections.max));
        self.waiting.set(count(connections.waiting));
        let Connections { overloads, timeouts, failures, .. } = connections;
        for (reason, count) in [("overload", overloads), ("timeout", timeouts), ("connect", failures)] {
            self.refusals.get_or_create(&Refused { reason }).inner().store(count, Ordering::Relaxed);
        }
        self.database_up.set(database_up.into());
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string does not fail");
        format.convert(text)
    }
}

/// Clients may send any method, so that only known ones may become labels.
fn known_method(method: &str) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method)
        .unwrap_or("other")
}
