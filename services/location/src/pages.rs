//! Locations as pages: some of them with a map, and all of them as one table.

use actix_web::{HttpResponse, web::Bytes};
use askama::Template;
use chassis::{
    Service, database,
    http::{Page, Problem},
    pages::{html, html_stream, render},
};
use futures_util::stream::{self, StreamExt as _};

use crate::{
    SERVICE,
    model::{Country, Location},
    reads::Piece,
    store::{Filter, Prefix},
};

/// A page of locations.
#[derive(Template)]
#[template(path = "locations.html")]
struct List<'a> {
    service: &'a Service,
    page: &'a Page<Location>,
    map: Map,
    country: &'a str,
    prefix: &'a str,
}

/// `page` as a table and a map, with `filter` in the form.
pub(crate) fn list(page: &Page<Location>, filter: &Filter) -> Result<HttpResponse, Problem> {
    html(&List {
        service: &SERVICE,
        page,
        map: Map::of(&page.items),
        country: filter.country.as_ref().map_or("", Country::as_str),
        prefix: filter.prefix.as_ref().map_or("", Prefix::as_str),
    })
}

/// The table of all locations, around its rows.
#[derive(Template)]
#[template(path = "table.html")]
struct Table<'a> {
    service: &'a Service,
    /// Stands where the rows will be.
    rows: char,
}

/// A character that is in no template.
const ROWS: char = '\u{fffc}';

/// The table of all locations, sent piece by piece: `first`, then what `next` gives after the last id of the one before.
/// A client that reads slowly is not read ahead for. One that fails ends the answer before its end, which clients notice.
pub(crate) fn table<F>(first: Piece, next: impl Fn(u64) -> F + 'static) -> Result<HttpResponse, Problem>
where
    F: Future<Output = Result<Piece, database::Error>> + 'static,
{
    let page = render(&Table { service: &SERVICE, rows: ROWS })?;
    let (head, tail) = page.split_once(ROWS).unwrap_or((&page, ""));
    let rest = stream::try_unfold(first.last, move |after| {
        let piece = after.map(&next);
        async {
            let Some(piece) = piece else { return Ok(None) };
            let piece = piece.await?;
            Ok(Some((piece.rows, piece.last)))
        }
    });
    let begin = stream::iter([Ok(Bytes::from(head.to_owned())), Ok(first.rows)]);
    let end = stream::iter([Ok::<_, database::Error>(Bytes::from(tail.to_owned()))]);
    Ok(html_stream(begin.chain(rest).chain(end)))
}

/// Rows of the table as they are written.
pub(crate) struct Rows(String);

impl Rows {
    /// Room for `rows` of them.
    pub(crate) fn with_capacity(rows: u32) -> Self {
        Self(String::with_capacity(rows as usize * 192))
    }

    pub(crate) fn push(&mut self, location: &Location) {
        let _ = Row { location }.render_into(&mut self.0);
        self.0.push('\n');
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        self.0.into()
    }
}

/// A row of the table of all locations.
#[derive(Template)]
#[template(path = "row.html")]
struct Row<'a> {
    location: &'a Location,
}

/// The part of the world that a map shows. It is an equirectangular one: a degree is a unit, north is up.
struct Map {
    west: f64,
    /// Downwards, as in SVG: degrees south.
    top: f64,
    /// Degrees; the map is half as high as it is wide.
    width: f64,
}

impl Map {
    /// A map with all of `locations` on it, and some room around them; the whole world where there are none.
    fn of(locations: &[Location]) -> Self {
        let range = |degrees: fn(&Location) -> f64| {
            let degrees = locations.iter().map(degrees);
            degrees.clone().reduce(f64::min).zip(degrees.reduce(f64::max))
        };
        let (Some((west, east)), Some((south, north))) =
            (range(|place| place.longitude), range(|place| place.latitude))
        else {
            return Self { west: -180.0, top: -90.0, width: 360.0 };
        };
        let width = (1.2 * (east - west).max(2.0 * (north - south))).clamp(20.0, 360.0);
        let west = f64::midpoint(west, east) - width / 2.0;
        let top = -f64::midpoint(north, south) - width / 4.0;
        Self { west: west.clamp(-180.0, 180.0 - width), top: top.clamp(-90.0, 90.0 - width / 2.0), width }
    }

    /// Radius of a place's dot: its area grows with the population.
    #[expect(clippy::cast_precision_loss, reason = "a dot need not be exact")]
    fn radius(&self, location: &Location) -> f64 {
        self.width / 360.0 * (location.population as f64 / 1e5).sqrt().clamp(1.0, 8.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(latitude: f64, longitude: f64) -> Location {
        Location {
            id: 1,
            name: String::new(),
            country: String::new(),
            region: None,
            latitude,
            longitude,
            population: 0,
            timezone: String::new(),
            version: 1,
        }
    }

    #[test]
    fn a_map_shows_all_its_places_and_nothing_beyond_the_world() {
        for places in [
            vec![],
            vec![at(59.9, 10.7)],
            vec![at(90.0, 180.0)],
            vec![at(-90.0, -180.0), at(90.0, 180.0)],
            vec![at(35.0, 51.0), at(36.0, 52.0)],
        ] {
            let Map { west, top, width } = Map::of(&places);
            assert!(west >= -180.0 && west + width <= 180.0 && top >= -90.0 && top + width / 2.0 <= 90.0);
            for place in places {
                assert!((west..=west + width).contains(&place.longitude), "{place:?}");
                assert!((top..=top + width / 2.0).contains(&-place.latitude), "{place:?}");
            }
        }
    }
}
