//! What is asked: for each workload the requests, their order, and the answers that they have to get.

mod expected;
mod html;
mod json;
mod nearest;
mod question;
mod reads;
mod writes;

pub(crate) use self::{question::Question, reads::location_ids};
use crate::database::Rows;

/// So many requests, of so many kinds that a cache in front of the database would show.
#[derive(Debug)]
pub(crate) struct Workload {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// Which of the two services is asked.
    pub(crate) service: Service,
    /// Whether it leaves something in the database.
    pub(crate) writes: bool,
    /// Numbers of connections beyond those of all workloads.
    also: &'static [usize],
    /// The largest number of connections that it is measured at.
    at_most: usize,
    plan: fn(&Rows) -> Plan,
}

/// One of the two services. To a peer both are the same server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Location,
    User,
}

/// The distinct requests, and in which order they are sent, over and over.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The requests.
    pub(crate) questions: Vec<Question>,
    /// Their numbers.
    pub(crate) order: Vec<usize>,
}

/// The one on which the limits are measured as well.
pub(crate) const BY_ID: &str = "location-by-id";

/// All of them. Those that write come last, so that the others meet the sample data alone.
pub(crate) static ALL: [Workload; 9] = [
    Workload { also: &[128], ..reading(BY_ID, "one location, by its id", reads::locations_by_id) },
    Workload { service: Service::User, ..reading("user-by-id", "one user, by their id", reads::users_by_id) },
    reading("page-of-50", "the first page of the list", reads::first_page),
    reading("pages-apart", "one of 64 pages of the list", reads::pages_apart),
    // With hundreds at once, each of which has five megabytes to get, one run would take the slowest a minute.
    Workload { at_most: 32, ..reading("full-table", "the whole table as a page", reads::full_table) },
    reading("health", "whether the database answers", reads::health),
    reading("nearest", "the five places nearest to a point", nearest::plan),
    Workload { writes: true, ..reading("write", "a new location", writes::new_locations) },
    Workload { writes: true, ..reading("mix", "nine locations by id to one new one", writes::mixed) },
];

/// A workload of the location service that only reads.
const fn reading(name: &'static str, what: &'static str, plan: fn(&Rows) -> Plan) -> Workload {
    Workload { name, what, service: Service::Location, writes: false, also: &[], at_most: usize::MAX, plan }
}

impl Workload {
    /// The numbers of connections that it is measured at, where those of all workloads are `of_all`.
    pub(crate) fn at(&self, of_all: &[usize]) -> Vec<usize> {
        let mut at = [of_all, self.also].concat();
        at.retain(|connections| *connections <= self.at_most);
        at.sort_unstable();
        at.dedup();
        at
    }

    /// What is asked for, made from the rows of the database.
    pub(crate) fn plan(&self, rows: &Rows) -> Plan {
        (self.plan)(rows)
    }
}

impl Plan {
    /// Asks what needs no database.
    pub(crate) fn without_database() -> Self {
        Self::in_order(vec![Question::livez()])
    }

    /// Asks one question after the other.
    fn in_order(questions: Vec<Question>) -> Self {
        Self { order: (0..questions.len()).collect(), questions }
    }
}

/// Random numbers that are the same every time.
fn draw() -> fastrand::Rng {
    fastrand::Rng::with_seed(20_150_611)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workload_may_have_numbers_of_connections_of_its_own() {
        let at = |name| ALL.iter().find(|workload| workload.name == name).map(|workload| workload.at(&[256, 1, 32]));
        assert_eq!(at(BY_ID), Some(vec![1, 32, 128, 256]));
        assert_eq!(at("full-table"), Some(vec![1, 32]));
        assert_eq!(at("health"), Some(vec![1, 32, 256]));
    }

    #[test]
    fn nothing_is_read_after_the_first_write() {
        let mut writing = ALL.iter().skip_while(|workload| !workload.writes);
        assert!(writing.all(|workload| workload.writes));
    }
}
