//! The sample data: every place of over 15,000 inhabitants that GeoNames knows (CC BY 4.0; see `data/README.md`).

use std::io::Read;

use chassis::seed::Progress;
use flate2::read::GzDecoder;
use serde::Deserialize;
use sqlx::{Connection as _, MySqlConnection, QueryBuilder};

use crate::geography::Coordinates;

/// The data set as it is shipped.
const PLACES: &[u8] = include_bytes!("../data/places.tsv.gz");

/// Rows in one statement: large enough that the round trips do not count, far below the 65,535 parameters that a
/// prepared statement may have.
const BATCH: usize = 1_000;

/// One line of the data set.
#[derive(Debug, Deserialize)]
pub struct Place {
    id: u64,
    name: String,
    country: String,
    region: Option<String>,
    latitude: f64,
    longitude: f64,
    population: u64,
    timezone: String,
}

/// Loads the data set and says how many places it has. Places that are there already, changed or not, stay as they
/// are.
pub async fn load(connection: &mut MySqlConnection, progress: &Progress) -> sqlx::Result<u64> {
    let places = read(GzDecoder::new(PLACES)).map_err(|problem| sqlx::Error::Decode(problem.into()))?;
    let total = places.len() as u64;
    progress.begin(total);
    // One transaction: either all places are there or none, and the disk has to be waited for once.
    let mut transaction = connection.begin().await?;
    for batch in places.chunks(BATCH) {
        insert(&mut transaction, batch).await?;
        progress.advance(batch.len() as u64);
    }
    transaction.commit().await?;
    Ok(total)
}

/// The places in tab-separated lines under a line of names, or what is wrong with the first that will not do.
pub fn read(data: impl Read) -> Result<Vec<Place>, String> {
    let mut lines = csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_reader(data);
    let places = lines.deserialize().collect::<Result<Vec<Place>, _>>().map_err(|problem| problem.to_string())?;
    match places.iter().find(|place| Coordinates::from_degrees(place.latitude, place.longitude).is_err()) {
        Some(place) => Err(format!("place {} is nowhere on the Earth", place.id)),
        None => Ok(places),
    }
}

async fn insert(connection: &mut MySqlConnection, places: &[Place]) -> sqlx::Result<()> {
    let mut statement = QueryBuilder::new(
        "INSERT INTO locations (id, name, country, region, latitude, longitude, population, timezone, cell) ",
    );
    statement.push_values(places, |mut row, place| {
        let cell = Coordinates::from_degrees(place.latitude, place.longitude).map_or(0, Coordinates::stored_cell);
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
    statement.push(" ON DUPLICATE KEY UPDATE id = locations.id");
    statement.build().persistent(false).execute(connection).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_data_set_is_whole() {
        let places = read(GzDecoder::new(PLACES)).expect("readable");
        assert_eq!(places.len(), 33_961);
        assert!(places.iter().all(|place| place.population > 15_000));
        let ids: HashSet<_> = places.iter().map(|place| place.id).collect();
        assert_eq!(ids.len(), places.len(), "ids are unique");
        let oslo = places.iter().find(|place| place.id == 3_143_244).expect("Oslo");
        assert_eq!((oslo.name.as_str(), oslo.country.as_str(), oslo.timezone.as_str()), ("Oslo", "NO", "Europe/Oslo"));
    }

    #[test]
    fn a_place_that_is_nowhere_is_refused() {
        let data = "id\tname\tcountry\tregion\tlatitude\tlongitude\tpopulation\ttimezone\n\
                    1\tX\tNO\t\t91\t0\t20000\tEurope/Oslo\n";
        assert_eq!(read(data.as_bytes()).map(|_| ()), Err("place 1 is nowhere on the Earth".to_owned()));
    }
}
