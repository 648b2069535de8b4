//! Which places are nearest to a point.
//!
//! The search looks at surroundings of the point, and at larger ones after, until they reach further than the last place
//! found: then nothing that is outside can be nearer. Each look reads where the places are from a few ranges of an index
//! that has all of that in it; the rest is read for the nearest ones only. Where places are many the surroundings are
//! small, and where they are too many even there, no more are kept than were asked for.

use std::{cell::Cell, cmp::Ordering, collections::BinaryHeap, rc::Rc};

use chassis::{
    database::{
        Database, Error,
        coalescing::{LoadMany, Loader},
    },
    http::Limit,
};
use serde::Serialize;
use sqlx::MySqlConnection;
use utoipa::ToSchema;

use crate::{
    geography::{Coordinates, Ranges, Surroundings},
    model::Location,
    store::{self, Place},
};

/// All cells.
const EVERYWHERE: Ranges = [(0, u64::MAX); 7];

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

impl Near {
    /// The location of a place that was found near `point`, unless it has moved since.
    pub(crate) fn new(place: Found, location: Location, point: Coordinates) -> Option<Self> {
        let distance_m = distance_m(point, location.latitude, location.longitude);
        (distance_m.total_cmp(&place.distance_m).is_eq()).then_some(Self { location, distance_m })
    }
}

/// A place that was found. Their order is that of the answer: by distance, and by id where that is the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    /// The place's id.
    pub(crate) id: u64,
    /// How far away it is, in metres along the surface.
    pub(crate) distance_m: f64,
}

impl Eq for Found {}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        self.distance_m.total_cmp(&other.distance_m).then(self.id.cmp(&other.id))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Searches: each begins with surroundings one size smaller than would have done for the one before. They have a seventh of
/// the places, and if they have as many as are asked for, these tell how far the next look has to reach. Places cost more
/// than looks do.
#[derive(Default)]
pub(crate) struct Search {
    /// The index of those surroundings.
    first: Cell<usize>,
    looks: Loader<Look>,
}

impl Search {
    /// The `limit` places nearest to `point`, the nearest first; fewer where there are not so many.
    pub(crate) async fn find(
        &self,
        database: &Database,
        point: Coordinates,
        limit: Limit,
    ) -> Result<Vec<Found>, Error> {
        let (mut size, mut least) = (self.first.get(), 0);
        while let Some(surroundings) = Surroundings::ALL.get(size) {
            let ranges = surroundings.ranges(point);
            let found = match self.looks.find(database, ranges).await? {
                Some(places) => nearest_of(&places, point, limit),
                // So many places are there that smaller surroundings are likely to do.
                None if size > least => {
                    size -= 1;
                    continue;
                }
                None => nearest_of_many(database, ranges, point, limit).await?,
            };
            let farthest = found.last().filter(|_| found.len() == limit.get() as usize).map(|place| place.distance_m);
            // Once enough places are known, only surroundings that reach as far as the last of them can improve on them.
            let suffices = |surroundings: &Surroundings| {
                farthest.is_some_and(|distance_m| distance_m <= surroundings.reach_m(point))
            };
            if suffices(surroundings) {
                let smaller = Surroundings::ALL[..size].iter().rev().take_while(|smaller| suffices(smaller)).count();
                self.first.set((size - smaller).saturating_sub(1));
                return Ok(found);
            }
            let larger = &Surroundings::ALL[size + 1..];
            let skipped = larger.iter().take_while(|larger| farthest.is_some() && !suffices(larger)).count();
            size += 1 + skipped;
            least = size;
        }
        // The largest surroundings, a quarter of the Earth, have fewer places than that.
        nearest_of_many(database, EVERYWHERE, point, limit).await
    }
}

/// The `limit` nearest of some places, the nearest first.
fn nearest_of(places: &[Place], point: Coordinates, limit: Limit) -> Vec<Found> {
    let mut nearest = Nearest::new(point, limit);
    for place in places {
        nearest.push(place);
    }
    nearest.into_sorted()
}

