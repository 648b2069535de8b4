//! The `serve` subcommand: from settings to an orderly end.

use std::{io, time::Duration};

use actix_web::{
    App, HttpRequest, HttpServer,
    middleware::from_fn,
    rt,
    web::{self, Data},
};
use utoipa_actix_web::AppExt as _;

use crate::{
    Service,
    database::{self, Shares},
    health::{self, Health},
    http::{
        AccessControl, Address, CLIENT_DISCONNECT_TIMEOUT, Fallback, HEAD_TIMEOUT, KEEP_ALIVE, body_deadline,
        connections_of_worker, extractors, limit_connection,
    },
    instance::{Instance, MetadataUri},
    openapi, pages, process,
    service::Routes,
    settings::{Period, Reader},
    shutdown::{self, Signals, Stop},
    telemetry::{Metrics, Traces, TracesSettings, observe},
};

/// How long a service keeps serving after SIGTERM unless `DRAIN_DELAY` says otherwise: longer than a balancer takes to
/// notice that asks every second or two. (ECS tells its own before it sends the signal.)
pub const DEFAULT_DRAIN_DELAY: Period = Period::from_secs(5);

/// How long requests under way may take after that unless `SHUTDOWN_TIMEOUT` says otherwise. Together they stay below
/// the 30 seconds after which ECS kills a task that has not stopped.
pub const DEFAULT_SHUTDOWN_TIMEOUT: Period = Period::from_secs(20);

/// Bounds of both. An hour is the longest that a load balancer waits for a target
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>). On ECS they
/// end with `stopTimeout` long before.
const NO_TIME: Period = Period::from_secs(0);
const LONGEST_STOP: Period = Period::from_secs(3600);

/// Everything that `serve` needs to know.
pub struct Settings {
    address: Address,
    database: database::Settings,
    access: AccessControl,
    drain_delay: Duration,
    shutdown_timeout: Duration,
    instance: Instance,
    metadata: Option<MetadataUri>,
    traces: TracesSettings,
    routes: Routes,
}

impl Settings {
    /// Reads all variables of `service`.
    pub fn read(service: &Service, reader: &mut Reader) -> Self {
        let stops = NO_TIME..=LONGEST_STOP;
        let reason = "a load balancer waits for a target to drain for an hour at most";
        Self {
            address: Address::read(service.default_port, reader),
            database: database::Settings::read(reader),
            access: AccessControl::read(reader),
            drain_delay: reader.within("DRAIN_DELAY", DEFAULT_DRAIN_DELAY, stops.clone(), reason).0,
            shutdown_timeout: reader.within("SHUTDOWN_TIMEOUT", DEFAULT_SHUTDOWN_TIMEOUT, stops, reason).0,
            instance: Instance::read(service, reader),
            metadata: reader.optional("ECS_CONTAINER_METADATA_URI_V4"),
            traces: TracesSettings::read(reader),
            routes: (service.configure)(reader),
        }
    }
}

/// Why a service ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port is taken, or not ours to take.
    #[error("cannot listen on {0}; stop what holds the port, or set PORT to another one")]
    Listen(Address, #[source] io::Error),
    /// The server failed.
    #[error("the server failed")]
    Serve(#[source] io::Error),
    /// Signals cannot be had.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    /// A second signal came while requests were under way.
    #[error("stopped by a second signal before all requests were finished")]
    CutShort,
}

/// Serves until a signal comes, then ends in order; `shutdown.rs` says how.
pub async fn run(service: &Service, settings: Settings) -> Result<(), Error> {
    let mut signals = Signals::listen().map_err(Error::Signals)?;
    let shares = Shares::new(settings.database.clone());
    let traces = Traces::start(&settings.traces, service, &settings.instance);
    let health = Data::new(Health::new());
    let server = start(service, &settings, &shares, &health)?;
    let handle = server.handle();
    let mut serving = rt::spawn(server);
    health.set_ready(true);
    if let Some(metadata) = settings.metadata.clone() {
        rt::spawn(metadata.tell(settings.instance.clone()));
    }
    tracing::info!(
        service = service.name,
        release = settings.instance.release,
        address = %settings.address,
        database = %settings.database,
        "serving"
    );

    let stop = tokio::select! {
        stop = signals.next() => stop,
        ended = &mut serving => return Err(Error::Serve(ended.map_or_else(io::Error::other, |outcome| {
            outcome.err().unwrap_or_else(|| io::Error::other("it ended by itself"))
        }))),
    };
    let delay = if stop == Stop::Drain { settings.drain_delay } else { Duration::ZERO };
    tracing::info!(?stop, ?delay, "stopping: /readyz answers 503 from now on");
    health.set_ready(false);
    let in_order = shutdown::drain(&handle, delay, &mut signals).await;
    shares.close();
    if in_order {
        traces.stop().await;
        tracing::info!("stopped");
        Ok(())
    } else {
        Err(Error::CutShort)
    }
}

/// Binds the port and starts the workers.
fn start(
    service: &Service,
    settings: &Settings,
    shares: &Shares,
    health: &Data<Health>,
) -> Result<actix_web::dev::Server, Error> {
    let document = openapi::document(service, &settings.routes);
    let fallback = Fallback::new(&document);
    let pages = Data::new(pages::Pages::new(service, &settings.instance, &document));
    let metrics = Data::new(Metrics::new(service, &settings.instance));
    let access = Data::new(settings.access.clone());
    let instance = Data::new(settings.instance.clone());
    let (shares_of_workers, health, routes) = (shares.clone(), health.clone(), settings.routes.clone());
    let writes = !settings.access.is_read_only();
    // Called by every worker.
    let app = move || {
        let fallback = fallback.clone();
        let database = shares_of_workers.of_this_worker();
        if database.is_first() {
            let connection = shares_of_workers.probe(writes);
            rt::spawn(health::probe(health.clone(), database.clone(), connection));
        }
        App::new()
            .app_data(metrics.clone())
            .app_data(access.clone())
            .app_data(instance.clone())
            .app_data(Data::new(database))
            .app_data(health.clone())
            .app_data(pages.clone())
            .configure(extractors)
            .into_utoipa_app()
            .configure(openapi::routes)
            .configure(|config| routes(config))
            .into_app()
            .default_service(web::to(move |request: HttpRequest| std::future::ready(fallback.answer(&request))))
            .wrap(from_fn(body_deadline))
            .wrap(from_fn(pages::for_browsers))
            .wrap(from_fn(observe))
    };
    let granted = process::open_as_many_files_as_granted(settings.database.max_connections);
    let server = HttpServer::new(app)
        .workers(shares.workers())
        .max_connections(connections_of_worker(granted, shares.workers()))
        .on_connect(|connection, _| limit_connection(connection))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(HEAD_TIMEOUT)
        .client_disconnect_timeout(CLIENT_DISCONNECT_TIMEOUT)
        .shutdown_timeout(settings.shutdown_timeout.as_secs().max(1))
        .disable_signals()
        .bind(settings.address.socket())
        .map_err(|problem| Error::Listen(settings.address, problem))?;
    Ok(server.run())
}
