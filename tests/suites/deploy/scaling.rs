//! Schedules and autoscaling, on an API that keeps what it is told: nothing here runs a task or counts a request.

use harness::aws::Moto;
use serde_json::Value;

pub(super) const OUTPUTS: [(&str, &str); 7] = [
    ("Cluster", "app01"),
    ("ClusterArn", "arn:aws:ecs:eu-west-1:123456789012:cluster/app01"),
    ("SchedulerRoleArn", "arn:aws:iam::123456789012:role/app01-scheduler"),
    ("LocationBalancerName", "app/app01-location/50dc6c495c0c9188"),
    ("LocationTargetGroupName", "targetgroup/app01-location/73e2d6bc24d8a067"),
    ("UserBalancerName", "app/app01-user/60dc6c495c0c9188"),
    ("UserTargetGroupName", "targetgroup/app01-user/83e2d6bc24d8a067"),
];

/// Both services, of which moto runs nothing. It lets services be scaled that it knows.
pub(super) async fn services(moto: &Moto) {
    moto.caller.ask(&["ecs", "create-cluster", "--cluster-name", "app01"]).await;
    let definition = r#"[{"name": "x", "image": "x", "memory": 4}]"#;
    for service in ["location", "user"] {
        let register = ["ecs", "register-task-definition", "--family", service, "--container-definitions", definition];
        moto.caller.ask(&register).await;
        let create =
            ["ecs", "create-service", "--cluster", "app01", "--service-name", service, "--task-definition", service];
        moto.caller.ask(&create).await;
    }
}

#[tokio::test]
async fn every_service_is_purged_at_night_and_scheduling_again_changes_nothing() {
    let Some(moto) = Moto::start().await else { return };
    moto.stack("cluster", &OUTPUTS).await;
    for call in ["create-schedule", "update-schedule"] {
        moto.caller.deploy(&["schedule"]).await.expect_success(&[call, "app01-location-purge", "app01-user-purge"]);
    }
    let listed = moto.caller.ask(&["scheduler", "list-schedules"]).await;
    assert_eq!(listed["Schedules"].as_array().map(Vec::len), Some(2), "{listed}");
    let schedule = moto.caller.ask(&["scheduler", "get-schedule", "--name", "app01-location-purge"]).await;
    assert_eq!(schedule["State"], "ENABLED");
    let input: Value = serde_json::from_str(schedule["Target"]["Input"].as_str().unwrap()).unwrap();
    assert_eq!(input["containerOverrides"][0]["command"], serde_json::json!(["purge"]));
    assert_eq!(schedule["Target"]["RoleArn"], OUTPUTS[2].1);
}

#[tokio::test]
async fn the_number_of_tasks_follows_cpu_and_requests_within_limits() {
    let Some(moto) = Moto::start().await else { return };
    moto.stack("cluster", &OUTPUTS).await;
    services(&moto).await;
    for _ in 0..2 {
        moto.caller.deploy(&["autoscale"]).await.expect_success(&["service/app01/location: 2 to 8 tasks"]);
    }
    let of_ecs = ["--service-namespace", "ecs"];
    let targets =
        moto.caller.ask(&[&["application-autoscaling", "describe-scalable-targets"], &of_ecs[..]].concat()).await;
    let targets = targets["ScalableTargets"].as_array().unwrap();
    assert_eq!(targets.len(), 2);
    assert!(targets.iter().all(|target| target["MinCapacity"] == 2 && target["MaxCapacity"] == 8), "{targets:?}");
    let policies =
        moto.caller.ask(&[&["application-autoscaling", "describe-scaling-policies"], &of_ecs[..]].concat()).await;
    let policies = policies["ScalingPolicies"].as_array().unwrap();
    assert_eq!(policies.len(), 4, "{policies:?}");
    let label = policies.iter().find_map(|policy| {
        let metric = &policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"];
        (policy["ResourceId"] == "service/app01/location").then(|| metric["ResourceLabel"].as_str()).flatten()
    });
    assert_eq!(label, Some(&*format!("{}/{}", OUTPUTS[3].1, OUTPUTS[4].1)));
}
