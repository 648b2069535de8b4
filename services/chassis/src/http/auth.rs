//! Who calls: anybody, or somebody who knows `API_TOKEN`.

use std::{
    fmt,
    future::{Ready, ready},
};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::header::{AUTHORIZATION, HeaderValue},
    web::Data,
};
use secrecy::ExposeSecret;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::Problem;
use crate::settings::Reader;

/// The token that allows writes and shows private fields, or several of them. Without one a service is read-only.
///
/// What is kept of a token is its digest.
#[derive(Clone)]
pub struct AccessControl(Vec<Digest>);

type Digest = [u8; 32];

impl AccessControl {
    /// Reads `API_TOKEN` or `API_TOKEN_FILE`: a token, or several separated by commas. While clients change from one to the
    /// next, both are good.
    pub fn read(reader: &mut Reader) -> Self {
        let secret = reader.secret("API_TOKEN", "API_TOKEN_FILE");
        let tokens: Vec<_> = secret.iter().flat_map(|secret| secret.expose_secret().split(',')).collect();
        if tokens.iter().any(|token| token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            reader.fault(
                reader.source_of_secret("API_TOKEN", "API_TOKEN_FILE"),
                "has characters that no header can carry, or an empty token; use visible ASCII without spaces, and a \
                 comma between two tokens only",
            );
        }
        Self(tokens.into_iter().map(|token| Sha256::digest(token).into()).collect())
    }

    /// Whether nobody may write, since there is no token.
    pub(crate) fn is_read_only(&self) -> bool {
        self.0.is_empty()
    }

    fn caller(&self, authorization: Option<&[u8]>) -> Result<Auth, Problem> {
        let (false, Some(authorization)) = (self.is_read_only(), authorization) else {
            return Ok(Auth::Anonymous);
        };
        let given = authorization
            .split_at_checked("bearer ".len())
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "))
            .map_or(&b""[..], |(_, given)| given);
        // Digests are of one length, and all are compared, so that the time this takes tells nothing of any token.
        let given: Digest = Sha256::digest(given).into();
        let known = self.0.iter().fold(Choice::from(0), |known, token| known | given.ct_eq(token));
        if known.into() {
            Ok(Auth::Authenticated)
        } else {
            Err(Problem::unauthorized("the token is not the right one"))
        }
    }
}

impl fmt::Debug for AccessControl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessControl({} tokens)", self.0.len())
    }
}

/// Who calls. As an extractor it refuses a wrong token, and takes none for an anonymous caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    /// Anybody.
    Anonymous,
    /// Somebody who knows the token.
    Authenticated,
}

/// Proof that the caller may write. As an extractor it refuses everybody else: name it before the body, so that a
/// stranger's body is not even read.
#[derive(Clone, Copy, Debug)]
pub struct RequireToken(());

impl FromRequest for Auth {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(caller(request))
    }
}

impl FromRequest for RequireToken {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(match caller(request) {
            Ok(Auth::Authenticated) => Ok(Self(())),
            Ok(Auth::Anonymous) if access_control(request).is_read_only() => {
                Err(Problem::read_only("this service has no API_TOKEN set, so nothing can be changed through it"))
            }
            Ok(Auth::Anonymous) => Err(Problem::unauthorized("send the token: `authorization: Bearer …`")),
            Err(problem) => Err(problem),
        })
    }
}

fn caller(request: &HttpRequest) -> Result<Auth, Problem> {
    access_control(request).caller(request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes))
}

fn access_control(request: &HttpRequest) -> &AccessControl {
    request.app_data::<Data<AccessControl>>().expect("the server shares it with every worker")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is read where `API_TOKEN` is `value`.
    fn read(value: &'static str) -> (AccessControl, bool) {
        let mut reader = Reader::new(move |name| (name == "API_TOKEN").then(|| value.to_owned()));
        let access = AccessControl::read(&mut reader);
        (access, reader.finish().is_ok())
    }

    #[test]
    fn only_the_very_token_makes_a_caller_trusted() {
        let (access, _) = read("s3cret");
        assert_eq!(access.caller(Some(b"Bearer s3cret")).ok(), Some(Auth::Authenticated));
        assert_eq!(access.caller(Some(b"bearer s3cret")).ok(), Some(Auth::Authenticated));
        assert_eq!(access.caller(None).ok(), Some(Auth::Anonymous));
        for wrong in ["Bearer s3cre", "Bearer s3crets", "Bearer ", "Bearer", "Basic s3cret", "s3cret", ""] {
            assert!(access.caller(Some(wrong.as_bytes())).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn while_tokens_are_exchanged_either_is_good_and_both_together_are_not() {
        let (access, valid) = read("new,old");
        assert!(valid);
        for token in ["new", "old"] {
            assert_eq!(access.caller(Some(format!("Bearer {token}").as_bytes())).ok(), Some(Auth::Authenticated));
        }
        for wrong in ["new,old", "", ",", "ne"] {
            assert!(access.caller(Some(format!("Bearer {wrong}").as_bytes())).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn an_empty_token_or_one_that_no_header_can_carry_is_a_fault() {
        for value in ["two words", "a,,b", ",a", "a,", ",", "caf\u{e9}"] {
            assert!(!read(value).1, "{value:?} was taken");
        }
        let (access, valid) = read("");
        assert!(valid && access.is_read_only());
    }

    #[test]
    fn the_token_is_in_no_debug_output() {
        assert_eq!(format!("{:?}", read("s3cret").0), "AccessControl(1 tokens)");
    }
}
