//! The `serve` subcommand: from settings to an orderly end.

use std::{io, time::Duration};

use actix_server::Server;
use actix_web::{
    App, HttpRequest,
    middleware::from_fn,
    rt,
    web::{self, Data},
};
use utoipa_actix_web::AppExt as _;

use crate::{
    Service,
    database::{self, PoolMetrics, WorkerPools},
    health::{self, Health},
    http::{
        AccessControl, Address, Fallback, admit, body_deadline, caching, connections_of_worker, contain, extractors,
        http_service, observe,
    },
    instance::{Instance, MetadataUri},
    openapi, pages, process,
    service::Routes,
    settings::{Period, Reader},
    shutdown::{self, End, Limits, Signals},
    telemetry::{Metrics, Traces, TracesSettings},
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
            instance: Instance::read(service.name, service.version, reader),
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
    #[error("cannot listen on {0}; {remedy}", remedy = remedy(.1))]
    Listen(Address, #[source] io::Error),
    /// The server failed.
    #[error("the server failed")]
    Serve(#[source] io::Error),
    /// Signals cannot be had.
    #[error("signals cannot be received")]
    Signals(#[source] io::Error),
    /// A second SIGINT came while requests were under way.
    #[error("stopped by a second SIGINT before all requests were finished")]
    Interrupted,
}

/// Serves until a signal comes, then ends in order; `shutdown.rs` says how.
pub async fn run(service: &Service, settings: Settings) -> Result<(), Error> {
    let mut signals = Signals::listen().map_err(Error::Signals)?;
    let pools = WorkerPools::new(settings.database.clone());
    let traces = Traces::start(&settings.traces, &settings.instance);
    let health = Data::new(Health::new());
    let server = start(service, &settings, &pools, &health)?;
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
    let limits = Limits { delay: settings.drain_delay, timeout: settings.shutdown_timeout };
    tracing::info!(?stop, ?limits, "stopping: /readyz answers 503 from now on");
    health.set_ready(false);
    let end = shutdown::drain(&handle, stop, limits, &mut signals).await;
    pools.close();
    if end == End::Interrupted {
        return Err(Error::Interrupted);
    }
    traces.stop().await;
    if end == End::TimedOut {
        tracing::warn!(timeout = ?limits.timeout, "requests that took longer than SHUTDOWN_TIMEOUT were cut off");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Says how to get an address to listen on, by the reason why this one is refused.
fn remedy(refusal: &io::Error) -> &'static str {
    match refusal.kind() {
        io::ErrorKind::AddrInUse => "stop what holds the port, or set PORT to another one",
        io::ErrorKind::PermissionDenied => {
            "ports below 1024 need a permission that this user does not have: set PORT to 1024 or above"
        }
        io::ErrorKind::AddrNotAvailable => "no interface of this machine has that address: set HOST to one that does",
        _ => "set HOST and PORT to others",
    }
}

/// Binds the port and starts the workers.
fn start(service: &Service, settings: &Settings, pools: &WorkerPools, health: &Data<Health>) -> Result<Server, Error> {
    let routes = openapi::routes_of(service, &settings.routes);
    let fallback = Fallback::new(&routes);
    let document = openapi::document(service, routes);
    let pages = Data::new(pages::Pages::new(service, &settings.instance, &document));
    let mut metrics = Metrics::new(&settings.instance);
    metrics.collect(PoolMetrics::new(pools.clone()));
    metrics.collect(health::DatabaseUp::new(health.clone()));
    let metrics = Data::new(metrics);
    let access = Data::new(settings.access.clone());
    let instance = Data::new(settings.instance.clone());
    let (pools_of_workers, health, routes) = (pools.clone(), health.clone(), settings.routes.clone());
    let writes = !settings.access.is_read_only();
    // Called by every worker.
    let app = move || {
        let fallback = fallback.clone();
        let database = pools_of_workers.local();
        if database.is_first() {
            let connection = pools_of_workers.probe(writes);
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
            // The last is the outermost. Whatever answers without reading the body stands inside `body_deadline`.
            .wrap(from_fn(admit))
            .wrap(from_fn(contain))
            .wrap(from_fn(caching))
            .wrap(from_fn(pages::for_browsers))
            .wrap(from_fn(body_deadline))
            .wrap(from_fn(observe))
    };
    let granted = process::open_as_many_files_as_granted(settings.database.max_connections);
    let server = Server::build();
    let draining = server.graceful_shutdown_signal();
    let server = server
        .workers(pools.workers())
        .max_concurrent_connections(connections_of_worker(granted, pools.workers()))
        // It takes whole seconds only; `shutdown::drain` keeps the exact time.
        .shutdown_timeout(settings.shutdown_timeout.as_secs().saturating_add(1))
        .disable_signals()
        .bind(service.name, settings.address.socket(), move || http_service(app(), draining.clone()))
        .map_err(|problem| Error::Listen(settings.address, problem))?;
    Ok(server.run())
}

#[cfg(test)]
mod tests {
    use std::{
        convert::Infallible,
        io::Write,
        net::TcpListener,
        sync::{Arc, Mutex, PoisonError},
    };

    use actix_web::{FromRequest, HttpResponse, dev::Payload, web::Bytes};
    use futures_util::{StreamExt as _, stream};
    use reqwest::{Client, RequestBuilder, Response, StatusCode};
    use serde::{Serialize, Serializer};
    use sqlx::migrate::Migrator;

    use super::*;
    use crate::telemetry;

    static MIGRATIONS: Migrator = Migrator::DEFAULT;

    const BROKEN: Service = Service {
        name: "broken",
        description: "Panics wherever it can.",
        version: "0",
        default_port: 1,
        links: &[],
        migrations: &MIGRATIONS,
        superseded_checksums: &[],
        seed: |_, _| Box::pin(async { Ok(0) }),
        configure: |_| {
            Arc::new(|config| {
                config
                    .route("/handler", web::route().to(async || -> HttpResponse { panic!("in a handler") }))
                    .route("/extractor", web::get().to(async |_: Extractor| "never"))
                    .route("/answer", web::get().to(async || web::Json(Answer)))
                    .route(
                        "/body",
                        web::get().to(async || HttpResponse::Ok().streaming(stream::iter(0..2).then(piece))),
                    );
            })
        },
    };

    /// One piece, which is sent before the next one is there, and then a panic.
    async fn piece(number: u8) -> Result<Bytes, Infallible> {
        tokio::task::yield_now().await;
        assert!(number == 0, "in a body");
        Ok(Bytes::from_static(b"a piece"))
    }

    struct Extractor;

    impl FromRequest for Extractor {
        type Error = Infallible;
        type Future = std::future::Ready<Result<Self, Infallible>>;

        fn from_request(_: &HttpRequest, _: &mut Payload) -> Self::Future {
            let secret = String::from("secret");
            panic!("a {secret} that was put together at run time")
        }
    }

    struct Answer;

    impl Serialize for Answer {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in an answer")
        }
    }

    /// What was logged.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Log {
        fn text(&self) -> String {
            String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
        }
    }

    impl Write for Log {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(text)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Serves what is broken on a free port, without a database.
    fn serve() -> io::Result<String> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut reader = Reader::new(move |name| match name {
            "HOST" | "DB_HOST" => Some("127.0.0.1".to_owned()),
            "PORT" => Some(port.to_string()),
            "DB_PORT" => Some("1".to_owned()),
            "DB_USER" | "DB_PWD" | "DB_NAME" => Some("unused".to_owned()),
            _ => None,
        });
        let settings = Settings::read(&BROKEN, &mut reader);
        let pools = WorkerPools::new(settings.database.clone());
        let server = start(&BROKEN, &settings, &pools, &Data::new(Health::new())).map_err(io::Error::other)?;
        rt::spawn(server);
        Ok(format!("http://127.0.0.1:{port}"))
    }

    async fn send(request: RequestBuilder) -> Response {
        request.send().await.expect("an answer")
    }

    #[actix_web::test]
    async fn a_panic_ends_its_own_request_with_a_problem_and_nothing_else() {
        let log = Log::default();
        let writer = log.clone();
        let logging = tracing_subscriber::fmt().json().flatten_event(true).with_current_span(true);
        logging.with_writer(move || writer.clone()).init();
        telemetry::log_panics();
        let url = serve().expect("a free port");
        let client = Client::builder().no_proxy().pool_max_idle_per_host(1).build().expect("no TLS to fail");

        for (number, path) in ["/handler", "/extractor", "/answer"].into_iter().enumerate() {
            let id = format!("panic-{number}");
            let answer = send(client.get(format!("{url}{path}")).header("x-request-id", &id)).await;
            assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
            for (name, value) in [
                ("content-type", "application/problem+json"),
                ("x-request-id", &*id),
                ("cache-control", "no-store"),
                ("x-content-type-options", "nosniff"),
            ] {
                assert!(answer.headers().get(name).is_some_and(|header| header == value), "{path}: {name}");
            }
            assert!(answer.text().await.is_ok_and(|body| body.contains("urn:problem-type:internal")), "{path}");
            let text = log.text();
            let lines: Vec<_> = text.lines().filter(|line| line.contains(&id)).collect();
            assert!(lines.iter().any(|line| line.contains("panicked") && line.contains("server.rs")), "{text}");
            assert!(lines.iter().any(|line| line.contains("\"status\":500")), "{text}");
        }
        assert!(log.text().contains("in a handler") && !log.text().contains("a secret"));

        let page = send(client.get(format!("{url}/handler")).header("accept", "text/html")).await;
        assert!(page.text().await.is_ok_and(|page| page.starts_with("<!doctype html>")));
        // The body of this one is never read.
        let answer = send(client.post(format!("{url}/handler")).body("x".repeat(100_000))).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);

        let begun = send(client.get(format!("{url}/body")).header("x-request-id", "panic-body")).await;
        assert_eq!(begun.status(), StatusCode::OK);
        assert!(begun.text().await.is_err(), "its end is missing");
        let text = log.text();
        assert!(text.lines().any(|line| line.contains("panic-body") && line.contains("in a body")), "{text}");

        for _ in 0..8 {
            assert_eq!(send(client.get(format!("{url}/livez"))).await.status(), StatusCode::OK);
        }
        let metrics = send(client.get(format!("{url}/metrics"))).await.text().await.unwrap_or_default();
        for line in [
            r#"http_requests_total{method="GET",route="/handler",status="500"} 2"#,
            r#"http_requests_total{method="POST",route="/handler",status="500"} 1"#,
            r#"http_requests_total{method="GET",route="/extractor",status="500"} 1"#,
            r#"http_requests_total{method="GET",route="/answer",status="500"} 1"#,
        ] {
            assert!(metrics.lines().any(|found| found == line), "{line} is not in\n{metrics}");
        }
    }
}
