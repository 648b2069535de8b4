//! The whole topology, as `make up METRICS=yes` starts it, apart from any that a person has running. The tests that need it take
//! turns; each finds it complete, whatever the one before has done to it.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use playground::{folders, ports};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::{
    Client, TOKEN,
    docker::{docker, label, script, tag},
};

/// A topology of our own.
pub struct Topology {
    /// Asks the location service, through its balancer.
    pub location: Client,
    /// Asks the user service, through its balancer.
    pub user: Client,
    /// Asks Prometheus.
    pub prometheus: Client,
    location_balancer: Client,
    project: String,
    settings: Vec<(&'static str, String)>,
}

/// A running container: what it is, and what changes when it is started again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task {
    /// The container's id, in full.
    pub id: String,
    started: String,
    restarts: String,
}

impl Task {
    /// The container's host name, which is what the home page calls it.
    pub fn host(&self) -> &str {
        &self.id[..12]
    }
}

/// The topology, complete; none where there is no engine.
pub async fn topology() -> Option<MappedMutexGuard<'static, Topology>> {
    static TOPOLOGY: Mutex<Option<Topology>> = Mutex::const_new(None);
    let tag = tag()?;
    let mut shared = TOPOLOGY.lock().await;
    let topology = shared.get_or_insert_with(|| Topology::new(tag));
    if !topology.is_complete().await {
        topology.run(&["up"]).await;
    }
    Some(MutexGuard::map(shared, |shared| shared.as_mut().unwrap()))
}

impl Topology {
    fn new(tag: String) -> Self {
        let project = format!("ecs-playground-test-{}", std::process::id());
        let folder = folders::playground().unwrap().join("topology");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("api-token"), TOKEN).unwrap();
        let labels = folder.join(format!("{project}.yaml"));
        fs::write(&labels, labels_for_everything()).unwrap();

        let [location_port, user_port, location_statistics, user_statistics, prometheus_port] =
            [(); 5].map(|()| ports::free().unwrap());
        let client = |port| Client::new(format!("http://127.0.0.1:{port}"));
        let settings = vec![
            ("TAG", tag),
            ("TOPOLOGY", project.clone()),
            ("TOPOLOGY_FILES", format!("docker/compose.yaml:{}", labels.display())),
            ("SECRETS", folder.display().to_string()),
            ("LOCATION_PORT", location_port.to_string()),
            ("USER_PORT", user_port.to_string()),
            ("LOCATION_STATS_PORT", location_statistics.to_string()),
            ("USER_STATS_PORT", user_statistics.to_string()),
            ("METRICS", "yes".to_owned()),
            ("PROMETHEUS_PORT", prometheus_port.to_string()),
        ];
        let (location, user, prometheus) = (client(location_port), client(user_port), client(prometheus_port));
        Self { location, user, prometheus, location_balancer: client(location_statistics), project, settings }
    }

    async fn is_complete(&self) -> bool {
        for (service, count) in [
            ("mysql", 1),
            ("location", 4),
            ("location-balancer", 1),
            ("user", 4),
            ("user-balancer", 1),
            ("prometheus", 1),
        ] {
            if self.ids(service, &["--filter", "health=healthy"]).await.len() != count {
                return false;
            }
        }
        true
    }

    /// Runs one of the script's commands, which has to succeed, and gives what it said.
    pub async fn run(&self, arguments: &[&str]) -> String {
        let settings: Vec<_> = self.settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, said) = script("topology.sh", arguments, &settings).await;
        assert!(status.success(), "{said}");
        said
    }

    /// The running containers of a service.
    pub async fn tasks(&self, service: &str) -> BTreeSet<Task> {
        let mut tasks = BTreeSet::new();
        for id in self.ids(service, &[]).await {
            let said = docker(&["inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}", &id]).await;
            let (started, restarts) = said.split_once(' ').unwrap();
            tasks.insert(Task { id, started: started.into(), restarts: restarts.into() });
        }
        tasks
    }

    /// How many tasks of the location service its balancer sends requests to.
    pub async fn ready_tasks(&self) -> usize {
        ready_tasks(&self.location_balancer).await
    }

    /// The one running container of a service.
    pub async fn only(&self, service: &str) -> String {
        let ids = self.ids(service, &[]).await;
        assert_eq!(ids.len(), 1, "{service}");
        ids.into_iter().next().unwrap()
    }

    async fn ids(&self, service: &str, filter: &[&str]) -> Vec<String> {
        let project = format!("label=com.docker.compose.project={}", self.project);
        let service = format!("label=com.docker.compose.service={service}");
        let running = ["ps", "--quiet", "--no-trunc", "--filter", &project, "--filter", &service];
        let list = docker(&[&running[..], filter].concat()).await;
        list.lines().map(str::to_owned).collect()
    }

    /// The name of one of its networks.
    pub fn network(&self, name: &str) -> String {
        format!("{}_{name}", self.project)
    }

    /// The folder of its secrets.
    pub fn secrets(&self) -> &str {
        self.settings.iter().find(|(name, _)| *name == "SECRETS").map_or("", |(_, folder)| folder)
    }
}

/// How many tasks a balancer sends requests to, as its statistics say.
pub async fn ready_tasks(statistics: &Client) -> usize {
    let statistics = statistics.get("/;csv").await.expect(200).body;
    statistics.lines().filter(|line| line.starts_with("tasks,task") && line.split(',').nth(17) == Some("UP")).count()
}

/// A further Compose file: it gives everything the label by which `make test` finds what is to be removed.
fn labels_for_everything() -> String {
    const EVERYTHING: [(&str, &[&str]); 3] = [
        (
            "services",
            &[
                "mysql",
                "location-database",
                "location-migrate",
                "location-seed",
                "location",
                "location-balancer",
                "user-database",
                "user-migrate",
                "user-seed",
                "user",
                "user-balancer",
                "prometheus",
            ],
        ),
        ("networks", &["balancers", "database"]),
        ("volumes", &["mysql"]),
    ];
    let label = label();
    let mut file = String::new();
    for (section, names) in EVERYTHING {
        writeln!(file, "{section}:").unwrap();
        for name in names {
            writeln!(file, "  {name}: {{labels: [\"{label}\"]}}").unwrap();
        }
    }
    file
}
