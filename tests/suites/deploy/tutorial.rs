//! The tutorial: what it leaves to AWS is valid, and what it runs is seen to fail.

use std::fs;

use harness::aws::Caller;
use playground::folders;

const DOCUMENT: &str = "docs/tutorial.md";

#[tokio::test]
async fn what_is_for_aws_only_is_understood_by_the_cli() {
    let Some(caller) = Caller::new() else { return };
    let listed = caller.deploy(&["tutorial", "--aws-only", DOCUMENT]).await;
    listed.expect_success(&[]);
    let makefile = fs::read_to_string(folders::workspace().join("Makefile")).unwrap();
    let mut commands = 0;
    for command in listed.said.lines().filter(|line| !line.trim().is_empty()) {
        commands += 1;
        let words: Vec<&str> = command.split_whitespace().map(|word| word.trim_matches('\'')).collect();
        match words[..] {
            ["make", target, ..] => {
                assert!(makefile.lines().any(|line| line.starts_with(&format!("{target}:"))), "no target: {command}");
            }
            ["aws", "configure", "set", ..] => {
                caller.clone().with("AWS_CONFIG_FILE", "/dev/null").aws(&words[1..]).await.expect_success(&[]);
            }
            // What is valid goes as far as the endpoint, where nobody listens.
            ["aws", ..] => caller.aws(&words[1..]).await.expect_refusal(&["Could not connect to the endpoint URL"]),
            _ => panic!("neither aws nor make: {command}"),
        }
    }
    assert!(commands > 0);
    let invalid = caller.aws(&["ecs", "run-task", "--cluster", "app01", "--task-definitions", "x"]).await;
    assert!(!invalid.success && !invalid.said.contains("Could not connect"), "{}", invalid.said);
}

#[tokio::test]
async fn a_block_that_fails_ends_the_tutorial_with_its_line() {
    let Some(caller) = Caller::new() else { return };
    let document = folders::playground().unwrap().join(format!("failing-{}.md", std::process::id()));
    let text = "# T\n\n## One\n\nKeep it.\n\n```sh\nexport kept=1\n```\n\nUse it.\n\n```sh\ntest \"$kept\" -eq 1\nfalse\ntrue\n```\n\nNever.\n\n```sh\necho not reached\n```\n";
    fs::write(&document, text).unwrap();
    let outcome = caller.deploy(&["tutorial", &document.to_string_lossy()]).await;
    fs::remove_file(&document).unwrap();
    outcome.expect_refusal(&["[1/3] Keep it.", "line 13: the commands under \"One\" failed"]);
    assert!(!outcome.said.contains("not reached"), "{}", outcome.said);
}