/// The `limit` nearest of all places in those ranges, where they are too many to be kept.
async fn nearest_of_many(
    database: &Database,
    ranges: Ranges,
    point: Coordinates,
    limit: Limit,
) -> Result<Vec<Found>, Error> {
    let read = async |connection: &mut MySqlConnection| {
        let mut nearest = Nearest::new(point, limit);
        store::for_each_place(connection, ranges, u32::MAX, |place| nearest.push(&place)).await?;
        Ok(nearest.into_sorted())
    };
    database.read(read).await
}

/// Where the places in some ranges are. Searches that look at the same time share a statement.
struct Look;

impl Look {
    /// The most places that are read together, for all who look: many times what they usually come to.
    const MOST: u32 = 4_096;
}

impl LoadMany for Look {
    /// With seven ranges each.
    const MAX_KEYS: usize = 8;

    type Key = Ranges;
    type Value = Rc<[Place]>;

    /// Nothing where there are too many places.
    async fn read(connection: &mut MySqlConnection, looks: &[Ranges]) -> sqlx::Result<Vec<(Ranges, Rc<[Place]>)>> {
        let mut places = Vec::new();
        let ranges = looks.iter().flatten().copied();
        store::for_each_place(connection, ranges, Self::MOST, |place| places.push(place)).await?;
        if places.len() == Self::MOST as usize {
            return Ok(Vec::new());
        }
        places.sort_unstable_by_key(|place| place.cell);
        Ok(looks.iter().map(|look| (*look, in_ranges(&places, *look))).collect())
    }
}

/// Those of the `places`, which are in the order of their cells, that are in the ranges.
fn in_ranges(places: &[Place], mut ranges: Ranges) -> Rc<[Place]> {
    ranges.sort_unstable();
    let (mut found, mut after) = (Vec::new(), 0);
    for (first, last) in ranges {
        let from = places.partition_point(|place| place.cell < first).max(after);
        after = places.partition_point(|place| place.cell <= last).max(after);
        found.extend_from_slice(&places[from..after]);
    }
    found.into()
}

/// The nearest places of those that were seen so far.
struct Nearest {
    point: Coordinates,
    limit: usize,
    /// The farthest of them is on top.
    found: BinaryHeap<Found>,
}

impl Nearest {
    fn new(point: Coordinates, limit: Limit) -> Self {
        let limit = limit.get() as usize;
        Self { point, limit, found: BinaryHeap::with_capacity(limit + 1) }
    }

    fn push(&mut self, place: &Place) {
        let distance_m = distance_m(self.point, place.latitude, place.longitude);
        self.found.push(Found { id: place.id, distance_m });
        if self.found.len() > self.limit {
            self.found.pop();
        }
    }

    fn into_sorted(self) -> Vec<Found> {
        self.found.into_sorted_vec()
    }
}

/// Metres from `point` to a place at so many degrees. One that is nowhere on Earth is farthest away.
fn distance_m(point: Coordinates, latitude: f64, longitude: f64) -> f64 {
    Coordinates::from_degrees(latitude, longitude).map_or(f64::INFINITY, |place| point.distance_m(place))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_come_first_and_of_equally_distant_ones_the_lowest_id() {
        let found = |id, distance_m| Found { id, distance_m };
        let mut places = [found(2, 5.0), found(3, f64::INFINITY), found(1, 5.0), found(9, 0.5)];
        places.sort();
        assert_eq!(places.map(|place| place.id), [9, 1, 2, 3]);
    }

    #[test]
    fn every_look_gets_the_places_in_its_ranges_and_each_of_them_once() {
        let places: Vec<Place> = (10..20).map(|cell| Place { id: cell, latitude: 0.0, longitude: 0.0, cell }).collect();
        // Not in order, the last one three times, as it is around a pentagon.
        let ranges = [(14, 15), (0, 9), (11, 11), (30, 40), (18, 25), (18, 25), (18, 25)];
        let found: Vec<u64> = in_ranges(&places, ranges).iter().map(|place| place.cell).collect();
        assert_eq!(found, [11, 14, 15, 18, 19]);
    }
}
