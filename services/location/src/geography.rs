//! Where places are: coordinates, distances, and the cells in which they lie.
//!
//! The Earth is divided into the hexagons of H3 (<https://h3geo.org>). They have no seams: neither the poles nor the
//! antimeridian are a special case, as they are for boxes of latitude and longitude.

use h3o::{CellIndex, LatLng, Resolution};
use serde::Deserialize;

/// Mean radius of the Earth in metres (IUGG).
const EARTH_RADIUS_M: f64 = 6_371_008.8;

/// Resolution of the cells that are stored, about 400 m across.
const STORED: Resolution = Resolution::Nine;

/// How far a corner of a cell is from its centre at most, in average edges of its resolution, with some room: a test finds
/// up to 1.1012 in cells from all over the Earth.
const MAX_CIRCUMRADIUS: f64 = 1.15;

/// A point on the Earth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Coordinates {
    latitude: f64,
    longitude: f64,
}

/// Degrees north (WGS 84), -90 to 90.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Latitude(f64);

/// Degrees east (WGS 84), -180 to 180.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub struct Longitude(f64);

impl TryFrom<f64> for Latitude {
    type Error = String;

    fn try_from(degrees: f64) -> Result<Self, String> {
        // NaN is within no range.
        if (-90.0..=90.0).contains(&degrees) {
            Ok(Self(degrees))
        } else {
            Err("a latitude has to be from -90 to 90 degrees".to_owned())
        }
    }
}

impl TryFrom<f64> for Longitude {
    type Error = String;

    fn try_from(degrees: f64) -> Result<Self, String> {
        if (-180.0..=180.0).contains(&degrees) {
            Ok(Self(degrees))
        } else {
            Err("a longitude has to be from -180 to 180 degrees".to_owned())
        }
    }
}

impl Coordinates {
    /// The point at that latitude and longitude.
    #[must_use]
    pub fn new(Latitude(latitude): Latitude, Longitude(longitude): Longitude) -> Self {
        Self { latitude, longitude }
    }

    /// The point at so many degrees north and east, if there is one.
    pub fn from_degrees(latitude: f64, longitude: f64) -> Result<Self, String> {
        Ok(Self::new(latitude.try_into()?, longitude.try_into()?))
    }

    /// Degrees north.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.latitude
    }

    /// Degrees east.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.longitude
    }

    /// Metres to `other` along the surface, on a sphere: within 0.6 % of the truth.
    #[must_use]
    pub fn distance_m(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let half_chord = |from: f64, to: f64| ((to - from) / 2.0).sin().powi(2);
        let longitudes = half_chord(self.longitude.to_radians(), other.longitude.to_radians());
        let haversine = half_chord(a, b) + a.cos() * b.cos() * longitudes;
        2.0 * EARTH_RADIUS_M * haversine.min(1.0).sqrt().asin()
    }

    /// Degrees clockwise from north in which `other` lies, where one sets out for it the shortest way.
    #[must_use]
    pub fn bearing_degrees(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let east = (other.longitude - self.longitude).to_radians();
        let (y, x) = (east.sin() * b.cos(), a.cos() * b.sin() - a.sin() * b.cos() * east.cos());
        y.atan2(x).to_degrees().rem_euclid(360.0)
    }

    /// The cell in which the point lies, as it is stored.
    #[must_use]
    pub fn stored_cell(self) -> u64 {
        self.cell(STORED).into()
    }

    fn cell(self, resolution: Resolution) -> CellIndex {
        let point = LatLng::new(self.latitude, self.longitude).expect("coordinates are finite");
        point.to_cell(resolution)
    }
}

impl From<CellIndex> for Coordinates {
    /// The centre of the cell.
    fn from(cell: CellIndex) -> Self {
        let centre = LatLng::from(cell);
        Self { latitude: centre.lat(), longitude: centre.lng() }
    }
}

/// Inclusive ranges of stored cells, as many as a cell and its neighbours need.
pub type Ranges = [(u64, u64); 7];

/// The surroundings of a point: the cell in which it lies and its neighbours, at one resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Surroundings(Resolution);

impl Surroundings {
    /// From small to large: some 1.5 km across to a quarter of the Earth.
    pub const ALL: [Self; 9] = [
        Self(Resolution::Eight),
        Self(Resolution::Seven),
        Self(Resolution::Six),
        Self(Resolution::Five),
        Self(Resolution::Four),
        Self(Resolution::Three),
        Self(Resolution::Two),
        Self(Resolution::One),
        Self(Resolution::Zero),
    ];

    /// How far the surroundings of `point` reach at least, in metres: to the nearest of the cells around them, of which
    /// only the centres have to be found.
    #[must_use]
    pub fn reach_m(self, point: Coordinates) -> f64 {
        let outside: Vec<CellIndex> = point.cell(self.0).grid_ring(2);
        let nearest = outside.into_iter().map(|cell| point.distance_m(cell.into())).fold(f64::INFINITY, f64::min);
        (nearest - MAX_CIRCUMRADIUS * self.0.edge_length_m()).max(0.0)
    }

    /// The stored cells around `point`, as inclusive ranges. Some of the seven cells are next to each other, so that there
    /// are fewer ranges on most points; the last one then stands again.
    #[must_use]
    pub fn ranges(self, point: Coordinates) -> Ranges {
        let mut cells: Vec<CellIndex> = point.cell(self.0).grid_disk(1);
        cells.sort_unstable();
        let unused_bits = 3 * (15 - u8::from(self.0));
        let next_to = |one: &CellIndex, other: &CellIndex| {
            (u64::from(*other) >> unused_bits) - (u64::from(*one) >> unused_bits) == 1
        };
        let ranges: Vec<(u64, u64)> =
            cells.chunk_by(next_to).map(|run| (stored_range(run[0]).0, stored_range(run[run.len() - 1]).1)).collect();
        std::array::from_fn(|index| ranges[index.min(ranges.len() - 1)])
    }
}

