//! Pages as answers: rendered at once or sent as they are made, with the headers that every page has.

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode, web::Bytes};
use askama::Template;
use futures_util::{Stream, TryStreamExt as _};

use crate::{database, errors::chain, http::Problem};

/// What a page may load and ask: what this service serves, and nothing from elsewhere.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// `page` as an answer.
pub fn html(page: &impl Template) -> Result<HttpResponse, Problem> {
    render(page).map(|page| html_answer(StatusCode::OK, page))
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
    html_head(StatusCode::OK).streaming(parts.inspect_err(|error| {
        tracing::error!(error = chain(error), "a page could not be sent to its end");
    }))
}

pub(super) fn html_answer(status: StatusCode, page: String) -> HttpResponse {
    html_head(status).body(page)
}

pub(super) fn html_head(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer
        .content_type("text/html; charset=utf-8")
        .insert_header(("content-security-policy", CONTENT_SECURITY_POLICY))
        .insert_header(("referrer-policy", "same-origin"));
    answer
}
