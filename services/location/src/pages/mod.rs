//! Locations as pages: some of them on a map of the world, one with what is near, and all of them as one table.

mod list;
mod neighbourhood;
mod place;
mod table;

pub(crate) use list::list;
pub(crate) use place::place;
pub(crate) use table::{TableAfter, table};
