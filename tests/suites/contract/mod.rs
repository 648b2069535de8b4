//! The OpenAPI documents against the services. Schemathesis asks what a document allows and what it does not, in all
//! places and at all bounds, and what one answer leads to after another; and it holds each answer against the document.
//!
//! `TEST_LONG=yes` has it ask each service 20,000 times and more. A run is repeated by its seed: `TEST_SEED=…`.

mod clients;
mod redbot;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use harness::{Client, PATIENCE, Seeded, TOKEN, UserService, form::choose, location, not_run};
use playground::{
    folders,
    process::{self, Process},
    service::Running,
};
use serde_json::Value;
use tokio::time::{sleep, timeout};

/// How much is asked.
struct Form {
    /// Cases for each operation, and sequences of them, in a run.
    examples: u32,
    /// How often a service has to be asked, with the token and without it: there are as many rounds as that takes.
    least: u64,
    /// How long it may take.
    bound: Duration,
}

const SHORT: Form = Form { examples: 20, least: 500, bound: Duration::from_mins(10) };

/// Schemathesis ends sequences early where an answer depends on what was there before, so that many rounds find more than
/// one that is long.
const LONG: Form = Form { examples: 300, least: 20_000, bound: Duration::from_hours(1) };

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asker {
    /// Somebody without the token, who tries made-up ones.
    Stranger,
    /// Somebody with it.
    Trusted,
}

/// A service that is asked.
struct Asked<'a> {
    name: &'a str,
    running: &'a Running,
    client: &'a Client,
}

/// One run of Schemathesis.
struct Run {
    asker: Asker,
    seed: u32,
    examples: u32,
    /// The first run tries each bound of each value as well, which are the same every time.
    first: bool,
}

#[tokio::test]
async fn the_location_service_answers_as_its_document_says_whatever_it_is_asked() {
    let Some(program) = program("schemathesis") else { return };
    let places = location(Seeded::Yes).await;
    ask(&program, &Asked { name: "location", running: &places.running, client: &places.client }).await;
}

#[tokio::test]
async fn the_user_service_answers_as_its_document_says_whatever_it_is_asked() {
    let Some(program) = program("schemathesis") else { return };
    let places = location(Seeded::Yes).await;
    let users = UserService::asking(&places.running.url(""), Seeded::Yes).await;
    ask(&program, &Asked { name: "user", running: &users.running, client: &users.client }).await;
}

/// A program of `scripts/tools.sh`; none, with a note, where it is missing.
fn program(name: &str) -> Option<PathBuf> {
    let file = folders::workspace().join("target/tools/bin").join(name);
    let why = env::var("TEST_NO_CONTRACT_TOOLS").ok();
    match why.or_else(|| (!file.is_file()).then(|| format!("`scripts/tools.sh {name}` installs it"))) {
        Some(why) => {
            not_run(&format!("it takes {name}: {why}"));
            None
        }
        None => Some(file),
    }
}

/// Has Schemathesis ask the service as a stranger, and then, as that changes something, with the token.
async fn ask(program: &Path, service: &Asked<'_>) {
    let form = choose(SHORT, LONG);
    let seed = env::var("TEST_SEED").map_or_else(|_| fastrand::u32(..), |seed| seed.parse().unwrap());
    eprintln!("{}: TEST_SEED={seed} repeats this", service.name);
    let (started, mut cases) = (Instant::now(), [0, 0]);
    let rounds = async {
        for round in 0.. {
            for (asker, cases) in [Asker::Stranger, Asker::Trusted].into_iter().zip(&mut cases) {
                let seed = seed.wrapping_add(round);
                let run = Run { asker, seed, examples: form.examples, first: round == 0 };
                *cases += run.go(program, service, started).await;
            }
            if cases.iter().sum::<u64>() >= form.least {
                break;
            }
        }
    };
    timeout(form.bound, rounds).await.unwrap_or_else(|_| panic!("{}: not within {:?}", service.name, form.bound));
    let [stranger, trusted] = cases;
    let all = stranger + trusted;
    let seconds = started.elapsed().as_secs();
    eprintln!("{}: {all} cases, {stranger} without the token and {trusted} with it, in {seconds} s", service.name);
}

