//! The shape of every request, by the validation of the aws CLI itself: what is valid goes as far as the endpoint, where
//! nobody listens.

use std::{collections::BTreeSet, fs};

use harness::aws::Caller;
use playground::folders;
use serde_json::Value;

/// What a definition becomes a request of, by its folder.
const CALLS: [(&str, &[&str]); 4] = [
    ("tasks", &["ecs", "register-task-definition"]),
    ("services", &["ecs", "create-service"]),
    ("schedules", &["scheduler", "create-schedule"]),
    ("scaling", &["application-autoscaling", "register-scalable-target"]),
];

/// Fails the test unless the CLI takes `input` for `call`.
async fn expect_valid(caller: &Caller, call: &[&str], file: &str, input: &Value) {
    let outcome = caller.aws(&[call, &["--cli-input-json", &input.to_string()]].concat()).await;
    let valid = outcome.said.contains("Could not connect to the endpoint URL");
    assert!(valid, "{file} is no input for aws {}: {}", call.join(" "), outcome.said);
}

#[tokio::test]
async fn every_definition_is_a_valid_request() {
    let Some(caller) = Caller::new() else { return };
    let mut seen = BTreeSet::new();
    for (folder, call) in CALLS {
        for entry in fs::read_dir(folders::workspace().join("deploy").join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let file = folders::shown(&path);
            let definition: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            if folder == "scaling" {
                expect_valid(&caller, call, &file, &definition["target"]).await;
                for policy in definition["policies"].as_array().unwrap() {
                    expect_valid(&caller, &["application-autoscaling", "put-scaling-policy"], &file, policy).await;
                }
            } else {
                expect_valid(&caller, call, &file, &definition).await;
            }
            seen.insert(folder);
        }
    }
    assert_eq!(seen.len(), CALLS.len());
}

#[tokio::test]
async fn a_misspelt_field_is_not_valid() {
    let Some(caller) = Caller::new() else { return };
    let file = folders::workspace().join("deploy/tasks/location.json");
    let misspelt = fs::read_to_string(file).unwrap().replace("stopTimeout", "stopTimeOut");
    let arguments = ["ecs", "register-task-definition", "--cli-input-json", &misspelt];
    caller.aws(&arguments).await.expect_refusal(&["Unknown parameter in containerDefinitions[0]", "stopTimeOut"]);
}
