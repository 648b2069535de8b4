//! The requests of all workloads but the search for the nearest places.

use std::sync::Arc;

use super::{
    Plan,
    expected::{Expected, Page},
    random,
    request::Request,
};
use crate::database::{Location, Row, Rows, User};

/// Ids that are asked for: more than a cache of hot rows would hold, and few enough to check each before.
const IDS: usize = 4_096;
/// Items of a page.
const LIMIT: usize = 50;
/// Distinct pages.
const PAGES: usize = 64;
/// Distinct new locations.
const NEW: usize = 64;
/// Requests of the mix before it repeats.
const MIX: usize = 8_192;
const WRITES_PERCENT: usize = 10;

pub(super) fn locations_by_id(rows: &Rows) -> Plan {
    Plan::in_order(chosen(rows).map(location).collect())
}

/// The ids that `location-by-id` asks for.
pub(crate) fn location_ids(rows: &Rows) -> Vec<u64> {
    chosen(rows).map(|row| row.item.id).collect()
}

fn chosen(rows: &Rows) -> impl Iterator<Item = &Row<Location>> {
    random().choose_multiple(rows.locations.iter(), IDS).into_iter()
}

fn location(row: &Row<Location>) -> Request {
    Request::get(format!("/locations/{}", row.item.id), Expected::Location(row.clone()))
}

pub(super) fn users_by_id(rows: &Rows) -> Plan {
    let mut users: Vec<_> = rows.users.iter().collect();
    random().shuffle(&mut users);
    let request = |row: &Row<User>| Request::get(format!("/users/{}", row.item.id), Expected::User(row.clone()));
    Plan::in_order(users.into_iter().map(request).collect())
}

pub(super) fn first_page(rows: &Rows) -> Plan {
    Plan::in_order(vec![page(&rows.locations, 0)])
}

pub(super) fn pages_apart(rows: &Rows) -> Plan {
    let mut starts: Vec<usize> = (0..PAGES).map(|page| page * rows.locations.len() / PAGES).collect();
    random().shuffle(&mut starts);
    Plan::in_order(starts.into_iter().map(|start| page(&rows.locations, start)).collect())
}

/// The page that begins with the row at index `start`.
fn page(rows: &[Row<Location>], start: usize) -> Request {
    let after = if start == 0 { 0 } else { rows[start - 1].item.id };
    let path = |after| format!("/locations?limit={LIMIT}&after={after}");
    let (items, rest) = rows[start..].split_at(LIMIT.min(rows.len() - start));
    let next = items.last().filter(|_| !rest.is_empty()).map(|last| path(last.item.id));
    let items = items.iter().map(|row| row.item.clone()).collect();
    Request::get(path(after), Expected::Page(Page { items, next }))
}

pub(super) fn full_table(rows: &Rows) -> Plan {
    Plan::in_order(vec![Request::get("/locations/table", Expected::Table(Arc::clone(&rows.locations)))])
}

pub(super) fn health(_: &Rows) -> Plan {
    Plan::in_order(vec![Request::get("/health", Expected::Healthy)])
}

pub(super) fn new_locations(rows: &Rows) -> Plan {
    Plan::in_order(new_requests(rows))
}

pub(super) fn mix(rows: &Rows) -> Plan {
    let reads: Vec<Request> = chosen(rows).map(location).collect();
    let writes = new_requests(rows);
    let mut random = random();
    let mut next = || {
        let write = random.usize(..100) < WRITES_PERCENT;
        if write { reads.len() + random.usize(..writes.len()) } else { random.usize(..reads.len()) }
    };
    let order = (0..MIX).map(|_| next()).collect();
    Plan { requests: [reads, writes].concat(), order }
}

/// Copies of existing locations, under other names.
fn new_requests(rows: &Rows) -> Vec<Request> {
    let copy = |row: &Row<Location>| {
        let new = Location { name: format!("Neu-{}", row.item.name), ..row.item.clone() };
        let mut body = serde_json::to_value(&new).unwrap_or_default();
        // The server assigns the id.
        body.as_object_mut().map(|fields| fields.remove("id"));
        Request { body: Some(body), ..Request::get("/locations", Expected::Created(new)) }
    };
    random().choose_multiple(rows.locations.iter(), NEW).into_iter().map(copy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_mix_writes() {
        let rows = Rows { locations: (1..=5_000).map(Row::sample).collect(), users: Vec::new() };
        let plan = mix(&rows);
        let writes = plan.order.iter().filter(|index| **index >= plan.requests.len() - NEW).count();
        assert!((700..=940).contains(&writes), "{writes} of {MIX}");
        assert_eq!(plan.order, mix(&rows).order, "the same in every run");
    }
}
