//! Copies of the sample data's places, each moved by some degrees.

use anyhow::{Context as _, Result};
use location::geography::Coordinates;
use playground::terminal;
use sqlx::{Connection as _, MySqlConnection, QueryBuilder};

use crate::database::{Location, Row};

/// Above the ids of the sample data, and below those that the service assigns.
const FIRST_ID: u64 = 100_000_000;
/// Rows in one statement.
const BATCH: usize = 1_000;
/// The largest move in degrees.
const MOVED: f64 = 2.0;

/// Adds places to the existing `rows` until there are `times` as many.
pub(super) async fn multiply(connection: &mut MySqlConnection, rows: &[Row<Location>], times: u64) -> Result<()> {
    let step = terminal::step(format!("inserting {times} times as many places"));
    let mut random = fastrand::Rng::with_seed(times);
    let mut ids = FIRST_ID..;
    for _ in 1..times {
        let mut transaction = connection.begin().await?;
        for batch in rows.chunks(BATCH) {
            let places = batch.iter().zip(&mut ids).map(|(row, id)| moved(&row.item, id, &mut random));
            insert(&mut transaction, &places.collect::<Result<Vec<_>>>()?).await?;
        }
        transaction.commit().await?;
    }
    step.done(format_args!("inserted {times} times as many places"));
    Ok(())
}

/// A copy of `place` nearby, and its cell.
fn moved(place: &Location, id: u64, random: &mut fastrand::Rng) -> Result<(Location, u64)> {
    let mut moved = |degrees: f64| ((degrees + MOVED * (2.0 * random.f64() - 1.0)) * 1e5).round() / 1e5;
    let latitude = moved(place.latitude).clamp(-90.0, 90.0);
    let longitude = moved(place.longitude).clamp(-180.0, 180.0);
    let point = Coordinates::from_degrees(latitude, longitude).map_err(anyhow::Error::msg)?;
    Ok((Location { id, latitude, longitude, ..place.clone() }, point.stored_cell()))
}

async fn insert(connection: &mut MySqlConnection, places: &[(Location, u64)]) -> Result<()> {
    let mut statement = QueryBuilder::new(
        "INSERT INTO locations (id, name, country, region, latitude, longitude, population, timezone, cell) ",
    );
    statement.push_values(places, |mut row, (place, cell)| {
        row.push_bind(place.id)
            .push_bind(&place.name)
            .push_bind(&place.country)
            .push_bind(&place.region)
            .push_bind(place.latitude)
            .push_bind(place.longitude)
            .push_bind(place.population)
            .push_bind(&place.timezone)
            .push_bind(cell);
    });
    statement.build().execute(connection).await.context("cannot insert places")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_place_stays_on_the_earth_and_in_its_cell() {
        let mut random = fastrand::Rng::with_seed(1);
        let pole = Location { latitude: 89.9, longitude: 179.9, ..Row::sample(1).item };
        for id in FIRST_ID..FIRST_ID + 100 {
            let (place, cell) = moved(&pole, id, &mut random).expect("on the Earth");
            let point = Coordinates::from_degrees(place.latitude, place.longitude).expect("on the Earth");
            assert_eq!(cell, point.stored_cell());
            assert!((87.0..=90.0).contains(&place.latitude) && place.longitude <= 180.0);
        }
    }
}
