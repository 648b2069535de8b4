//! The pages that every service has: home, reference, what is wrong; and how a service makes its own.

mod answer;
pub(crate) mod assets;
pub(crate) mod home;
mod number;
mod problem;
mod reference;

use actix_web::{HttpResponse, get, http::StatusCode, web::Data};
use answer::html_answer;
pub use answer::{html, html_stream, render};
use askama::Template as _;
pub use number::grouped;
pub(crate) use problem::for_browsers;
use reference::Reference;
use utoipa::openapi::OpenApi;

use crate::{Service, http::problem::AnyOperation, instance::Instance};

/// What the pages are made of, rendered once where it never changes.
pub(crate) struct Pages {
    service: Service,
    instance: Instance,
    /// The OpenAPI document as JSON.
    pub(crate) document: String,
    reference: String,
}

impl Pages {
    pub(crate) fn new(service: &Service, instance: &Instance, document: &OpenApi) -> Self {
        Self {
            service: *service,
            instance: instance.clone(),
            document: document.to_json().unwrap_or_default(),
            reference: Reference::new(service, document).render().unwrap_or_default(),
        }
    }
}

/// The reference: what this document says, for people.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page", content_type = "text/html", body = str),
    AnyOperation,
))]
#[get("/docs")]
pub(crate) async fn docs(pages: Data<Pages>) -> HttpResponse {
    html_answer(StatusCode::OK, pages.reference.clone())
}
