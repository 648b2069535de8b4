//! Bodies that are JSON objects.

use std::{fmt, marker::PhantomData};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap},
    mime::{self, Mime},
    web::Json,
};
use futures_util::future::LocalBoxFuture;
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, MapAccess, Visitor, value::MapAccessDeserializer},
};

use super::Problem;

/// A body that is a JSON object with the fields of `T`, as an extractor.
#[derive(Clone, Copy, Debug)]
pub struct JsonObject<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for JsonObject<T> {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let headers = request.headers();
        let acceptable = check_coding(headers).and_then(|()| check_media_type(headers));
        let body = Json::<Object<T>>::from_request(request, payload);
        Box::pin(async {
            acceptable?;
            body.await.map(|Json(Object(body))| Self(body))
        })
    }
}

/// Refuses a body that is compressed: the largest valid one is a few hundred bytes long.
fn check_coding(headers: &HeaderMap) -> Result<(), Problem> {
    let lines = headers.get_all(CONTENT_ENCODING).map(|line| String::from_utf8_lossy(line.as_bytes()).to_lowercase());
    let is_identity = |coding: &str| matches!(coding.trim(), "" | "identity");
    match lines.into_iter().find(|line| !line.split(',').all(is_identity)) {
        Some(_) => Err(Problem::unsupported_coding("send the body without compression, and without Content-Encoding")),
        None => Ok(()),
    }
}

/// Refuses what is not said to be JSON, and JSON in another encoding than its own (RFC 8259, section 8.1): what means one
/// text in Latin-1 may be another one in UTF-8.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let mut lines = headers.get_all(CONTENT_TYPE);
    let media_type = lines.next().and_then(|line| line.to_str().ok()?.parse::<Mime>().ok());
    let (Some(media_type), None) = (media_type, lines.next()) else { return Err(not_json()) };
    if media_type.essence_str() != mime::APPLICATION_JSON.essence_str() {
        return Err(not_json());
    }
    match media_type.get_param(mime::CHARSET).map(|charset| charset.as_str().to_ascii_lowercase()).as_deref() {
        None | Some("utf-8" | "utf8" | "us-ascii") => Ok(()),
        Some(_) => Err(Problem::unsupported_media_type("JSON is UTF-8; send it as such, without a charset")),
    }
}

fn not_json() -> Problem {
    Problem::unsupported_media_type("send the body as JSON, with `content-type: application/json`")
}

/// A JSON object with the fields of `T`. Without this, serde takes an array of the fields' values for a struct as
/// well, which no document mentions and no client should come to rely on.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor(PhantomData))
    }
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Object<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Object)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn headers(lines: &[(&str, &str)]) -> HeaderMap {
        let request = lines.iter().fold(TestRequest::post(), |request, line| request.append_header(*line));
        request.to_http_request().headers().clone()
    }

    #[test]
    fn a_body_is_json_and_nothing_else() {
        for media_type in [
            "application/json",
            "Application/JSON",
            "application/json;charset=utf-8",
            "application/json; charset=\"UTF-8\"",
            "application/json; profile=x",
        ] {
            assert!(check_media_type(&headers(&[("content-type", media_type)])).is_ok(), "{media_type}");
        }
        for media_type in [
            "",
            "json",
            "text/json",
            "application/merge-patch+json",
            "application/json-patch+json",
            "application/x-ndjson",
            "application/json; charset=iso-8859-1",
            "application/json; charset=utf-16",
            "application/json, text/plain",
        ] {
            assert!(check_media_type(&headers(&[("content-type", media_type)])).is_err(), "{media_type}");
        }
        assert!(check_media_type(&headers(&[])).is_err());
        let twice = [("content-type", "application/json"), ("content-type", "text/plain")];
        assert!(check_media_type(&headers(&twice)).is_err(), "it says two things");
    }

    #[test]
    fn a_compressed_body_is_refused() {
        for identity in [&[][..], &[("content-encoding", "identity")], &[("content-encoding", "")]] {
            assert!(check_coding(&headers(identity)).is_ok(), "{identity:?}");
        }
        for coding in ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "identity, gzip", "aes128gcm", "nonsense"] {
            assert!(check_coding(&headers(&[("content-encoding", coding)])).is_err(), "{coding}");
        }
        let lines = [("content-encoding", "identity"), ("content-encoding", "br")];
        assert!(check_coding(&headers(&lines)).is_err(), "all lines count");
    }
}
