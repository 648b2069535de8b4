//! What a person sees: steps, the commands that carry them out, what came of them, and after how long. Colours on a
//! terminal only, and without `NO_COLOR`, which the Makefile sets in CI: anstream takes them out elsewhere.

use std::{
    borrow::Cow,
    fmt::Display,
    io::{ErrorKind, Write as _},
    sync::{Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result};

const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// When the step began of which the end has not been told.
static BEGAN: Mutex<Option<Instant>> = Mutex::new(None);

fn begins(now: Option<Instant>) -> Option<Instant> {
    std::mem::replace(&mut BEGAN.lock().unwrap_or_else(PoisonError::into_inner), now)
}

/// Prints a line. A reader that went away (`| head`) is no reason to leave a deployment half-way, so unlike `println!`
/// this does not panic.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
}

/// Prints what a command is asked for, such as a URL. That it cannot be written is an error, unless its reader has gone.
pub(crate) fn result(text: impl Display) -> Result<()> {
    match writeln!(anstream::stdout(), "{text}") {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("standard output cannot be written"),
        _ => Ok(()),
    }
}

/// What is done next.
pub(crate) fn step(text: impl Display) {
    begins(Some(Instant::now()));
    line(format_args!("\n{BOLD}▸ {text}{PLAIN}"));
}

/// A command, as one would type it.
pub(crate) fn command(words: &[String]) {
    let mut said = String::new();
    for word in words {
        let word = quoted(word);
        // A new line for each option of a long command, so that it can be read, and pasted.
        let long = words.iter().map(String::len).sum::<usize>() > 90;
        let separator = match word.as_ref() {
            _ if said.is_empty() => "",
            word if long && word.starts_with("--") => " \\\n      ",
            _ => " ",
        };
        said.push_str(separator);
        said.push_str(&word);
    }
    line(format_args!("  {DIM}$ {said}{PLAIN}"));
}

/// `word` as a shell takes it, with no more quotes than it takes.
pub(crate) fn quoted(word: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=,@%+".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) { word.into() } else { shell_words::quote(word) }
}

/// What came of it.
pub(crate) fn detail(text: impl Display) {
    for each in text.to_string().lines() {
        line(format_args!("  {each}"));
    }
}

/// Something is done; the first thing that is done of a step has its time.
pub(crate) fn done(text: impl Display) {
    let took = begins(None).map(|began| format!(" ({:.1} s)", began.elapsed().as_secs_f64()));
    line(format_args!("  {GREEN}✓{PLAIN} {text}{}", took.unwrap_or_default()));
}

/// Something a person should know.
pub(crate) fn warn(text: impl Display) {
    line(format_args!("  {YELLOW}!{PLAIN} {text}"));
}

/// Prints an error, to standard error: a script that takes what a command prints gets nothing else, and a person sees it.
pub(crate) fn failed(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{RED}error:{PLAIN} {text}");
}

/// A line of a difference: `-` in red, `+` in green.
pub(crate) fn difference(text: &str) {
    let colour = match text.as_bytes().first() {
        Some(b'-') => RED,
        Some(b'+') => GREEN,
        _ => DIM,
    };
    line(format_args!("  {colour}{}{PLAIN}", text.trim_end()));
}
