//! Errors as `application/problem+json` (RFC 9457): one table of kinds, and no text that came from the database.

use std::{borrow::Cow, fmt};

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE},
    },
};
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// Seconds after which a client may try again what could not be done now.
const RETRY_AFTER_SECONDS: u32 = 2;

/// The `type` of a 404 of ours, for services that ask each other.
pub const NOT_FOUND: &str = "urn:problem-type:not-found";

/// The kinds of problem. A kind's `type` never changes: clients may rely on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Malformed,
    Unauthorized,
    ReadOnly,
    NotFound,
    MethodNotAllowed,
    Timeout,
    Duplicate,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    HeadTooLarge,
    Internal,
    Unavailable,
}

impl Kind {
    /// Last part of the `type`, status, title.
    const fn row(self) -> (&'static str, StatusCode, &'static str) {
        match self {
            Self::Malformed => ("malformed", StatusCode::BAD_REQUEST, "The request cannot be understood"),
            Self::Unauthorized => ("unauthorized", StatusCode::UNAUTHORIZED, "A valid token is needed"),
            Self::ReadOnly => ("read-only", StatusCode::FORBIDDEN, "The service is read-only"),
            Self::NotFound => ("not-found", StatusCode::NOT_FOUND, "There is nothing here"),
            Self::MethodNotAllowed => {
                ("method-not-allowed", StatusCode::METHOD_NOT_ALLOWED, "That cannot be done to this resource")
            }
            Self::Timeout => ("timeout", StatusCode::REQUEST_TIMEOUT, "The request took too long to arrive"),
            Self::Duplicate => ("duplicate", StatusCode::CONFLICT, "There is one like it already"),
            Self::PreconditionFailed => {
                ("precondition-failed", StatusCode::PRECONDITION_FAILED, "A precondition does not hold")
            }
            Self::TooLarge => ("too-large", StatusCode::PAYLOAD_TOO_LARGE, "The body is too large"),
            Self::UnsupportedMediaType => {
                ("unsupported-media-type", StatusCode::UNSUPPORTED_MEDIA_TYPE, "The body is of a wrong media type")
            }
            Self::Invalid => ("invalid", StatusCode::UNPROCESSABLE_ENTITY, "The body asks for something invalid"),
            Self::HeadTooLarge => {
                ("head-too-large", StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large")
            }
            Self::Internal => ("internal", StatusCode::INTERNAL_SERVER_ERROR, "The service failed"),
            Self::Unavailable => ("unavailable", StatusCode::SERVICE_UNAVAILABLE, "The service cannot do it now"),
        }
    }
}

/// What went wrong, as the client is told.
#[derive(Clone, Debug)]
pub struct Problem {
    kind: Kind,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    /// What more there is to say in a header.
    header: Option<(HeaderName, Cow<'static, str>)>,
}

/// What is wrong with one field of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field's name.
    pub field: &'static str,
    /// What is wrong and what would be right.
    pub detail: String,
}

/// An error (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct Body<'a> {
    /// What kind of problem it is; never changes.
    #[schema(pattern = "^urn:problem-type:[a-z-]+$", example = "urn:problem-type:not-found")]
    r#type: String,
    /// The kind in words.
    title: &'a str,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What is wrong in this case, and what to do about it.
    detail: &'a str,
    /// What is wrong with each field of the body.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
}

macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        impl Problem {
            $($(#[$doc])*
            pub fn $name(detail: impl Into<Cow<'static, str>>) -> Self {
                Self { kind: Kind::$kind, detail: detail.into(), errors: Vec::new(), header: None }
            })*
        }
    };
}

constructors! {
    /// 400: the request cannot be understood.
    malformed => Malformed;
    /// 401: no token, or a wrong one.
    unauthorized => Unauthorized;
    /// 403: the service takes no writes at all.
    read_only => ReadOnly;
    /// 404: there is no such thing.
    not_found => NotFound;
    /// 408: the body did not arrive in time.
    timeout => Timeout;
    /// 409: there is one like it already.
    duplicate => Duplicate;
    /// 412: `If-Match` or `If-None-Match` does not hold.
    precondition_failed => PreconditionFailed;
    /// 413: the body is too large.
    too_large => TooLarge;
    /// 415: the body is not JSON.
    unsupported_media_type => UnsupportedMediaType;
    /// 422: the request is well-formed, but asks for something invalid.
    invalid_body => Invalid;
    /// 431: the headers are too large.
    head_too_large => HeadTooLarge;
    /// 500: a fault of ours. Log what it is; the client only learns that there is one.
    internal => Internal;
    /// 503: something that is needed is away, and may be back soon.
    unavailable => Unavailable;
}

impl Problem {
    /// 405: the resource knows other methods, `allow`.
    pub(crate) fn method_not_allowed(allow: String) -> Self {
        let detail = format!("this resource knows only {allow}").into();
        Self { kind: Kind::MethodNotAllowed, detail, errors: Vec::new(), header: Some((ALLOW, allow.into())) }
    }

    /// 422: the fields are of the right types, but their values will not do.
    #[must_use]
    pub fn invalid(errors: Vec<FieldError>) -> Self {
        let fields: Vec<_> = errors.iter().map(|error| error.field).collect();
        let detail = format!("these fields will not do: {}", fields.join(", ")).into();
        Self { kind: Kind::Invalid, detail, errors, header: None }
    }

