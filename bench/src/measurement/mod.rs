//! How it is measured: everybody once in each round, so that what changes on the machine meanwhile meets all.

mod rehearsal;
mod rounds;
mod run;

pub(crate) use self::{
    rehearsal::rehearse,
    rounds::Rounds,
    run::{Participant, Run, Target, WARM_UP},
};
