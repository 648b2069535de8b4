//! Workloads that only read, but for the search for near places.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Plan, draw, expected::Expected, question::Question};
use crate::database::{LocationRow, Rows};

/// Far more than any cache of answers would serve for the asking, few enough to be checked one by one before.
const IDS: usize = 4_096;
/// The items of a page.
const LIMIT: usize = 50;
/// Places in the list at which a page begins.
const PAGES: usize = 64;

pub(super) fn locations_by_id(rows: &Rows) -> Plan {
    Plan::in_order(drawn_locations(rows).map(location).collect())
}

/// The ids that are asked for.
pub(crate) fn location_ids(rows: &Rows) -> Vec<u64> {
    drawn_locations(rows).map(|row| row.id).collect()
}

/// The locations that are asked for.
pub(super) fn drawn_locations(rows: &Rows) -> impl Iterator<Item = &LocationRow> {
    draw().choose_multiple(rows.locations.iter(), IDS).into_iter()
}

/// Asks for one location.
pub(super) fn location(row: &LocationRow) -> Question {
    Question::get(format!("/locations/{}", row.id), Expected::Item(row.json(), row.version))
}

pub(super) fn users_by_id(rows: &Rows) -> Plan {
    let mut users: Vec<_> = rows.users.iter().collect();
    draw().shuffle(&mut users);
    let ask = |id| format!("/users/{id}");
    let users = users.into_iter().map(|row| Question::get(ask(row.id), Expected::Item(row.json(), row.version)));
    Plan::in_order(users.collect())
}

/// The page that every visitor asks for.
pub(super) fn first_page(rows: &Rows) -> Plan {
    Plan::in_order(vec![page(&rows.locations, 0)])
}

/// Pages that nobody else asks for at the same time.
pub(super) fn pages_apart(rows: &Rows) -> Plan {
    let mut starts: Vec<usize> = (0..PAGES).map(|page| page * rows.locations.len() / PAGES).collect();
    draw().shuffle(&mut starts);
    Plan::in_order(starts.into_iter().map(|start| page(&rows.locations, start)).collect())
}

/// Asks for the page that begins with the row of that number.
fn page(rows: &[LocationRow], start: usize) -> Question {
    let after = if start == 0 { 0 } else { rows[start - 1].id };
    let path = |after| format!("/locations?limit={LIMIT}&after={after}");
    let (items, rest) = rows[start..].split_at(LIMIT.min(rows.len() - start));
    let next = items.last().filter(|_| !rest.is_empty()).map(|last| path(last.id));
    let items: Vec<Value> = items.iter().map(LocationRow::json).collect();
    Question::get(path(after), Expected::Json(json!({"items": items, "next": next})))
}

pub(super) fn full_table(rows: &Rows) -> Plan {
    Plan::in_order(vec![Question::get("/locations/table", Expected::Table(Arc::clone(&rows.locations)))])
}

pub(super) fn health(_: &Rows) -> Plan {
    Plan::in_order(vec![Question::get("/health", Expected::Healthy)])
}
