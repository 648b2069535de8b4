//! A receiver of OTLP: Rotel, a collector that says what it is sent.

use std::{collections::BTreeMap, env, net::TcpStream, process::Command};

use harness::{PATIENCE, eventually, not_run};
use playground::{
    folders, ports,
    process::{self, Process},
};

/// A collector that runs.
pub(super) struct Receiver {
    process: Process,
    port: u16,
}

/// A span, as the collector says it.
#[derive(Clone, Debug, Default)]
pub(super) struct Span {
    pub(super) resource: BTreeMap<String, String>,
    pub(super) trace: String,
    pub(super) id: String,
    pub(super) parent: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) status: String,
    pub(super) attributes: BTreeMap<String, String>,
    /// The ids of the spans that it is linked with, each with its trace's.
    pub(super) links: Vec<(String, String)>,
}

impl Span {
    /// Which service it is of.
    pub(super) fn service(&self) -> &str {
        self.resource.get("service.name").map_or("", String::as_str)
    }

    /// An attribute, or an empty string.
    pub(super) fn get(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    pub(super) fn is_child_of(&self, other: &Self) -> bool {
        self.trace == other.trace && self.parent == other.id
    }

    pub(super) fn links_to(&self, other: &Self) -> bool {
        self.links.iter().any(|(trace, id)| *trace == other.trace && *id == other.id)
    }
}

impl Receiver {
    /// Starts one; none, with a note, where it is not to be had.
    pub(super) async fn start() -> Option<Self> {
        let program = folders::workspace().join("target/tools/bin/rotel-agent");
        let missing = || (!program.is_file()).then(|| "`scripts/tools.sh rotel-agent` installs it".to_owned());
        if let Some(why) = env::var("TEST_NO_ROTEL").ok().or_else(missing) {
            not_run(&format!("it takes the collector Rotel: {why}"));
            return None;
        }
        let (http, grpc) = (ports::free().unwrap(), ports::free().unwrap());
        let mut command = Command::new(program);
        command.args([
            "start",
            "--exporter",
            "blackhole",
            "--debug-log",
            "traces",
            "--debug-log-verbosity",
            "detailed",
        ]);
        command.args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")]);
        command.args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")]);
        process::capture(&mut command);
        let process = Process::start("rotel-agent", command, PATIENCE).unwrap();
        eventually("the collector listens", async || TcpStream::connect(("127.0.0.1", http)).is_ok()).await;
        Some(Self { process, port: http })
    }

    /// What `OTEL_EXPORTER_OTLP_ENDPOINT` is to be.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// All that it was sent, once `complete` holds for it, and all that it said of it, in its own words.
    pub(super) async fn received(mut self, complete: impl Fn(&[Span]) -> bool) -> (Vec<Span>, String) {
        let so_far = async || complete(&parse(&self.process.log().lines()));
        eventually("the spans that were waited for arrive", so_far).await;
        // The last of them may have been said in part only.
        self.process.stop().await.unwrap();
        let lines = self.process.log().lines();
        (parse(&lines), lines.join("\n"))
    }
}

/// Which attributes a line is among.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Resource,
    Span,
    Links,
    Other,
}

fn parse(lines: &[String]) -> Vec<Span> {
    let (mut spans, mut resource, mut section) = (Vec::<Span>::new(), BTreeMap::new(), Section::Other);
    for line in lines {
        let line = line.trim();
        let (key, value) = line.strip_prefix("-> ").unwrap_or(line).split_once(": ").unwrap_or((line, ""));
        let key = key.trim_end().trim_end_matches(':').trim_end();
        if line.starts_with("-> ") {
            match (section, spans.last_mut()) {
                (Section::Resource, _) => drop(resource.insert(key.to_owned(), bare(value))),
                (Section::Span, Some(span)) => drop(span.attributes.insert(key.to_owned(), bare(value))),
                (Section::Links, Some(span)) if key == "Trace ID" => span.links.push((value.to_owned(), String::new())),
                (Section::Links, Some(span)) if key == "ID" => value.clone_into(&mut span.links.last_mut().unwrap().1),
                _ => {}
            }
            continue;
        }
        if line.starts_with("ResourceSpans #") {
            (resource, section) = (BTreeMap::new(), Section::Other);
        } else if line.starts_with("Span #") {
            spans.push(Span { resource: resource.clone(), ..Span::default() });
            section = Section::Other;
        } else if let Some(span) = spans.last_mut() {
            match key {
                "Trace ID" => value.clone_into(&mut span.trace),
                "Parent ID" => value.clone_into(&mut span.parent),
                "ID" => value.clone_into(&mut span.id),
                "Name" => value.clone_into(&mut span.name),
                "Kind" => value.trim_start_matches("SPAN_KIND_").clone_into(&mut span.kind),
                "Status code" => value.trim_start_matches("STATUS_CODE_").clone_into(&mut span.status),
                _ => {}
            }
        }
        section = match key {
            "Resource attributes" => Section::Resource,
            "Attributes" => Section::Span,
            "Links" => Section::Links,
            "Events" => Section::Other,
            _ => section,
        };
    }
    spans
}

/// `x` of `Str(x)`.
fn bare(value: &str) -> String {
    let inner = value.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(value).to_owned()
}
