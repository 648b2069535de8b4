//! Figures that a document repeats are those of the file that decides them.

use std::process::Command;

use harness::docker::finish;
use playground::folders;
use serde_json::Value;

use super::read;

const README: &str = "README.md";
const DECISIONS: &str = "docs/decisions.md";
const TUTORIAL: &str = "docs/tutorial.md";
const OBSERVABILITY: &str = "docs/observability.md";
const OPERATIONS: &str = "docs/operations.md";

const TASK: &str = "deploy/tasks/location.json";
const SERVICE: &str = "deploy/services/location.json";
const SCALING: &str = "deploy/scaling/location.json";
const CAPACITY: &str = "deploy/stacks/capacity.yaml";
const SETTINGS: &str = ".env.example";

/// A document, what it says with `{}` for each figure, and where these are: a file, and the words before the figure.
type Held<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

const HELD: [Held<'_>; 24] = [
    (README, "{} CPU units and {} MB, and nothing more", &[(TASK, "\"cpu\":"), (TASK, "\"memory\":")]),
    (DECISIONS, "`DRAIN_DELAY` ({} s) of serving on", &[(SETTINGS, "DRAIN_DELAY=")]),
    (DECISIONS, "`SHUTDOWN_TIMEOUT` ({} s) for", &[(SETTINGS, "SHUTDOWN_TIMEOUT=")]),
    (DECISIONS, "below ECS's {} s", &[(TASK, "\"stopTimeout\":")]),
    (
        DECISIONS,
        "Keep-alive ({} s) is longer than a balancer's idle timeout ({} s)",
        &[
            ("services/chassis/src/http/limits.rs", "KEEP_ALIVE: Duration"),
            ("deploy/stacks/cluster.yaml", "idle_timeout.timeout_seconds"),
        ],
    ),
    (
        DECISIONS,
        "in use for longer than {} seconds",
        &[("services/chassis/src/database/task.rs", "lock_wait: Duration")],
    ),
    (README, "# {} to {} tasks of each service", &[(SCALING, "MinCapacity"), (SCALING, "MaxCapacity")]),
    (README, "`rust:{}-slim-bookworm`", &[("docker/build/Dockerfile", "RUST_IMAGE=rust:")]),
    (TUTORIAL, "| `cpu` | {} |", &[(TASK, "\"cpu\":")]),
    (TUTORIAL, "| `memory` | {} |", &[(TASK, "\"memory\":")]),
    (TUTORIAL, "| `stopTimeout` | | {} s,", &[(TASK, "\"stopTimeout\":")]),
    (TUTORIAL, "| {} s in which the balancer's", &[(SERVICE, "healthCheckGracePeriodSeconds")]),
    (TUTORIAL, "| {} % and {} % |", &[(SERVICE, "minimumHealthyPercent"), (SERVICE, "maximumPercent")]),
    (TUTORIAL, "from {} to {}, by two targets", &[(SCALING, "MinCapacity"), (SCALING, "MaxCapacity")]),
    (TUTORIAL, "One is {} % CPU", &[(SCALING, "\"PolicyName\": \"cpu\"")]),
    (TUTORIAL, "The other is {} requests", &[(SCALING, "\"PolicyName\": \"requests\"")]),
    (TUTORIAL, "some time within {} minutes", &[("deploy/schedules/location-purge.json", "MaximumWindowInMinutes")]),
    (TUTORIAL, "adds instances, from {} to {}.", &[(CAPACITY, "MinSize"), (CAPACITY, "MaxSize")]),
    (
        TUTORIAL,
        "For {} s it serves on, for whoever has not noticed yet; then it ends what is under way, within {} s. ECS kills \
         after {} s.",
        &[(SETTINGS, "DRAIN_DELAY="), (SETTINGS, "SHUTDOWN_TIMEOUT="), (TASK, "\"stopTimeout\":")],
    ),
    (OBSERVABILITY, "both balancers every {} s", &[("docker/prometheus/prometheus.yml", "scrape_interval:")]),
    (OBSERVABILITY, "keeps {} hours", &[("docker/compose.yaml", "retention.time=")]),
    (
        OBSERVABILITY,
        "as {} waited for each connection",
        &[("services/chassis/src/database/mod.rs", "WAITING_PER_CONNECTION: usize")],
    ),
    (OBSERVABILITY, "the last probe, every {} s", &[("services/chassis/src/health.rs", "PROBE_INTERVAL: Duration")]),
    (OPERATIONS, "RDS keeps {} days", &[("deploy/stacks/database.yaml", "BackupRetentionPeriod:")]),
];