    /// 415: the body is in a content coding. `Accept-Encoding` tells this from a wrong media type (RFC 9110, section
    /// 12.5.3).
    pub(crate) fn unsupported_coding(detail: &'static str) -> Self {
        let header = Some((ACCEPT_ENCODING, "identity".into()));
        Self { header, ..Self::unsupported_media_type(detail) }
    }
}

impl Problem {
    /// What kind of problem it is, in words.
    pub(crate) fn title(&self) -> &'static str {
        self.kind.row().2
    }

    /// What is wrong in this case, and what to do about it.
    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.row().2, self.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.kind.row().1
    }

    fn error_response(&self) -> HttpResponse {
        let (name, status, title) = self.kind.row();
        let mut answer = HttpResponse::build(status);
        match self.kind {
            Kind::Unauthorized => {
                answer.insert_header((WWW_AUTHENTICATE, "Bearer"));
            }
            Kind::Unavailable => {
                answer.insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS));
            }
            _ => {}
        }
        if let Some((name, value)) = &self.header {
            answer.insert_header((name.clone(), &**value));
        }
        answer.insert_header((CACHE_CONTROL, "no-store"));
        let body = Body {
            r#type: format!("urn:problem-type:{name}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            errors: &self.errors,
        };
        let body = serde_json::to_string(&body).unwrap_or_default();
        let mut answer = answer.content_type("application/problem+json").body(body);
        // For those who would rather see a page.
        answer.extensions_mut().insert(self.clone());
        answer
    }
}

/// What any operation may answer, for the OpenAPI document.
#[derive(IntoResponses)]
pub enum AnyOperation {
    /// The request's target and headers are too large.
    #[response(status = 431, content_type = "application/problem+json")]
    HeadTooLarge(Body<'static>),
}

/// What an operation may answer that takes something from its path, its query, a header or a body.
#[derive(IntoResponses)]
pub enum TakesInput {
    /// The request cannot be understood: its path, its query, a header, or a body that is not JSON.
    #[response(status = 400, content_type = "application/problem+json")]
    Malformed(Body<'static>),
}

/// What an operation may answer that asks the database.
#[derive(IntoResponses)]
pub enum NeedsDatabase {
    /// The service failed; its log says why under the request's id.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Body<'static>),
    /// The database, or another service, is not available now.
    #[response(status = 503, content_type = "application/problem+json", headers(("retry-after" = u32, description = "seconds")))]
    Unavailable(Body<'static>),
}

/// What an operation may answer that takes a token.
#[derive(IntoResponses)]
pub enum TakesToken {
    /// The token is a wrong one, or there is none and one is needed.
    #[response(status = 401, content_type = "application/problem+json",
        headers(("www-authenticate" = String, description = "`Bearer`")))]
    Unauthorized(Body<'static>),
}

/// What an operation may answer that needs the token.
#[derive(IntoResponses)]
pub enum NeedsToken {
    /// The service has no token set and takes no writes.
    #[response(status = 403, content_type = "application/problem+json")]
    ReadOnly(Body<'static>),
}

/// What an operation may answer that takes a body.
#[derive(IntoResponses)]
pub enum TakesBody {
    /// The body did not arrive in time.
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(Body<'static>),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Body<'static>),
    /// The body is JSON, but not what is wanted here; `errors` says field by field why.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(Body<'static>),
    /// The body is not JSON, or is compressed: then `accept-encoding` says so.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(Body<'static>),
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    const BALANCER: &str = include_str!("../../../../docker/balancer/haproxy.cfg");

    const KINDS: [Kind; 14] = [
        Kind::Malformed,
        Kind::Unauthorized,
        Kind::ReadOnly,
        Kind::NotFound,
        Kind::MethodNotAllowed,
        Kind::Timeout,
        Kind::Duplicate,
        Kind::PreconditionFailed,
        Kind::TooLarge,
        Kind::UnsupportedMediaType,
        Kind::Invalid,
        Kind::HeadTooLarge,
        Kind::Internal,
        Kind::Unavailable,
    ];

    /// The statuses that `HAProxy` gives by itself (its manual, `errorfile`), less 200.
    const OF_THE_BALANCER: [u16; 16] = [400, 401, 403, 404, 405, 407, 408, 410, 413, 425, 429, 500, 501, 502, 503, 504];

    #[derive(Deserialize)]
    struct Told {
        r#type: String,
        title: String,
        status: u16,
        detail: String,
    }

    #[test]
    fn the_balancer_gives_the_problems_of_the_services() {
        let mut statuses = Vec::new();
        for line in BALANCER.lines().filter_map(|line| line.trim().strip_prefix("http-error status ")) {
            let (status, rest) = line.split_once(" content-type application/problem+json string '").expect(line);
            let (body, headers) = rest.split_once('\'').expect(line);
            let told: Told = serde_json::from_str(body).expect(body);
            assert_eq!(status, told.status.to_string(), "{line}");
            for header in ["cache-control no-store", "x-content-type-options nosniff", "x-request-id "] {
                assert!(headers.contains(&format!(" hdr {header}")), "{header}: {line}");
            }
            assert!(!told.detail.is_empty());
            let name = told.r#type.strip_prefix("urn:problem-type:").expect(body);
            if let Some(kind) = KINDS.into_iter().find(|kind| kind.row().0 == name) {
                assert_eq!((told.status, &*told.title), (kind.row().1.as_u16(), kind.row().2), "{line}");
            }
            statuses.push(told.status);
        }
        assert_eq!(statuses, OF_THE_BALANCER);
    }
}
