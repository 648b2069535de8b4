//! A map of what is around a place: as seen from above it, each neighbour in its direction and at its distance. That is an
//! azimuthal equidistant projection, which has neither poles nor seams.

use crate::{geography::Coordinates, model::Location, nearest::Near, world};

/// How far the farthest neighbour is from the middle of the map, in its units.
const RADIUS: f64 = 150.0;

/// Width of a letter of the names, in units of the map, on average.
const LETTER: f64 = 5.8;

/// Height of a line of the names, in units of the map.
const LINE: f64 = 12.0;

/// A map, from -180 to 180 both ways.
pub(super) struct Neighbourhood<'a> {
    pub(super) rings: Vec<Ring>,
    pub(super) neighbours: Vec<Dot<'a>>,
    /// The name of the place in the middle.
    pub(super) centre: Name,
    /// Radius of its dot.
    pub(super) radius: u8,
}

/// A circle of all that is so far away.
pub(super) struct Ring {
    pub(super) radius: f64,
    /// In words, and where they are written.
    pub(super) distance: String,
    pub(super) x: f64,
    pub(super) y: f64,
}

impl Ring {
    /// The room that the distance takes.
    fn room(&self) -> Room {
        #[expect(clippy::cast_precision_loss, reason = "it is a few letters")]
        let half = self.distance.len() as f64 * LETTER / 2.0;
        [self.x - half, self.y - LINE / 2.0, self.x + half, self.y + LINE / 2.0]
    }
}

/// A neighbour.
pub(super) struct Dot<'a> {
    pub(super) near: &'a Near,
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) radius: u8,
    /// Where its name is written; nowhere, if that would hide another one.
    pub(super) name: Option<Name>,
}

/// Where a name is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Name {
    pub(super) x: f64,
    pub(super) y: f64,
    /// `start` or `end`, as SVG has it.
    pub(super) anchor: &'static str,
}

/// The room that a name takes: left, top, right, bottom.
type Room = [f64; 4];

impl<'a> Neighbourhood<'a> {
    /// What is around `location`: the places that are `near`.
    pub(super) fn new(location: &Location, near: &'a [Near]) -> Self {
        // Places at one point are a map of a metre.
        let reach_m = near.iter().map(|near| near.distance_m).fold(1.0, f64::max);
        let middle = Coordinates::from_degrees(location.latitude, location.longitude).ok();
        let radius = radius(location.population);
        let mut neighbours: Vec<_> = near
            .iter()
            .map(|near| {
                let there = Coordinates::from_degrees(near.location.latitude, near.location.longitude).ok();
                let bearing =
                    middle.zip(there).map_or(0.0, |(middle, there)| middle.bearing_degrees(there)).to_radians();
                let distance = near.distance_m / reach_m * RADIUS;
                let (x, y) = (distance * bearing.sin(), -distance * bearing.cos());
                Dot { near, x, y, radius: self::radius(near.location.population), name: None }
            })
            .collect();
        let dots = neighbours.iter().map(|dot| dot_room(dot.x, dot.y, dot.radius));
        let mut taken: Vec<_> = dots.chain([dot_room(0.0, 0.0, radius)]).collect();
        // The place in the middle has its name in any case.
        let on = |anchor| beside(0.0, 0.0, radius, &location.name, anchor);
        let (centre, room) =
            ["start", "end"].map(on).into_iter().find(|(_, room)| is_free(*room, &taken)).unwrap_or(on("start"));
        taken.push(room);
        let rings = rings(reach_m, &mut taken);
        // Large places are named first, as on any map.
        let mut order: Vec<_> = neighbours.iter_mut().collect();
        order.sort_by_key(|dot| std::cmp::Reverse(dot.near.location.population));
        for dot in order {
            dot.name = ["start", "end"].into_iter().find_map(|anchor| {
                let (name, room) = beside(dot.x, dot.y, dot.radius, &dot.near.location.name, anchor);
                is_free(room, &taken).then(|| {
                    taken.push(room);
                    name
                })
            });
        }
        Self { rings, neighbours, centre, radius }
    }
}

/// Radius of the dot of a place with so many inhabitants.
fn radius(population: u64) -> u8 {
    [2, 3, 5, 7][usize::from(world::size(population))]
}

/// Where a name is written beside a dot, and the room it takes there.
fn beside(x: f64, y: f64, radius: u8, name: &str, anchor: &'static str) -> (Name, Room) {
    let gap = f64::from(radius) + 3.0;
    #[expect(clippy::cast_precision_loss, reason = "names are not that long")]
    let width = name.chars().count() as f64 * LETTER;
    let (at, left) = if anchor == "start" { (x + gap, x + gap) } else { (x - gap, x - gap - width) };
    (Name { x: at, y: y + LINE / 3.0, anchor }, [left, y - LINE / 2.0, left + width, y + LINE / 2.0])
}

/// The room of a dot, which no name is to hide.
fn dot_room(x: f64, y: f64, radius: u8) -> Room {
    let radius = f64::from(radius);
    [x - radius, y - radius, x + radius, y + radius]
}

/// Whether something that takes `room` is on the map and hides nothing.
fn is_free(room: Room, taken: &[Room]) -> bool {
    room[0] > -180.0 && room[2] < 180.0 && !taken.iter().any(|other| overlap(room, *other))
}

