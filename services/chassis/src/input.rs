//! Parsing what clients send into values that cannot be invalid, with everything that is wrong told at once.

use crate::http::{Problem, problem::FieldError};

/// What is wrong with a body, field by field.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
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
}
