//! What a service tells of itself: logs, figures, traces, and which request is which.

mod context;
mod metrics;
mod traces;

use std::{
    io::IsTerminal as _,
    panic::{self, PanicHookInfo},
    str::FromStr,
};

pub use context::RequestContext;
pub(crate) use context::{REQUEST_ID, TraceParent};
pub(crate) use metrics::{Metrics, put};
pub use traces::{Call, db_span};
pub(crate) use traces::{ServerSpan, Settings as TracesSettings, Traces, Waiting, with_span_links, within};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::settings::Reader;

/// What is logged unless `RUST_LOG` says otherwise. The server's own account of its workers adds nothing to ours.
fn default_filter() -> Targets {
    Targets::new().with_default(LevelFilter::INFO).with_target("actix_server", LevelFilter::WARN)
}

/// How logs look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for log collectors.
    Json,
}

impl FromStr for Format {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("not one of text, json"),
        }
    }
}

/// What is logged.
struct Filter(Targets);

impl FromStr for Filter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = "not a level (error, warn, info, debug, trace, off) or a list such as info,chassis=debug";
        text.parse().map(Self).map_err(|_| refused)
    }
}

/// What is logged and how.
#[derive(Debug)]
pub struct Settings {
    format: Format,
    filter: Targets,
}

impl Settings {
    /// Reads `LOG_FORMAT` and `RUST_LOG`.
    pub fn read(reader: &mut Reader) -> Self {
        let default = if std::io::stdout().is_terminal() { Format::Text } else { Format::Json };
        let Filter(filter) = reader.or("RUST_LOG", Filter(default_filter()));
        Self { format: reader.or("LOG_FORMAT", default), filter }
    }
}

/// Starts logging to stdout, for the whole process; a second call changes nothing.
pub fn start(settings: &Settings) {
    // The filter alone decides what is logged.
    // A line that cannot be written is lost: to report that on standard error panics where that is closed too, as with
    // `serve 2>&1 | head`, and a service outlives the reader of its log.
    let builder = tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).log_internal_errors(false);
    let filter = settings.filter.clone();
    let started = match settings.format {
        Format::Text => {
            let says = |name, value: &str| std::env::var_os(name).is_some_and(|set| set == value);
            let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty()) || says("TERM", "dumb");
            let colour = std::io::stdout().is_terminal() && !unwanted;
            builder.with_target(false).with_ansi(colour).finish().with(filter).try_init()
        }
        Format::Json => {
            let builder = builder.json().flatten_event(true).with_current_span(true).with_span_list(false);
            builder.finish().with(filter).try_init()
        }
    };
    if let Err(problem) = started {
        tracing::debug!(%problem, "logging is on already");
    }
    log_panics();
}

/// Logs where a panic was, in the span of the request that it ends, in place of lines on stderr. A message that was put
/// together at run time may have anything in it, and is left out.
pub(crate) fn log_panics() {
    panic::set_hook(Box::new(|panic: &PanicHookInfo<'_>| {
        let location = panic.location().map(ToString::to_string);
        let reason = panic.payload().downcast_ref::<&'static str>();
        tracing::error!(location, reason, "panicked");
    }));
}
