//! The dashboard that Prometheus serves, that of CloudWatch, and what the documentation says of both: the same figures
//! under the same titles, in the same order, where both can know them.

use std::{collections::BTreeSet, fs};

use playground::folders;
use serde_json::Value;

const PANELS: &str = "docker/prometheus/dashboard/panels.json";
const RULES: &str = "docker/prometheus/rules.yml";
const STACK: &str = "deploy/stacks/alarms.yaml";
const DOCUMENT: &str = "docs/observability.md";

/// A chart.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) series: Vec<Series>,
}

/// A line of a chart.
#[derive(Debug, PartialEq)]
pub(crate) struct Series {
    pub(crate) label: String,
    /// In PromQL.
    pub(crate) query: String,
}

fn read(file: &str) -> String {
    fs::read_to_string(folders::workspace().join(file)).unwrap_or_else(|problem| panic!("{file}: {problem}"))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is not in {value}"))
}

/// Those of Prometheus's dashboard, as its page shows them: service by service, then what is of no service.
pub(crate) fn panels() -> Vec<Panel> {
    let definitions: Value = serde_json::from_str(&read(PANELS)).expect(PANELS);
    let (of_services, others): (Vec<_>, Vec<_>) = definitions["panels"]
        .as_array()
        .unwrap()
        .iter()
        .partition(|panel| text(panel, "title").starts_with("$service"));
    let services = definitions["services"].as_array().unwrap().iter().map(|service| service.as_str().unwrap());
    let panel = |definition: &Value, service: &str| Panel {
        title: text(definition, "title").replace("$service", service),
        series: definition["series"]
            .as_array()
            .unwrap()
            .iter()
            .map(|series| Series {
                label: text(series, "label").to_owned(),
                query: text(series, "query").replace("$service", service),
            })
            .collect(),
    };
    let of_services = services.flat_map(|service| of_services.iter().map(move |definition| panel(definition, service)));
    of_services.chain(others.iter().map(|definition| panel(definition, ""))).collect()
}

/// Titles of CloudWatch's dashboard, in the order in which they are read, each with the labels of its lines.
fn cloud_watch() -> Vec<(String, Vec<String>)> {
    let stack = read(STACK);
    let (_, body) = stack.split_once("DashboardBody: !Sub\n        - |\n").expect("a dashboard");
    let (body, _) = body.split_once("\n        - LocationBalancer:").expect("its values");
    let body: Value = serde_json::from_str(body).expect("JSON");
    let mut widgets = body["widgets"].as_array().unwrap().clone();
    widgets.sort_by_key(|widget| (widget["y"].as_u64(), widget["x"].as_u64()));
    let label = |metric: &Value| text(metric.as_array().unwrap().last().unwrap(), "label").to_owned();
    widgets
        .iter()
        .map(|widget| {
            let properties = &widget["properties"];
            let lines = properties["metrics"].as_array().unwrap().iter().map(label).collect();
            (text(properties, "title").to_owned(), lines)
        })
        .collect()
}

/// The first columns of the documentation's table under `heading`, without backquotes.
fn table(heading: &str) -> Vec<[String; 3]> {
    let document = read(DOCUMENT);
    let (_, rest) = document.split_once(&format!("| {heading} |")).unwrap_or_else(|| panic!("no table {heading}"));
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    rows.map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(|cell| cell.trim().replace('`', ""));
        std::array::from_fn(|_| cells.next().unwrap_or_default())
    })
    .collect()
}

#[test]
fn both_dashboards_have_the_same_titles_and_lines_in_the_same_order_where_both_can() {
    let (ours, theirs) = (panels(), cloud_watch());
    let titles = |of: &[String], others: &[String]| -> Vec<String> {
        of.iter().filter(|title| others.contains(title)).cloned().collect()
    };
    let our_titles: Vec<_> = ours.iter().map(|panel| panel.title.clone()).collect();
    let their_titles: Vec<_> = theirs.iter().map(|(title, _)| title.clone()).collect();
    let common = titles(&our_titles, &their_titles);
    assert!(common.len() >= 9, "{common:?}");
    assert_eq!(common, titles(&their_titles, &our_titles), "another order");
    for (title, lines) in &theirs {
        let Some(panel) = ours.iter().find(|panel| panel.title == *title) else { continue };
        let labels: Vec<_> = panel.series.iter().map(|series| &series.label).collect();
        assert_eq!(labels, lines.iter().collect::<Vec<_>>(), "{title}");
    }

    // What only one of them has is said, with the reason.
    let table = table("figures");
    for (column, titles) in [(1, &our_titles), (2, &their_titles)] {
        let said: BTreeSet<_> = table.iter().filter(|row| row[column] == "yes").map(|row| row[0].clone()).collect();
        let there: BTreeSet<_> = titles.iter().map(|title| title.replacen("location:", "…:", 1)).collect();
        let there: BTreeSet<_> = there.into_iter().filter(|title| !title.starts_with("user:")).collect();
        assert_eq!(said, there, "{DOCUMENT} says otherwise of column {column}");
    }
}

#[test]
fn the_bounds_of_a_task_are_those_by_which_the_dashboard_divides() {
    let compose = read("docker/compose.yaml");
    assert!(compose.contains(r#"limits: {cpus: "0.5", memory: 1024M}"#), "then change {PANELS} too");
    let panels = panels();
    for service in ["location", "user"] {
        let title = format!("{service}: CPU and memory in %");
        let panel = panels.iter().find(|panel| panel.title == title).expect("a panel");
        assert!(panel.series[0].query.ends_with("/ 0.5") && panel.series[1].query.ends_with("/ (1024 * 2^20)"));
    }
}

#[test]
fn every_alarm_is_a_rule_or_the_documentation_says_why_not() {
    let (stack, rules) = (read(STACK), read(RULES));
    let lines: Vec<_> = stack.lines().collect();
    let alarms: BTreeSet<_> = lines
        .windows(2)
        .filter(|pair| pair[1].trim() == "Type: AWS::CloudWatch::Alarm")
        // `"${Which}Slow":` stands for the alarm of each service.
        .map(|pair| pair[0].trim_matches(|c: char| !c.is_ascii_alphanumeric()).trim_start_matches("Which}").to_owned())
        .collect();
    let rules: BTreeSet<_> =
        rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect();
    assert!(rules.len() >= 5 && rules.is_subset(&alarms), "{rules:?} are not all of {alarms:?}");
    let explained: BTreeSet<_> = table("alarm that is no rule").into_iter().map(|[name, ..]| name).collect();
    assert_eq!(explained, alarms.difference(&rules).cloned().collect(), "{DOCUMENT} says otherwise");
}

/// That the panels' figures are there is tried on the topology: so are the rules', which would be silent without.
#[test]
fn rules_are_made_of_figures_that_the_dashboard_shows() {
    let shown: String = panels().iter().flat_map(|panel| &panel.series).map(|series| series.query.as_str()).collect();
    let rules = read(RULES);
    let names = rules.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let names: BTreeSet<_> =
        names.filter(|name| ["haproxy_", "http_", "db_"].iter().any(|prefix| name.starts_with(prefix))).collect();
    assert!(names.len() >= 5, "{names:?}");
    for name in names {
        assert!(shown.contains(name), "{name} is on no panel");
    }
}

#[test]
fn the_page_takes_nothing_from_elsewhere() {
    let page = read("docker/prometheus/dashboard/index.html").replace("http://www.w3.org/2000/svg", "");
    assert!(page.contains("<script>"), "{page}");
    for elsewhere in ["//www", "http:", "https:", "src=", "@import"] {
        assert!(!page.contains(elsewhere), "{elsewhere}");
    }
}
