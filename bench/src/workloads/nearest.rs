//! The search for the places nearest to a point. What has to be found is looked for among all rows.

use serde_json::{Value, json};

use super::{Plan, draw, expected::Expected, question::Question};
use crate::database::{LocationRow, Rows};

/// Points to search around.
const POINTS: usize = 512;
/// Places to find.
const LIMIT: usize = 5;
/// How far a point lies from some place at most, in degrees: people ask from where people are.
const MOVED: f64 = 0.1;
/// Between these the boxes of latitude and longitude in which the peers search have no trouble with the poles.
const LATITUDES: f64 = 60.0;
/// The same for the antimeridian.
const LONGITUDES: f64 = 170.0;
/// The mean radius of the Earth in metres.
const EARTH_RADIUS_M: f64 = 6_371_007.180_918_475;

pub(super) fn plan(rows: &Rows) -> Plan {
    let mut random = draw();
    let usual = |row: &&LocationRow| row.latitude.abs() < LATITUDES - MOVED && row.longitude.abs() < LONGITUDES;
    // A few digits, as a telephone would send; both sides read the same number from them.
    let mut moved = |degrees: f64| ((degrees + MOVED * (2.0 * random.f64() - 1.0)) * 1e4).round() / 1e4;
    let places = draw().choose_multiple(rows.locations.iter().filter(usual), POINTS).into_iter();
    let points: Vec<_> = places.map(|place| (moved(place.latitude), moved(place.longitude))).collect();
    let places = Places::new(&rows.locations);
    Plan::in_order(points.into_iter().map(|point| search(&places, point)).collect())
}

fn search(places: &Places<'_>, point: (f64, f64)) -> Question {
    let path = format!("/locations/nearest?lat={}&lon={}&limit={LIMIT}", point.0, point.1);
    let items = places.nearest(point).into_iter().map(|(distance_m, row)| {
        let mut item = row.json();
        item["distance_m"] = json!(distance_m);
        item
    });
    Question::get(path, Expected::Json(json!({"items": items.collect::<Vec<Value>>()})))
}

/// All places from south to north.
struct Places<'a>(Vec<&'a LocationRow>);

impl<'a> Places<'a> {
    fn new(rows: &'a [LocationRow]) -> Self {
        let mut places: Vec<&LocationRow> = rows.iter().collect();
        places.sort_by(|one, other| one.latitude.total_cmp(&other.latitude));
        Self(places)
    }

    /// The nearest places with their distances. Of those equally far away the one with the lower id comes first.
    fn nearest(&self, point: (f64, f64)) -> Vec<(f64, &'a LocationRow)> {
        let Self(places) = self;
        let (south, north) = places.split_at(places.partition_point(|row| row.latitude < point.0));
        let mut found = Vec::new();
        // Away from the point in both directions, until the latitude alone is farther away than what was found.
        collect(&mut found, point, south.iter().rev().copied());
        collect(&mut found, point, north.iter().copied());
        found
    }
}

/// Keeps in `found` the nearest of those in it and of `places`, which come in the order of how far their latitudes are.
fn collect<'a>(
    found: &mut Vec<(f64, &'a LocationRow)>,
    point: (f64, f64),
    places: impl Iterator<Item = &'a LocationRow>,
) {
    for row in places {
        let least = distance_m(point, (row.latitude, point.1));
        if found.len() == LIMIT && found.last().is_some_and(|(farthest, _)| *farthest < least) {
            break;
        }
        let distance = distance_m(point, (row.latitude, row.longitude));
        let before = |(other, known): &(f64, &LocationRow)| (*other, known.id) < (distance, row.id);
        found.insert(found.partition_point(before), (distance, row));
        found.truncate(LIMIT);
    }
}

/// Along a great circle.
fn distance_m(from: (f64, f64), to: (f64, f64)) -> f64 {
    let half_chord = |from: f64, to: f64| ((to.to_radians() - from.to_radians()) / 2.0).sin().powi(2);
    let cosines = from.0.to_radians().cos() * to.0.to_radians().cos();
    let haversine = half_chord(from.0, to.0) + cosines * half_chord(from.1, to.1);
    2.0 * EARTH_RADIUS_M * haversine.sqrt().asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_those_that_a_look_at_all_finds() {
        let mut random = draw();
        let mut anywhere = || (120.0 * random.f64() - 60.0, 340.0 * random.f64() - 170.0);
        let row = |id| {
            let (latitude, longitude) = anywhere();
            LocationRow { latitude, longitude, ..LocationRow::sample(id) }
        };
        let rows: Vec<LocationRow> = (1..=2_000).map(row).collect();
        let places = Places::new(&rows);
        for point in [(0.0, 0.0), (59.9, 10.7), (-59.9, -169.0), (12.5, 100.25)] {
            let mut all: Vec<_> =
                rows.iter().map(|row| (distance_m(point, (row.latitude, row.longitude)), row)).collect();
            all.sort_by(|one, other| one.0.total_cmp(&other.0));
            let ids = |found: &[(f64, &LocationRow)]| found.iter().map(|(_, row)| row.id).collect::<Vec<_>>();
            assert_eq!(ids(&places.nearest(point)), ids(&all[..LIMIT]), "{point:?}");
        }
    }

    #[test]
    fn of_equally_distant_places_the_lower_id_comes_first() {
        let rows: Vec<LocationRow> = [7, 3, 5].map(LocationRow::sample).into();
        let found = Places::new(&rows).nearest((48.5, -2.0));
        assert_eq!(found.iter().map(|(_, row)| row.id).collect::<Vec<_>>(), [3, 5, 7]);
    }

    #[test]
    fn a_degree_is_111_kilometres_along_a_meridian() {
        assert!((distance_m((59.0, 10.0), (60.0, 10.0)) - 111_195.05).abs() < 0.1);
        assert!((distance_m((60.0, 10.0), (60.0, 11.0)) - 55_597.0).abs() < 2.0);
    }
}
