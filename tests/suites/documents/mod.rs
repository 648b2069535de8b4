//! What the documentation says of the code and of the deployment, where it names them.

mod commands;
mod figures;
mod links;
mod runbooks;

use std::{fs, path::Path, process::Command};

use playground::folders;

fn read(file: &str) -> String {
    fs::read_to_string(folders::workspace().join(file)).unwrap()
}

/// The files of this workspace whose names end in `ending`.
fn files(ending: &str) -> Vec<String> {
    let listed = Command::new("git").args(["ls-files"]).current_dir(folders::workspace()).output().unwrap();
    let files: Vec<String> = String::from_utf8(listed.stdout).unwrap().lines().map(str::to_owned).collect();
    let found: Vec<_> = files.into_iter().filter(|file| file.ends_with(ending)).collect();
    assert!(!found.is_empty(), "no file ends in {ending}");
    found
}

/// Every second piece between backquotes, of the lines of tables.
fn quoted(document: &str) -> impl Iterator<Item = &str> {
    document.lines().filter(|line| line.starts_with('|')).flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn every_test_by_which_a_promise_is_held_is_there() {
    for document in ["SECURITY.md", "docs/compatibility.md", "docs/operations.md"] {
        let text = read(document);
        let tests: Vec<_> = quoted(&text).filter_map(|name| name.split_once("::")).collect();
        assert!(tests.len() >= 5, "{document} names no tests: {tests:?}");
        for (suite, module) in tests {
            let folder = folders::workspace().join("tests");
            let places = ["suites/", ""].map(|prefix| folder.join(format!("{prefix}{suite}")));
            let there = |place: &Path| place.join(format!("{module}.rs")).is_file() || place.join(module).is_dir();
            // A suite of one file: the name is a test's.
            let in_file = fs::read_to_string(folder.join(format!("suites/{suite}.rs")))
                .or_else(|_| fs::read_to_string(folder.join(format!("suites/{suite}/mod.rs"))))
                .is_ok_and(|text| text.contains(&format!("fn {module}(")));
            assert!(in_file || places.iter().any(|place| there(place)), "{document}: there is no {suite}::{module}");
        }
    }
}

#[test]
fn every_alarm_is_explained() {
    let (alarms, operations) = (read("deploy/stacks/alarms.yaml"), read("docs/operations.md"));
    let lines: Vec<_> = alarms.lines().collect();
    let named = lines.windows(2).filter(|pair| pair[1].trim() == "Type: AWS::CloudWatch::Alarm").map(|pair| {
        // `"${Which}Slow":` stands for the alarm of each service.
        pair[0].trim_matches(|character: char| !character.is_ascii_alphanumeric()).trim_start_matches("Which}")
    });
    let named: Vec<_> = named.collect();
    assert!(named.len() >= 8, "{named:?}");
    for alarm in named {
        let explained = operations.lines().any(|line| line.starts_with('|') && line.contains(&format!("{alarm}`")));
        assert!(explained, "docs/operations.md does not say what to do about {alarm}");
    }
}
