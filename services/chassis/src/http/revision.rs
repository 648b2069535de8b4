//! Versions of a resource: ETag on the way out, `If-Match` and `If-None-Match` on the way in (RFC 9110, section 13).
//! `caching.rs` evaluates the preconditions of reads.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{ETag, EntityTag, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH},
};
use utoipa::{
    IntoParams,
    openapi::path::{Parameter, ParameterIn},
};

use super::{Auth, Problem, header_parameter};

/// [`Tags`] as a regular expression. Elements of a list may be empty (RFC 9110, section 5.6.1.2).
const TAGS_PATTERN: &str =
    r#"^(\*|[\t ,]*(W/)?"[!#-~\u0080-\u00ff]*"([\t ]*,[\t ,]*(W/)?"[!#-~\u0080-\u00ff]*")*[\t ,]*)$"#;

/// The version of a resource: 1 when it is created, one more with every change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revision(pub u64);

impl Revision {
    /// The version after the next change.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The ETag of the JSON that everybody gets of this version.
    #[must_use]
    pub fn etag(self) -> ETag {
        self.etag_for(Auth::Anonymous)
    }

    /// The ETag of the JSON that `caller` gets of this version, for resources with private fields: one tag names one
    /// representation, so that what was kept without the token is not taken for what the token shows.
    #[must_use]
    pub fn etag_for(self, caller: Auth) -> ETag {
        let tag = match caller {
            Auth::Anonymous => self.0.to_string(),
            Auth::Authenticated => format!("{}-private", self.0),
        };
        ETag(EntityTag::new_strong(tag))
    }

    /// The tags of all representations.
    fn tags(self) -> [EntityTag; 2] {
        [Auth::Anonymous, Auth::Authenticated].map(|caller| self.etag_for(caller).0)
    }
}

/// The preconditions of a change; as an extractor, the request's `If-Match` and `If-None-Match`.
///
/// A change is made to the resource and not to one of its representations, so the tag of any of them names its version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Precondition {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

impl Precondition {
    /// Whether the request may change a resource that is in `version`, or does not exist. `If-Match` is evaluated first
    /// (RFC 9110, section 13.2.2).
    #[must_use]
    pub fn admit(&self, version: Option<Revision>) -> Change<Revision> {
        let Some(version) = version else { return Change::NotFound };
        let tags = version.tags();
        if self.if_match.as_ref().is_some_and(|wanted| !wanted.include(&tags, EntityTag::strong_eq)) {
            Change::VersionMismatch
        } else if self.if_none_match.as_ref().is_some_and(|unwanted| unwanted.include(&tags, EntityTag::weak_eq)) {
            Change::Excluded
        } else {
            Change::Updated(version)
        }
    }

    /// Whether the request may add to a list, which always exists and has no ETag.
    pub fn admit_addition(&self) -> Result<(), Problem> {
        if matches!(self.if_match, Some(Tags::Items(_))) {
            Err(Problem::precondition_failed("a list has no ETag that If-Match could name; leave If-Match out"))
        } else if self.if_none_match == Some(Tags::Any) {
            Err(Problem::precondition_failed(
                "If-None-Match: * is false for a list, which exists; to create something once, send an Idempotency-Key",
            ))
        } else {
            Ok(())
        }
    }
}

/// What became of a change to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change<T> {
    /// It was made.
    Updated(T),
    /// There is no such resource.
    NotFound,
    /// There is, but in a version that `If-Match` does not name.
    VersionMismatch,
    /// There is, in a version that `If-None-Match` names.
    Excluded,
}

impl<T> Change<T> {
    /// The same outcome with another value.
    pub fn map<U>(self, value: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Updated(made) => Change::Updated(value(made)),
            Self::NotFound => Change::NotFound,
            Self::VersionMismatch => Change::VersionMismatch,
            Self::Excluded => Change::Excluded,
        }
    }

    /// What was made, or the problem with `what`, such as `location 17`.
    pub fn made(self, what: impl std::fmt::Display) -> Result<T, Problem> {
        match self {
            Self::Updated(value) => Ok(value),
            Self::NotFound => Err(Problem::not_found(format!("there is no {what}"))),
            Self::VersionMismatch => Err(Problem::precondition_failed(format!(
                "{what} is no longer the version that If-Match names: get it again, and decide anew"
            ))),
            Self::Excluded => Err(Problem::precondition_failed(format!(
                "{what} exists, in a version that If-None-Match excludes; leave If-None-Match out to change it"
            ))),
        }
    }
}

