//! Who calls: anybody, or somebody who knows `API_TOKEN`.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HeaderValue},
    web::Data,
};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::Problem;
use crate::settings::Reader;

/// The one token that allows writes and shows private fields. Without one a service is read-only.
#[derive(Clone, Debug)]
pub struct AccessControl(Option<SecretString>);

impl AccessControl {
    /// Reads `API_TOKEN` or `API_TOKEN_FILE`.
    pub fn read(reader: &mut Reader) -> Self {
        let token = reader.secret("API_TOKEN", "API_TOKEN_FILE");
        if token.as_ref().is_some_and(|token| !token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic())) {
            reader.fault("API_TOKEN", "has characters that no header can carry; use visible ASCII without spaces");
        }
        Self(token)
    }

    fn caller(&self, authorization: Option<&[u8]>) -> Result<Caller, Problem> {
        let (Some(token), Some(authorization)) = (&self.0, authorization) else {
            return Ok(Caller::Anonymous);
        };
        let given = authorization
            .split_at_checked("bearer ".len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
            .map_or(&b""[..], |(_, given)| given);
        // Digests are of one length, so that the time this takes tells nothing of the token, its length included.
        let same = Sha256::digest(given).ct_eq(&Sha256::digest(token.expose_secret()));
        if same.into() { Ok(Caller::Trusted) } else { Err(Problem::unauthorized("the token is not the right one")) }
    }
}

/// Who calls. As an extractor it refuses a wrong token, and takes none for an anonymous caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Anybody.
    Anonymous,
    /// Somebody who knows the token.
    Trusted,
}

/// Proof that the caller may write. As an extractor it refuses everybody else: name it before the body, so that a
/// stranger's body is not even read.
#[derive(Clone, Copy, Debug)]
pub struct Writer(());

impl FromRequest for Caller {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}

impl FromRequest for Writer {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match caller(request) {
            Ok(Caller::Trusted) => Ok(Self(())),
            Ok(Caller::Anonymous) if access_control(request).0.is_none() => {
                Err(Problem::read_only("this service has no API_TOKEN set, so nothing can be changed through it"))
            }
            Ok(Caller::Anonymous) => Err(Problem::unauthorized("send the token: `authorization: Bearer …`")),
            Err(problem) => Err(problem),
        })
    }
}

fn caller(request: &HttpRequest) -> Result<Caller, Problem> {
    access_control(request).caller(request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes))
}

fn access_control(request: &HttpRequest) -> &AccessControl {
    request.app_data::<Data<AccessControl>>().expect("the server shares it with every worker")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access_control(token: &str) -> AccessControl {
        AccessControl(Some(token.to_owned().into()))
    }

    #[test]
    fn only_the_very_token_makes_a_caller_trusted() {
        let access = access_control("s3cret");
        assert_eq!(access.caller(Some(b"Bearer s3cret")).ok(), Some(Caller::Trusted));
        assert_eq!(access.caller(Some(b"bearer s3cret")).ok(), Some(Caller::Trusted));
        assert_eq!(access.caller(None).ok(), Some(Caller::Anonymous));
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Bearer", "Basic s3cret", "s3cret", ""] {
            assert!(access.caller(Some(wrong.as_bytes())).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn the_token_is_in_no_debug_output() {
        assert!(!format!("{:?}", access_control("s3cret")).contains("s3cret"));
    }
}
