//! What is in the database, and what is said about it.

use serde::{Deserialize, Serialize};

/// A place.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::FromRow))]
#[expect(missing_docs, reason = "the names of the columns say it all")]
pub struct Location {
    pub id: u64,
    #[serde(skip)]
    pub version: u64,
    pub name: String,
    pub country: String,
    pub region: Option<String>,
    pub latitude: f64,
    pub longitude: f64,
    pub population: u64,
    pub timezone: String,
}

impl Location {
    /// The value of the header `etag`.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.version)
    }

    /// Where it is found.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/locations/{}", self.id)
    }
}

/// A place that has no id yet.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the names of the columns say it all")]
pub struct NewLocation {
    pub name: String,
    pub country: String,
    pub region: Option<String>,
    pub latitude: f64,
    pub longitude: f64,
    pub population: u64,
    pub timezone: String,
}

impl NewLocation {
    /// The place that it became in the database.
    #[must_use]
    pub fn stored(self, id: u64) -> Location {
        let Self { name, country, region, latitude, longitude, population, timezone } = self;
        Location { id, version: 1, name, country, region, latitude, longitude, population, timezone }
    }
}

/// A user.
#[derive(Debug, Serialize)]
#[cfg_attr(feature = "sqlx", derive(sqlx::FromRow))]
#[expect(missing_docs, reason = "the names of the columns say it all")]
pub struct User {
    pub id: u64,
    #[serde(skip)]
    pub version: u64,
    pub username: String,
    pub display_name: String,
    #[serde(skip)]
    pub email: String,
    pub location_id: Option<u64>,
}

impl User {
    /// The value of the header `etag`.
    #[must_use]
    pub fn etag(&self) -> String {
        etag(self.version)
    }
}

fn etag(version: u64) -> String {
    format!("\"{version}\"")
}

/// Which page of places.
#[derive(Debug, Deserialize)]
pub struct PageQuery {
    #[serde(default = "default_limit")]
    limit: u32,
    /// The last id of the page before.
    #[serde(default)]
    pub after: u64,
}

fn default_limit() -> u32 {
    50
}

impl PageQuery {
    /// How many rows to ask the database for: one more than the page has, which shows whether there is another page.
    #[must_use]
    pub fn rows(&self) -> u64 {
        u64::from(self.limit) + 1
    }

    /// Makes the page of those rows.
    #[must_use]
    pub fn page(&self, mut rows: Vec<Location>) -> Page {
        let limit = self.limit;
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let last = rows.last().filter(|_| more);
        Page { next: last.map(|last| format!("/locations?limit={limit}&after={}", last.id)), items: rows }
    }
}

/// A page of places.
#[derive(Debug, Serialize)]
pub struct Page {
    items: Vec<Location>,
    next: Option<String>,
}

/// Whether the contender and its database are up.
#[derive(Debug, Serialize)]
pub struct Health {
    status: &'static str,
}

impl Health {
    /// They are.
    pub const PASS: Self = Self { status: "pass" };
    /// They are not.
    pub const FAIL: Self = Self { status: "fail" };
}

/// What is said about a failure.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: String,
}
