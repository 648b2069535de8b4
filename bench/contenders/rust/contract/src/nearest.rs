//! Which places are nearest to a point: a look at a small area around it first, and at larger ones after, until
//! nothing that is outside can be nearer.

use std::iter;

use serde::{Deserialize, Serialize};

use crate::Location;

const EARTH_RADIUS_M: f64 = 6_371_007.180_918_475;

const METRES_PER_DEGREE: f64 = 111_195.0;

/// Degrees from the point to the edge of the first area. Most points have their nearest places in it.
const FIRST_REACH: f64 = 0.25;

/// How much further the next one reaches: few looks where places are far apart, few rows too many elsewhere.
const GROWTH: f64 = 4.0;

/// The point, and how many places.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct NearestQuery {
    lat: f64,
    lon: f64,
    /// How many places.
    #[serde(default = "default_limit")]
    pub limit: u32,
}

fn default_limit() -> u32 {
    10
}

/// A place and how far away it is.
#[derive(Debug, Serialize)]
pub struct Near {
    #[serde(flatten)]
    location: Location,
    distance_m: f64,
}

/// The places found, the nearest first.
#[derive(Debug, Default, Serialize)]
pub struct Nearest {
    items: Vec<Near>,
}

/// The surroundings of the point, in degrees.
#[derive(Clone, Copy, Debug)]
#[expect(missing_docs, reason = "the names of the fields say it all")]
pub struct Area {
    pub south: f64,
    pub north: f64,
    pub west: f64,
    pub east: f64,
    reach_m: f64,
}

const EVERYWHERE: Area = Area { south: -90.0, north: 90.0, west: -180.0, east: 180.0, reach_m: f64::INFINITY };

impl NearestQuery {
    /// Where to look, the smallest area first.
    pub fn areas(self) -> impl Iterator<Item = Area> {
        let reaches =
            iter::successors(Some(FIRST_REACH), |reach| Some(reach * GROWTH)).take_while(|reach| *reach < 90.0);
        reaches.map(move |reach| self.area(reach)).chain(iter::once(EVERYWHERE))
    }

    fn area(self, reach: f64) -> Area {
        let width = (reach / self.latitude().cos()).min(180.0);
        Area {
            south: self.lat - reach,
            north: self.lat + reach,
            west: self.lon - width,
            east: self.lon + width,
            reach_m: reach * METRES_PER_DEGREE,
        }
    }

    /// The latitude in radians.
    #[must_use]
    pub fn latitude(self) -> f64 {
        self.lat.to_radians()
    }

    /// The longitude in radians.
    #[must_use]
    pub fn longitude(self) -> f64 {
        self.lon.to_radians()
    }

    /// Says how far away the places are.
    #[must_use]
    pub fn measure(self, locations: Vec<Location>) -> Nearest {
        let near = |location| Near { distance_m: self.distance_m(&location), location };
        Nearest { items: locations.into_iter().map(near).collect() }
    }

    /// The great-circle distance, by the haversine formula.
    fn distance_m(self, location: &Location) -> f64 {
        let latitude = location.latitude.to_radians();
        let haversine = |angle: f64| (angle / 2.0).sin().powi(2);
        let between = haversine(latitude - self.latitude())
            + self.latitude().cos() * latitude.cos() * haversine(location.longitude.to_radians() - self.longitude());
        2.0 * EARTH_RADIUS_M * between.min(1.0).sqrt().asin()
    }
}

impl Nearest {
    /// Whether these are `limit` places, and none outside of the area in which they were found can be nearer.
    #[must_use]
    pub fn is_certain(&self, limit: u32, area: &Area) -> bool {
        self.items.len() == limit as usize && self.items.last().is_none_or(|last| last.distance_m <= area.reach_m)
    }
}
