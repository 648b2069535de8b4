//! Whatever comes from outside is taken or refused, and never breaks anything: each parser is tried with what people send,
//! with what that becomes after a few slips, and with noise.

mod answers;
mod bodies;
mod data;
mod exploration;
mod headers;
mod heads;
mod settings;
mod targets;
