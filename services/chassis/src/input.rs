//! Parsing what clients send into values that cannot be invalid, with everything that is wrong told at once.

use std::{borrow::Cow, num::NonZeroU64};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IntoDeserializer as _},
};
use serde_json::Number;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

use crate::http::{Problem, problem::FieldError};

/// [`Line`] as a regular expression: no control character, and at least one that is neither that nor a kind of space.
const LINE_PATTERN: &str = concat!(
    r"^[^\u0000-\u001f\u007f-\u009f]*",
    r"[^\u0000-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]",
    r"[^\u0000-\u001f\u007f-\u009f]*$"
);

/// What is wrong with a body, field by field.
#[derive(Debug, Default)]
pub struct ValidationErrors(Vec<FieldError>);

impl ValidationErrors {
    /// The value of `field`; what is wrong with it is noted.
    pub fn take<T>(&mut self, field: &'static str, value: Result<T, String>) -> Option<T> {
        value.map_err(|detail| self.0.push(FieldError { field, detail })).ok()
    }

    /// `whole` if nothing was wrong with its parts.
    pub fn finish<T>(self, whole: Option<T>) -> Result<T, Problem> {
        whole.filter(|_| self.0.is_empty()).ok_or_else(|| Problem::invalid(self.0))
    }
}

/// A line of text of 1 to `MAX` characters, not blank, without control characters. It is kept as it came: spaces,
/// emoji and the direction of writing are the author's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line<const MAX: usize>(String);

impl<const MAX: usize> Line<MAX> {
    /// `text`, or what is wrong with it.
    pub fn parse(text: String) -> Result<Self, String> {
        if text.trim().is_empty() {
            Err("is blank; give it at least one visible character".to_owned())
        } else if text.chars().any(char::is_control) {
            Err("has a control character, such as a line break or NUL; leave it out".to_owned())
        } else if text.chars().count() > MAX {
            Err(format!("is longer than {MAX} characters"))
        } else {
            Ok(Self(text))
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, to own.
    #[must_use]
    pub fn into_inner(self) -> String {
        self.0
    }
}

impl<const MAX: usize> PartialSchema for Line<MAX> {
    fn schema() -> RefOr<Schema> {
        let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(LINE_PATTERN));
        text.min_length(Some(1)).max_length(Some(MAX)).into()
    }
}

impl<const MAX: usize> ToSchema for Line<MAX> {
    fn name() -> Cow<'static, str> {
        format!("Line{MAX}").into()
    }
}

/// A number that is whole and not negative, however it is written: to JSON Schema `63.0` and `6.3e1` are integers too.
pub fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    whole(&Number::deserialize(deserializer)?).map_err(D::Error::custom)
}

/// The same from 1 on, or null.
pub fn optional_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NonZeroU64>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    let whole = number.as_ref().map(whole).transpose().map_err(D::Error::custom)?;
    whole.map(|whole| NonZeroU64::deserialize(whole.into_deserializer())).transpose()
}

fn whole(number: &Number) -> Result<u64, String> {
    let written_otherwise =
        || number.as_f64().filter(|float| float.fract() == 0.0 && (0.0..2_f64.powi(64)).contains(float));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the bounds are checked above")]
    number
        .as_u64()
        .or_else(|| written_otherwise().map(|float| float as u64))
        .ok_or_else(|| format!("invalid value: `{number}`, expected a whole number that is not negative"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Line<5>, String> {
        Line::parse(text.to_owned())
    }

    #[test]
    fn text_is_kept_as_it_came_or_refused() {
        for text in ["a", "Äbcde", " a b ", "🏔️🏔️", "שלום"] {
            assert_eq!(parse(text).as_ref().map(Line::as_str), Ok(text));
        }
        for text in ["", "   ", "abcdef", "a\0b", "a\nb", "a\u{7f}"] {
            assert!(parse(text).is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn whole_numbers_may_be_written_in_any_way() {
        let parse = |json: &str| whole_number(&mut serde_json::Deserializer::from_str(json)).ok();
        for (json, number) in
            [("0", 0), ("63", 63), ("63.0", 63), ("6.3e1", 63), ("-0.0", 0), ("18446744073709551615", u64::MAX)]
        {
            assert_eq!(parse(json), Some(number), "{json}");
        }
        for json in ["-1", "-1.0", "1.5", "1e-1", "18446744073709551616", "1e300", "\"1\"", "null", "true", "[1]"] {
            assert_eq!(parse(json), None, "{json} was taken");
        }
        let id = |json: &str| optional_id(&mut serde_json::Deserializer::from_str(json)).ok();
        assert_eq!((id("null"), id("7.0"), id("0")), (Some(None), Some(NonZeroU64::new(7)), None));
    }
}