impl FromRequest for Precondition {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let tags = |name| Tags::of(request.headers(), &name);
        ready(match (tags(IF_MATCH), tags(IF_NONE_MATCH)) {
            (Ok(if_match), Ok(if_none_match)) => Ok(Self { if_match, if_none_match }),
            (Err(problem), _) | (_, Err(problem)) => Err(problem),
        })
    }
}

impl IntoParams for Precondition {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        [
            ("if-match", "An ETag of the version to change; without it, whichever there is"),
            ("if-none-match", "An ETag of a version not to change; `*` excludes every one"),
        ]
        .map(|(name, description)| header_parameter(name, description, |schema| schema.pattern(Some(TAGS_PATTERN))))
        .into()
    }
}

/// Which representations a client has, in `If-None-Match`: for the OpenAPI document. What is no list of entity tags
/// matches nothing, so that the client gets the resource.
#[derive(Clone, Copy, Debug)]
pub struct KnownRevisions;

impl IntoParams for KnownRevisions {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![header_parameter("if-none-match", "The ETag of the representation that is known already", |schema| schema)]
    }
}

/// Entity tags as `If-Match` and `If-None-Match` have them (RFC 9110, section 13.1).
///
/// (actix-web splits such a list at every comma, which may be part of a tag, and leaves out what it cannot read.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`
    Any,
    /// One or more.
    Items(Vec<EntityTag>),
}

impl Tags {
    /// Those in the header `name`, however many lines it has; none where there is no such header.
    pub(super) fn of(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, Problem> {
        if !headers.contains_key(name) {
            return Ok(None);
        }
        let lines: Vec<_> = headers.get_all(name).map(HeaderValue::as_bytes).collect();
        let malformed = || Problem::malformed(format!("{name} is neither * nor a list of entity tags such as \"3\""));
        Self::parse(&lines.join(&b", "[..])).map(Some).ok_or_else(malformed)
    }

    /// Whether one of them `equals` one of `tags`.
    pub(super) fn include(&self, tags: &[EntityTag], equals: impl Fn(&EntityTag, &EntityTag) -> bool) -> bool {
        match self {
            Self::Any => true,
            Self::Items(items) => items.iter().any(|item| tags.iter().any(|tag| equals(item, tag))),
        }
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
    use actix_web::test::TestRequest;

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

    fn change(headers: &[(&str, &str)], version: Option<u64>) -> Change<Revision> {
        let request = headers.iter().fold(TestRequest::put(), |request, header| request.append_header(*header));
        let precondition = Precondition::from_request(&request.to_http_request(), &mut Payload::None)
            .into_inner()
            .expect("well-formed");
        precondition.admit(version.map(Revision))
    }

    #[test]
    fn every_precondition_has_to_hold() {
        let three = || Change::Updated(Revision(3));
        for (headers, outcome) in [
            (&[][..], three()),
            (&[("if-match", "\"3\"")], three()),
            (&[("if-match", "\"3-private\"")], three()),
            (&[("if-match", "*")], three()),
            (&[("if-match", "W/\"3\"")], Change::VersionMismatch),
            (&[("if-match", "\"3-other\"")], Change::VersionMismatch),
            (&[("if-match", "\"2\""), ("if-match", "\"3\"")], three()),
            (&[("if-none-match", "*")], Change::Excluded),
            (&[("if-none-match", "\"3\"")], Change::Excluded),
            (&[("if-none-match", "W/\"3\"")], Change::Excluded),
            (&[("if-none-match", "\"1\", \"3-private\"")], Change::Excluded),
            (&[("if-none-match", "\"2\"")], three()),
            (&[("if-match", "\"3\""), ("if-none-match", "*")], Change::Excluded),
            (&[("if-match", "\"2\""), ("if-none-match", "*")], Change::VersionMismatch),
            (&[("if-match", "\"3\""), ("if-none-match", "\"2\"")], three()),
        ] {
            assert_eq!(change(headers, Some(3)), outcome, "{headers:?}");
            assert_eq!(change(headers, None), Change::NotFound, "{headers:?}");
        }
    }
}
