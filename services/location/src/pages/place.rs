//! One location, and what is near.

use actix_web::HttpResponse;
use askama::Template;
use chassis::{
    Service,
    http::Problem,
    pages::{grouped, html},
};

use super::neighbourhood::Neighbourhood;
use crate::{SERVICE, countries, model::Location, nearest::Near};

/// A location's page.
#[derive(Template)]
#[template(path = "location.html")]
struct Place<'a> {
    service: &'a Service,
    location: &'a Location,
    near: &'a [Near],
    map: Neighbourhood<'a>,
}

/// `location` with the places that are `near`, the nearest first.
pub(crate) fn place(location: &Location, near: &[Near]) -> Result<HttpResponse, Problem> {
    html(&Place { service: &SERVICE, location, near, map: Neighbourhood::new(location, near) })
}
