//! Who is measured: our services, their peers, and what shows the limits of the machine.

mod needs;
mod readiness;
mod running;
mod stack;
pub(crate) mod sysbench;
mod versions;

use self::stack::Stack;
pub(crate) use self::{
    readiness::{Ready, build_services, prepare},
    running::{Running, Surroundings, answering},
};
use crate::{
    database::OWN_SETTINGS,
    workloads::{self, Workload},
};

/// One of those that are measured.
#[derive(Debug)]
pub(crate) struct Contender {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) what: &'static str,
    kind: Kind,
}

/// Environment variables.
type Settings = &'static [(&'static str, &'static str)];

/// What it is made of.
#[derive(Debug)]
enum Kind {
    /// Our services, with these settings beyond what they need.
    Own(Settings),
    /// Our service, asked for what needs no database: what HTTP alone costs.
    OwnWithoutDatabase,
    /// Somebody else's software, with these settings beyond the defaults of its code.
    Peer(&'static Stack, Settings),
    /// The database itself, asked by sysbench without a service in between: what the queries alone cost.
    Sysbench,
}

/// The one that all others are compared with.
pub(crate) const OURS: &str = "ecs-playground";
pub(crate) const ONE_TO_ONE: &str = "ecs-playground-one-to-one";
pub(crate) const SYSBENCH: &str = "sysbench";
pub(crate) const WITHOUT_DATABASE: &str = "own-no-database";

// What served them best: see `bench/contenders/README.md`.
const POOL_OF_16: Settings = &[("DB_MAX_CONNECTIONS", "16")];

/// All of them.
pub(crate) static ALL: [Contender; 11] = [
    Contender { name: OURS, what: "this repository, as it ships", kind: Kind::Own(&[]) },
    Contender {
        name: ONE_TO_ONE,
        what: "this repository, with one query for each request",
        kind: Kind::Own(&[("DB_COALESCING", "off")]),
    },
    Contender {
        name: "php-original",
        what: "nginx, PHP-FPM and mysqli, as the tutorial had it",
        kind: Kind::Peer(&stack::PHP_ORIGINAL, &[]),
    },
    Contender {
        name: "php-tuned",
        what: "the same, tuned",
        kind: Kind::Peer(&stack::PHP_TUNED, &[("DB_MAX_CONNECTIONS", "8")]),
    },
    Contender { name: "go", what: "net/http and go-sql-driver", kind: Kind::Peer(&stack::GO, POOL_OF_16) },
    Contender { name: "node", what: "fastify and mysql2", kind: Kind::Peer(&stack::NODE, POOL_OF_16) },
    Contender { name: "axum-sqlx", what: "axum and sqlx", kind: Kind::Peer(&stack::AXUM_SQLX, POOL_OF_16) },
    Contender {
        name: "actix-mysql-async",
        what: "actix-web and mysql_async",
        kind: Kind::Peer(&stack::ACTIX_MYSQL_ASYNC, POOL_OF_16),
    },
    Contender { name: "actix-sqlx", what: "actix-web and sqlx", kind: Kind::Peer(&stack::ACTIX_SQLX, &[]) },
    Contender { name: SYSBENCH, what: "the queries alone, without a service", kind: Kind::Sysbench },
    Contender { name: WITHOUT_DATABASE, what: "our service alone, without a query", kind: Kind::OwnWithoutDatabase },
];

impl Contender {
    /// Whether it takes part in that workload.
    pub(crate) fn takes(&self, workload: &Workload) -> bool {
        !self.is_limit() || workload.name == workloads::BY_ID
    }

    /// Whether it is somebody else's service.
    pub(crate) fn is_peer(&self) -> bool {
        matches!(self.kind, Kind::Peer(..))
    }

    /// Whether it is no contender in earnest, and shows what is possible.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self.kind, Kind::Sysbench | Kind::OwnWithoutDatabase)
    }

    /// Whether it asks the database.
    pub(crate) fn has_database(&self) -> bool {
        !matches!(self.kind, Kind::OwnWithoutDatabase)
    }

    /// Whether it is sysbench, which is no server.
    pub(crate) fn is_sysbench(&self) -> bool {
        matches!(self.kind, Kind::Sysbench)
    }

    /// Its settings beyond the defaults, for people.
    pub(crate) fn settings(&self) -> Vec<String> {
        let settings: Vec<(&str, &str)> = match self.kind {
            Kind::Own(settings) => OWN_SETTINGS.iter().chain(settings).copied().collect(),
            Kind::OwnWithoutDatabase => OWN_SETTINGS.into(),
            Kind::Peer(_, settings) => settings.into(),
            Kind::Sysbench => Vec::new(),
        };
        settings.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }
}
