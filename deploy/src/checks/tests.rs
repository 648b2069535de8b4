//! Each check takes the files as they are, with one value changed, and reports it.

use std::sync::LazyLock;

use super::{
    sources::{COMPOSE, HAPROXY, SWARM},
    *,
};

const TASK: &str = "deploy/tasks/location.json";
const USER_TASK: &str = "deploy/tasks/user.json";
const PROVISION: &str = "deploy/tasks/location-database.json";
const SERVICE: &str = "deploy/services/location.json";
const SCALING: &str = "deploy/scaling/user.json";
const SCHEDULE: &str = "deploy/schedules/user-purge.json";
const CLUSTER: &str = "deploy/stacks/cluster.yaml";
const NETWORK: &str = "deploy/stacks/network.yaml";
const DATABASE: &str = "deploy/stacks/database.yaml";
const CAPACITY: &str = "deploy/stacks/capacity.yaml";
const SECRETS: &str = "deploy/stacks/secrets.yaml";
const ALARMS: &str = "deploy/stacks/alarms.yaml";

fn sources() -> Sources {
    static SOURCES: LazyLock<Sources> = LazyLock::new(|| {
        Sources::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))).expect("the files of this workspace")
    });
    SOURCES.clone()
}

/// Asserts for each (file, text, other text, message) that the message is reported where the file has the other text.
fn assert_reported(mutations: &[(&str, &str, &str, &str)]) {
    for (file, from, to, message) in mutations {
        let mut sources = sources();
        sources.change(file, from, to);
        let reported = violations(&sources);
        let found = reported.iter().any(|violation| violation.contains(message));
        assert!(found, "{file} with {to:?} for {from:?} is not reported as {message:?} but {reported:#?}");
    }
}

#[test]
fn the_files_of_this_workspace_violate_no_check() {
    assert_eq!(violations(&sources()), Vec::<String>::new());
}

#[test]
fn all_violations_are_reported_at_once_with_file_value_and_remedy() {
    let mut sources = sources();
    sources.change(TASK, "\"stopTimeout\": 30", "\"stopTimeout\": 20");
    sources.change(SERVICE, "\"containerPort\": 8081", "\"containerPort\": 80");
    let expected = [
        "deploy/services/location.json: containerPort is 80, and the location service listens on 8081: make it 8081",
        "deploy/tasks/location.json: stopTimeout is 20s, and DRAIN_DELAY + SHUTDOWN_TIMEOUT is 25s: make the first more \
         than the second",
    ];
    assert_eq!(violations(&sources), expected);
}

#[test]
fn requests_that_find_no_way_are_reported() {
    let listener = |port: &str| format!("LoadBalancerArn: !Ref LocationBalancer\n      Port: {port}");
    let rule = |peer: &str| format!("ToPort: 3306\n          SourceSecurityGroupId: !Ref {peer}");
    assert_reported(&[
        (TASK, "\"containerPort\": 8081", "\"containerPort\": 80", "location.json: containerPort is 80, and the"),
        (SERVICE, "\"containerPort\": 8081", "\"containerPort\": 80", "services/location.json: containerPort is 80"),
        (TASK, "\"hostPort\": 0", "\"hostPort\": 80", "hostPort is 80"),
        // The value that the task sets counts, not the code's default.
        (
            TASK,
            "\"environment\": [",
            r#""environment": [{ "name": "PORT", "value": "80" },"#,
            "containerPort is 8081, and the location service listens on 80",
        ),
        (CLUSTER, &listener("8081"), &listener("80"), "Port of LocationListener is 80"),
        (CLUSTER, "TargetGroupArn: !Ref UserTargetGroup", "TargetGroupArn: !Ref X", "from no listener with a balancer"),
        (
            NETWORK,
            "FromPort: 32768",
            "FromPort: 49153",
            "SecurityGroupIngress of InstanceSecurityGroup has no rule for",
        ),
        (NETWORK, "FromPort: 8081", "FromPort: 8082", "no rule for CallersCidr with the ports 8081 to 8081"),
        (NETWORK, &rule("MemberSecurityGroup"), &rule("X"), "no rule for MemberSecurityGroup with the ports 3306"),
        (CLUSTER, "http://location:8081", "http://places:8081", "the default of LocationUrl is http://places:8081"),
        (SERVICE, "\"enabled\": true", "\"enabled\": false", "serviceConnectConfiguration is not enabled"),
    ]);
}

