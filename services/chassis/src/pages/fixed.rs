//! Content that stays the same for as long as the process runs.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::header::{ETag, EntityTag},
    web::Bytes,
};
use sha2::{Digest as _, Sha256};

/// Content with its ETag, which changes with every change of it.
pub(crate) struct Fixed {
    content: Bytes,
    etag: ETag,
}

impl Fixed {
    pub(crate) fn new(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        let digest: [u8; 32] = Sha256::digest(&content).into();
        Self { content, etag: ETag(EntityTag::new_strong(hex::encode(&digest[..16]))) }
    }

    /// `head` with the ETag and the content.
    pub(crate) fn answer(&self, head: &mut HttpResponseBuilder) -> HttpResponse {
        head.insert_header(self.etag.clone()).body(self.content.clone())
    }
}
