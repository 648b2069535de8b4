//! What a person sees: steps with their times, a spinner while one lasts, and coloured prefixes. Plain lines where there is
//! no terminal, or a dumb one, and with `NO_COLOR`, which the Makefile sets in CI.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal, Write},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anstream::{AutoStream, ColorChoice};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::oneshot;

/// How often a step that lasts says so, where nothing turns to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

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

/// Whether standard output is a terminal that may be drawn on: that knows colours, of a person who wants them.
#[must_use]
pub fn is_live() -> bool {
    io::stdout().is_terminal() && AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// Whether a person can be asked something.
#[must_use]
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal() && env::var_os("CI").is_none_or(|value| value.is_empty())
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

/// `text` in `colour`, for [`line()`], which takes colours out where none are wanted.
#[must_use]
pub fn paint(colour: Colour, text: &str) -> String {
    format!("\x1b[{}m{text}\x1b[0m", colour as u8)
}

/// Prints a line, with its colours where they are wanted. A reader that went away (a closed terminal, `| head`) is no
/// reason to leave things running, so unlike `println!` this does not panic.
pub fn line(text: impl Display) {
    let _ = writeln!(anstream::stdout(), "{text}");
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
    // Dropped with this value, which ends the thread that listens at its other end.
    _alive: mpsc::Sender<()>,
    finished: bool,
}

/// Announces a step; it fails unless [`Step::done`] is called.
#[must_use]
pub fn step(text: impl Into<String>) -> Step {
    let text = text.into();
    let spinner = is_live().then(|| spinner(&text));
    let (alive, ended) = mpsc::channel();
    if spinner.is_none() {
        line(format_args!("  {text} …"));
        let text = text.clone();
        thread::spawn(move || tell_that_it_lives(&text, &ended));
    }
    Step { text, start: Instant::now(), spinner, _alive: alive, finished: false }
}

fn tell_that_it_lives(text: &str, ended: &mpsc::Receiver<()>) {
    let start = Instant::now();
    while ended.recv_timeout(SIGN_OF_LIFE) == Err(RecvTimeoutError::Timeout) {
        line(format_args!("  {text} … {} s", start.elapsed().as_secs()));
    }
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
