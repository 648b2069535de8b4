//! Both services under a constant load, and a record of what becomes of them.

use std::{
    collections::BTreeMap,
    env, fs,
    ops::Range,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use harness::{
    Client,
    load::{Exchange, Load, Mix, acknowledged, failures},
    oslo,
    topology::ready_tasks,
};
use playground::folders;
use serde_json::Value;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval, sleep_until},
};

use crate::{
    drawing,
    engine::Engine,
    swarm::{SERVICES, Swarm, TASKS},
    timeline::{Look, Mark, Request, ServiceTimeline, State, Timeline},
};

/// Requests a second to each service: well within what four tasks of half a core answer, and enough for a percentile.
const LOAD: u32 = 50;

/// How long the services are under load before the record begins: their first answers take longer.
const WARM_UP: Duration = Duration::from_secs(5);

/// How long a record goes on before anything is done to the services, where what comes after is measured against it.
pub(crate) const BEFORE: Duration = Duration::from_secs(15);

/// How often the tasks are looked at.
const LOOKS: Duration = Duration::from_millis(500);

/// The 99th percentile of an update: below every timeout of the services and their clients. The ratio to the time before is
/// printed and drawn; it is no condition, because the engines, the database, the services and the load share the cores.
const PROMPT: Duration = Duration::from_secs(1);

/// A record that goes on until it is [finished](Recorder::finish).
pub(crate) struct Recorder {
    from: Instant,
    marks: Vec<Mark>,
    loads: [Load; 2],
    looks: Arc<Mutex<[Vec<Look>; 2]>>,
    looking: JoinHandle<()>,
}

/// What was recorded.
pub(crate) struct Record {
    timeline: Timeline,
    exchanges: [Vec<Exchange>; 2],
}

impl Recorder {
    /// Starts both loads, and comes back when they have been on for `before`, and nothing was done.
    pub(crate) async fn start(swarm: &Swarm, before: Duration) -> Self {
        let from = Instant::now() + WARM_UP;
        let looks = Arc::new(Mutex::new([Vec::new(), Vec::new()]));
        let looking = tokio::spawn(look(
            Tasks::of(&swarm.manager).await,
            SERVICES.map(|service| swarm.statistics(service)),
            Arc::clone(&looks),
        ));
        let loads = [
            Load::start(&swarm.client("location"), Mix::Location, LOAD),
            Load::start(&swarm.client("user"), Mix::User, LOAD),
        ];
        sleep_until((from + before).into()).await;
        Self { from, marks: Vec::new(), loads, looks, looking }
    }

    /// Notes what is done from now on, or has happened.
    pub(crate) fn mark(&mut self, what: impl Into<String>) {
        self.marks.push(Mark { at: Instant::now(), what: what.into() });
    }

    /// Ends the load, prints the record and draws it.
    pub(crate) async fn finish(self, name: &str, title: &str) -> Record {
        let to = Instant::now();
        let [location, user] = self.loads;
        let (location, user) = tokio::join!(location.finish(), user.finish());
        self.looking.abort();
        let looks = std::mem::take(&mut *self.looks.lock().unwrap());
        let exchanges = [location, user];
        let services = SERVICES.into_iter().zip(looks).zip(&exchanges).map(|((name, looks), exchanges)| {
            let failed = |exchange: &Exchange| !failures(std::slice::from_ref(exchange)).is_empty();
            let requests = exchanges.iter().map(|exchange| Request {
                due: exchange.due,
                took: exchange.took,
                failed: failed(exchange),
            });
            ServiceTimeline { name, wanted: TASKS, looks, requests: requests.collect() }
        });
        let timeline =
            Timeline { title: title.to_owned(), from: self.from, to, marks: self.marks, services: services.collect() };
        eprintln!("{}", timeline.table());
        eprintln!("drawn: {}", draw(name, &timeline));
        Record { timeline, exchanges }
    }
}

/// Writes the drawing to `TEST_DRAWINGS`, or to the target folder, and says where it is.
fn draw(name: &str, timeline: &Timeline) -> String {
    let folder = env::var_os("TEST_DRAWINGS").filter(|folder| !folder.is_empty());
    let folder = folder
        .map_or_else(|| folders::playground().unwrap().join("rolling"), |folder| folders::workspace().join(folder));
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{name}.svg"));
    fs::write(&file, drawing::svg(timeline)).unwrap();
    file.display().to_string()
}

impl Record {
    /// Requests that failed.
    pub(crate) fn failures(&self) -> Vec<&Exchange> {
        self.exchanges.iter().flat_map(|exchanges| failures(exchanges)).collect()
    }

    /// The most requests that were under way at one moment of `span`.
    pub(crate) fn under_way(&self, span: Range<Instant>) -> usize {
        let all = || self.exchanges.iter().flatten();
        let at = |at: Instant| all().filter(|exchange| exchange.sent <= at && at < exchange.ended).count();
        let moments = all().map(|exchange| exchange.sent).filter(|sent| span.contains(sent));
        moments.chain([span.start]).map(at).max().unwrap_or_default()
    }

    /// Fails the test unless every request was answered as it should have been.
    pub(crate) fn assert_nothing_failed(&self) {
        let failures = self.failures();
        assert!(failures.is_empty(), "{} requests failed: {:#?}", failures.len(), &failures[..failures.len().min(10)]);
    }