impl Run {
    /// Runs Schemathesis to its end, which has to be a good one; gives the number of cases.
    async fn go(&self, program: &Path, service: &Asked<'_>, started: Instant) -> u64 {
        let who = if self.asker == Asker::Trusted { "with" } else { "without" };
        let what = format!("{}, {who} the token", service.name);
        // A folder of its own, for all that it leaves behind.
        let folder = folders::playground().unwrap().join(format!("contract-{}-{who}-the-token", service.name));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let mut process = Process::start("schemathesis", self.command(program, service, &folder), PATIENCE).unwrap();
        let progress = async {
            loop {
                sleep(Duration::from_secs(10)).await;
                eprintln!(
                    "{what}: {} requests after {} s",
                    requests(service.client).await,
                    started.elapsed().as_secs()
                );
            }
        };
        let succeeded = tokio::select! {
            status = process.wait() => status.unwrap().success(),
            () = progress => false,
        };
        assert!(
            succeeded,
            "{what}, {} s after the start:\n{}",
            started.elapsed().as_secs(),
            process.log().tail(usize::MAX)
        );
        let report = serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap();
        self.assert_thorough(&report);
        report["test_cases"]["generated"].as_u64().unwrap()
    }

    fn command(&self, program: &Path, service: &Asked<'_>, folder: &Path) -> Command {
        let own = folders::workspace().join("tests/suites/contract");
        let mut command = Command::new(program);
        command.arg("--no-color").arg("--config-file").arg(own.join("schemathesis.toml"));
        command.args(["run", &service.running.url("/openapi.json"), "--checks", "all", "--mode", "all"]);
        command.args(["--phases", &self.phases().join(","), "--max-examples", &self.examples.to_string()]);
        command.args(["--seed", &self.seed.to_string(), "--report", "json", "--report-json-path", "report.json"]);
        if self.asker == Asker::Trusted {
            // The token stays as it is: whether it is checked is tried all the same, by leaving it out.
            command.args(["--header", &format!("Authorization: Bearer {TOKEN}")]);
            command.args(["--generation-with-security-parameters", "false"]);
        }
        command.env("SCHEMATHESIS_HOOKS", own.join("hooks.py")).env("RUN", self.seed.to_string());
        command.current_dir(folder);
        process::capture(&mut command);
        command
    }

    fn phases(&self) -> &'static [&'static str] {
        let all = &["examples", "coverage", "fuzzing", "stateful"];
        if self.first { all } else { &all[2..] }
    }

    /// Everything was tried in every phase; and whoever has the token brought about something with every operation.
    fn assert_thorough(&self, report: &Value) {
        assert_eq!(report["complete"], true, "{report}");
        let operations = &report["operations"];
        assert_eq!(operations["tested"], operations["total"], "{report}");
        for phase in self.phases() {
            assert_eq!(report["phases"][phase]["status"], "success", "{phase}: {report}");
        }
        let cases = report["test_cases"]["generated"].as_u64().unwrap();
        assert!(cases > 20 * operations["total"].as_u64().unwrap(), "{cases} are few: {report}");
        if self.asker == Asker::Trusted && self.first {
            let rates = report["valid_rates"].as_object().unwrap();
            for method in ["GET", "POST", "PUT", "DELETE"] {
                assert!(rates.keys().any(|operation| operation.starts_with(method)), "no {method}: {report}");
            }
            for (operation, phases) in rates {
                let accepted = phases.as_object().unwrap().values().filter_map(|phase| phase["accepted"].as_u64());
                assert!(accepted.sum::<u64>() > 0, "{operation} never succeeded: {report}");
            }
        }
    }
}

/// How many requests the service has answered.
async fn requests(client: &Client) -> u64 {
    let figures = client.get("/metrics").await.body;
    let counts = figures.lines().filter(|line| line.starts_with("http_requests_total{"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}