/// The stored cells within `cell`. A cell's number ends in three bits for each finer resolution, 0 to 6, so that they
/// are next to each other.
fn stored_range(cell: CellIndex) -> (u64, u64) {
    let first = u64::from(cell.center_child(STORED).expect("stored cells are finer than searched ones"));
    let last =
        (u8::from(cell.resolution()) + 1..=u8::from(STORED)).fold(first, |last, finer| last | 6 << (3 * (15 - finer)));
    (first, last)
}

#[cfg(test)]
mod tests {
    use proptest::{prelude::*, test_runner::Config};

    use super::*;

    fn at(latitude: f64, longitude: f64) -> Coordinates {
        Coordinates::from_degrees(latitude, longitude).expect("valid")
    }

    /// The point at `distance_m` from `start` in the direction of `bearing` (radians).
    fn go(start: Coordinates, bearing: f64, distance_m: f64) -> Coordinates {
        let (latitude, angle) = (start.latitude.to_radians(), distance_m / EARTH_RADIUS_M);
        let sine = latitude.sin() * angle.cos() + latitude.cos() * angle.sin() * bearing.cos();
        let turned = (bearing.sin() * angle.sin() * latitude.cos()).atan2(angle.cos() - latitude.sin() * sine);
        let longitude = start.longitude + turned.to_degrees();
        at(sine.clamp(-1.0, 1.0).asin().to_degrees(), (longitude + 540.0).rem_euclid(360.0) - 180.0)
    }

    fn anywhere() -> impl Strategy<Value = Coordinates> {
        prop_oneof![
            4 => (-1.0..=1.0_f64, -180.0..=180.0).prop_map(|(sine, longitude)| at(sine.asin().to_degrees(), longitude)),
            1 => (-180.0..=180.0).prop_map(|longitude| at(90.0, longitude)),
            1 => (-180.0..=180.0).prop_map(|longitude| at(-89.9999, longitude)),
            1 => (-90.0..=90.0).prop_map(|latitude| at(latitude, 180.0)),
        ]
    }

    proptest! {
        #![proptest_config(Config { cases: 20_000, failure_persistence: None, ..Config::default() })]

        #[test]
        fn surroundings_hold_every_point_within_their_reach(
            start in anywhere(),
            bearing in 0.0..std::f64::consts::TAU,
            share in 0.0..=1.0_f64,
            size in 0..Surroundings::ALL.len(),
        ) {
            let surroundings = Surroundings::ALL[size];
            let found = go(start, bearing, surroundings.reach_m(start) * share).stored_cell();
            let ranges = surroundings.ranges(start);
            prop_assert!(ranges.iter().any(|(first, last)| (first..=last).contains(&&found)));
        }

        #[test]
        fn ranges_hold_the_cells_around_a_point_and_no_other(
            start in anywhere(),
            bearing in 0.0..std::f64::consts::TAU,
            share in 0.0..=4.0_f64,
            size in 0..Surroundings::ALL.len(),
        ) {
            let surroundings @ Surroundings(resolution) = Surroundings::ALL[size];
            let other = go(start, bearing, resolution.edge_length_m() * share);
            let cells: Vec<CellIndex> = start.cell(resolution).grid_disk(1);
            let stored = other.stored_cell();
            let is_in_range = surroundings.ranges(start).iter().any(|(first, last)| (first..=last).contains(&&stored));
            let parent = CellIndex::try_from(stored).expect("a cell").parent(resolution).expect("coarser");
            prop_assert_eq!(is_in_range, cells.contains(&parent));
        }
    }

    #[test]
    fn no_corner_of_a_cell_is_farther_from_its_centre_than_is_assumed() {
        // Points spread evenly: steps of the golden ratio along one axis, and of its kin along the other.
        let steps = |step: f64| (0..20_000).map(move |index| (f64::from(index) * step).fract());
        let points: Vec<_> = steps(0.618_034)
            .zip(steps(0.754_878))
            .map(|(height, turn)| at((2.0 * height - 1.0).asin().to_degrees(), 360.0 * turn - 180.0))
            .collect();
        for Surroundings(resolution) in Surroundings::ALL {
            let corners = points.iter().map(|point| point.cell(resolution)).flat_map(|cell| {
                let centre = Coordinates::from(cell);
                let corners: Vec<_> = cell.boundary().iter().map(|corner| at(corner.lat(), corner.lng())).collect();
                corners.into_iter().map(move |corner| centre.distance_m(corner))
            });
            let farthest = corners.fold(0.0, f64::max) / resolution.edge_length_m();
            assert!((1.0..=MAX_CIRCUMRADIUS).contains(&farthest), "{farthest} at resolution {resolution}");
        }
    }

    #[test]
    fn distances_are_right_across_the_antimeridian_and_at_the_poles() {
        let degree = EARTH_RADIUS_M.to_radians();
        assert!((at(0.0, 179.5).distance_m(at(0.0, -179.5)) - degree).abs() < 1.0);
        assert!((at(89.5, 0.0).distance_m(at(89.5, 180.0)) - degree).abs() < 1.0);
        assert!(at(90.0, 12.0).distance_m(at(90.0, -120.0)) < 1.0);
    }

    #[test]
    fn what_is_not_on_the_earth_is_refused() {
        for (latitude, longitude) in [(90.0001, 0.0), (0.0, -180.5), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert!(Coordinates::from_degrees(latitude, longitude).is_err(), "{latitude}, {longitude} was taken");
        }
    }
}
