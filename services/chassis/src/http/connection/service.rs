//! HTTP over connections whose heads are checked.

use std::time::Duration;

use actix_http::{HttpService, Protocol, error::DispatchError};
use actix_server::GracefulShutdownSignal;
use actix_service::{IntoServiceFactory, ServiceFactory, ServiceFactoryExt as _, fn_service, map_config};
use actix_web::{
    Error,
    body::MessageBody,
    dev::{AppConfig, Service, ServiceResponse},
    rt::net::TcpStream,
};

use super::Connection;
use crate::http::limits::{CLIENT_DISCONNECT_TIMEOUT, KEEP_ALIVE, limit_connection};

/// Serves `app` on each connection, until `draining` says that the server stops. It is what `actix_web::HttpServer` makes of
/// an app, but for the [`Connection`] between socket and parser.
pub(crate) fn http_service<I, S, B>(
    app: I,
    draining: GracefulShutdownSignal,
) -> impl ServiceFactory<TcpStream, Config = (), Response = (), Error = DispatchError, InitError = ()>
where
    I: IntoServiceFactory<S, actix_http::Request>,
    S: ServiceFactory<
            actix_http::Request,
            Config = AppConfig,
            Response = ServiceResponse<B>,
            Error = Error,
            InitError = (),
        > + 'static,
    S::Service: 'static,
    <S::Service as Service<actix_http::Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let app = app.into_factory().map_err(|error: Error| error.error_response());
    let http = HttpService::build()
        .graceful_shutdown_signal(move || {
            let draining = draining.clone();
            async move { draining.notified().await }
        })
        .keep_alive(KEEP_ALIVE)
        // `Connection` has the limit, for the first head of a connection and for all others.
        .client_request_timeout(Duration::ZERO)
        .client_disconnect_timeout(CLIENT_DISCONNECT_TIMEOUT)
        .on_connect_ext(|connection: &Connection<TcpStream>, data| {
            data.insert(connection.refusal.clone());
        })
        .finish(map_config(app, |()| AppConfig::default()));
    fn_service(|stream: TcpStream| async {
        limit_connection(&stream);
        let peer = stream.peer_addr().ok();
        Ok((Connection::new(stream), Protocol::Http1, peer))
    })
    .and_then(http)
}
