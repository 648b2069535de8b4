//! Many more clients than can be served.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{Client, Database, form::choose, oslo, with};
use playground::terminal::seconds;
use tokio::{task::JoinSet, time::sleep};

use crate::{
    figures::Figures,
    scene::{MEMORY, Scene},
    turn::turn,
};

/// How many writers the service serves at the same time: as many as it has connections.
const SERVED: usize = 8;

/// Fifty for each of them: more than may wait.
const CLIENTS: usize = 400;

/// How late each answer of the database comes, so that it is the connections that there are too few of.
const LATE: Duration = Duration::from_millis(20);

/// How long a client that was refused waits, which is a quarter of what `Retry-After` tells it.
const PAUSE: Duration = Duration::from_millis(500);

/// The longest that a write may take which is carried out: `DB_ACQUIRE_TIMEOUT`, and its own time on a busy machine.
const DEADLINE: Duration = Duration::from_secs(4);

/// A request: whether it was carried out, and how long its answer took.
struct Exchange {
    status: u16,
    took: Duration,
}

#[tokio::test]
async fn of_fifty_writers_for_each_connection_some_are_refused_early_and_the_others_served() {
    let _turn = turn().await;
    let mut scene = Scene::on(Database::new().await).await;
    scene.link.delay(LATE);
    let usual = Crowd::of(SERVED, &scene.client).for_a_while(Duration::from_secs(2)).await;
    let lasts = Duration::from_secs(choose(4, 30));
    let begun = Instant::now();
    let crowd = Crowd::of(CLIENTS, &scene.client).for_a_while(lasts).await;
    let lasted = begun.elapsed();
    let over = Instant::now();
    scene.client.post("/locations", &oslo()).await.expect(201);
    let recovery = over.elapsed();
    let after = Crowd::of(SERVED, &scene.client).for_a_while(Duration::from_secs(2)).await;

    let served = |exchanges: &[Exchange]| exchanges.iter().filter(|exchange| exchange.status == 201).count();
    let mut failed = BTreeMap::new();
    for exchange in crowd.iter().filter(|exchange| exchange.status != 201) {
        *failed.entry(exchange.status.to_string()).or_default() += 1;
    }
    let there: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM locations WHERE name = 'crowd'")
        .fetch_one(&mut scene.database.connect().await)
        .await
        .unwrap();
    let acknowledged = served(&usual) + served(&crowd) + served(&after);
    let figures = Figures {
        fault: format!("{CLIENTS} writers at once for {SERVED} connections"),
        lasted,
        sent: crowd.len(),
        failed,
        longest: crowd.iter().map(|exchange| exchange.took).max().unwrap_or_default(),
        recovery,
        acknowledged,
        lost: acknowledged.saturating_sub(usize::try_from(there).unwrap()),
    };
    figures.tell();
    let refused: Vec<_> = crowd.iter().filter(|exchange| exchange.status == 503).collect();
    let accepted: Vec<_> = crowd.iter().filter(|exchange| exchange.status == 201).collect();
    let (rate_usual, rate_crowd) = (rate(served(&usual), Duration::from_secs(2)), rate(accepted.len(), lasted));
    let rate_after = rate(served(&after), Duration::from_secs(2));
    let (early, late) = (median(&refused), accepted.iter().map(|exchange| exchange.took).max().unwrap_or_default());
    let memory = scene.peak_memory();
    eprintln!(
        "  {rate_usual:.0} writes a second before, {rate_crowd:.0} meanwhile, {rate_after:.0} afterwards; refused after {} (median), \
         carried out within {}; memory at most {memory} MiB",
        seconds(early),
        seconds(late)
    );
    assert!(crowd.iter().all(|exchange| matches!(exchange.status, 201 | 503)), "{:?}", figures.failed);
    assert!(!refused.is_empty() && early < Duration::from_secs(1), "{} refused, after {early:?}", refused.len());
    assert!(late < DEADLINE, "{late:?}");
    assert!(rate_crowd > rate_usual * 0.5, "what is carried out goes on");
    assert!(rate_after > rate_usual * 0.5 && recovery < Duration::from_secs(1), "it is at full speed again");
    assert!(memory <= MEMORY, "{memory} MiB");
    assert_eq!(figures.lost, 0);
}

/// Clients that write one after the other, each for itself.
struct Crowd {
    clients: JoinSet<Vec<Exchange>>,
    stop: Arc<AtomicBool>,
}

impl Crowd {
    fn of(count: usize, client: &Client) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for _ in 0..count {
            clients.spawn(write_on(client.clone(), Arc::clone(&stop)));
        }
        Self { clients, stop }
    }

    async fn for_a_while(self, lasts: Duration) -> Vec<Exchange> {
        sleep(lasts).await;
        self.stop.store(true, Ordering::Relaxed);
        self.clients.join_all().await.into_iter().flatten().collect()
    }
}

async fn write_on(client: Client, stop: Arc<AtomicBool>) -> Vec<Exchange> {
    let body = with(oslo(), "name", "crowd");
    let mut exchanges = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let sent = Instant::now();
        let answer = client.post("/locations", &body).await;
        exchanges.push(Exchange { status: answer.status.as_u16(), took: sent.elapsed() });
        if answer.status != 201 {
            sleep(PAUSE).await;
        }
    }
    exchanges
}

fn median(exchanges: &[&Exchange]) -> Duration {
    let mut times: Vec<_> = exchanges.iter().map(|exchange| exchange.took).collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn rate(count: usize, lasted: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap()) / lasted.as_secs_f64()
}
