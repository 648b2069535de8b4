//! What is to be reached, and whether it was.

mod list;
mod verdict;

pub(crate) use self::verdict::{printed, verdicts};
