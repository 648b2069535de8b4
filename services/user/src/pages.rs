//! The table of users as a page.

use actix_web::HttpResponse;
use askama::Template;
use chassis::{
    Service,
    http::{Page, Problem},
    pages::html,
};

use crate::{SERVICE, view::UserView};

/// A page of users.
#[derive(Template)]
#[template(path = "users.html")]
struct Table<'a> {
    service: &'a Service,
    page: &'a Page<UserView>,
}

/// `page` as a table.
pub(crate) fn table(page: &Page<UserView>) -> Result<HttpResponse, Problem> {
    html(&Table { service: &SERVICE, page })
}
