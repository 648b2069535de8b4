//! The rows of both tables, read directly; from them the expected responses are made.

use std::sync::Arc;

use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use sqlx::{FromRow, MySqlConnection};

/// All rows, by ascending id.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) locations: Arc<[Row<Location>]>,
    pub(crate) users: Vec<Row<User>>,
}

/// A row: the resource, and its version for the `ETag`.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Row<T> {
    #[sqlx(flatten)]
    pub(crate) item: T,
    pub(crate) version: u64,
}

/// A location, as it is answered: a field that is missing or unknown is an error.
#[derive(Clone, Debug, Deserialize, FromRow, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Location {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) country: String,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(crate) region: Option<String>,
    pub(crate) latitude: f64,
    pub(crate) longitude: f64,
    pub(crate) population: u64,
    pub(crate) timezone: String,
}

/// A user, as they are answered without the token.
#[derive(Clone, Debug, Deserialize, FromRow, PartialEq)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) id: u64,
    username: String,
    display_name: String,
    #[serde(deserialize_with = "Option::deserialize")]
    location_id: Option<u64>,
}

pub(super) async fn locations(connection: &mut MySqlConnection) -> Result<Arc<[Row<Location>]>> {
    let rows = sqlx::query_as(
        "SELECT id, version, name, country, region, latitude, longitude, population, timezone
         FROM locations ORDER BY id",
    );
    Ok(rows.fetch_all(connection).await.context("cannot read the locations")?.into())
}

pub(super) async fn users(connection: &mut MySqlConnection) -> Result<Vec<Row<User>>> {
    let rows = sqlx::query_as("SELECT id, version, username, display_name, location_id FROM users ORDER BY id");
    rows.fetch_all(connection).await.context("cannot read the users")
}

#[cfg(test)]
impl Row<Location> {
    pub(crate) fn sample(id: u64) -> Self {
        let item = Location {
            id,
            name: format!("Place {id}"),
            country: "FR".to_owned(),
            region: None,
            latitude: 48.5,
            longitude: -2.0,
            population: 20_000,
            timezone: "Europe/Paris".to_owned(),
        };
        Self { item, version: 1 }
    }
}
