//! The pages that every service has: home, reference, what is wrong; and how a service makes its own.

mod answer;
pub(crate) mod assets;
pub(crate) mod home;
mod number;
mod problem;
mod reference;

use actix_web::{
    HttpResponse, get,
    http::StatusCode,
    web::{Bytes, Data},
};
pub use answer::{html, html_stream, render};
use answer::{html_answer, html_head};
use askama::Template as _;
pub use number::grouped;
pub(crate) use problem::for_browsers;
use reference::Reference;
use utoipa::openapi::OpenApi;

use crate::{
    Service,
    http::{KnownRevisions, problem::AnyOperation},
    instance::Instance,
};

/// What the pages are made of, rendered once where it never changes.
pub(crate) struct Pages {
    service: Service,
    instance: Instance,
    /// The OpenAPI document as JSON.
    pub(crate) document: Bytes,
    reference: Bytes,
}

impl Pages {
    pub(crate) fn new(service: &Service, instance: &Instance, document: &OpenApi) -> Self {
        Self {
            service: *service,
            instance: instance.clone(),
            document: document.to_json().unwrap_or_default().into(),
            reference: Reference::new(service, document).render().unwrap_or_default().into(),
        }
    }
}

/// The reference: what this document says, for people.
#[utoipa::path(tag = "pages", params(KnownRevisions), responses(
    (status = 304, description = "It is still the one that `if-none-match` names"),
    (status = 200, description = "A page", content_type = "text/html", body = str),
    AnyOperation,
))]
#[get("/docs")]
pub(crate) async fn docs(pages: Data<Pages>) -> HttpResponse {
    html_head(StatusCode::OK).body(pages.reference.clone())
}