fn overlap(one: Room, other: Room) -> bool {
    one[0] < other[2] && other[0] < one[2] && one[1] < other[3] && other[1] < one[3]
}

/// Two to five rings at round distances, up to where the map ends. All have their distances written in one direction: the
/// one in which the fewest of them would hide something.
fn rings(reach_m: f64, taken: &mut Vec<Room>) -> Vec<Ring> {
    let distances_m = ring_distances_m(reach_m);
    let labels = |bearing: i32| {
        let bearing = f64::from(bearing).to_radians();
        let label = |distance_m: &f64| {
            let radius = distance_m / reach_m * RADIUS;
            let (x, y) = (radius * bearing.sin(), -radius * bearing.cos());
            Ring { radius, distance: in_words(*distance_m), x, y }
        };
        distances_m.iter().map(label).collect::<Vec<_>>()
    };
    let hidden = |rings: &Vec<Ring>| rings.iter().filter(|ring| !is_free(ring.room(), taken)).count();
    let rings = (0..360).step_by(15).map(labels).min_by_key(hidden).unwrap_or_default();
    taken.extend(rings.iter().map(Ring::room));
    rings
}

fn ring_distances_m(reach_m: f64) -> Vec<f64> {
    let magnitude = 10_f64.powf((reach_m / 2.0).log10().floor());
    let step_m = [5.0, 2.0, 1.0].map(|factor| factor * magnitude).into_iter().find(|step| step * 2.0 <= reach_m);
    let step_m = step_m.unwrap_or(magnitude);
    (1..=5).map(|index| f64::from(index) * step_m).take_while(|distance_m| *distance_m <= reach_m * 1.1).collect()
}

/// A round distance, as people write it.
fn in_words(distance_m: f64) -> String {
    if distance_m >= 1000.0 { format!("{} km", distance_m / 1000.0) } else { format!("{distance_m} m") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(name: &str, latitude: f64, longitude: f64, population: u64) -> Location {
        Location {
            id: 1,
            name: name.to_owned(),
            country: "NO".to_owned(),
            region: None,
            latitude,
            longitude,
            population,
            timezone: String::new(),
            version: 1,
        }
    }

    fn near(middle: &Location, places: impl IntoIterator<Item = Location>) -> Vec<Near> {
        let middle = Coordinates::from_degrees(middle.latitude, middle.longitude).expect("valid");
        let distance_m = |place: &Location| {
            middle.distance_m(Coordinates::from_degrees(place.latitude, place.longitude).expect("valid"))
        };
        places.into_iter().map(|location| Near { distance_m: distance_m(&location), location }).collect()
    }

    #[test]
    fn neighbours_are_in_their_directions_and_at_their_distances() {
        // Across the antimeridian, and around a pole, as anywhere else.
        for (middle, north, east) in [
            (at("Oslo", 60.0, 10.0, 0), (60.5, 10.0), (60.0, 10.5)),
            (at("Suva", 0.0, 180.0, 0), (0.5, 180.0), (0.0, -179.5)),
            (at("Pole", -89.9, 0.0, 0), (-89.0, 0.0), (-89.9, 90.0)),
        ] {
            let places = [at("N", north.0, north.1, 0), at("E", east.0, east.1, 0)];
            let near = near(&middle, places);
            let map = Neighbourhood::new(&middle, &near);
            let [north, east] = &map.neighbours[..] else { panic!("two neighbours") };
            assert!(north.x.abs() < 1e-6 && north.y < -1.0, "{} {}", north.x, north.y);
            assert!(east.x > 1.0 && east.y.abs() < east.x, "{} {}", east.x, east.y);
            let farthest = north.x.hypot(north.y).max(east.x.hypot(east.y));
            assert!((farthest - RADIUS).abs() < 1e-6, "{farthest}");
        }
    }

    #[test]
    fn rings_are_at_round_distances() {
        let told = |reach_m| ring_distances_m(reach_m).into_iter().map(in_words).collect::<Vec<_>>();
        assert_eq!(told(1.0), ["0.5 m", "1 m"]);
        assert_eq!(told(4_100.0), ["2 km", "4 km"]);
        assert_eq!(told(23_000.0), ["10 km", "20 km"]);
        assert_eq!(told(95_000.0), ["20 km", "40 km", "60 km", "80 km", "100 km"]);
        assert_eq!(told(20_000_000.0), ["10000 km", "20000 km"]);
    }

    #[test]
    fn no_name_hides_another() {
        let middle = at("Middle", 60.0, 10.0, 1_000_000);
        let crowd = (0..50).map(|index| at("A name of some length", 60.0 + f64::from(index) / 1e4, 10.001, 20_000));
        let near = near(&middle, crowd);
        let map = Neighbourhood::new(&middle, &near);
        let named: Vec<_> = map.neighbours.iter().filter(|dot| dot.name.is_some()).collect();
        assert!(!named.is_empty() && named.len() < 50, "{}", named.len());
        for (index, one) in named.iter().enumerate() {
            for other in &named[..index] {
                let (one, other) = (one.name.expect("named"), other.name.expect("named"));
                assert!(one.anchor != other.anchor || (one.y - other.y).abs() >= LINE, "{one:?} {other:?}");
            }
        }
    }
}
