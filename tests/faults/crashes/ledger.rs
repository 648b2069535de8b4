//! What clients were told, to be held against what is in the database.

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    time::Duration,
};

use sqlx::MySqlConnection;

/// What clients were told.
#[derive(Default)]
pub(super) struct Ledger {
    /// The places that were to be made, each under a name of its own.
    pub(super) created: Vec<Created>,
    /// The places that were changed.
    pub(super) updated: Vec<Updated>,
    requests: usize,
    failed: BTreeMap<String, usize>,
    longest: Duration,
}

/// A place that was to be made.
pub(super) struct Created {
    pub(super) name: String,
    pub(super) outcome: Outcome,
}

/// What the client was told of it.
#[derive(Clone, Copy)]
pub(super) enum Outcome {
    /// That it is there, under this id.
    Acknowledged(u64),
    /// Nothing, or that it cannot be done now.
    Unknown,
}

/// A place that was changed.
pub(super) struct Updated {
    pub(super) id: u64,
    /// The latest version that was told.
    pub(super) version: u64,
}

/// What is not as it was told.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// Acknowledged writes that are not there.
    pub(super) lost: Vec<String>,
    /// Places that are there more than once.
    pub(super) twice: Vec<String>,
}

impl Ledger {
    /// Notes a request, what it was answered, and how long that took.
    pub(super) fn note(&mut self, status: Option<u16>, took: Duration) {
        self.requests += 1;
        self.longest = self.longest.max(took);
        if !matches!(status, Some(200 | 201)) {
            let status = status.map_or_else(|| "none".to_owned(), |status| status.to_string());
            // 412 is the answer to a change that is there already.
            assert!(["none", "503", "412"].contains(&status.as_str()), "{status} is no answer to a fault");
            *self.failed.entry(status).or_default() += 1;
        }
    }

    /// Adds another client's.
    pub(super) fn append(&mut self, other: Self) {
        self.created.extend(other.created);
        self.updated.extend(other.updated);
        self.requests += other.requests;
        self.longest = self.longest.max(other.longest);
        for (status, count) in other.failed {
            *self.failed.entry(status).or_default() += count;
        }
    }

    /// What is in the database, held against what was told.
    pub(super) async fn audit(&self, connection: &mut MySqlConnection) -> Audit {
        let rows: Vec<(u64, String, u64)> =
            sqlx::query_as("SELECT id, name, version FROM locations").fetch_all(connection).await.unwrap();
        let mut by_name: HashMap<&str, Vec<u64>> = HashMap::new();
        for (id, name, _) in &rows {
            by_name.entry(name).or_default().push(*id);
        }
        let versions: HashMap<u64, u64> = rows.iter().map(|(id, _, version)| (*id, *version)).collect();
        let mut audit = Audit::default();
        for Created { name, outcome } in &self.created {
            let there = by_name.get(name.as_str()).map_or(&[][..], Vec::as_slice);
            if there.len() > 1 {
                audit.twice.push(format!("{name}: {there:?}"));
            }
            if let Outcome::Acknowledged(id) = outcome
                && !there.contains(id)
            {
                audit.lost.push(format!("{name}: {id}"));
            }
        }
        for Updated { id, version } in &self.updated {
            let now = versions.get(id).copied().unwrap_or_default();
            if now < *version {
                audit.lost.push(format!("{id} in version {version}: it is in version {now}"));
            }
        }
        audit
    }

    pub(super) fn requests(&self) -> usize {
        self.requests
    }

    pub(super) fn failed(&self) -> BTreeMap<String, usize> {
        self.failed.clone()
    }

    pub(super) fn longest(&self) -> Duration {
        self.longest
    }

    /// How many places and changes were acknowledged.
    pub(super) fn acknowledged(&self) -> usize {
        let created = self.created.iter().filter(|created| matches!(created.outcome, Outcome::Acknowledged(_))).count();
        let changed: u64 = self.updated.iter().map(|updated| updated.version - 1).sum();
        created + usize::try_from(changed).unwrap()
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests, {} writes acknowledged, failed: {:?}", self.requests, self.acknowledged(), self.failed)
    }
}
