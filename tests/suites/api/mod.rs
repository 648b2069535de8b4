//! The HTTP contract.

mod bad_input;
mod conditional;
mod idempotency;
mod locations;
mod nearest;
mod openapi;
mod operation;
mod users;

use serde_json::{Value, json};

/// A valid location.
fn oslo() -> Value {
    json!({
        "name": "Oslo", "country": "NO", "region": "12", "latitude": 59.913, "longitude": 10.739,
        "population": 580_000, "timezone": "Europe/Oslo"
    })
}

/// A valid user who lives nowhere.
fn ada() -> Value {
    json!({"username": "ada", "display_name": "Ada Hansen", "email": "ada@example.com", "location_id": null})
}

/// `value` with `field` replaced.
fn with(mut value: Value, field: &str, replacement: impl Into<Value>) -> Value {
    value[field] = replacement.into();
    value
}
