//! Whether the service lives, is ready, and is well: three questions with three answers.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use actix_web::{
    HttpRequest, HttpResponse, Responder, ResponseError as _, get,
    http::header::{VARY, X_FORWARDED_FOR},
    web::Data,
};
use jiff::Timestamp;
use prometheus_client::{collector::Collector, encoding::DescriptorEncoder, metrics::gauge::ConstGauge};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::{
    database::{self, Connections, Database, Error},
    errors::chain,
    http::{
        Exposition, Problem,
        problem::{AnyOperation, Body},
    },
    instance::Instance,
    telemetry::{Metrics, put},
};

/// How often the database is asked whether it is well. Whoever asks the service gets the last answer, so that health
/// checks, however many, cost the database nothing.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// What is known of the service's health.
#[derive(Debug)]
pub(crate) struct Health {
    started: Instant,
    ready: AtomicBool,
    last_probe: watch::Sender<Option<Probe>>,
}

/// What the database answered last, and how the pool was.
#[derive(Clone, Debug)]
pub(crate) struct Probe {
    at: Timestamp,
    pub(crate) took: Duration,
    /// Why the database is not well: words of ours, none of the database's.
    pub(crate) fault: Option<String>,
    /// Why requests got no connection since the probe before.
    pool_fault: Option<&'static str>,
}

impl Health {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), ready: AtomicBool::new(false), last_probe: watch::Sender::new(None) }
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Whether the database answered when it was last asked.
    pub(crate) fn database_up(&self) -> bool {
        self.last_probe.borrow().as_ref().is_some_and(Probe::passed)
    }

    /// What the database answered last, if it was asked already.
    pub(crate) fn probed(&self) -> Option<Probe> {
        self.last_probe.borrow().clone()
    }

    /// What the database answered last. Just after the start the first answer is waited for: it has a deadline.
    async fn last_probe(&self) -> Option<Probe> {
        let mut probes = self.last_probe.subscribe();
        probes.wait_for(Option::is_some).await.ok().and_then(|probe| probe.clone())
    }
}

impl Probe {
    fn passed(&self) -> bool {
        self.fault.is_none()
    }
}

/// Probes the database on a separate connection, and the pool, every interval; logs each change.
pub(crate) async fn probe(health: Data<Health>, database: Database, mut connection: database::Probe) {
    let mut ticks = tokio::time::interval(PROBE_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut before, mut logged_database, mut logged_pool) = (Connections::default(), None, None);
    loop {
        ticks.tick().await;
        let asked = Instant::now();
        let outcome = connection.ask().await;
        let took = asked.elapsed();
        let now = database.connections();
        let pool_fault = pool_fault(&before, &now).filter(|fault| *fault != NOT_OPENED || outcome.is_ok());
        before = now;
        let fault = outcome.as_ref().err().map(in_our_words);
        if logged_database.as_ref() != Some(&fault) {
            log_database(&outcome);
            logged_database = Some(fault.clone());
        }
        if logged_pool.unwrap_or_default() != pool_fault {
            log_pool(pool_fault, &now);
        }
        logged_pool = Some(pool_fault);
        health.last_probe.send_replace(Some(Probe { at: Timestamp::now(), took, fault, pool_fault }));
    }
}

/// The server opens no more connections. Where it opens none at all, the database's own check says why.
const NOT_OPENED: &str = "no connection could be opened for a request: see the limits of the server";

/// Somebody holds locks, or statements are slow, or this is more load than there are connections for.
const ALL_IN_USE: &str = "requests got no connection, since all of this task's were in use for too long: look for locks \
    and slow statements in the database before raising DB_MAX_CONNECTIONS";

/// Why requests got no connection between the two.
fn pool_fault(before: &Connections, now: &Connections) -> Option<&'static str> {
    if now.failures > before.failures {
        Some(NOT_OPENED)
    } else if (now.timeouts, now.overloads) != (before.timeouts, before.overloads) {
        Some(ALL_IN_USE)
    } else {
        None
    }
}

/// The error and its remedy without anything that the database said, which may have names in it.
fn in_our_words(error: &Error) -> String {
    let reason = match error {
        Error::Unavailable(reason) => reason.to_string(),
        other => other.to_string(),
    };
    match error.remedy() {
        Some(remedy) => format!("{reason}: {remedy}"),
        None => reason,
    }
}

fn log_database(outcome: &Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::error!(error = chain(error), remedy = error.remedy(), "the database is not well");
    } else {
        tracing::info!("the database is well");
    }
}

fn log_pool(fault: Option<&str>, now: &Connections) {
    let Connections { max, idle, used, waiting, .. } = now;
    if let Some(error) = fault {
        tracing::error!(error, max, idle, used, waiting, "requests got no connection from the pool");
    } else {
        tracing::info!(max, idle, used, waiting, "requests get connections from the pool");
    }
}

/// The metric `db_up`.
#[derive(Debug)]
pub(crate) struct DatabaseUp(Data<Health>);

impl DatabaseUp {
    pub(crate) fn new(health: Data<Health>) -> Self {
        Self(health)
    }
}

impl Collector for DatabaseUp {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let up = ConstGauge::new(i64::from(self.0.database_up()));
        put(&mut encoder, "db_up", "Whether the database passed the last probe, whatever the pool does", None, &up)
    }
}

