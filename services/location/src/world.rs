//! All places at a glance: where they are, and how many each country has. It is what people see around the few places on
//! a page, so it may be some minutes old, and a page does without where it cannot be had.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fmt::Write as _,
    rc::Rc,
    time::{Duration, Instant},
};

use actix_web::rt;
use chassis::{
    database::{Database, Error},
    errors::chain,
};
use futures_util::TryStreamExt as _;
use tokio::{sync::watch, time::timeout};

use crate::store;

/// How old it may be before it is looked at anew, while the old view is still shown.
const MAX_AGE: Duration = Duration::from_mins(5);

/// How long a page waits for the first view.
const PATIENCE: Duration = Duration::from_secs(1);

/// Places that are read with one statement. Others have their turn at the connection in between.
const PIECE: u32 = 4096;

/// Width and height of the world, in units of a quarter of a degree: less than a pixel, on any screen that a page is read
/// on. Places that are closer together than that are one dot, of the size of the largest.
pub(crate) const SIZE: (u16, u16) = (1440, 720);

/// The number of sizes that a dot can have.
pub(crate) const SIZES: usize = 4;

/// All places.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// How many there are.
    pub(crate) places: u64,
    /// How many there are in each country.
    pub(crate) countries: BTreeMap<String, u64>,
    /// The dots of each size, the smallest first, as the data of an SVG path: points, to be drawn as round caps of lines
    /// without a length.
    pub(crate) dots: [String; SIZES],
}

/// Where a place is on a map of the world, from its north-western corner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    /// Units to the east.
    pub(crate) x: f64,
    /// Units to the south.
    pub(crate) y: f64,
}

impl Point {
    /// The point at so many degrees, in an equirectangular projection.
    pub(crate) fn of(latitude: f64, longitude: f64) -> Self {
        let (width, height) = (f64::from(SIZE.0), f64::from(SIZE.1));
        Self { x: (longitude + 180.0) / 360.0 * width, y: (90.0 - latitude) / 180.0 * height }
    }
}

/// The size of a place's dot: 0 for a town, 3 for a city of millions.
pub(crate) fn size(population: u64) -> u8 {
    match population {
        0..50_000 => 0,
        50_000..250_000 => 1,
        250_000..1_000_000 => 2,
        1_000_000.. => 3,
    }
}

/// The view of one worker.
pub(crate) struct View(Rc<Inner>);

struct Inner {
    latest: watch::Sender<Option<(Instant, Rc<World>)>>,
    looking: Cell<bool>,
}

impl Default for View {
    fn default() -> Self {
        Self(Rc::new(Inner { latest: watch::Sender::new(None), looking: Cell::new(false) }))
    }
}

impl View {
    /// All places, as they were some minutes ago at most; none where that takes long or fails.
    pub(crate) async fn world(&self, database: &Database) -> Option<Rc<World>> {
        let fresh = self.0.latest.borrow().as_ref().is_some_and(|(seen, _)| seen.elapsed() < MAX_AGE);
        if !fresh && !self.0.looking.replace(true) {
            rt::spawn(Rc::clone(&self.0).look(database.clone()));
        }
        let mut latest = self.0.latest.subscribe();
        let seen = timeout(PATIENCE, latest.wait_for(Option::is_some)).await.ok()?.ok()?;
        seen.as_ref().map(|(_, world)| Rc::clone(world))
    }
}

impl Inner {
    async fn look(self: Rc<Self>, database: Database) {
        match read(&database).await {
            Ok(world) => drop(self.latest.send_replace(Some((Instant::now(), Rc::new(world))))),
            Err(error) => tracing::warn!(error = chain(&error), "the map of all places cannot be drawn"),
        }
        self.looking.set(false);
    }
}

async fn read(database: &Database) -> Result<World, Error> {
    let mut canvas = Canvas::default();
    let mut after = Some(0);
    while let Some(last) = after {
        let piece = database.read(async |connection| {
            let places: Vec<_> = store::glance(connection, last, PIECE).try_collect().await?;
            Ok(places)
        });
        let places = piece.await?;
        after = places.last().filter(|_| places.len() == PIECE as usize).map(|place| place.id);
        for place in places {
            canvas.add(place);
        }
    }
    Ok(canvas.finish())
}

/// The world while places are put on it. It takes a byte for each point, however many places there are.
struct Canvas {
    places: u64,
    countries: BTreeMap<String, u64>,
    /// For each point, row by row, one more than the size of its dot; 0 where there is none.
    points: Vec<u8>,
}

impl Default for Canvas {
    fn default() -> Self {
        let points = vec![0; usize::from(SIZE.0) * usize::from(SIZE.1)];
        Self { places: 0, countries: BTreeMap::new(), points }
    }
}

impl Canvas {
    fn add(&mut self, place: store::PlaceSummary) {
        self.places += 1;
        let Point { x, y } = Point::of(place.latitude, place.longitude);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a conversion that saturates will do"
        )]
        let (x, y) = (usize::from((x as u16).min(SIZE.0 - 1)), usize::from((y as u16).min(SIZE.1 - 1)));
        let point = &mut self.points[y * usize::from(SIZE.0) + x];
        *point = (*point).max(size(place.population) + 1);
        *self.countries.entry(place.country).or_default() += 1;
    }

    fn finish(self) -> World {
        let mut dots: [String; SIZES] = Default::default();
        // Where each path has got to: steps are shorter than places.
        let mut pens = [(0, 0); SIZES];
        for (y, row) in (0_i32..).zip(self.points.chunks_exact(usize::from(SIZE.0))) {
            for (x, point) in (0_i32..).zip(row).filter(|(_, point)| **point > 0) {
                let size = usize::from(*point - 1);
                let (path, pen) = (&mut dots[size], &mut pens[size]);
                let _ = write!(path, "m{} {}z", x - pen.0, y - pen.1);
                *pen = (x, y);
            }
        }
        World { places: self.places, countries: self.countries, dots }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(latitude: f64, longitude: f64, population: u64) -> store::PlaceSummary {
        store::PlaceSummary { id: 1, country: "NO".to_owned(), latitude, longitude, population }
    }

    #[test]
    fn every_place_is_a_dot_and_the_largest_of_those_at_one_point_is_seen() {
        let mut canvas = Canvas::default();
        for place in [
            place(89.9, -179.9, 20_000),
            place(89.3, -179.9, 20_000),
            place(89.3, -179.4, 60_000),
            place(89.3, -179.4, 20_000),
            place(89.3, -178.9, 20_000),
            place(-90.0, 180.0, 2_000_000),
        ] {
            canvas.add(place);
        }
        let world = canvas.finish();
        assert_eq!((world.places, world.countries["NO"]), (6, 6));
        assert_eq!(world.dots, ["m0 0zm0 2zm4 0z", "m2 2z", "", "m1439 719z"]);
    }

    #[test]
    fn the_corners_of_the_world_are_those_of_the_map() {
        for (latitude, longitude, x, y) in
            [(90.0, -180.0, 0.0, 0.0), (0.0, 0.0, 720.0, 360.0), (-90.0, 180.0, 1440.0, 720.0)]
        {
            assert_eq!(Point::of(latitude, longitude), Point { x, y });
        }
    }
}
