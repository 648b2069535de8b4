//! What is done on AWS and not on a local one, on an API that keeps what it is told: container instances, and the way in
//! which everything is removed.

use harness::aws::Moto;
use serde_json::Value;

use super::scaling::{OUTPUTS, services};

fn list<'a>(answer: &'a Value, pointer: &str) -> &'a [Value] {
    answer.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[tokio::test]
async fn four_protected_instances_without_the_old_metadata_service_stand_in_two_zones() {
    let Some(moto) = Moto::start().await else { return };
    moto.real_stack("network").await;
    // As the cluster's stack exports it.
    let exports = r#"{"Resources": {"Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "app01"}}},
        "Outputs": {"Cluster": {"Value": "app01", "Export": {"Name": "app01-cluster-Cluster"}}}}"#;
    moto.caller
        .ask(&["cloudformation", "create-stack", "--stack-name", "app01-cluster", "--template-body", exports])
        .await;
    moto.real_stack("capacity").await;
    let groups = moto.caller.ask(&["autoscaling", "describe-auto-scaling-groups"]).await;
    let group = &groups["AutoScalingGroups"][0];
    assert_eq!((&group["MinSize"], &group["DesiredCapacity"], &group["MaxSize"]), (&2.into(), &4.into(), &8.into()));
    let instances = list(group, "/Instances");
    assert_eq!(instances.len(), 4);
    assert!(instances.iter().all(|instance| instance["ProtectedFromScaleIn"] == true), "{instances:?}");
    let template = group.pointer("/LaunchTemplate/LaunchTemplateId").and_then(Value::as_str).unwrap();
    let versions =
        moto.caller.ask(&["ec2", "describe-launch-template-versions", "--launch-template-id", template]).await;
    let metadata = &versions["LaunchTemplateVersions"][0]["LaunchTemplateData"]["MetadataOptions"];
    assert_eq!((&metadata["HttpTokens"], &metadata["HttpPutResponseHopLimit"]), (&"required".into(), &1.into()));
    let subnets = group["VPCZoneIdentifier"].as_str().unwrap();
    assert_eq!(subnets.split(',').count(), 2, "{subnets}");
}

#[tokio::test]
async fn without_instances_the_status_says_that_no_task_can_run() {
    let Some(moto) = Moto::start().await else { return };
    services(&moto).await;
    let vpcs = moto.caller.ask(&["ec2", "describe-vpcs"]).await;
    let vpc = vpcs["Vpcs"][0]["VpcId"].as_str().unwrap();
    let mut outputs = OUTPUTS.to_vec();
    let mut groups = Vec::new();
    for service in ["location", "user"] {
        let create =
            ["elbv2", "create-target-group", "--name", service, "--protocol", "HTTP", "--port", "80", "--vpc-id", vpc];
        let group = moto.caller.ask(&create).await;
        groups.push(group["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned());
    }
    outputs.extend([("LocationTargetGroupArn", &*groups[0]), ("UserTargetGroupArn", &*groups[1])]);
    outputs.extend([("LocationBalancerUrl", "http://127.0.0.1:1"), ("UserBalancerUrl", "http://127.0.0.1:1")]);
    moto.stack("cluster", &outputs).await;
    let status = moto.as_aws().deploy(&["status"]).await;
    status.expect_success(&["app01-capacity       is not there", "there are none, so no task can run"]);
    status.expect_success(&["describe-target-health", "http://127.0.0.1:1 does not answer"]);
}

#[tokio::test]
async fn what_would_start_tasks_goes_first_and_data_go_only_when_that_is_said() {
    let Some(moto) = Moto::start().await else { return };
    moto.stack("network", &[]).await;
    moto.stack("registry", &[]).await;
    moto.stack("secrets", &[]).await;
    moto.stack("database", &[("DatabaseHost", "db.example.org")]).await;
    moto.stack("cluster", &OUTPUTS).await;
    moto.stack("capacity", &[("AutoScalingGroup", "one-that-is-gone-already")]).await;
    moto.stack("alarms", &[]).await;
    services(&moto).await;
    let database = ["rds", "create-db-instance", "--db-instance-identifier", "app01-database", "--engine", "mysql"];
    let protected = ["--db-instance-class", "db.t4g.medium", "--allocated-storage", "20", "--deletion-protection"];
    moto.caller
        .ask(
            &[&database[..], &protected, &["--master-username", "admin", "--master-user-password", "x1234567"]]
                .concat(),
        )
        .await;
    let aws = moto.as_aws();
    aws.deploy(&["schedule"]).await.expect_success(&[]);
    aws.deploy(&["autoscale"]).await.expect_success(&[]);

    let destroyed = aws.deploy(&["destroy", "--confirm", "app01"]).await;
    destroyed.expect_success(&[
        "delete-schedule",
        "deregister-scalable-target",
        "delete-auto-scaling-group",
        "app01 is gone",
    ]);
    assert!(list(&moto.caller.ask(&["scheduler", "list-schedules"]).await, "/Schedules").is_empty());
    let targets = ["application-autoscaling", "describe-scalable-targets", "--service-namespace", "ecs"];
    assert!(list(&moto.caller.ask(&targets).await, "/ScalableTargets").is_empty());
    let services = ["ecs", "describe-services", "--cluster", "app01", "--services", "location", "user"];
    let services = moto.caller.ask(&services).await;
    assert!(list(&services, "/services").iter().all(|service| service["status"] != "ACTIVE"), "{services}");
    let names = async || {
        let stacks = moto.caller.ask(&["cloudformation", "describe-stacks"]).await;
        let mut names: Vec<String> =
            list(&stacks, "/Stacks").iter().map(|stack| stack["StackName"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names().await, ["app01-database", "app01-network", "app01-registry", "app01-secrets"]);
    let described = ["rds", "describe-db-instances", "--db-instance-identifier", "app01-database"];
    let protection = async || moto.caller.ask(&described).await["DBInstances"][0]["DeletionProtection"].clone();
    assert_eq!(protection().await, true);

    // Once more, with the data.
    aws.deploy(&["destroy", "--confirm", "app01", "--data", "remove"]).await.expect_success(&["DATA WILL BE GONE"]);
    assert_eq!(names().await, Vec::<String>::new());
    assert_eq!(protection().await, false, "else CloudFormation could not remove it");
}
