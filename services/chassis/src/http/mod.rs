//! The HTTP contract that every service keeps: errors, limits, who may write, versions, pages.

mod address;
mod body_deadline;
mod caller;
mod fallback;
mod limits;
mod object;
mod page;
pub mod problem;
mod version;

pub use address::Address;
pub(crate) use body_deadline::body_deadline;
pub use caller::{AccessControl, Caller, Writer};
pub(crate) use fallback::Fallback;
pub use fallback::names_no_route;
pub use limits::KEEP_ALIVE;
pub(crate) use limits::{
    CLIENT_DISCONNECT_TIMEOUT, HEAD_TIMEOUT, MAX_HEAD_BYTES, connections_of_worker, extractors, limit_connection,
};
pub use object::Object;
pub use page::{After, Limit, Page, absent_if_empty, prefers_html};
pub use problem::Problem;
pub use version::{Change, KnownVersions, Precondition, Version};
