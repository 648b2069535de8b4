//! More places than there are: those of the sample data over and over, each time somewhere else.

use anyhow::{Context as _, Result};
use location::geography::Coordinates;
use sqlx::{Connection as _, MySqlConnection, QueryBuilder};

use crate::{database::LocationRow, progress::Progress};

/// Ids above those of the sample data, and below those that the service gives.
const FIRST_ID: u64 = 100_000_000;
/// Rows in one statement.
const BATCH: usize = 1_000;
/// How far a place is moved at most, in degrees.
const MOVED: f64 = 2.0;

/// A place that is made up.
struct Place<'a> {
    id: u64,
    like: &'a LocationRow,
    latitude: f64,
    longitude: f64,
    cell: u64,
}

/// Adds places until there are `times` as many as in `rows`, which are those that are there.
pub(super) async fn multiply(connection: &mut MySqlConnection, rows: &[LocationRow], times: u64) -> Result<()> {
    let mut random = fastrand::Rng::with_seed(times);
    let mut ids = FIRST_ID..;
    let progress = Progress::of(usize::try_from(times - 1)?);
    for _ in 1..times {
        progress.says(format!("making {times} times as many places"));
        let mut transaction = connection.begin().await?;
        for batch in rows.chunks(BATCH) {
            let places = batch.iter().zip(&mut ids).map(|(row, id)| Place::like(row, id, &mut random));
            insert(&mut transaction, &places.collect::<Result<Vec<_>>>()?).await?;
        }
        transaction.commit().await?;
        progress.done();
    }
    progress.print(&format!("  there are {times} times as many places as in the sample data"));
    Ok(())
}

impl<'a> Place<'a> {
    /// The same place, moved.
    fn like(row: &'a LocationRow, id: u64, random: &mut fastrand::Rng) -> Result<Self> {
        let mut moved = |degrees: f64| ((degrees + MOVED * (2.0 * random.f64() - 1.0)) * 1e5).round() / 1e5;
        let latitude = moved(row.latitude).clamp(-90.0, 90.0);
        let longitude = moved(row.longitude).clamp(-180.0, 180.0);
        let point = Coordinates::from_degrees(latitude, longitude).map_err(anyhow::Error::msg)?;
        Ok(Self { id, like: row, latitude, longitude, cell: point.stored_cell() })
    }
}

async fn insert(connection: &mut MySqlConnection, places: &[Place<'_>]) -> Result<()> {
    let mut statement = QueryBuilder::new(
        "INSERT INTO locations (id, name, country, region, latitude, longitude, population, timezone, cell) ",
    );
    statement.push_values(places, |mut row, place| {
        row.push_bind(place.id)
            .push_bind(&place.like.name)
            .push_bind(&place.like.country)
            .push_bind(&place.like.region)
            .push_bind(place.latitude)
            .push_bind(place.longitude)
            .push_bind(place.like.population)
            .push_bind(&place.like.timezone)
            .push_bind(place.cell);
    });
    statement.build().execute(connection).await.context("cannot store places that are made up")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_place_stays_on_the_earth_and_in_its_cell() {
        let mut random = fastrand::Rng::with_seed(1);
        let pole = LocationRow { latitude: 89.9, longitude: 179.9, ..LocationRow::sample(1) };
        for id in FIRST_ID..FIRST_ID + 100 {
            let place = Place::like(&pole, id, &mut random).expect("on the Earth");
            let point = Coordinates::from_degrees(place.latitude, place.longitude).expect("on the Earth");
            assert_eq!(place.cell, point.stored_cell());
            assert!((87.0..=90.0).contains(&place.latitude) && place.longitude <= 180.0);
        }
    }
}