/// Whether something is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Status {
    /// It is.
    Pass,
    /// It is not.
    Fail,
}

impl Status {
    fn of(passed: bool) -> Self {
        if passed { Self::Pass } else { Self::Fail }
    }
}

/// Health in the form of draft-inadarei-api-health-check.
#[derive(Serialize, ToSchema)]
struct Report {
    status: Status,
    /// What was deployed: the tag of the image.
    release: String,
    /// The container that answers.
    container: String,
    /// Seconds since the start.
    uptime_s: u64,
    checks: Checks,
}

#[derive(Serialize, ToSchema)]
struct Checks {
    database: DatabaseCheck,
    connections: ConnectionsCheck,
}

#[derive(Serialize, ToSchema)]
struct DatabaseCheck {
    status: Status,
    /// When the database was asked.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// How long its answer took, in milliseconds.
    #[schema(minimum = 0)]
    response_ms: f64,
    /// Why it is not well.
    output: Option<String>,
}

/// The pool. Requests got no connection since the probe before where it fails, whether or not the database is well.
#[derive(Serialize, ToSchema)]
struct ConnectionsCheck {
    status: Status,
    max: usize,
    idle: usize,
    used: usize,
    waiting: usize,
    /// Why requests got no connection.
    output: Option<&'static str>,
}

/// Liveness.
///
/// Returns 200 while the process runs, whatever the state of the database.
#[utoipa::path(tag = "operation", operation_id = "getLiveness", responses((status = 200, description = "Alive", body = str), AnyOperation))]
#[get("/livez")]
pub(crate) async fn livez() -> impl Responder {
    "alive\n"
}

/// Readiness.
///
/// The health check of load balancers. It does not follow the database: a blip of the database must not make ECS replace every
/// task.
#[utoipa::path(tag = "operation", operation_id = "getReadiness", responses(
    (status = 200, description = "Ready", body = str),
    (status = 503, description = "Stopping", content_type = "application/problem+json", body = Body),
    AnyOperation,
))]
#[get("/readyz")]
pub(crate) async fn readyz(health: Data<Health>) -> Result<impl Responder, Problem> {
    if health.ready.load(Ordering::Relaxed) {
        Ok("ready\n")
    } else {
        Err(Problem::unavailable("the service is stopping"))
    }
}

/// Health of the database and of the connection pool.
///
/// For people and alarms, not for load balancers. The service is well if both are. A pool whose connections are all in use,
/// by locks or slow statements, fails by itself: the database is asked on a connection beside it.
#[utoipa::path(tag = "operation", operation_id = "getHealth", responses(
    (status = 200, description = "Healthy", content_type = "application/health+json", body = Report),
    (status = 503, description = "Unhealthy; a problem while the service stops",
        content((Report = "application/health+json"), (Body = "application/problem+json"))),
    AnyOperation,
))]
#[get("/health")]
pub(crate) async fn report(health: Data<Health>, database: Data<Database>, instance: Data<Instance>) -> HttpResponse {
    let Some(probe) = health.last_probe().await else {
        return Problem::unavailable("the service is stopping").error_response();
    };
    let connections = database.connections();
    let passed = probe.passed() && probe.pool_fault.is_none();
    let mut answer = if passed { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    let report = Report {
        status: Status::of(passed),
        release: instance.release.clone(),
        container: instance.container.clone(),
        uptime_s: health.uptime().as_secs(),
        checks: Checks {
            database: DatabaseCheck {
                status: Status::of(probe.passed()),
                time: probe.at,
                response_ms: probe.took.as_secs_f64() * 1000.0,
                output: probe.fault,
            },
            connections: ConnectionsCheck {
                status: Status::of(probe.pool_fault.is_none()),
                max: connections.max,
                idle: connections.idle,
                used: connections.used,
                waiting: connections.waiting,
                output: probe.pool_fault,
            },
        },
    };
    answer.content_type("application/health+json").body(serde_json::to_string(&report).unwrap_or_default())
}

/// Metrics for Prometheus.
///
/// For collectors, which ask each task by itself. Whoever comes through a load balancer gets none: how much each operation
/// is used and how long it takes is of use to an attacker, and figures of some task or other are of no use to anybody.
#[utoipa::path(tag = "operation", operation_id = "getMetrics", responses(
    (status = 200, description = "Prometheus text format, or OpenMetrics where `accept` prefers it",
        content((str = "text/plain"), (str = "application/openmetrics-text"))),
    (status = 404, description = "Not through a load balancer", content_type = "application/problem+json", body = Body),
    AnyOperation,
))]
#[get("/metrics")]
pub(crate) async fn metrics(request: HttpRequest, metrics: Data<Metrics>) -> HttpResponse {
    // Every balancer adds this, and a client cannot take it away again.
    if request.headers().contains_key(X_FORWARDED_FOR) {
        return Problem::not_found("figures are for collectors, which ask each task by itself").error_response();
    }
    let format = Exposition::preferred(request.headers());
    let text = format.convert(metrics.text());
    HttpResponse::Ok().content_type(format.media_type()).insert_header((VARY, "accept")).body(text)
}
