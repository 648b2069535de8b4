//! One resource as it is sent.

use actix_web::{HttpRequest, HttpResponse, http::header::ContentType, web::Bytes};
use serde::Serialize;

use super::Version;

/// One resource as it is sent: made once, where several callers share it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Representation {
    version: Version,
    json: Bytes,
}

impl Representation {
    /// `resource`, which is in that version.
    pub fn new(version: Version, resource: &impl Serialize) -> Self {
        Self { version, json: serde_json::to_vec(resource).unwrap_or_default().into() }
    }

    /// 200 with the resource, or 304 to a `request` that says that it has this version.
    #[must_use]
    pub fn answer(self, request: &HttpRequest) -> HttpResponse {
        if self.version.is_known_to(request) {
            return HttpResponse::NotModified().insert_header(self.version.etag()).finish();
        }
        HttpResponse::Ok().insert_header(self.version.etag()).content_type(ContentType::json()).body(self.json)
    }
}
