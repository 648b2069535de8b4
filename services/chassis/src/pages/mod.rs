//! The pages that every service has: home, reference, and the style sheet.

mod reference;

use actix_web::{
    HttpResponse, HttpResponseBuilder, get,
    http::header::CACHE_CONTROL,
    web::{Bytes, Data},
};
use askama::Template;
use futures_util::{Stream, TryStreamExt as _};
use jiff::{Timestamp, Unit};
use reference::Operation;
use utoipa::openapi::OpenApi;

use crate::{
    Service,
    database::{self, Connections, Database},
    health::Health,
    http::{
        Problem,
        problem::{AnyOperation, Body},
    },
    instance::Instance,
    telemetry,
};

/// What a page may load: its own style sheet, and nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the pages are made of, rendered once where it never changes.
pub(crate) struct Pages {
    service: Service,
    instance: Instance,
    /// The OpenAPI document as JSON.
    pub(crate) document: String,
    reference: String,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    service: &'a Service,
    instance: &'a Instance,
    now: Timestamp,
    up: bool,
    connections: Connections,
    uptime_s: u64,
}

#[derive(Template)]
#[template(path = "reference.html")]
struct Reference<'a> {
    service: &'a Service,
    operations: Vec<Operation>,
}

impl Pages {
    pub(crate) fn new(service: &Service, instance: &Instance, document: &OpenApi) -> Self {
        let reference = Reference { service, operations: reference::operations(document) }.render();
        Self {
            service: *service,
            instance: instance.clone(),
            document: document.to_json().unwrap_or_default(),
            reference: reference.unwrap_or_default(),
        }
    }
}

/// Home page.
///
/// The service, its version, the container that answers, and the date and time there.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page", content_type = "text/html", body = str),
    (status = 500, description = "The page could not be made", content_type = "application/problem+json", body = Body),
    AnyOperation,
))]
#[get("/")]
pub(crate) async fn home(
    pages: Data<Pages>,
    health: Data<Health>,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    html(&Home {
        service: &pages.service,
        instance: &pages.instance,
        now: Timestamp::now().round(Unit::Second).unwrap_or_else(|_| Timestamp::now()),
        up: health.database_up(),
        connections: database.connections(),
        uptime_s: health.uptime().as_secs(),
    })
}

/// The reference: what this document says, for people.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page", content_type = "text/html", body = str),
    AnyOperation,
))]
#[get("/docs")]
pub(crate) async fn docs(pages: Data<Pages>) -> HttpResponse {
    html_answer(pages.reference.clone())
}

/// The style sheet of all pages.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A style sheet", content_type = "text/css", body = str),
    AnyOperation,
))]
#[get("/style.css")]
pub(crate) async fn style() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("text/css; charset=utf-8")
        .insert_header((CACHE_CONTROL, "max-age=300"))
        .body(include_str!("../../templates/style.css"))
}

/// `page` as an answer.
pub fn html(page: &impl Template) -> Result<HttpResponse, Problem> {
    render(page).map(html_answer)
}

/// `page` as text.
pub fn render(page: &impl Template) -> Result<String, Problem> {
    page.render().map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::internal("the page could not be rendered; the log says more under the request's id")
    })
}

/// A page that is sent as it is made. A part that fails breaks the answer off, and the log says why.
pub fn html_stream(parts: impl Stream<Item = Result<Bytes, database::Error>> + 'static) -> HttpResponse {
    html_head().streaming(parts.inspect_err(|error| {
        tracing::error!(error = telemetry::chain(error), "a page could not be sent to its end");
    }))
}

fn html_answer(page: String) -> HttpResponse {
    html_head().body(page)
}

fn html_head() -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-cache"))
        .insert_header(("content-security-policy", CONTENT_SECURITY_POLICY))
        .insert_header(("referrer-policy", "same-origin"));
    answer
}
