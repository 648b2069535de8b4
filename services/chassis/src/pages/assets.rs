//! What pages load: a style sheet, and scripts without which they work as well. All of it is in the binary.

use actix_web::{HttpResponse, get, http::header::CACHE_CONTROL};

use crate::http::{KnownRevisions, problem::AnyOperation};

/// Short, so that pages of a new release do not for long have the style of the one before.
const CACHED: &str = "max-age=300";

/// The style sheet of all pages.
#[utoipa::path(tag = "pages", params(KnownRevisions), responses(
    (status = 304, description = "It is still the one that `if-none-match` names"),
    (status = 200, description = "A style sheet", content_type = "text/css", body = str),
    AnyOperation,
))]
#[get("/style.css")]
pub(crate) async fn style() -> HttpResponse {
    asset("text/css; charset=utf-8", include_str!("../../assets/style.css"))
}

/// Search as you type.
#[utoipa::path(tag = "pages", params(KnownRevisions), responses(
    (status = 304, description = "It is still the one that `if-none-match` names"),
    (status = 200, description = "A script", content_type = "text/javascript", body = str),
    AnyOperation,
))]
#[get("/live-search.js")]
pub(crate) async fn live_search() -> HttpResponse {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/live-search.js"))
}

/// Requests that can be tried from the reference.
#[utoipa::path(tag = "pages", params(KnownRevisions), responses(
    (status = 304, description = "It is still the one that `if-none-match` names"),
    (status = 200, description = "A script", content_type = "text/javascript", body = str),
    AnyOperation,
))]
#[get("/try-requests.js")]
pub(crate) async fn try_requests() -> HttpResponse {
    asset("text/javascript; charset=utf-8", include_str!("../../assets/try-requests.js"))
}

fn asset(content_type: &'static str, content: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(content_type).insert_header((CACHE_CONTROL, CACHED)).body(content)
}
