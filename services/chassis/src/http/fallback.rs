//! What is answered where no route matches: 405 where the path is known, else 404.

use actix_web::{
    HttpRequest, HttpResponse, ResponseError as _,
    dev::ResourceDef,
    http::{
        StatusCode,
        header::{HeaderValue, LINK},
    },
};
use utoipa::openapi::{OpenApi, PathItem};

use super::Problem;

const DESCRIPTION: &str = "</openapi.json>; rel=\"service-desc\"";

/// Whether a 404 with this `Link` header is of a service that has no such path at all, rather than no such resource.
#[must_use]
pub fn names_no_route(link: &[u8]) -> bool {
    link == DESCRIPTION.as_bytes()
}

/// Every path of the service and what can be done there, taken from its OpenAPI document.
///
/// (actix-web answers 404 for a known path with another method, since each of a path's methods is a resource to it.)
#[derive(Clone)]
pub(crate) struct Fallback(Vec<(ResourceDef, String)>);

impl Fallback {
    pub(crate) fn new(document: &OpenApi) -> Self {
        Self(document.paths.paths.iter().map(|(path, item)| (ResourceDef::new(path.as_str()), allow(item))).collect())
    }

    /// The problem, with a link to the description of what there is where nothing is known of the path (RFC 8631). By that
    /// it is told from a 404 of a resource that is known: [`names_no_route`].
    pub(crate) fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let mut answer = self.problem(request).error_response();
        if answer.status() == StatusCode::NOT_FOUND {
            answer.headers_mut().insert(LINK, HeaderValue::from_static(DESCRIPTION));
        }
        answer
    }

    fn problem(&self, request: &HttpRequest) -> Problem {
        match self.0.iter().find(|(path, _)| path.is_match(request.path())) {
            Some((_, allow)) => Problem::method_not_allowed(allow.clone()),
            None => Problem::not_found("there is nothing under this path; GET /docs shows what there is"),
        }
    }
}

fn allow(item: &PathItem) -> String {
    let methods = [("GET, HEAD", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)];
    methods.iter().filter_map(|(name, operation)| operation.as_ref().map(|_| *name)).collect::<Vec<_>>().join(", ")
}
