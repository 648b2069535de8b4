//! The rows of both tables, read directly.

use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sqlx::{FromRow, MySqlConnection};

/// All rows, in the order of their ids.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Those of the table of locations.
    pub(crate) locations: Arc<[LocationRow]>,
    /// Those of the table of users.
    pub(crate) users: Vec<UserRow>,
}

/// A location as it is stored.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct LocationRow {
    pub(crate) id: u64,
    pub(crate) version: u64,
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) region: Option<String>,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) population: u64,
    pub(crate) timezone: String,
}

/// A user as it is stored, as far as it is shown.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct UserRow {
    pub(crate) id: u64,
    pub(crate) version: u64,
    username: String,
    display_name: String,
    location_id: Option<u64>,
}

/// The rows of the table of locations that a connection reaches, in the order of their ids.
pub(super) async fn locations(connection: &mut MySqlConnection) -> Result<Arc<[LocationRow]>> {
    let rows = sqlx::query_as(
        "SELECT id, version, name, country, region, latitude, longitude, population, timezone
         FROM locations ORDER BY id",
    );
    Ok(rows.fetch_all(connection).await.context("cannot read the locations")?.into())
}

/// The rows of the table of users that a connection reaches, in the order of their ids.
pub(super) async fn users(connection: &mut MySqlConnection) -> Result<Vec<UserRow>> {
    let rows = sqlx::query_as("SELECT id, version, username, display_name, location_id FROM users ORDER BY id");
    rows.fetch_all(connection).await.context("cannot read the users")
}

impl LocationRow {
    /// As it is answered.
    pub(crate) fn json(&self) -> Value {
        let Self { id, version: _, name, country, region, latitude, longitude, population, timezone } = self;
        json!({
            "id": id, "name": name, "country": country, "region": region, "latitude": latitude,
            "longitude": longitude, "population": population, "timezone": timezone
        })
    }
}

impl UserRow {
    /// As it is answered, to those who may not see addresses.
    pub(crate) fn json(&self) -> Value {
        let Self { id, version: _, username, display_name, location_id } = self;
        json!({"id": id, "username": username, "display_name": display_name, "location_id": location_id})
    }
}

#[cfg(test)]
impl LocationRow {
    /// A location that is made up.
    pub(crate) fn sample(id: u64) -> Self {
        Self {
            id,
            version: 1,
            name: format!("Place {id}"),
            country: "FR".to_owned(),
            region: None,
            latitude: 48.5,
            longitude: -2.0,
            population: 20_000,
            timezone: "Europe/Paris".to_owned(),
        }
    }
}