/// The figure that comes first after `words`, in `file`.
fn figure(file: &str, words: &str) -> String {
    let text = read(file);
    let (_, after) = text.split_once(words).unwrap_or_else(|| panic!("{file} does not say {words:?}"));
    let after = after.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let figure: String = after.chars().take_while(|letter| letter.is_ascii_digit() || "._".contains(*letter)).collect();
    figure.trim_end_matches('.').replace('_', "")
}

/// A document in one line, without the commas of thousands.
fn flat(document: &str) -> String {
    let words: Vec<_> = document.split_whitespace().collect();
    let letters: Vec<char> = words.join(" ").chars().collect();
    let is_digit = |index: usize| letters.get(index).is_some_and(char::is_ascii_digit);
    let of_thousands = |index: usize| letters[index] == ',' && index > 0 && is_digit(index - 1) && is_digit(index + 1);
    (0..letters.len()).filter(|index| !of_thousands(*index)).map(|index| letters[index]).collect()
}

#[test]
fn figures_are_those_of_the_files_that_decide_them() {
    let mut wrong = Vec::new();
    for (document, phrase, sources) in HELD {
        let said =
            sources.iter().fold(phrase.to_owned(), |said, (file, words)| said.replacen("{}", &figure(file, words), 1));
        if !flat(&read(document)).contains(&said) {
            wrong.push(format!("{document} should say: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn the_number_of_checks_is_the_one_that_check_deploy_counts() {
    let mut check = Command::new(folders::binaries().unwrap().join("deploy"));
    check.arg("check").current_dir(folders::workspace());
    let (_, said) = finish("deploy check", check).await;
    let count = said.split("in all of ").nth(1).unwrap_or_default().split(' ').next().unwrap_or_default();
    assert!(!count.is_empty(), "{said}");
    assert!(flat(&read(README)).contains(&format!("Each of its {count} checks")), "README.md: there are {count}");
}

/// When an alarm rings, as `≥ 10, 3 of 5 min`.
fn rings(alarm: &Value) -> String {
    let properties = &alarm["Properties"];
    let number = |field: &str| properties[field].as_u64();
    let period = number("Period").or_else(|| properties["Metrics"][1]["MetricStat"]["Period"].as_u64());
    assert_eq!(period, Some(60), "{alarm}");
    let comparison = match properties["ComparisonOperator"].as_str() {
        Some("GreaterThanOrEqualToThreshold") => "≥",
        Some("GreaterThanThreshold") => ">",
        Some("LessThanThreshold") => "<",
        other => panic!("{other:?}: {alarm}"),
    };
    let periods = number("EvaluationPeriods").unwrap();
    let crossed = number("DatapointsToAlarm").unwrap_or(periods);
    format!("{comparison} {}, {crossed} of {periods} min", number("Threshold").unwrap())
}

#[test]
fn alarms_ring_when_the_documents_say_so() {
    let stack: Value = serde_saphyr::from_str(&read("deploy/stacks/alarms.yaml")).unwrap();
    let resources = stack["Resources"].as_object().unwrap();
    let of_each_service = resources["Fn::ForEach::Services"][2].as_object().unwrap();
    let alarms =
        resources.iter().chain(of_each_service).filter(|(_, resource)| resource["Type"] == "AWS::CloudWatch::Alarm");
    let operations = read(OPERATIONS);
    let mut count = 0;
    for (name, alarm) in alarms {
        let row = format!("| `{}` | {} |", name.replace("${Which}", "…"), rings(alarm));
        assert!(operations.contains(&row), "{OPERATIONS} has no row that begins with: {row}");
        count += 1;
    }
    assert_eq!(count, 8);
    assert_eq!(rings(&of_each_service["${Which}Unhealthy"]), "< 1, 2 of 2 min");
    for document in [OPERATIONS, TUTORIAL] {
        let said = flat(&read(document));
        assert!(said.contains("no task is ready") || said.contains("no task that is ready"), "{document}");
    }
}
