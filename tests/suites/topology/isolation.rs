//! What each container may do, see and reach.

use std::fs;

use harness::{
    docker::{docker, try_docker},
    topology::{Topology, topology},
};
use serde_json::{Value, json};

async fn inspected(id: &str) -> Value {
    serde_json::from_str::<Value>(&docker(&["inspect", id]).await).unwrap()[0].take()
}

#[tokio::test]
async fn tasks_have_the_bounds_of_the_tutorial_and_no_rights() {
    let Some(topology) = topology().await else { return };
    for service in ["location", "user"] {
        for task in topology.tasks(service).await {
            let container = inspected(&task.id).await;
            let bounds = &container["HostConfig"];
            assert_eq!((&bounds["NanoCpus"], &bounds["Memory"]), (&500_000_000.into(), &(1024 << 20).into()));
            assert_eq!((&bounds["ReadonlyRootfs"], &bounds["CapAdd"]), (&true.into(), &Value::Null));
            assert_eq!(bounds["CapDrop"], json!(["ALL"]));
            assert_eq!(container["Config"]["StopTimeout"], 30);
            assert_eq!(container["Config"]["User"], "65532:65532");
        }
    }
}

#[tokio::test]
async fn prometheus_is_bounded_has_no_rights_and_listens_to_this_machine_only() {
    let Some(topology) = topology().await else { return };
    let container = inspected(&topology.only("prometheus").await).await;
    let bounds = &container["HostConfig"];
    assert_eq!((&bounds["NanoCpus"], &bounds["Memory"]), (&500_000_000.into(), &(512 << 20).into()));
    assert_eq!((&bounds["ReadonlyRootfs"], &bounds["CapAdd"]), (&true.into(), &Value::Null));
    assert_eq!((&bounds["CapDrop"], &bounds["LogConfig"]["Config"]["max-size"]), (&json!(["ALL"]), &"10m".into()));
    assert_eq!(bounds["PortBindings"]["9090/tcp"][0]["HostIp"], "127.0.0.1");
    assert_eq!(container["Config"]["User"], "65534:65534");
    let mounts = container["Mounts"].as_array().unwrap();
    assert!(mounts.iter().all(|mount| mount["RW"] == false), "nothing outlives it: {mounts:?}");
}

#[tokio::test]
async fn no_secret_is_in_what_docker_shows_of_a_container() {
    let Some(topology) = topology().await else { return };
    let secrets = ["mysql-root-password", "location-db-password", "user-db-password", "api-token"]
        .map(|name| fs::read_to_string(format!("{}/{name}", topology.secrets())).unwrap());
    for service in ["mysql", "location", "user", "location-balancer", "user-balancer", "prometheus"] {
        for task in topology.tasks(service).await {
            let (shown, (_, logged)) = (inspected(&task.id).await.to_string(), try_docker(&["logs", &task.id]).await);
            for secret in &secrets {
                assert!(secret.len() >= 16 && !shown.contains(secret) && !logged.contains(secret), "{service}");
            }
        }
    }
}

/// What a statement answers to a service's login, with its password.
async fn queried(topology: &Topology, login: &str, statement: &str) -> (bool, String) {
    let password = fs::read_to_string(format!("{}/{login}-db-password", topology.secrets())).unwrap();
    let (password, user) = (format!("MYSQL_PWD={password}"), format!("--user={login}"));
    let mysql = topology.only("mysql").await;
    let (status, said) =
        try_docker(&["exec", "--env", &password, &mysql, "mysql", &user, "--execute", statement]).await;
    (status.success(), said)
}

#[tokio::test]
async fn a_login_reaches_its_own_database_only() {
    let Some(topology) = topology().await else { return };
    for (login, own, foreign) in [("location", "locations", "user.users"), ("user", "users", "location.locations")] {
        let (done, said) = queried(&topology, login, &format!("SELECT COUNT(*) FROM {login}.{own}")).await;
        assert!(done, "{said}");
        for refused in [
            format!("SELECT COUNT(*) FROM {foreign}"),
            "CREATE DATABASE another".into(),
            "CREATE USER another IDENTIFIED BY 'x'".into(),
            format!("CREATE VIEW {login}.v AS SELECT 1"),
        ] {
            let (done, said) = queried(&topology, login, &refused).await;
            assert!(!done && said.contains("denied"), "{login}: {refused}: {said}");
        }
    }
}

#[tokio::test]
async fn balancers_reach_tasks_and_only_tasks_reach_the_database() {
    let Some(topology) = topology().await else { return };
    let balancer = topology.only("location-balancer").await;
    let connects = async |target: &str| {
        let connect = format!("exec 3<>/dev/tcp/{target}");
        try_docker(&["exec", &balancer, "timeout", "5", "bash", "-c", &connect]).await.0.success()
    };
    assert!(connects("location/8081").await);
    assert!(!connects("mysql/3306").await);
    let mysql = topology.only("mysql").await;
    let address =
        docker(&["inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", &mysql]).await;
    assert!(!connects(&format!("{address}/3306")).await, "nor by its address");
    let ports = docker(&["port", &mysql]).await;
    assert!(ports.is_empty(), "{ports}");
}
