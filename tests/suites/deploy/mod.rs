//! The deployment tool and what it deploys, as far as that can be seen without AWS. `make tutorial` is the rest: the same
//! tool against a local AWS, with real containers.

mod in_earnest;
mod refusals;
mod requests;
mod scaling;
mod tutorial;
mod usage;
