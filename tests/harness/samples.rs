//! Bodies to send.

use serde_json::{Value, json};

/// A valid location.
pub fn oslo() -> Value {
    json!({
        "name": "Oslo", "country": "NO", "region": "12", "latitude": 59.913, "longitude": 10.739,
        "population": 580_000, "timezone": "Europe/Oslo"
    })
}

/// A valid user who lives nowhere.
pub fn ada() -> Value {
    json!({"username": "ada", "display_name": "Ada Hansen", "email": "ada@example.com", "location_id": null})
}

/// `value` with `field` replaced.
pub fn with(mut value: Value, field: &str, replacement: impl Into<Value>) -> Value {
    value[field] = replacement.into();
    value
}
