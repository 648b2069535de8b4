//! The statements. They are the same for all contenders, so that the database has the same work with each.

use std::sync::Arc;

/// One place.
pub const LOCATION: &str =
    "SELECT id, version, name, country, region, latitude, longitude, population, timezone FROM locations WHERE id = ?";

/// A page of places.
pub const PAGE: &str = "SELECT id, version, name, country, region, latitude, longitude, population, timezone \
    FROM locations WHERE id > ? ORDER BY id LIMIT ?";

/// All places.
pub const TABLE: &str = "SELECT id, version, name, country, region, latitude, longitude, population, timezone \
    FROM locations ORDER BY id";

/// The places in an area that are nearest to a point: south, north, west and east of the area, latitude (twice) and
/// longitude of the point in radians, how many. What is ordered by is the haversine of the angle between the two
/// points, which grows with their distance.
pub const NEAREST: &str = "SELECT id, version, name, country, region, latitude, longitude, population, timezone \
    FROM locations WHERE latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ? \
    ORDER BY POW(SIN((RADIANS(latitude) - ?) / 2), 2) \
    + COS(?) * COS(RADIANS(latitude)) * POW(SIN((RADIANS(longitude) - ?) / 2), 2), id LIMIT ?";

/// A new place.
pub const INSERT: &str = "INSERT INTO locations (name, country, region, latitude, longitude, population, timezone) \
    VALUES (?, ?, ?, ?, ?, ?, ?)";

/// The least that a database can be asked.
pub const HEALTH: &str = "SELECT 1";

/// One user, in `database`. The text is shared by all requests.
#[must_use]
pub fn user(database: &str) -> Arc<str> {
    format!("SELECT id, version, username, display_name, email, location_id FROM `{database}`.users WHERE id = ?")
        .into()
}
