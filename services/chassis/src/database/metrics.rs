//! Metrics of the connection pools. Names, units and labels are listed in docs/observability.md.

use std::{fmt, sync::atomic::Ordering};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
    },
};

use super::WorkerPools;
use crate::telemetry::put;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct State {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Refused {
    reason: &'static str,
}

/// Counts the connections of this process at each scrape.
pub(crate) struct PoolMetrics(WorkerPools);

impl PoolMetrics {
    pub(crate) fn new(pools: WorkerPools) -> Self {
        Self(pools)
    }
}

impl fmt::Debug for PoolMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PoolMetrics").finish_non_exhaustive()
    }
}

impl Collector for PoolMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        let now = self.0.connections();
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let open = Family::<State, Gauge>::default();
        for (state, number) in [("idle", now.idle), ("used", now.used)] {
            open.get_or_create(&State { state }).set(count(number));
        }
        put(encoder, "db_pool_connections", "Connections to the database that are open", None, &open)?;
        let max = ConstGauge::new(count(now.max));
        put(encoder, "db_pool_connections_max", "The most connections there can be", None, &max)?;
        let waiting = ConstGauge::new(count(now.waiting));
        put(encoder, "db_pool_waiting", "Requests that wait for a connection", None, &waiting)?;
        let refusals = Family::<Refused, Counter>::default();
        for (reason, number) in [("overload", now.overloads), ("timeout", now.timeouts), ("connect", now.failures)] {
            refusals.get_or_create(&Refused { reason }).inner().store(number, Ordering::Relaxed);
        }
        put(encoder, "db_pool_refusals", "Requests that got no connection", None, &refusals)
    }
}
