//! The table of locations as a page, with a map of them.

use actix_web::HttpResponse;
use askama::Template;
use chassis::{
    Service,
    http::{Page, Problem},
    pages::html,
};

use crate::{
    SERVICE,
    model::{Country, Location},
    routes::ListQuery,
    store::Prefix,
};

/// A page of locations. The map is an equirectangular one: a degree is a unit, north is up.
#[derive(Template)]
#[template(path = "locations.html")]
struct Table<'a> {
    service: &'a Service,
    page: &'a Page<Location>,
    country: &'a str,
    prefix: &'a str,
}

/// `page` as a table and a map.
pub(crate) fn table(page: &Page<Location>, query: &ListQuery) -> Result<HttpResponse, Problem> {
    html(&Table {
        service: &SERVICE,
        page,
        country: query.country.as_ref().map_or("", Country::as_str),
        prefix: query.q.as_ref().map_or("", Prefix::as_str),
    })
}

/// Radius of a place's dot on the map, in degrees: its area grows with the population.
#[expect(clippy::cast_precision_loss, reason = "a dot need not be exact")]
fn radius(location: &Location) -> f64 {
    (location.population as f64 / 1e6).sqrt().clamp(0.4, 5.0)
}
