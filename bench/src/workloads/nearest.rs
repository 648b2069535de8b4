//! The search for the places nearest to a point. The expected places come from a scan of all rows.

use super::{Plan, expected::Expected, random, request::Request};
use crate::database::{Location, Rows};

const POINTS: usize = 512;
/// Places to find.
const LIMIT: usize = 5;
/// The largest distance of a point from some place in degrees: people search where people are.
const MOVED: f64 = 0.1;
/// The peers search boxes of latitude and longitude, which fail at the poles and at the antimeridian.
const LATITUDES: f64 = 60.0;
const LONGITUDES: f64 = 170.0;
/// The mean radius of the Earth in metres.
const EARTH_RADIUS_M: f64 = 6_371_007.180_918_475;

/// A place with its position on the unit sphere.
type Positioned<'a> = ([f64; 3], &'a Location);

pub(super) fn plan(rows: &Rows) -> Plan {
    let places = rows.locations.iter().map(|row| (position(row.item.latitude, row.item.longitude), &row.item));
    let places: Vec<Positioned<'_>> = places.collect();
    let usual =
        |place: &&Positioned<'_>| place.1.latitude.abs() < LATITUDES - MOVED && place.1.longitude.abs() < LONGITUDES;
    let mut offsets = random();
    // Four digits: both sides read the same number from them.
    let mut moved = |degrees: f64| ((degrees + MOVED * (2.0 * offsets.f64() - 1.0)) * 1e4).round() / 1e4;
    let points = random().choose_multiple(places.iter().filter(usual), POINTS).into_iter();
    let points = points.map(|(_, place)| (moved(place.latitude), moved(place.longitude)));
    Plan::in_order(points.map(|(latitude, longitude)| request(&places, latitude, longitude)).collect())
}

fn request(places: &[Positioned<'_>], latitude: f64, longitude: f64) -> Request {
    let path = format!("/locations/nearest?lat={latitude}&lon={longitude}&limit={LIMIT}");
    let nearest = nearest(places, position(latitude, longitude)).into_iter();
    let nearest = nearest.map(|(square, place)| (distance_m(square), place.clone()));
    Request::get(path, Expected::Nearest(nearest.collect()))
}

/// The nearest places with the squares of their chords; of equally distant ones the lower id comes first.
fn nearest<'a>(places: &[Positioned<'a>], point: [f64; 3]) -> Vec<(f64, &'a Location)> {
    let square = |position: &[f64; 3]| position.iter().zip(point).map(|(one, other)| (one - other).powi(2)).sum();
    let mut all: Vec<(f64, &Location)> = places.iter().map(|(position, place)| (square(position), *place)).collect();
    let order =
        |one: &(f64, &Location), other: &(f64, &Location)| one.0.total_cmp(&other.0).then(one.1.id.cmp(&other.1.id));
    if all.len() > LIMIT {
        all.select_nth_unstable_by(LIMIT, order);
        all.truncate(LIMIT);
    }
    all.sort_by(order);
    all
}

fn position(latitude: f64, longitude: f64) -> [f64; 3] {
    let ((south_north, radius), (y, x)) = (latitude.to_radians().sin_cos(), longitude.to_radians().sin_cos());
    [radius * x, radius * y, south_north]
}

/// Along a great circle, from the square of the chord on the unit sphere.
fn distance_m(square: f64) -> f64 {
    2.0 * EARTH_RADIUS_M * (square.sqrt() / 2.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database::Row;

    #[test]
    fn the_nearest_come_first_and_of_equally_distant_ones_the_lower_id() {
        let places = [(7, 61.0), (5, 60.0), (3, 60.0), (4, 62.0), (6, 58.0), (8, 70.0)];
        let places = places.map(|(id, latitude)| Location { latitude, longitude: 10.0, ..Row::sample(id).item });
        let places: Vec<_> = places.iter().map(|place| (position(place.latitude, place.longitude), place)).collect();
        let nearest = nearest(&places, position(59.0, 10.0));
        assert_eq!(nearest.iter().map(|(_, place)| place.id).collect::<Vec<_>>(), [3, 5, 6, 7, 4]);
        // A degree along a meridian.
        assert!((distance_m(nearest[0].0) - 111_195.05).abs() < 0.1);
    }
}
