//! Versions of a resource: ETag on the way out, `If-Match` and `If-None-Match` on the way in (RFC 9110, section 13).

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{ETag, EntityTag, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH},
    },
};
use serde::Serialize;
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use super::Problem;
use crate::openapi::header_parameter;

/// [`Tags`] as a regular expression. Elements of a list may be empty (RFC 9110, section 5.6.1.2).
const TAGS_PATTERN: &str =
    r#"^(\*|[\t ,]*(W/)?"[!#-~\u0080-\u00ff]*"([\t ]*,[\t ,]*(W/)?"[!#-~\u0080-\u00ff]*")*[\t ,]*)$"#;

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
        match Tags::of(request, &IF_NONE_MATCH) {
            Some(Tags::Any) => true,
            Some(Tags::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&self.tag())),
            None => false,
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
        ready(if request.headers().contains_key(IF_MATCH) {
            match Tags::of(request, &IF_MATCH) {
                Some(Tags::Any) => Ok(Self::None),
                Some(Tags::Items(tags)) => Ok(Self::Match(tags)),
                None => Err(Problem::malformed("If-Match is neither * nor a list of entity tags such as \"3\"")),
            }
        } else {
            Ok(Self::None)
        })
    }
}

impl IntoParams for Precondition {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The ETag of the version to change; without it, whichever there is";
        vec![header_parameter("if-match", description, |schema| schema.pattern(Some(TAGS_PATTERN)))]
    }
}

/// Which versions of a resource a client has, in `If-None-Match`: for the OpenAPI document. What is no list of entity
/// tags matches nothing, so that the client gets the resource.
#[derive(Clone, Copy, Debug)]
pub struct KnownVersions;

impl IntoParams for KnownVersions {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![header_parameter("if-none-match", "The ETag of the version that is known already", |schema| schema)]
    }
}

/// Entity tags as `If-Match` and `If-None-Match` have them (RFC 9110, section 13.1).
///
/// (actix-web splits such a list at every comma, which may be part of a tag, and leaves out what it cannot read.)
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    /// One or more.
    Items(Vec<EntityTag>),
}

impl Tags {
    /// Those in the header `name`, however many lines it has; none where it is something else.
    fn of(request: &HttpRequest, name: &HeaderName) -> Option<Self> {
        let lines: Vec<_> = request.headers().get_all(name).map(HeaderValue::as_bytes).collect();
        Self::parse(&lines.join(&b", "[..]))
    }

    fn parse(text: &[u8]) -> Option<Self> {
        if text == b"*" {
            return Some(Self::Any);
        }
        let mut tags = Vec::new();
        let mut rest = skip(text, b"\t ,");
        while !rest.is_empty() {
            let (tag, after) = entity_tag(rest)?;
            tags.push(tag);
            let separator = skip(after, b"\t ");
            rest = skip(separator, b"\t ,");
            if !rest.is_empty() && !separator.starts_with(b",") {
                return None;
            }
        }
        (!tags.is_empty()).then_some(Self::Items(tags))
    }
}

/// The tag that `text` begins with, and what is after it.
fn entity_tag(text: &[u8]) -> Option<(EntityTag, &[u8])> {
    let (weak, quoted) = text.strip_prefix(b"W/").map_or((false, text), |quoted| (true, quoted));
    let opaque = quoted.strip_prefix(b"\"")?;
    let (tag, quote_and_rest) = opaque.split_at(opaque.iter().position(|byte| *byte == b'"')?);
    let allowed = |byte: &u8| matches!(byte, b'!'..=b'~' | 0x80..);
    let tag = tag.iter().all(allowed).then(|| tag.iter().copied().map(char::from).collect())?;
    Some((EntityTag::new(weak, tag), &quote_and_rest[1..]))
}

/// `text` without what it has of `bytes` at its beginning.
fn skip<'a>(text: &'a [u8], bytes: &[u8]) -> &'a [u8] {
    &text[text.iter().take_while(|byte| bytes.contains(byte)).count()..]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_read_as_the_rfc_has_them() {
        let strong = |tag: &str| EntityTag::new_strong(tag.to_owned());
        for (text, tags) in [
            ("\"1\"", vec![strong("1")]),
            ("\"\"", vec![strong("")]),
            ("\"1\",\"2\"", vec![strong("1"), strong("2")]),
            (", \"1\" ,, \t W/\"2\",", vec![strong("1"), EntityTag::new_weak("2".to_owned())]),
            ("\"1,2\"", vec![strong("1,2")]),
            ("\"\u{ff}\"", vec![strong("\u{c3}\u{bf}")]),
        ] {
            assert_eq!(Tags::parse(text.as_bytes()), Some(Tags::Items(tags)), "{text}");
        }
        assert_eq!(Tags::parse(b"*"), Some(Tags::Any));
        for text in ["", ",", "1", "\"1", "1\"", "\"1\" \"2\"", "\"1\", 2", "w/\"1\"", "*, \"1\"", "\"a b\"", "\"\"\""]
        {
            assert_eq!(Tags::parse(text.as_bytes()), None, "{text} was taken");
        }
    }
}
