//! What is made of the runs: figures, tables, goals, and the drawing.

pub(crate) mod chart;
pub(crate) mod environment;
pub(crate) mod figures;
pub(crate) mod goals;
mod measured;
pub(crate) mod results;
pub(crate) mod statistics;
pub(crate) mod table;

pub(crate) use self::measured::Measured;
