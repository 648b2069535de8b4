//! What a person sees: steps with their times, a spinner while one lasts, and coloured prefixes. Plain lines without a
//! terminal, no colour with `NO_COLOR`.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal, Write},
    thread,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::oneshot;

/// An ANSI colour.
#[derive(Clone, Copy, Debug)]
pub enum Colour {
    /// Something failed.
    Red = 31,
    /// Something is done.
    Green = 32,
    /// Something a person should know.
    Yellow = 33,
    /// The location service.
    Cyan = 36,
    /// The user service.
    Magenta = 35,
}

/// Whether standard output is a terminal.
#[must_use]
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether a person can be asked something.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && is_terminal() && env::var_os("CI").is_none()
}

/// Asks a yes-or-no question of which the answer Enter means yes.
pub async fn ask(question: &str) -> bool {
    let mut out = io::stdout();
    let _ = write!(out, "{question} [Y/n] ").and_then(|()| out.flush());
    let (sender, answer) = oneshot::channel();
    // A thread of its own, which nothing waits for when Ctrl-C comes in place of an answer.
    thread::spawn(move || {
        let mut answer = String::new();
        let read = io::stdin().read_line(&mut answer).unwrap_or(0);
        let _ = sender.send(read > 0 && matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"));
    });
    answer.await.unwrap_or(false)
}

/// `text` in `colour`, where colours are wanted.
#[must_use]
pub fn paint(colour: Colour, text: &str) -> String {
    let wanted = is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { format!("\x1b[{}m{text}\x1b[0m", colour as u8) } else { text.to_owned() }
}

/// Prints a line. A reader that went away (a closed terminal, `| head`) is no reason to leave things running, so
/// unlike `println!` this does not panic.
pub fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// An error and its causes, without those that repeat what came before them.
#[must_use]
pub fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told {
        told if told.is_empty() => cause,
        told if told.ends_with(&cause) => told,
        told => format!("{told}: {cause}"),
    })
}

/// One thing being done, from its announcement to its time.
#[derive(Debug)]
pub struct Step {
    text: String,
    start: Instant,
    spinner: Option<ProgressBar>,
    finished: bool,
}

/// Announces a step; it fails unless [`Step::done`] is called.
#[must_use]
pub fn step(text: impl Into<String>) -> Step {
    let text = text.into();
    let spinner = is_terminal().then(|| spinner(&text));
    if spinner.is_none() {
        line(format_args!("  {text} …"));
    }
    Step { text, start: Instant::now(), spinner, finished: false }
}

fn spinner(text: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout()).with_message(text.to_owned());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} … {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

impl Step {
    /// Finishes the step, saying what came of it.
    pub fn done(mut self, outcome: impl Display) {
        self.finish(Colour::Green, "✓", &outcome.to_string());
    }

    /// Removes the spinner, for a child that draws on the terminal itself.
    pub fn hand_over_terminal(&mut self) {
        if let Some(spinner) = self.spinner.take() {
            spinner.finish_and_clear();
        }
    }

    fn finish(&mut self, colour: Colour, mark: &str, text: &str) {
        self.finished = true;
        self.hand_over_terminal();
        line(format_args!("{} {text} ({})", paint(colour, mark), seconds(self.start.elapsed())));
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        if !self.finished {
            let text = format!("{}: not done", self.text);
            self.finish(Colour::Red, "✗", &text);
        }
    }
}

/// A duration as `0.3 s`.
#[must_use]
pub fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}
