//! Workloads that write.

use serde_json::Value;

use super::{
    Plan, draw,
    expected::Expected,
    question::Question,
    reads::{drawn_locations, location},
};
use crate::database::{LocationRow, Rows};

/// Different new locations.
const NEW: usize = 64;
/// Requests of the mix before it starts over, and how many in a hundred of them write.
const MIXED: usize = 8_192;
const WRITES_PERCENT: usize = 10;

pub(super) fn new_locations(rows: &Rows) -> Plan {
    Plan::in_order(new_questions(rows))
}

pub(super) fn mixed(rows: &Rows) -> Plan {
    let reads: Vec<Question> = drawn_locations(rows).map(location).collect();
    let writes = new_questions(rows);
    let mut random = draw();
    let mut next = |_| {
        let writes_next = random.usize(..100) < WRITES_PERCENT;
        if writes_next { reads.len() + random.usize(..writes.len()) } else { random.usize(..reads.len()) }
    };
    let order = (0..MIXED).map(&mut next).collect();
    Plan { questions: [reads, writes].concat(), order }
}

/// New locations like some that are there, under other names.
fn new_questions(rows: &Rows) -> Vec<Question> {
    let new = draw().choose_multiple(rows.locations.iter(), NEW).into_iter().map(new_location);
    new.map(|body| Question::post("/locations", body.clone(), Expected::Created(body))).collect()
}

fn new_location(row: &LocationRow) -> Value {
    let mut body = row.json();
    body["name"] = format!("Neu-{}", row.name).into();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("id");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_of_the_mix_writes() {
        let rows = Rows { locations: (1..=5_000).map(LocationRow::sample).collect(), users: Vec::new() };
        let plan = mixed(&rows);
        let writes = plan.order.iter().filter(|number| **number >= plan.questions.len() - NEW).count();
        assert!((700..=940).contains(&writes), "{writes} of {MIXED}");
        assert_eq!(plan.order, mixed(&rows).order, "it is the same every time");
    }
}
