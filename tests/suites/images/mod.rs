//! The services' images, and what makes them.

mod builders;
mod contents;
mod health;
mod push;
mod refusals;
