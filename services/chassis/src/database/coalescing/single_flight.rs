//! Single-flight reads: concurrent reads with equal keys share one result.

use std::{cell::RefCell, collections::HashMap, hash::Hash, rc::Rc};

use sqlx::MySqlConnection;

use super::batcher::{Batcher, InFlight, Waiter};
use crate::{
    database::{Database, Error},
    telemetry::with_span_links,
};

/// A read whose result concurrent callers may share.
pub trait LoadOne: 'static {
    /// Everything on which the result depends.
    type Key: Clone + Eq + Hash + 'static;
    /// The result. Cloning it has to be cheap: each caller gets a clone.
    type Value: Clone + 'static;

    /// Reads the result for `key`.
    fn read(connection: &mut MySqlConnection, key: &Self::Key) -> impl Future<Output = sqlx::Result<Self::Value>>;
}

/// Runs one read at a time for each key; one per worker and kind of read. Different keys do not wait for one another.
pub struct SingleFlight<R: LoadOne> {
    batchers: RefCell<Batchers<R>>,
    in_flight: Rc<InFlight>,
}

/// A batcher for each key in use.
type Batchers<R> = HashMap<<R as LoadOne>::Key, Rc<Batcher<(), <R as LoadOne>::Value>>>;

impl<R: LoadOne> Default for SingleFlight<R> {
    fn default() -> Self {
        Self { batchers: RefCell::default(), in_flight: Rc::default() }
    }
}

impl<R: LoadOne> SingleFlight<R> {
    /// The result for `key`, shared with concurrent callers.
    pub async fn get(&self, database: &Database, key: R::Key) -> Result<R::Value, Error> {
        if !database.coalesces() {
            return ask::<R>(database, &key).await;
        }
        let batcher = self.batcher(&key);
        let reader = || {
            let database = database.clone();
            async move |callers: Vec<Waiter<(), R::Value>>| {
                let traced = callers.iter().filter_map(|caller| caller.traced.as_ref());
                let answer = with_span_links(traced, ask::<R>(&database, &key)).await;
                for caller in callers {
                    caller.answer(answer.clone());
                }
            }
        };
        batcher.ask((), reader).await
    }

    /// The batcher for `key`.
    fn batcher(&self, key: &R::Key) -> Rc<Batcher<(), R::Value>> {
        let mut batchers = self.batchers.borrow_mut();
        if let Some(batcher) = batchers.get(key) {
            return Rc::clone(batcher);
        }
        // Removes those that neither a caller nor a read holds.
        batchers.retain(|_, batcher| Rc::strong_count(batcher) > 1);
        let batcher = Batcher::new(&self.in_flight);
        batchers.insert(key.clone(), Rc::clone(&batcher));
        batcher
    }
}

async fn ask<R: LoadOne>(database: &Database, key: &R::Key) -> Result<R::Value, Error> {
    database.read(async |connection| R::read(connection, key).await).await
}
