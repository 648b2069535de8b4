//! The workloads: requests, their order, and the responses that they must get.

mod expected;
mod nearest;
mod plans;
mod request;
mod table;

use self::expected::Expected;
pub(crate) use self::{plans::location_ids, request::Request};
use crate::database::Rows;

#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) service: Service,
    /// It inserts rows.
    pub(crate) writes: bool,
    /// Numbers of connections: from no waiting at all to more than any pool has.
    pub(crate) connections: &'static [usize],
    plan: fn(&Rows) -> Plan,
}

/// One of the two services. A peer serves both on one port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Location,
    User,
}

/// The distinct requests, and the order in which they are sent, over and over.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) requests: Vec<Request>,
    pub(crate) order: Vec<usize>,
}

/// The workload that the limits run as well.
pub(crate) const BY_ID: &str = "location-by-id";

/// All workloads. Those that write come last: the others read the sample data alone.
pub(crate) static ALL: [Workload; 9] = [
    Workload { connections: &[1, 32, 128, 256], ..reading(BY_ID, "one location, by its id", plans::locations_by_id) },
    Workload { service: Service::User, ..reading("user-by-id", "one user, by their id", plans::users_by_id) },
    reading("page-of-50", "the first page of the list", plans::first_page),
    reading("pages-apart", "one of 64 pages of the list", plans::pages_apart),
    // 256 responses of five megabytes at once would take the slowest contender a minute.
    Workload { connections: &[1, 32], ..reading("full-table", "the whole table as a page", plans::full_table) },
    reading("health", "the health of the database", plans::health),
    reading("nearest", "the five places nearest to a point", nearest::plan),
    Workload { writes: true, ..reading("write", "a new location", plans::new_locations) },
    Workload { writes: true, ..reading("mix", "nine locations by id to one new one", plans::mix) },
];

/// A workload of the location service that only reads.
const fn reading(name: &'static str, what: &'static str, plan: fn(&Rows) -> Plan) -> Workload {
    Workload { name, what, service: Service::Location, writes: false, connections: &[1, 32, 256], plan }
}

impl Workload {
    /// The workload called `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().find(|workload| workload.name == name)
    }

    /// The requests and responses, from the rows of the database.
    pub(crate) fn plan(&self, rows: &Rows) -> Plan {
        (self.plan)(rows)
    }
}

impl Plan {
    /// A request that needs no database.
    pub(crate) fn without_database() -> Self {
        Self::in_order(vec![Request::get("/livez", Expected::Success)])
    }

    fn in_order(requests: Vec<Request>) -> Self {
        Self { order: (0..requests.len()).collect(), requests }
    }
}

/// The same random numbers in every run.
fn random() -> fastrand::Rng {
    fastrand::Rng::with_seed(20_150_611)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reading_workload_comes_after_a_writing_one() {
        assert!(ALL.is_sorted_by_key(|workload| workload.writes));
    }
}