    /// Fails the test if fewer than half of the tasks that are wanted were ready at any look: as Swarm has it, and as the
    /// balancer.
    pub(crate) fn assert_half_were_ready(&self) {
        for service in &self.timeline.services {
            assert!(service.looks.len() >= 10, "{}: looked at {} times only", service.name, service.looks.len());
            for look in &service.looks {
                let at = look.at.saturating_duration_since(self.timeline.from);
                let ready: usize =
                    look.tasks.iter().filter(|((_, state), _)| *state == State::Ready).map(|(_, count)| count).sum();
                assert!(
                    ready.min(look.ready) * 2 >= TASKS,
                    "{} at {at:?}: {:?}, {} at the balancer",
                    service.name,
                    look.tasks,
                    look.ready
                );
            }
        }
    }

    /// Prints how long 99 of 100 requests took during each of the first `updates` marks, up to the next one, and before the
    /// first of them; fails the test where that is longer than [`PROMPT`].
    pub(crate) fn assert_prompt(&self, updates: usize) {
        let timeline = &self.timeline;
        let before = timeline.before();
        let ends = timeline.marks.iter().skip(1).map(|mark| mark.at).chain([timeline.to]);
        let spans: Vec<_> = timeline.marks.iter().zip(ends).take(updates).collect();
        for service in &timeline.services {
            let before = service.p99(&before).unwrap();
            for (mark, end) in &spans {
                let during = service.p99(&(mark.at..*end)).unwrap();
                let ratio = during.as_secs_f64() / before.as_secs_f64();
                let figures = format!("p99 {before:.1?} before, {during:.1?} during, {ratio:.2} ×");
                eprintln!("{}, {}: {figures}", service.name, mark.what);
                assert!(during <= PROMPT, "{}, {}: {figures}", service.name, mark.what);
            }
        }
    }

    /// Fails the test unless everything is there that the services said they had stored.
    pub(crate) async fn assert_kept(&self, swarm: &Swarm) {
        for (service, exchanges) in SERVICES.into_iter().zip(&self.exchanges) {
            let client = swarm.client(service);
            let paths = acknowledged(exchanges);
            assert!(!paths.is_empty(), "{service}: nothing was written");
            for path in &paths {
                let stored = client.get(path).await.expect(200).json();
                // What a migration moves.
                assert!(service != "location" || stored["region"] == oslo()["region"], "{path}: {stored}");
            }
            eprintln!(
                "{service}: {} requests, {} acknowledged writes, all of them there",
                exchanges.len(),
                paths.len()
            );
        }
    }
}

/// Looks at the tasks again and again.
async fn look(tasks: Tasks, statistics: [Client; 2], looks: Arc<Mutex<[Vec<Look>; 2]>>) {
    let mut ticks = interval(LOOKS);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let seen = tasks.look().await;
        for (index, tasks) in seen.into_iter().enumerate() {
            let ready = ready_tasks(&statistics[index]).await;
            looks.lock().unwrap()[index].push(Look { at: Instant::now(), tasks, ready });
        }
    }
}

/// Swarm's own list of tasks, asked over the engine's socket: a client process for each look would be a load by itself.
struct Tasks {
    http: reqwest::Client,
    /// The services' ids.
    services: [String; 2],
}

impl Tasks {
    async fn of(engine: &Engine) -> Self {
        let http = reqwest::Client::builder().unix_socket(engine.socket()).build().unwrap();
        let list = ask(&http, "services").await;
        let id = |service: &str| {
            let named = list
                .as_array()
                .unwrap()
                .iter()
                .find(|one| one["Spec"]["Name"].as_str().unwrap().ends_with(&format!("_{service}")));
            named.unwrap()["ID"].as_str().unwrap().to_owned()
        };
        let services = SERVICES.map(id);
        Self { http, services }
    }

    /// The tasks of both services by version and state. Those that have ended are left out.
    async fn look(&self) -> [BTreeMap<(String, State), usize>; 2] {
        let mut seen = [BTreeMap::new(), BTreeMap::new()];
        for task in ask(&self.http, "tasks").await.as_array().unwrap() {
            let Some(index) = self.services.iter().position(|id| task["ServiceID"] == **id) else { continue };
            let Some(state) = state(task) else { continue };
            let image = task["Spec"]["ContainerSpec"]["Image"].as_str().unwrap();
            let version = image.rsplit(':').next().unwrap().to_owned();
            *seen[index].entry((version, state)).or_default() += 1;
        }
        seen
    }
}

async fn ask(http: &reqwest::Client, path: &str) -> Value {
    http.get(format!("http://engine/v1.41/{path}")).send().await.unwrap().json().await.unwrap()
}

/// A task counts as running for Swarm when its health check has passed, and until it has ended.
fn state(task: &Value) -> Option<State> {
    let wanted = matches!(task["DesiredState"].as_str().unwrap(), "running" | "ready" | "accepted");
    match task["Status"]["State"].as_str().unwrap() {
        "running" if wanted => Some(State::Ready),
        "running" => Some(State::Stopping),
        "new" | "pending" | "assigned" | "accepted" | "preparing" | "ready" | "starting" if wanted => {
            Some(State::Starting)
        }
        _ => None,
    }
}
