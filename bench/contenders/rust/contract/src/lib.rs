//! What the contenders in Rust have in common: settings, SQL, the form of the answers. How a request gets to the
//! database and back is each contender's own.

mod model;
mod nearest;
mod settings;
pub mod sql;
mod table;

pub use model::{ErrorBody, Health, Location, NewLocation, Page, PageQuery, User};
pub use nearest::{Area, Near, Nearest, NearestQuery};
pub use settings::{Invalid, Settings};
pub use table::TableWriter;
