//! One line.

use std::str;

/// A line that sets a variable to exactly what it shows.
#[derive(Debug)]
pub(super) struct Line<'a> {
    /// The variable's name.
    pub(super) name: &'a str,
    /// The whole line, as dotenvy takes it.
    pub(super) text: &'a str,
}

/// A line that is not read.
#[derive(Debug)]
pub(super) struct Refused<'a> {
    /// What stands where the name of a variable does; it may be a part of a secret.
    pub(super) name: Option<&'a str>,
    /// What is wrong, and what would be right.
    pub(super) problem: &'static str,
}

impl<'a> Line<'a> {
    /// A line of a file, without its line feed; none where it is empty or a comment.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Option<Self>, Refused<'a>> {
        let Ok(text) = str::from_utf8(bytes) else {
            let before = str::from_utf8(&bytes[..bytes.iter().position(|byte| *byte == b'=').unwrap_or(0)]);
            return Err(Refused {
                name: before.ok().and_then(name),
                problem: "has bytes that are not UTF-8; save the file as UTF-8",
            });
        };
        let text = text.strip_suffix('\r').unwrap_or(text).trim_matches(BLANK);
        if text.is_empty() || text.starts_with('#') {
            return Ok(None);
        }
        let assignment = text.split_once('=').and_then(|(before, value)| Some((name(before)?, value)));
        let Some((name, value)) = assignment else {
            let problem = "is not of the form NAME=value; a value of several lines cannot be read";
            return Err(Refused { name: None, problem });
        };
        match check(value.trim_matches(BLANK)) {
            Ok(()) => Ok(Some(Self { name, text })),
            Err(problem) => Err(Refused { name: Some(name), problem }),
        }
    }
}

/// What separates words on a line.
const BLANK: [char; 2] = [' ', '\t'];

/// The variable before the `=`, perhaps after `export`.
fn name(before: &str) -> Option<&str> {
    let name = before.trim_matches(BLANK);
    let name = name.strip_prefix("export").filter(|rest| rest.starts_with(BLANK)).map_or(name, str::trim_start);
    let letter_first = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    (letter_first && plain).then_some(name)
}

/// Whether a value stands for exactly the characters that it shows.
fn check(value: &str) -> Result<(), &'static str> {
    if value.contains(|character: char| character.is_control() && character != '\t') {
        return Err("has a control character");
    }
    if let Some(rest) = value.strip_prefix('\'') {
        single_quoted(rest)
    } else if let Some(rest) = value.strip_prefix('"') {
        double_quoted(rest)
    } else {
        unquoted(value)
    }
}

const UNCLOSED: &str = "has a quote that is not closed on its line; a ' in a value needs double quotes around it";

fn unquoted(value: &str) -> Result<(), &'static str> {
    let space = value.find(char::is_whitespace);
    if value.starts_with('#') || space.is_some_and(|space| value[space..].trim_start().starts_with('#')) {
        Err(
            "has a # that may begin a comment or be a part of the value; write the value in single quotes, or the comment \
             on a line of its own",
        )
    } else if space.is_some() {
        Err("has a space outside of quotes; write the value in single quotes, as in NAME='two words'")
    } else if value.contains('$') {
        Err("has $ outside of single quotes, where some programs replace it; write the value in single quotes")
    } else if value.contains(['\'', '"', '\\']) {
        Err("has a quote or a backslash; write the value in single quotes, or in double quotes with a \\ before each \
             \\, \" and $")
    } else {
        Ok(())
    }
}

fn single_quoted(rest: &str) -> Result<(), &'static str> {
    let (value, after) = rest.split_once('\'').ok_or(UNCLOSED)?;
    // dotenvy takes an odd number of them for a sign that the quote goes on.
    if value.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1 {
        return Err("ends in a backslash; write it in double quotes, with a \\ before each \\, \" and $");
    }
    nothing_but_a_comment(after)
}

fn double_quoted(rest: &str) -> Result<(), &'static str> {
    let mut characters = rest.chars();
    loop {
        match characters.next().ok_or(UNCLOSED)? {
            '"' => return nothing_but_a_comment(characters.as_str()),
            '$' => return Err("has $ in double quotes; write \\$ there, or the value in single quotes"),
            '\\' if !characters.next().is_some_and(|escaped| matches!(escaped, '\\' | '"' | '$')) => {
                return Err(
                    "has a backslash in double quotes that is not before \\, \" or $; write \\\\ for a backslash",
                );
            }
            _ => {}
        }
    }
}

fn nothing_but_a_comment(after: &str) -> Result<(), &'static str> {
    let rest = after.trim_start_matches(BLANK);
    if rest.is_empty() || (rest.starts_with('#') && rest.len() < after.len()) {
        Ok(())
    } else {
        Err("goes on after its closing quote; a ' in a value needs double quotes around it")
    }
}
