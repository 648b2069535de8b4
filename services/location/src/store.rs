//! Locations in the database.

use std::str::FromStr;

use chassis::{
    http::{Change, Limit, Precondition, Revision},
    input::Line,
    telemetry::db_span,
};
use futures_util::{Stream, TryStreamExt as _};
use serde::Serialize;
use sqlx::{Execute as _, MySqlConnection, QueryBuilder};
use unicode_normalization::UnicodeNormalization as _;

use crate::model::{Country, Location, NewLocation};

/// Which locations a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    /// Only those of this country.
    pub country: Option<Country>,
    /// Only those whose name begins with this, case and accents aside.
    pub prefix: Option<Prefix>,
}

/// The beginning of a name: up to 200 characters, as many as the longest name has.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Prefix(String);

impl Prefix {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names that begin with it, as inclusive ranges in the order of the column's collation.
    ///
    /// A range takes letters for the same that the collation does, alone or as a sequence: "ß" and "ss". LIKE compares
    /// character by character. For a part of the letters, such as "й" and Hangul, both servers take the composed and the
    /// decomposed form (NFC, NFD) for different ones, and names are kept as they came, so each form is a range.
    fn ranges(&self) -> [(String, String); 3] {
        // Nothing comes after the last code point.
        let range = |first: String| (first.clone(), first + "\u{10ffff}");
        [range(self.0.clone()), range(self.0.nfc().collect()), range(self.0.nfd().collect())]
    }
}

impl FromStr for Prefix {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.chars().count() <= 200 { Ok(Self(text.to_owned())) } else { Err("q is longer than 200 characters") }
    }
}

/// `SELECT` of whole locations with `$condition`; checked at compile time like every query.
macro_rules! select_locations {
    ($condition:literal $(, $argument:expr)*) => {
        sqlx::query_as!(
            Location,
            "SELECT id, version, name, country, region, latitude, longitude, population, timezone FROM locations "
                + $condition
            $(, $argument)*
        )
    };
}

/// The locations with those ids, as far as they are there. What is checked at compile time is the statement without the
/// list, which may have any length.
pub async fn find(connection: &mut MySqlConnection, ids: &[u64]) -> sqlx::Result<Vec<Location>> {
    let mut query = QueryBuilder::new(select_locations!("").sql().as_str());
    let mut list = query.push("WHERE id IN (").separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    db_span("SELECT locations", query.push(")").build_query_as().fetch_all(connection)).await
}

/// Locations with an id above `after`, in the order of their ids, up to one more than `limit`: whether there is a next
/// page shows in that one.
pub async fn list(
    connection: &mut MySqlConnection,
    filter: &Filter,
    after: u64,
    limit: Limit,
) -> sqlx::Result<Vec<Location>> {
    let rows = limit.get() + 1;
    let country = filter.country.as_ref().map(Country::as_str);
    let prefix = filter.prefix.as_ref().map(Prefix::ranges);
    // A statement of its own for every combination lets the database use the index that fits.
    let select = async {
        match (country, prefix) {
            (None, None) => {
                select_locations!("WHERE id > ? ORDER BY id LIMIT ?", after, rows).fetch_all(connection).await
            }
            (Some(country), None) => {
                select_locations!("WHERE country = ? AND id > ? ORDER BY id LIMIT ?", country, after, rows)
                    .fetch_all(connection)
                    .await
            }
            (None, Some([given, composed, decomposed])) => {
                select_locations!(
                    "WHERE (name BETWEEN ? AND ? OR name BETWEEN ? AND ? OR name BETWEEN ? AND ?) AND id > ? \
                     ORDER BY id LIMIT ?",
                    given.0,
                    given.1,
                    composed.0,
                    composed.1,
                    decomposed.0,
                    decomposed.1,
                    after,
                    rows
                )
                .fetch_all(connection)
                .await
            }
            (Some(country), Some([given, composed, decomposed])) => {
                select_locations!(
                    "WHERE country = ? AND (name BETWEEN ? AND ? OR name BETWEEN ? AND ? OR name BETWEEN ? AND ?) \
                     AND id > ? ORDER BY id LIMIT ?",
                    country,
                    given.0,
                    given.1,
                    composed.0,
                    composed.1,
                    decomposed.0,
                    decomposed.1,
                    after,
                    rows
                )
                .fetch_all(connection)
                .await
            }
        }
    };
    db_span("SELECT locations", select).await
}

/// The first `count` locations with an id above `after`, in the order of their ids, one by one.
pub fn scan(connection: &mut MySqlConnection, after: u64, count: u32) -> impl Stream<Item = sqlx::Result<Location>> {
    select_locations!("WHERE id > ? ORDER BY id LIMIT ?", after, count).fetch(connection)
}

/// A place as it is seen from far away.
#[derive(Clone, Debug)]
pub struct PlaceSummary {
    /// The place's id.
    pub id: u64,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// Degrees north, WGS 84.
    pub latitude: f64,
    /// Degrees east, WGS 84.
    pub longitude: f64,
    /// Inhabitants.
    pub population: u64,
}

