//! What is read for several callers at once.

use std::{fmt::Write as _, rc::Rc};

use chassis::{
    database::{
        Database, Error,
        coalescing::{LoadMany, LoadOne, Loader, SingleFlight},
    },
    http::{Limit, Page},
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use sqlx::MySqlConnection;

use crate::{
    geography::Coordinates,
    model::Location,
    nearest::{Near, Search},
    pages::TableAfter,
    store::{self, Filter},
    world::View,
};

/// How often a search is made at most, where each time something that it has found moves away before it is read.
const ATTEMPTS: u32 = 3;

/// The reads of one worker that are answered together.
#[derive(Default)]
pub(crate) struct Loaders {
    /// Locations by id.
    pub(crate) by_id: Loader<ById>,
    /// Pages.
    pub(crate) pages: SingleFlight<PageOf>,
    /// Pieces of the table of all locations.
    pub(crate) table: SingleFlight<TableAfter>,
    /// Searches for the nearest places.
    search: Search,
    /// All places, from far away.
    pub(crate) view: View,
}

impl Loaders {
    /// The `limit` places nearest to `point`, the nearest first; fewer where there are not so many.
    pub(crate) async fn nearest(
        &self,
        database: &Database,
        point: Coordinates,
        limit: Limit,
    ) -> Result<Vec<Near>, Error> {
        let mut near = Vec::new();
        for _ in 0..ATTEMPTS {
            let found = self.search.find(database, point, limit).await?;
            let ids: Vec<u64> = found.iter().map(|place| place.id).collect();
            let locations = self.by_id.find_all(database, &ids).await?;
            near = found
                .into_iter()
                .zip(locations)
                .filter_map(|(place, location)| Near::new(place, Rc::unwrap_or_clone(location?), point))
                .collect();
            if near.len() == ids.len() {
                break;
            }
        }
        Ok(near)
    }
}

/// Locations by id.
pub(crate) struct ById;

impl LoadMany for ById {
    type Key = u64;
    type Value = Rc<Location>;

    async fn read(connection: &mut MySqlConnection, ids: &[u64]) -> sqlx::Result<Vec<(u64, Rc<Location>)>> {
        let locations = store::find(connection, ids).await?;
        Ok(locations.into_iter().map(|location| (location.id, Rc::new(location))).collect())
    }
}

/// A page of locations.
pub(crate) struct PageOf;

/// Which page.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Selection {
    /// Which locations.
    pub(crate) filter: Filter,
    /// Only those with an id above this.
    pub(crate) after: u64,
    /// How many of them.
    pub(crate) limit: Limit,
}

impl Selection {
    /// The path of the page that comes after the location with that id, or of the first one.
    pub(crate) fn path(&self, after: Option<u64>) -> String {
        let mut path = format!("/locations?limit={}", self.limit.get());
        if let Some(after) = after {
            let _ = write!(path, "&after={after}");
        }
        if let Some(country) = &self.filter.country {
            let _ = write!(path, "&country={}", country.as_str());
        }
        if let Some(prefix) = &self.filter.prefix {
            let _ = write!(path, "&q={}", utf8_percent_encode(prefix.as_str(), NON_ALPHANUMERIC));
        }
        path
    }
}

impl LoadOne for PageOf {
    type Key = Selection;
    type Value = Rc<Page<Location>>;

    async fn read(connection: &mut MySqlConnection, selection: &Selection) -> sqlx::Result<Rc<Page<Location>>> {
        let Selection { filter, after, limit } = selection;
        let rows = store::list(connection, filter, *after, *limit).await?;
        Ok(Rc::new(Page::cut(rows, *limit, |last| selection.path(Some(last.id)))))
    }
}