#[test]
fn times_that_lose_requests_are_reported() {
    let grace = |time: &str| format!("together.\n  stop_grace_period: {time}");
    let idle = |time: &str| format!("idle_timeout.timeout_seconds, Value: \"{time}\"");
    let delay = |time: &str| format!("deregistration_delay.timeout_seconds, Value: \"{time}\"");
    assert_reported(&[
        (TASK, "\"stopTimeout\": 30,", "", "stopTimeout is not set"),
        (
            TASK,
            "\"environment\": [",
            r#""environment": [{ "name": "DRAIN_DELAY", "value": "20s" },"#,
            "stopTimeout is 30s, and DRAIN_DELAY + SHUTDOWN_TIMEOUT is 40s",
        ),
        (COMPOSE, &grace("30s"), &grace("20s"), "compose.yaml: stop_grace_period of location is 20s"),
        (SWARM, &grace("30s"), &grace("20s"), "stack.yaml: stop_grace_period of user is 20s"),
        (HAPROXY, "hard-stop-after 20s", "hard-stop-after 30s", "hard-stop-after is 30s, and stop_grace_period of"),
        (CLUSTER, &delay("30"), &delay("10"), "UserTargetGroup is 10s, and SHUTDOWN_TIMEOUT is 20s"),
        (CLUSTER, &delay("30"), &delay("90"), "UserTargetGroup is 90s, and idle_timeout.timeout_seconds is 60s"),
        (CLUSTER, &idle("60"), &idle("75"), "timeout_seconds of UserBalancer is 75s, and http::KEEP_ALIVE"),
        (
            CLUSTER,
            &idle("60"),
            &idle("30"),
            "timeout_seconds of UserBalancer is 30s, and location_client::IDLE_TIMEOUT",
        ),
        (HAPROXY, "timeout server 60s", "timeout server 80s", "timeout server is 80s, and http::KEEP_ALIVE"),
        (
            HAPROXY,
            "http-keep-alive 60s",
            "http-keep-alive 9s",
            "http-keep-alive is 9s, and location_client::IDLE_TIMEOUT",
        ),
        (
            HAPROXY,
            "check inter 1s",
            "check inter 3s",
            "`inter` × `fall` is 6s, and DRAIN_DELAY of user in docker/compose.yaml is 5s",
        ),
        (CLUSTER, "HealthCheckPath: /readyz", "HealthCheckPath: /health", "HealthCheckPath of UserTargetGroup is /h"),
        (HAPROXY, "uri /readyz", "uri /health", "the path of `http-check send` is /health"),
        (
            TASK,
            "\"/location\", \"healthcheck\"",
            "\"/user\", \"healthcheck\"",
            "healthCheck.command is [\"CMD\",\"/user\"",
        ),
        (TASK, "\"timeout\": 5", "\"timeout\": 3", "healthCheck.timeout is 3s, and healthcheck::TIMEOUT of the"),
        (SWARM, "timeout: 5s", "timeout: 3s", "healthcheck.timeout of user is 3s"),
        (SERVICE, "PeriodSeconds\": 60", "PeriodSeconds\": 20", "healthCheckGracePeriodSeconds is 20s"),
        (SWARM, "start_period: 30s", "start_period: 10s", "start_period of user is 10s"),
        (SWARM, "delay: 15s", "delay: 11s", "delay in update_config of user is 11s, and interval ×"),
        (SWARM, "monitor: 16s", "monitor: 15s", "monitor in update_config of user is 15s"),
    ]);
}