/// The first `count` places with an id above `after`, in the order of their ids, from far away.
pub fn glance(
    connection: &mut MySqlConnection,
    after: u64,
    count: u32,
) -> impl Stream<Item = sqlx::Result<PlaceSummary>> {
    sqlx::query_as!(
        PlaceSummary,
        "SELECT id, country, latitude, longitude, population FROM locations WHERE id > ? ORDER BY id LIMIT ?",
        after,
        count
    )
    .fetch(connection)
}

/// Where a place is.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The place's id.
    pub id: u64,
    /// Degrees north, WGS 84.
    pub latitude: f64,
    /// Degrees east, WGS 84.
    pub longitude: f64,
    /// The stored cell in which it lies.
    pub cell: u64,
}

/// Shows `visit` the places in those inclusive ranges of cells, in any order, up to `count` of them. All of this is in the
/// index `locations_place`.
pub async fn for_each_place(
    connection: &mut MySqlConnection,
    ranges: impl IntoIterator<Item = (u64, u64)>,
    count: u32,
    mut visit: impl FnMut(Place),
) -> sqlx::Result<()> {
    let select = sqlx::query_as!(Place, "SELECT id, latitude, longitude, cell FROM locations");
    let mut query = QueryBuilder::new(select.sql().as_str());
    let mut any = query.push(" WHERE ").separated(" OR ");
    for (first, last) in ranges {
        any.push("cell BETWEEN ").push_bind_unseparated(first).push_unseparated(" AND ").push_bind_unseparated(last);
    }
    query.push(" LIMIT ").push_bind(count);
    let mut places = query.build_query_as().fetch(connection);
    let select = async {
        // As a tuple: looking the columns up by their names would take a tenth of the time of a row.
        while let Some((id, latitude, longitude, cell)) = places.try_next().await? {
            visit(Place { id, latitude, longitude, cell });
        }
        Ok(())
    };
    db_span("SELECT locations", select).await
}

/// Stores a new location.
pub async fn insert(connection: &mut MySqlConnection, new: NewLocation) -> sqlx::Result<Location> {
    let insert = sqlx::query!(
        "INSERT INTO locations (name, country, region, latitude, longitude, population, timezone, cell)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        new.name.as_str(),
        new.country.as_str(),
        new.region.as_ref().map(Line::as_str),
        new.coordinates.latitude(),
        new.coordinates.longitude(),
        new.population,
        new.timezone.as_str(),
        new.coordinates.stored_cell()
    );
    let inserted = db_span("INSERT locations", insert.execute(connection)).await?;
    Ok(new.stored(inserted.last_insert_id(), 1))
}

/// Replaces a location that is in a version that `precondition` admits. Has to run in a transaction.
pub async fn replace(
    connection: &mut MySqlConnection,
    id: u64,
    new: NewLocation,
    precondition: &Precondition,
) -> sqlx::Result<Change<Location>> {
    let change = lock(connection, id, precondition).await?.map(Revision::next);
    if let Change::Updated(version) = &change {
        let update = sqlx::query!(
            "UPDATE locations
         SET version = ?, name = ?, country = ?, region = ?, latitude = ?, longitude = ?, population = ?, timezone = ?,
             cell = ?
         WHERE id = ?",
            version.0,
            new.name.as_str(),
            new.country.as_str(),
            new.region.as_ref().map(Line::as_str),
            new.coordinates.latitude(),
            new.coordinates.longitude(),
            new.population,
            new.timezone.as_str(),
            new.coordinates.stored_cell(),
            id
        );
        db_span("UPDATE locations", update.execute(connection)).await?;
    }
    Ok(change.map(|version| new.stored(id, version.0)))
}

/// Deletes a location that is in a version that `precondition` admits. Has to run in a transaction.
pub async fn delete(
    connection: &mut MySqlConnection,
    id: u64,
    precondition: &Precondition,
) -> sqlx::Result<Change<()>> {
    let change = lock(connection, id, precondition).await?;
    if let Change::Updated(_) = change {
        let delete = sqlx::query!("DELETE FROM locations WHERE id = ?", id);
        db_span("DELETE locations", delete.execute(connection)).await?;
    }
    Ok(change.map(|_| ()))
}

/// Keeps others from changing the location until the transaction ends, and says which version it is.
async fn lock(
    connection: &mut MySqlConnection,
    id: u64,
    precondition: &Precondition,
) -> sqlx::Result<Change<Revision>> {
    let select = sqlx::query_scalar!("SELECT version FROM locations WHERE id = ? FOR UPDATE", id);
    let version = db_span("SELECT locations", select.fetch_optional(connection)).await?;
    Ok(precondition.admit(version.map(Revision)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_looked_for_as_it_came_composed_and_decomposed() {
        let ranges = Prefix("s\u{e3}o\u{308}".to_owned()).ranges();
        let firsts = ranges.each_ref().map(|(first, _)| first.as_str());
        assert_eq!(firsts, ["s\u{e3}o\u{308}", "s\u{e3}\u{f6}", "sa\u{303}o\u{308}"]);
        assert!(ranges.iter().all(|(first, last)| last.strip_prefix(first.as_str()) == Some("\u{10ffff}")));
    }
}
