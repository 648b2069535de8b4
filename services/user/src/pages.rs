//! Users as pages: some of them as a table, and one with the place where they live.

use std::collections::HashMap;

use actix_web::HttpResponse;
use askama::Template;
use chassis::{
    Service,
    http::{Page, Problem},
    pages::{grouped, html},
};

use crate::{
    SERVICE,
    loaders::Selection,
    location_client::{LocationClient, Place},
    view::{LocationStatus, UserView},
};

/// A page of users.
#[derive(Template)]
#[template(path = "users.html")]
struct Table<'a> {
    service: &'a Service,
    page: &'a Page<UserView>,
    /// The places where they live; none where the location service is not available.
    homes: Option<&'a HashMap<u64, Place>>,
    places: &'a LocationClient,
    /// The first page of the list, where this is a later one.
    first: Option<String>,
}

/// `page` as a table, with the places where the users live if they could be had.
pub(crate) fn table(
    page: &Page<UserView>,
    selection: &Selection,
    homes: Option<&HashMap<u64, Place>>,
    places: &LocationClient,
) -> Result<HttpResponse, Problem> {
    let first = (selection.after > 0).then(|| selection.path(None));
    html(&Table { service: &SERVICE, page, homes, places, first })
}

/// A user's page.
#[derive(Template)]
#[template(path = "user.html")]
struct User<'a> {
    service: &'a Service,
    view: &'a UserView,
    /// Where the user lives, if it could be had.
    place: Option<&'a Place>,
    status: LocationStatus,
    places: &'a LocationClient,
}

/// `user`, in whom the place is embedded, as a page.
pub(crate) fn user(user: &UserView, places: &LocationClient) -> Result<HttpResponse, Problem> {
    let place = user.location.as_ref().and_then(Option::as_ref);
    let status = user.location_status.unwrap_or(LocationStatus::None);
    html(&User { service: &SERVICE, view: user, place, status, places })
}
