//! The releases side by side, as processes on one database: what one writes, its neighbour reads. (Under load in a
//! cluster a stale region would hardly be noticed, nor told from one that somebody else wrote.)

use std::{collections::BTreeMap, env, path::Path, process::Command};

use harness::{Client, Database, PATIENCE, TOKEN, eventually, oslo, with};
use http::Method;
use playground::{
    folders, ports,
    process::{self, Process},
};
use serde_json::Value;
use sqlx::{MySqlConnection, query, query_scalar};

use super::{OLD_COLUMN, Release};

/// What a region is set to, one after the other. In the column's collation the last two are equal.
const REGIONS: [Option<&str>; 4] = [Some("12"), None, Some("ab"), Some("AB")];

/// A place of the data set, and its region there.
const SEEDED: (&str, Option<&str>) = ("/locations/3143244", Some("12"));

/// Goes through the releases, each beside the one before it: the first beside the present one.
pub(super) async fn each_reads_what_its_neighbour_writes(releases: &[Release]) {
    let database = Database::new().await;
    let mut connection = database.connect().await;
    let present = folders::binaries().unwrap().join("location");
    run(&present, "migrate", &database).await;
    run(&present, "seed", &database).await;
    let mut old = Task::start("present", &present, &database).await;
    // The paths of locations, and the regions that were written last.
    let mut written = BTreeMap::from([SEEDED].map(|(path, region)| (path.to_owned(), region)));

    for Release { name, binary } in releases {
        run(binary, "migrate", &database).await;
        let new = Task::start(name, binary, &database).await;
        for (path, region) in &written {
            expect([&old, &new], path, *region).await;
        }
        for (first, second) in [(&old, &new), (&new, &old)] {
            for (count, region) in REGIONS.into_iter().enumerate() {
                let path = first.post(region).await;
                expect([first, second], &path, region).await;
                // Each overwrites what the other has left in both columns, and each is somewhere the last to do so.
                for again in 0..=count {
                    let (writer, region) = ([second, first][again % 2], REGIONS[again]);
                    writer.put(&path, region).await;
                    expect([first, second], &path, region).await;
                    written.insert(path.clone(), region);
                }
            }
        }

        query("DELETE FROM locations WHERE name = 'Oslo' AND id < 1000000000").execute(&mut connection).await.unwrap();
        run(binary, "seed", &database).await;
        expect([&old, &new], SEEDED.0, SEEDED.1).await;

        old.process.stop().await.unwrap();
        old = new;
    }
    let columns = columns(&mut connection).await;
    assert!(!columns.contains(&OLD_COLUMN.to_owned()), "{columns:?}");
}

/// A task of a release.
struct Task {
    release: &'static str,
    process: Process,
    client: Client,
}

impl Task {
    async fn start(release: &'static str, binary: &Path, database: &Database) -> Self {
        let port = ports::free().unwrap();
        let mut command = command(binary, "serve", database);
        command.env("HOST", "127.0.0.1").env("PORT", port.to_string());
        let process = Process::start(release, command, PATIENCE).unwrap();
        let client = Client::new(format!("http://127.0.0.1:{port}"));
        eventually(&format!("{release} is ready"), async || {
            let asked = client.request(Method::GET, "/readyz").send().await;
            asked.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        Self { release, process, client }
    }

    /// Makes a location with that region, and gives its path.
    async fn post(&self, region: Option<&str>) -> String {
        self.client.post("/locations", &place(region)).await.expect(201).header("location").to_owned()
    }

    async fn put(&self, path: &str, region: Option<&str>) {
        self.client.put(path, None, &place(region)).await.expect(200);
    }
}

/// Expects the tasks to read that region of a location: by itself, in the list, and among those that are near.
async fn expect(tasks: [&Task; 2], path: &str, region: Option<&str>) {
    let id: u64 = path.rsplit('/').next().unwrap().parse().unwrap();
    for Task { release, client, .. } in tasks {
        let found = client.get(path).await.expect(200).json();
        let (latitude, longitude) = (&found["latitude"], &found["longitude"]);
        let near = format!("/locations/nearest?lat={latitude}&lon={longitude}&limit=200");
        let listed = item(client, &format!("/locations?limit=1&after={}", id - 1), id).await;
        for read in [found.clone(), listed, item(client, &near, id).await] {
            assert_eq!(read["region"], Value::from(region), "{release} reads {path}");
        }
    }
}

/// The item with that id in the answer to `path`.
async fn item(client: &Client, path: &str, id: u64) -> Value {
    let page = client.get(path).await.expect(200).json();
    page["items"].as_array().unwrap().iter().find(|item| item["id"] == id).expect("the location").clone()
}

fn place(region: Option<&str>) -> Value {
    // Where there is nothing else.
    with(with(oslo(), "latitude", -80), "region", region)
}

/// Runs a one-off task of a release, with the tasks that are there at work.
async fn run(binary: &Path, subcommand: &str, database: &Database) {
    process::output(subcommand, command(binary, subcommand, database), PATIENCE).await.unwrap();
}

fn command(binary: &Path, subcommand: &str, database: &Database) -> Command {
    let mut command = Command::new(binary);
    command.arg(subcommand).env_clear().current_dir(env::temp_dir());
    command.envs(database.settings()).env("API_TOKEN", TOKEN).env("DRAIN_DELAY", "0s");
    process::capture(&mut command);
    command
}

async fn columns(connection: &mut MySqlConnection) -> Vec<String> {
    query_scalar(
        "SELECT CAST(column_name AS CHAR) FROM information_schema.columns
         WHERE table_schema = DATABASE() AND table_name = 'locations'",
    )
    .fetch_all(connection)
    .await
    .unwrap()
}
