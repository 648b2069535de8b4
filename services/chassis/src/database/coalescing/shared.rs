//! Reads of the same page, answered with one and the same answer.

use std::{cell::RefCell, collections::HashMap, hash::Hash, rc::Rc};

use sqlx::MySqlConnection;

use super::lane::{Lane, Traffic, Waiter};
use crate::{
    database::{Database, Error},
    telemetry::together,
};

/// A read that many callers may ask for in the same words.
pub trait ReadOne: 'static {
    /// What is asked: everything on which the answer depends.
    type Question: Clone + Eq + Hash + 'static;
    /// What all who ask it are given. Cloning it has to be cheap.
    type Answer: Clone + 'static;

    /// The answer.
    fn read(
        connection: &mut MySqlConnection,
        question: &Self::Question,
    ) -> impl Future<Output = sqlx::Result<Self::Answer>>;
}

/// Answers those who ask the same together; one for each worker and read. Different questions do not wait for one
/// another.
pub struct Shared<R: ReadOne> {
    lanes: RefCell<Lanes<R>>,
    traffic: Rc<Traffic>,
}

/// Where those wait who ask the same.
type Lanes<R> = HashMap<<R as ReadOne>::Question, Rc<Lane<(), <R as ReadOne>::Answer>>>;

impl<R: ReadOne> Default for Shared<R> {
    fn default() -> Self {
        Self { lanes: RefCell::default(), traffic: Rc::default() }
    }
}

impl<R: ReadOne> Shared<R> {
    /// The answer to `question`.
    pub async fn get(&self, database: &Database, question: R::Question) -> Result<R::Answer, Error> {
        if !database.coalesces() {
            return ask::<R>(database, &question).await;
        }
        let lane = self.lane(&question);
        let reader = || {
            let database = database.clone();
            async move |callers: Vec<Waiter<(), R::Answer>>| {
                let traced = callers.iter().filter_map(|caller| caller.traced.as_ref());
                let answer = together(traced, ask::<R>(&database, &question)).await;
                for caller in callers {
                    caller.answer(answer.clone());
                }
            }
        };
        lane.ask((), reader).await
    }

    /// Where those wait who ask this.
    fn lane(&self, question: &R::Question) -> Rc<Lane<(), R::Answer>> {
        let mut lanes = self.lanes.borrow_mut();
        if let Some(lane) = lanes.get(question) {
            return Rc::clone(lane);
        }
        // Those that nobody else holds, neither a caller nor a read, are done with.
        lanes.retain(|_, lane| Rc::strong_count(lane) > 1);
        let lane = Lane::new(&self.traffic);
        lanes.insert(question.clone(), Rc::clone(&lane));
        lane
    }
}

async fn ask<R: ReadOne>(database: &Database, question: &R::Question) -> Result<R::Answer, Error> {
    database.read(async |connection| R::read(connection, question).await).await
}
