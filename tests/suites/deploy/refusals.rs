//! What the tool refuses before anything is changed, with what helps.

use std::fs;

use harness::aws::{Caller, Moto};
use playground::folders;

#[tokio::test]
async fn without_a_cli_a_region_or_credentials_it_says_which_and_what_helps() {
    let Some(caller) = Caller::new() else { return };
    let empty = folders::playground().unwrap().join("no-programs");
    fs::create_dir_all(&empty).unwrap();
    let missing = caller.clone().with("PATH", &format!("{}:/usr/bin:/bin", empty.display()));
    let outcome = missing.deploy(&["status"]).await;
    // A machine may have a CLI of its own there.
    if !outcome.said.contains("Could not connect") {
        outcome.expect_refusal(&["the aws CLI is not installed", "make aws-cli"]);
    }
    let nowhere = caller.clone().without("AWS_REGION").without("AWS_DEFAULT_REGION");
    nowhere.deploy(&["status"]).await.expect_refusal(&["no region is set", "AWS_REGION="]);
    let nobody = caller.clone().without("AWS_ACCESS_KEY_ID").without("AWS_SECRET_ACCESS_KEY");
    nobody.deploy(&["status"]).await.expect_refusal(&["there are no credentials", "aws configure", "make local-aws"]);
}

#[tokio::test]
async fn where_nothing_answers_it_says_what_does_not() {
    let Some(caller) = Caller::new() else { return };
    let local = caller.deploy(&["status"]).await;
    local.expect_refusal(&["no local AWS answers at AWS_ENDPOINT_URL=http://127.0.0.1:1", "make local-aws"]);
    let elsewhere = caller.without("AWS_ENDPOINT_URL").with("AWS_REGION", "eu-nowhere-1");
    elsewhere.deploy(&["status"]).await.expect_refusal(&["the region eu-nowhere-1", "AWS_REGION"]);
}

#[tokio::test]
async fn a_region_without_the_cluster_is_named() {
    let Some(moto) = Moto::start().await else { return };
    for arguments in [&["status"][..], &["service", "location", "--tag", "first"], &["url", "user"]] {
        let outcome = moto.caller.deploy(arguments).await;
        outcome.expect_refusal(&["no stack app01-cluster in the region eu-west-1", "AWS_REGION", "make deploy"]);
    }
}

#[tokio::test]
async fn an_image_that_is_not_in_the_registry_is_not_deployed() {
    let Some(moto) = Moto::start().await else { return };
    moto.stack("cluster", &[("Cluster", "app01"), ("Registry", "registry.example.org/app01")]).await;
    moto.caller.ask(&["ecr", "create-repository", "--repository-name", "app01/location"]).await;
    let outcome = moto.caller.deploy(&["service", "location", "--tag", "never-pushed"]).await;
    outcome.expect_refusal(&["no image location:never-pushed", "make release TAG=never-pushed", "aws ecr list-images"]);
    moto.caller
        .deploy(&["service", "lokation", "--tag", "x"])
        .await
        .expect_refusal(&["SERVICE=lokation", "location, user"]);
}

#[tokio::test]
async fn an_output_that_no_stack_gives_is_named() {
    let Some(moto) = Moto::start().await else { return };
    moto.stack("cluster", &[("Cluster", "app01")]).await;
    let outcome = moto.as_aws().deploy(&["url", "location"]).await;
    outcome.expect_refusal(&["no stack gives LocationBalancerUrl", "make deploy"]);
}

#[tokio::test]
async fn a_changed_checkout_has_no_tag_of_its_own() {
    let Some(moto) = Moto::start().await else { return };
    // An untracked file is a change like any other: the image may hold it.
    let file = folders::workspace().join(format!("uncommitted-{}", std::process::id()));
    fs::write(&file, "").unwrap();
    let outcome = moto.caller.deploy(&["up"]).await;
    fs::remove_file(&file).unwrap();
    outcome.expect_refusal(&["not committed", "would lie", "uncommitted-", "TAG="]);
    let stacks = moto.caller.ask(&["cloudformation", "describe-stacks"]).await;
    assert_eq!(stacks["Stacks"].as_array().map(Vec::len), Some(0), "{stacks}");
}

#[tokio::test]
async fn parameters_that_no_stack_knows_are_refused_before_anything_is_made() {
    let Some(moto) = Moto::start().await else { return };
    let up = async |parameters: &str| moto.caller.deploy(&["up", "--tag", "first", "--parameters", parameters]).await;
    up("MultiAZ=true").await.expect_refusal(&["PARAMETERS: MultiAZ is no parameter", "MultiAz"]);
    up("MultiAz").await.expect_refusal(&["PARAMETERS: MultiAz is not of the form Name=value"]);
    let stacks = moto.caller.ask(&["cloudformation", "describe-stacks"]).await;
    assert_eq!(stacks["Stacks"].as_array().map(Vec::len), Some(0), "{stacks}");
}

#[tokio::test]
async fn without_docker_nothing_is_begun() {
    let Some(moto) = Moto::start().await else { return };
    let nowhere = moto.caller.clone().with("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let outcome = nowhere.deploy(&["up", "--tag", "first"]).await;
    outcome.expect_refusal(&["images are built with it", "Docker"]);
    let stacks = moto.caller.ask(&["cloudformation", "describe-stacks"]).await;
    assert_eq!(stacks["Stacks"].as_array().map(Vec::len), Some(0), "{stacks}");
}

#[tokio::test]
async fn nothing_is_destroyed_without_the_right_word() {
    let Some(moto) = Moto::start().await else { return };
    moto.stack("cluster", &[("Cluster", "app01")]).await;
    moto.caller.deploy(&["destroy"]).await.expect_refusal(&["no terminal to ask at", "CONFIRM=app01"]);
    moto.caller
        .deploy(&["destroy", "--confirm", "yes"])
        .await
        .expect_refusal(&["\"yes\" is not app01", "nothing was removed"]);
    let stacks = moto.caller.ask(&["cloudformation", "describe-stacks"]).await;
    assert_eq!(stacks["Stacks"][0]["StackName"], "app01-cluster");
}

#[tokio::test]
async fn following_logs_takes_version_2_of_the_cli() {
    let Some(moto) = Moto::start().await else { return };
    let version = moto.caller.aws(&["--version"]).await.said;
    if version.contains("aws-cli/1.") {
        moto.caller.deploy(&["logs", "location"]).await.expect_refusal(&["version 2", "this is version 1", "https://"]);
    }
}
