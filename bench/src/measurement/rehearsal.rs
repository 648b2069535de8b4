//! Before anything is measured, every request is sent once, and its answer held against the rows of the database.

use anyhow::{Context, Result};

use crate::{
    client::{Load, Single, named},
    workloads::Plan,
};

/// Sends each request of a plan to the server on `port`; gives the load, in which each has the answer that was
/// confirmed.
pub(crate) fn rehearse(port: u16, plan: &Plan, token: &str) -> Result<Load> {
    let mut connection = Single::connect(port)?;
    let exchanges = plan.questions.iter().map(|question| {
        let request = question.request(port, token);
        let answer = connection.ask(&request).with_context(|| named(&request))?;
        question.confirm(request, &answer)
    });
    Ok(Load { exchanges: exchanges.collect::<Result<_>>()?, order: plan.order.clone() })
}
