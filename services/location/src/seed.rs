//! The sample data: every place of over 15,000 inhabitants that GeoNames knows (CC BY 4.0; see `data/README.md`).

use std::{
    io::Read,
    str::{FromStr, Lines, Split},
};

use chassis::seed::Progress;
use flate2::read::GzDecoder;
use sqlx::{Connection as _, MySqlConnection, QueryBuilder};

use crate::geography::Coordinates;

/// The data set as it is shipped.
const PLACES: &[u8] = include_bytes!("../data/places.tsv.gz");

/// Rows in one statement: large enough that the round trips do not count, far below the 65,535 parameters that a
/// prepared statement may have.
const BATCH: usize = 1_000;

/// A place of the data set.
#[derive(Debug)]
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

/// The places of a data set in which a line is a column (see `data/README.md`), or what is wrong with it.
pub fn read(mut data: impl Read) -> Result<Vec<Place>, String> {
    let mut text = String::new();
    data.read_to_string(&mut text).map_err(|problem| problem.to_string())?;
    let mut lines = text.lines();
    let mut column = |name| Column::of(&mut lines, name);
    let (mut ids, mut names, mut countries, mut regions) =
        (column("id")?, column("name")?, column("country")?, column("region")?);
    let (mut latitudes, mut longitudes, mut populations, mut timezones) =
        (column("latitude")?, column("longitude")?, column("population")?, column("timezone")?);
    let (mut places, mut id) = (Vec::new(), 0_u64);
    while let Some(step) = ids.cells.next() {
        id = step.parse().ok().and_then(|step| id.checked_add(step)).ok_or_else(|| ids.wrong(step))?;
        let region = regions.text()?;
        let place = Place {
            id,
            name: names.text()?,
            country: countries.text()?,
            region: (!region.is_empty()).then_some(region),
            latitude: latitudes.number()?,
            longitude: longitudes.number()?,
            population: populations.number()?,
            timezone: timezones.text()?,
        };
        if Coordinates::from_degrees(place.latitude, place.longitude).is_err() {
            return Err(format!("place {id} is nowhere on the Earth"));
        }
        places.push(place);
    }
    let mut others = [names, countries, regions, latitudes, longitudes, populations, timezones];
    match others.iter_mut().find_map(|column| column.cells.next().map(|_| column.name)) {
        Some(name) => Err(format!("the column {name} has more values than there are ids")),
        None => Ok(places),
    }
}

/// A column that is being read.
struct Column<'a> {
    name: &'static str,
    cells: Split<'a, char>,
}

impl<'a> Column<'a> {
    /// The next line, which has to be that column.
    fn of(lines: &mut Lines<'a>, name: &'static str) -> Result<Self, String> {
        let mut cells = lines.next().unwrap_or_default().split('\t');
        if cells.next() == Some(name) { Ok(Self { name, cells }) } else { Err(format!("the column {name} is missing")) }
    }

    fn cell(&mut self) -> Result<&'a str, String> {
        self.cells.next().ok_or_else(|| format!("the column {} has fewer values than there are ids", self.name))
    }

    fn text(&mut self) -> Result<String, String> {
        self.cell().map(str::to_owned)
    }

    fn number<T: FromStr>(&mut self) -> Result<T, String> {
        let cell = self.cell()?;
        cell.parse().map_err(|_| self.wrong(cell))
    }

    fn wrong(&self, cell: &str) -> String {
        format!("{cell:?} in the column {} is no such number", self.name)
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
    fn what_is_wrong_with_a_data_set_is_told() {
        let good = "id\t1\t2\nname\tX\tY\ncountry\tNO\tNO\nregion\t\t12\nlatitude\t59\t60\nlongitude\t0\t0\n\
                    population\t20000\t1\ntimezone\tEurope/Oslo\tUTC\n";
        let places = read(good.as_bytes()).expect("good");
        assert_eq!((places[1].id, places[0].region.as_deref(), places[1].region.as_deref()), (3, None, Some("12")));
        for (from, to, told) in [
            ("\t59", "\t91", "place 1 is nowhere on the Earth"),
            ("\t20000", "\tmany", "\"many\" in the column population is no such number"),
            ("id\t1\t2", "id\t1\t18446744073709551615", "\"18446744073709551615\" in the column id is no such number"),
            ("region", "Region", "the column region is missing"),
            ("\tUTC", "", "the column timezone has fewer values than there are ids"),
            ("\tY", "\tY\tZ", "the column name has more values than there are ids"),
        ] {
            assert_eq!(read(good.replacen(from, to, 1).as_bytes()).map(|_| ()), Err(told.to_owned()));
        }
    }
}
