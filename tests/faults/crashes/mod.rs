//! Writers go on while services and database are killed and links are broken, at random; afterwards every write is there
//! that was acknowledged, once, and none is there twice.

mod chaos;
mod ledger;
mod writer;

use std::{
    env,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use chaos::{Chaos, Fault};
use fastrand::Rng;
use harness::{Database, Seeded, form::choose, prepared, server};
use ledger::{Audit, Ledger};
use tokio::task::JoinSet;
use writer::Writer;

use crate::{figures::Figures, turn::turn};

/// How many replicas of the service there are, each with a link of its own to the database.
const REPLICAS: usize = 3;

/// How many clients write at the same time.
const WRITERS: usize = 8;

/// How many things are broken in a round.
const FAULTS: usize = 6;

/// A commit that was acknowledged is on disk, as it is by default; and a crash has to be recovered from within a second
/// or two.
const DURABLE: [&str; 2] = ["--innodb-flush-log-at-trx-commit=1", "--innodb-log-file-size=16M"];

#[tokio::test]
async fn every_acknowledged_write_is_there_once_whatever_is_killed() {
    let _turn = turn().await;
    let Some(server) = server::start(&DURABLE).await else { return };
    let seed = env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(|| fastrand::u64(..));
    eprintln!("TEST_SEED={seed} has the same things broken in the same order");
    let mut random = Rng::with_seed(seed);
    let database = Database::on(server.server()).await;
    let service = prepared("location", &database, Seeded::No).await;
    let mut chaos = Chaos::start(&service, server, REPLICAS).await;
    let (begun, mut ledger, mut audit) = (Instant::now(), Ledger::default(), Audit::default());
    let rounds = choose(2, 25);
    for round in 1..=rounds {
        let faults: Vec<_> = (0..FAULTS).map(|_| Fault::random(&mut random, REPLICAS)).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(Writer::new(chaos.clients(), random.fork(), Arc::clone(&stop)).run());
        }
        for fault in &faults {
            chaos.endure(*fault, &mut random).await;
        }
        chaos.mend().await;
        stop.store(true, Ordering::Relaxed);
        for written in writers.join_all().await {
            ledger.append(written);
        }
        let told: Vec<_> = faults.iter().map(ToString::to_string).collect();
        eprintln!("round {round} of {rounds}: {}: {ledger}", told.join(", "));
        audit = ledger.audit(&mut database.connect().await).await;
        if !(audit.lost.is_empty() && audit.twice.is_empty()) {
            break;
        }
    }
    Figures {
        fault: format!("kill -9 of services and database, broken links: {} at random", rounds * FAULTS),
        lasted: begun.elapsed(),
        sent: ledger.requests(),
        failed: ledger.failed(),
        longest: ledger.longest(),
        recovery: chaos.recovery(),
        acknowledged: ledger.acknowledged(),
        lost: audit.lost.len(),
    }
    .tell();
    assert!(audit.lost.is_empty() && audit.twice.is_empty(), "TEST_SEED={seed}: {audit:?}");
    assert!(ledger.acknowledged() > rounds * 50, "{ledger}");
}
