//! Reads of the same page, answered with one and the same answer.

use std::{cell::RefCell, collections::HashMap, hash::Hash, rc::Rc};

use sqlx::MySqlConnection;

use super::batcher::{Batcher, InFlight, Waiter};
use crate::{
    database::{Database, Error},
    telemetry::with_span_links,
};

/// A read that many callers may ask for in the same words.
pub trait LoadOne: 'static {
    /// What is asked: everything on which the answer depends.
    type Key: Clone + Eq + Hash + 'static;
    /// What all who ask it are given. Cloning it has to be cheap.
    type Value: Clone + 'static;

    /// The answer.
    fn read(connection: &mut MySqlConnection, question: &Self::Key) -> impl Future<Output = sqlx::Result<Self::Value>>;
}

/// Answers those who ask the same together; one for each worker and read. Different questions do not wait for one
/// another.
pub struct SingleFlight<R: LoadOne> {
    lanes: RefCell<Batchers<R>>,
    traffic: Rc<InFlight>,
}

/// Where those wait who ask the same.
type Batchers<R> = HashMap<<R as LoadOne>::Key, Rc<Batcher<(), <R as LoadOne>::Value>>>;

impl<R: LoadOne> Default for SingleFlight<R> {
    fn default() -> Self {
        Self { lanes: RefCell::default(), traffic: Rc::default() }
    }
}

impl<R: LoadOne> SingleFlight<R> {
    /// The answer to `question`.
    pub async fn get(&self, database: &Database, question: R::Key) -> Result<R::Value, Error> {
        if !database.coalesces() {
            return ask::<R>(database, &question).await;
        }
        let lane = self.lane(&question);
        let reader = || {
            let database = database.clone();
            async move |callers: Vec<Waiter<(), R::Value>>| {
                let traced = callers.iter().filter_map(|caller| caller.traced.as_ref());
                let answer = with_span_links(traced, ask::<R>(&database, &question)).await;
                for caller in callers {
                    caller.answer(answer.clone());
                }
            }
        };
        lane.ask((), reader).await
    }

    /// Where those wait who ask this.
    fn lane(&self, question: &R::Key) -> Rc<Batcher<(), R::Value>> {
        let mut lanes = self.lanes.borrow_mut();
        if let Some(lane) = lanes.get(question) {
            return Rc::clone(lane);
        }
        // Those that nobody else holds, neither a caller nor a read, are done with.
        lanes.retain(|_, lane| Rc::strong_count(lane) > 1);
        let lane = Batcher::new(&self.traffic);
        lanes.insert(question.clone(), Rc::clone(&lane));
        lane
    }
}

async fn ask<R: LoadOne>(database: &Database, question: &R::Key) -> Result<R::Value, Error> {
    database.read(async |connection| R::read(connection, question).await).await
}
