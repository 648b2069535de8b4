//! The HTTP contract that every service keeps: errors, limits, who may write, versions, pages.

mod accept;
mod address;
mod admission;
mod body_deadline;
mod caching;
mod caller;
mod connection;
mod containment;
mod fallback;
mod limits;
mod object;
mod page;
pub mod problem;
mod version;

pub(crate) use accept::Accept;
pub use accept::prefers_html;
pub(crate) use accept::prefers_html_to_a_problem;
pub use address::Address;
pub(crate) use admission::admit;
pub(crate) use body_deadline::body_deadline;
pub(crate) use caching::caching;
pub use caller::{AccessControl, Caller, Writer};
pub(crate) use connection::http_service;
pub(crate) use containment::{answered_with, contain, contained};
pub(crate) use fallback::Fallback;
pub use fallback::names_no_route;
pub use limits::KEEP_ALIVE;
pub(crate) use limits::{connections_of_worker, extractors};
pub use object::JsonObject;
pub use page::{After, Limit, Page, absent_if_empty};
pub use problem::Problem;
pub use version::{Change, KnownVersions, Precondition, Version};
