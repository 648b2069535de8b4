//! Which places are nearest to a point.
//!
//! The search looks at surroundings of the point, and at larger ones after, until they reach further than the last place
//! found: then nothing that is outside can be nearer. Each look is a few ranges of an index, the database sends no more
//! rows than were asked for, and where places are many the surroundings are small.

use std::cell::Cell;

use chassis::http::Limit;
use serde::Serialize;
use sqlx::MySqlConnection;
use utoipa::ToSchema;

use crate::{
    geography::{Coordinates, Surroundings},
    model::Location,
};

/// All cells.
const EVERYWHERE: [(u64, u64); 7] = [(0, u64::MAX); 7];

/// A place and how far away it is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Near {
    /// The place.
    #[serde(flatten)]
    pub location: Location,
    /// Distance in metres along the surface.
    #[schema(minimum = 0, example = 1_250.5)]
    pub distance_m: f64,
}

/// Searches, one after another: each begins with surroundings of the size that would have done for the one before.
/// Where places lie densely, small ones do. A guess that is too small costs another look, one that is too large some
/// rows more.
#[derive(Default)]
pub struct Search {
    /// The index of those surroundings.
    first: Cell<usize>,
}

impl Search {
    /// The `limit` places nearest to `point`, the nearest first; fewer where there are not so many.
    pub async fn find(
        &self,
        connection: &mut MySqlConnection,
        point: Coordinates,
        limit: Limit,
    ) -> sqlx::Result<Vec<Near>> {
        let mut size = self.first.get();
        while let Some(surroundings) = Surroundings::ALL.get(size) {
            let found = measure(point, within(connection, surroundings.ranges(point), point, limit).await?);
            let farthest = found.last().filter(|_| found.len() == limit.get() as usize).map(|place| place.distance_m);
            // Once enough places are known, only surroundings that reach as far as the last of them can improve on them.
            let suffices = |surroundings: &Surroundings| {
                farthest.is_some_and(|distance_m| distance_m <= surroundings.reach_m(point))
            };
            if suffices(surroundings) {
                let smaller = Surroundings::ALL[..size].iter().rev().take_while(|smaller| suffices(smaller)).count();
                self.first.set(size - smaller);
                return Ok(found);
            }
            let larger = &Surroundings::ALL[size + 1..];
            let skipped = larger.iter().take_while(|larger| farthest.is_some() && !suffices(larger)).count();
            size += 1 + skipped;
        }
        // The largest surroundings, a quarter of the Earth, have fewer places than that.
        Ok(measure(point, within(connection, EVERYWHERE, point, limit).await?))
    }
}

fn measure(point: Coordinates, locations: Vec<Location>) -> Vec<Near> {
    let distance_m = |location: &Location| {
        Coordinates::from_degrees(location.latitude, location.longitude)
            .map_or(f64::INFINITY, |place| point.distance_m(place))
    };
    let measured = locations.into_iter().map(|location| Near { distance_m: distance_m(&location), location });
    measured.collect()
}

/// The `limit` nearest places among those in the ranges of cells. What is ordered by is the haversine of the angle
/// between the two points, which grows with their distance; ids make the order of equally distant places certain.
async fn within(
    connection: &mut MySqlConnection,
    cells: [(u64, u64); 7],
    point: Coordinates,
    limit: Limit,
) -> sqlx::Result<Vec<Location>> {
    let (latitude, longitude) = (point.latitude().to_radians(), point.longitude().to_radians());
    sqlx::query_as!(
        Location,
        "SELECT id, version, name, country, region, latitude, longitude, population, timezone
         FROM locations
         WHERE cell BETWEEN ? AND ? OR cell BETWEEN ? AND ? OR cell BETWEEN ? AND ? OR cell BETWEEN ? AND ?
            OR cell BETWEEN ? AND ? OR cell BETWEEN ? AND ? OR cell BETWEEN ? AND ?
         ORDER BY POW(SIN((RADIANS(latitude) - ?) / 2), 2)
                  + COS(?) * COS(RADIANS(latitude)) * POW(SIN((RADIANS(longitude) - ?) / 2), 2), id
         LIMIT ?",
        cells[0].0,
        cells[0].1,
        cells[1].0,
        cells[1].1,
        cells[2].0,
        cells[2].1,
        cells[3].0,
        cells[3].1,
        cells[4].0,
        cells[4].1,
        cells[5].0,
        cells[5].1,
        cells[6].0,
        cells[6].1,
        latitude,
        latitude,
        longitude,
        limit.get()
    )
    .fetch_all(connection)
    .await
}