#[test]
fn names_that_nothing_has_are_reported() {
    let exported = |name: &str| format!("${{AWS::StackName}}-{name}");
    let label = |group: &str| format!("${{UserBalancerName}}/${{{group}TargetGroupName}}");
    assert_reported(&[
        (USER_TASK, "${LocationUrl}", "${Address}", "the placeholder ${Address} is no output of a stack"),
        (CLUSTER, &exported("UserTargetGroupName"), &exported("X"), "${Name}-cluster-UserTargetGroupName is imported"),
        // A stack that is made later cannot be waited for.
        (DATABASE, "network-DatabaseSecurityGroup", "cluster-Cluster", "${Name}-cluster-Cluster is imported"),
        (SCHEDULE, "task-definition/user", "task-definition/users", "TaskDefinitionArn ends with users"),
        (SCHEDULE, r#"\"name\": \"user\""#, r#"\"name\": \"web\""#, "the container in Input is web"),
        (SCALING, "${Cluster}/user", "${Cluster}/users", "ResourceId is service/${Cluster}/users"),
        (
            SCALING,
            &label("User"),
            &label("Location"),
            "ResourceLabel is ${UserBalancerName}/${LocationTargetGroupName}",
        ),
    ]);
}

#[test]
fn settings_that_the_code_does_not_take_are_reported() {
    let set = |value: &str| format!(r#""environment": [{{ "name": "DRAIN_DELAY", "value": "{value}" }},"#);
    assert_reported(&[
        (
            PROVISION,
            "\"DB_HOST\"",
            "\"DB_HOSTNAME\"",
            "the variable DB_HOSTNAME of the task is set, and `location prov",
        ),
        (PROVISION, "\"DB_HOST\"", "\"DB_HOSTNAME\"", "`location provision` would not start with DB_HOST of the task"),
        (PROVISION, "\"environment\": [", &set("5s"), "`location provision` reads no such setting: leave it out, or"),
        (
            USER_TASK,
            "\"environment\": [",
            &set("5"),
            "`user serve` would not start with DRAIN_DELAY of the task, not a",
        ),
        (CLUSTER, "http://location:8081", "https://location:8081", "would not start with LOCATION_URL of the task"),
        (PROVISION, "[\"provision\"]", "[\"create\"]", "command of the task is \"create\", which is no subcommand"),
        (SCHEDULE, r#"[\"purge\"]"#, r#"[\"clean\"]"#, "is \"clean\", which is no subcommand"),
        (USER_TASK, "\"DB_NAME\"", "\"X\"", "`user purge` would not start with DB_NAME of the schedule of"),
        (COMPOSE, "command: [seed]", "command: [fill]", "command of user-seed is \"fill\""),
        (COMPOSE, "LOCATION_URL: http", "PLACES_URL: http", "the variable PLACES_URL of user-seed is set"),
        (SWARM, "connections=300", "connections=400", "command of mysql is not as in docker/compose.yaml"),
        (COMPOSE, "LOCATION_URL: http:", "LOCATION_URL: https:", "environment of user-migrate is not as in"),
        (COMPOSE, "profiles: [metrics]", "profiles: []", "image of prometheus is not as in"),
    ]);
}

#[test]
fn too_little_of_something_is_reported() {
    let pool = r#""environment": [{ "name": "DB_MAX_CONNECTIONS", "value": "16" },"#;
    let classes = "AllowedValues:\n      - db.t4g.medium";
    assert_reported(&[
        (TASK, "\"environment\": [", pool, "of 16 location tasks with 17 each and 16 user tasks with 9 each"),
        (
            SCALING,
            "\"MaxCapacity\": 8",
            "\"MaxCapacity\": 12",
            "and 6 one-off tasks is 366, and max_connections of 4 GiB",
        ),
        (DATABASE, classes, "AllowedValues:\n      - db.t4g.small", "to exclude classes below 4 GiB"),
        (DATABASE, classes, &classes.replace("AllowedValues", "X"), "to exclude classes below 4 GiB"),
        (ALARMS, "Threshold: 288", "Threshold: 200", "Threshold of DatabaseConnections is 200, and the number"),
        (ALARMS, "Threshold: 288", "Threshold: 400", "Threshold of DatabaseConnections is 400, and max_conn"),
        (COMPOSE, "connections=300", "connections=200", "--max-connections of mysql is 200, and the number"),
        (COMPOSE, "replicas: 4", "replicas: 9", "is 16, and twice replicas of location is 18"),
        (SERVICE, "HealthyPercent\": 50", "HealthyPercent\": 0", "keep between 0 and 8 of 4 tasks (desiredCount)"),
        (SERVICE, "maximumPercent\": 200", "maximumPercent\": 50", "keep between 1 and 1 of 2 tasks (MinCapacity)"),
        (
            CAPACITY,
            "DesiredCapacity: \"4\"",
            "DesiredCapacity: \"3\"",
            "DesiredCapacity is 3, and the number of t3.large",
        ),
        (CAPACITY, "MaxSize: \"8\"", "MaxSize: \"7\"", "MaxSize is 7, and the number of t3.large for the 32"),
        (CAPACITY, "Default: t3.large", "Default: t3.medium", "the default of InstanceType is t3.medium"),
    ]);
}

#[test]
fn secrets_and_accounts_in_files_are_reported_without_the_secret() {
    let (plain, account) = ("has a value of 7 characters in plain text: take it from", "1234".repeat(3));
    let set = r#""environment": [{ "name": "DB_PWD", "value": "hunter2" },"#;
    let tag = r#""tags": [{ "key": "api-token", "value": "hunter2" },"#;
    let template = r#"{"username": "location"}"#;
    let leaking = template.replace('}', r#", "password": "hunter2"}"#);
    let parameter = "Parameters:\n  AdminPassword:\n    Type: String\n    Default: hunter2\n  Name:\n";
    assert_reported(&[
        (TASK, "\"environment\": [", set, &format!("DB_PWD {plain}")),
        (TASK, "\"tags\": [", tag, &format!("api-token {plain}")),
        (DATABASE, "ManageMasterUserPassword: true", "MasterUserPassword: hunter2", &format!("Password {plain}")),
        (DATABASE, "Parameters:\n  Name:\n", parameter, &format!("AdminPassword {plain}")),
        (SECRETS, template, &leaking, &format!("password {plain}")),
        (SWARM, "_FILE: /run/secrets/mysql-root-password", ": hunter2", &format!("MYSQL_ROOT_PASSWORD {plain}")),
        (TASK, "SecretArn}:password::", "SecretArn}", "valueFrom of DB_PWD is ${LocationDatabaseSecretArn}, which"),
        (TASK, "${LocationApiTokenSecretArn}", "${LocationApiTokenSecretArn}:token::", "valueFrom of API_TOKEN is"),
        (TASK, "${LocationApiTokenSecretArn}", "${LocationApiToken}", "valueFrom of API_TOKEN is ${LocationApiToken}"),
        (TASK, "${Registry}", &account, &format!("{account} is the number of an account")),
    ]);
}

#[test]
fn permissions_beyond_or_below_what_is_needed_are_reported() {
    let secret = |name: &str| format!("${{Name}}-secrets-{name}ApiTokenSecretArn");
    let passed = "[!GetAtt LocationExecutionRole.Arn, !GetAtt UserExecutionRole.Arn]";
    assert_reported(&[
        (
            CLUSTER,
            "Action: ecs:RunTask",
            "Action: \"*\"",
            "SchedulerRole allows * on task-definition/user, which nothing",
        ),
        // The other service's secret.
        (
            CLUSTER,
            &secret("Location"),
            &secret("User"),
            "LocationExecutionRole allows secretsmanager:GetSecretValue on U",
        ),
        (
            CLUSTER,
            &secret("Location"),
            &secret("User"),
            "does not allow secretsmanager:GetSecretValue on LocationApiTo",
        ),
        (CLUSTER, "!GetAtt UserLogGroup.Arn", "\"*\"", "UserExecutionRole allows logs:PutLogEvents on *"),
        (
            USER_TASK,
            "${Registry}/user:",
            "${Registry}/users:",
            "allows ecr:BatchGetImage on UserRepository, which nothing",
        ),
        (
            USER_TASK,
            "\"/${Cluster}/user\"",
            "\"/${Cluster}/x\"",
            "allows logs:PutLogEvents on UserLogGroup, which nothing",
        ),
        (CLUSTER, passed, "!GetAtt LocationExecutionRole.Arn", "does not allow iam:PassRole on UserExecutionRole"),
        (CLUSTER, "scheduler.amazonaws.com", "events.amazonaws.com", "allows sts:AssumeRole on events.amazonaws.com"),
        (
            CAPACITY,
            "AmazonEC2ContainerServiceforEC2Role",
            "AdministratorAccess",
            "managed policy on AdministratorAccess",
        ),
    ]);
}
