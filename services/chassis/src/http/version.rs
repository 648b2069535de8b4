//! Versions of a resource: ETag on the way out, `If-Match` and `If-None-Match` on the way in (RFC 9110, section 13).

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{ETag, EntityTag, Header as _, IfMatch, IfNoneMatch},
    },
};
use serde::Serialize;

use super::Problem;

/// The version of a resource: 1 when it is created, one more with every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version(pub u64);

impl Version {
    /// The version after the next change.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The version as an ETag header.
    #[must_use]
    pub fn etag(self) -> ETag {
        ETag(self.tag())
    }

    /// 200 with `resource`, which is in this version; 304 to a `request` that says that it has it.
    pub fn answer(self, request: &HttpRequest, resource: &impl Serialize) -> HttpResponse {
        let mut answer = HttpResponse::Ok();
        answer.insert_header(self.etag());
        if self.is_known_to(request) { answer.status(StatusCode::NOT_MODIFIED).finish() } else { answer.json(resource) }
    }

    /// Whether `request` says with `If-None-Match` that it has this version already.
    fn is_known_to(self, request: &HttpRequest) -> bool {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag())),
            Err(_) => false,
        }
    }

    fn tag(self) -> EntityTag {
        EntityTag::new_strong(self.0.to_string())
    }
}

/// Which versions of a resource a request wants to change; as an extractor, its `If-Match`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Whichever there is.
    None,
    /// One of these.
    Match(Vec<EntityTag>),
}

impl Precondition {
    /// Whether the request may change a resource that is in `version`, or is not there at all.
    #[must_use]
    pub fn admit(&self, version: Option<Version>) -> Change<Version> {
        let Some(version) = version else { return Change::Missing };
        match self {
            Self::Match(tags) if !tags.iter().any(|tag| tag.strong_eq(&version.tag())) => Change::Stale,
            Self::None | Self::Match(_) => Change::Made(version),
        }
    }
}

/// What became of a change to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// It was made.
    Made(T),
    /// There is no such resource.
    Missing,
    /// There is, but in a version that the request did not want to change.
    Stale,
}

impl<T> Change<T> {
    /// The same outcome with another value.
    pub fn map<U>(self, value: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Made(made) => Change::Made(value(made)),
            Self::Missing => Change::Missing,
            Self::Stale => Change::Stale,
        }
    }

    /// What was made, or the problem with `what`, such as `location 17`.
    pub fn made(self, what: impl std::fmt::Display) -> Result<T, Problem> {
        match self {
            Self::Made(value) => Ok(value),
            Self::Missing => Err(Problem::not_found(format!("there is no {what}"))),
            Self::Stale => Err(Problem::precondition_failed(format!(
                "{what} is no longer the version that If-Match names: get it again, and decide anew"
            ))),
        }
    }
}

impl FromRequest for Precondition {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(if request.headers().contains_key(IfMatch::name()) {
            match IfMatch::parse(request) {
                Ok(IfMatch::Any) => Ok(Self::None),
                Ok(IfMatch::Items(tags)) if !tags.is_empty() => Ok(Self::Match(tags)),
                _ => Err(Problem::malformed("If-Match is neither * nor a list of entity tags such as \"3\"")),
            }
        } else {
            Ok(Self::None)
        })
    }
}
