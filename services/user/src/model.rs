//! What a user is.

use std::{num::NonZeroU64, str::FromStr};

use chassis::{
    http::{Problem, Revision},
    input::{Line, ValidationErrors, optional_id},
};
use email_address::EmailAddress;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;
use utoipa::ToSchema;

/// Longest address that mail can be sent to, in characters (RFC 5321, section 4.5.3.1.3, less the angle brackets).
const MAX_EMAIL_LENGTH: usize = 254;

/// A user, with what only callers with the token may see.
#[derive(Clone, Debug, PartialEq, Eq, FromRow)]
pub struct User {
    /// Given by the database.
    pub id: u64,
    /// Unique.
    pub username: String,
    /// As the user writes it.
    pub display_name: String,
    /// Private, and unique.
    pub email: String,
    /// Where the user lives: an id of the location service.
    pub location_id: Option<u64>,
    /// 1, and one more with every change.
    pub version: u64,
}

impl User {
    /// The version for ETag and `If-Match`.
    #[must_use]
    pub fn version(&self) -> Revision {
        Revision(self.version)
    }

    /// Where to find the user.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/users/{}", self.id)
    }
}

/// A user as a client sends it.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserBody {
    /// 3 to 32 lower-case letters, digits, dots, hyphens and underscores; a letter first.
    #[schema(pattern = "^[a-z][a-z0-9._-]{2,31}$", example = "ada.hansen")]
    username: String,
    /// 1 to 100 characters of any script.
    #[schema(value_type = Line<100>)]
    display_name: String,
    /// E-mail address.
    #[schema(format = "email", max_length = 254, example = "ada@example.com")]
    email: String,
    /// Where the user lives: an id of the location service.
    #[serde(default, deserialize_with = "optional_id")]
    #[schema(value_type = Option<u64>, minimum = 1, example = 3_143_244)]
    location_id: Option<NonZeroU64>,
}

/// A user that is valid, and not stored yet.
#[derive(Clone, Debug, PartialEq)]
pub struct NewUser {
    pub(crate) username: Username,
    pub(crate) display_name: Line<100>,
    pub(crate) email: EmailAddress,
    pub(crate) location_id: Option<NonZeroU64>,
}

impl NewUser {
    /// The user in `body`, or everything that is wrong with it. Whether the place exists is another question.
    pub fn parse(body: UserBody) -> Result<Self, Problem> {
        let mut faults = ValidationErrors::default();
        let username = faults.take("username", body.username.parse());
        let display_name = faults.take("display_name", Line::parse(body.display_name));
        let email = faults.take("email", parse_email(&body.email));
        let user = (|| {
            Some(Self {
                username: username?,
                display_name: display_name?,
                email: email?,
                location_id: body.location_id,
            })
        })();
        faults.finish(user)
    }

    /// The user as it is once it is stored.
    #[must_use]
    pub fn stored(self, id: u64, version: u64) -> User {
        User {
            id,
            username: self.username.0,
            display_name: self.display_name.into_inner(),
            email: self.email.into(),
            location_id: self.location_id.map(NonZeroU64::get),
            version,
        }
    }
}

fn parse_email(text: &str) -> Result<EmailAddress, String> {
    if text.len() > MAX_EMAIL_LENGTH {
        return Err(format!("is longer than {MAX_EMAIL_LENGTH} characters"));
    }
    // What is compared for being unique takes `ä` for `a`, which no mail server does.
    if !text.is_ascii() {
        return Err("has characters other than those of ASCII".to_owned());
    }
    let address: EmailAddress = text.parse().map_err(|problem| format!("is not an e-mail address: {problem}"))?;
    // It is read with a name before it as well, in `Ada <ada@example.com>`.
    if address.email() == text { Ok(address) } else { Err("is more than an e-mail address".to_owned()) }
}

/// A user's unique name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Username {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
        let letter_first = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if (3..=32).contains(&text.len()) && letter_first && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("has to be 3 to 32 lower-case letters, digits, dots, hyphens and underscores, a letter first"
                .to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usernames_have_one_spelling() {
        for good in ["ada", "ada.hansen", "a-1_b"] {
            assert!(good.parse::<Username>().is_ok(), "{good:?} was refused");
        }
        let long = "a".repeat(33);
        for bad in ["", "ab", "Ada", "1ada", "ada hansen", "ådå", "ada\0", &long] {
            assert!(bad.parse::<Username>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn what_is_no_address_is_no_email() {
        assert!(parse_email("ada@example.com").is_ok());
        for bad in ["", "ada", "ada@", "@example.com", "ada @example.com", "ada@example.com\r\nBcc: x", "a\0@b.c"] {
            assert!(parse_email(bad).is_err(), "{bad:?} was taken");
        }
        for more in
            ["Ada <ada@example.com>", " <ada@example.com>", "<ada@example.com>", "\u{e5}da@example.com", "a@\u{e4}.com"]
        {
            assert!(parse_email(more).is_err(), "{more:?} was taken");
        }
    }
}
