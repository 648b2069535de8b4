//! Batched reads by key.

use std::{collections::HashMap, hash::Hash, rc::Rc};

use sqlx::MySqlConnection;

use super::batcher::{Batcher, Waiter};
use crate::{
    database::{Database, Error},
    telemetry::with_span_links,
};

/// A query for many rows by their keys: `SELECT … WHERE id IN (…)`.
pub trait LoadMany: 'static {
    /// The most keys in one statement; a power of two.
    const MAX_KEYS: usize = 64;

    /// What a row is found by.
    type Key: Copy + Eq + Hash + Ord + 'static;
    /// What is made of a row. It is cloned where several callers ask for the same key.
    type Value: Clone + 'static;

    /// The rows that are there, each with its key, in any order. The last key may be there several times: the number of
    /// keys is always a power of two, so that few statements have to be prepared.
    fn read(
        connection: &mut MySqlConnection,
        keys: &[Self::Key],
    ) -> impl Future<Output = sqlx::Result<Vec<(Self::Key, Self::Value)>>>;
}

/// Batches reads by key; one per worker and query.
pub struct Loader<R: LoadMany>(Rc<Batcher<R::Key, Option<R::Value>>>);

impl<R: LoadMany> Default for Loader<R> {
    fn default() -> Self {
        Self(Batcher::new(&Rc::default()))
    }
}

impl<R: LoadMany> Loader<R> {
    /// The row with that key, if there is one.
    pub async fn find(&self, database: &Database, key: R::Key) -> Result<Option<R::Value>, Error> {
        if !database.coalesces() {
            return alone::<R>(database, key).await;
        }
        Rc::clone(&self.0).ask(key, || reader::<R>(database)).await
    }

    /// The rows with those keys, in their order; each of them, if there is one.
    pub async fn find_all(&self, database: &Database, keys: &[R::Key]) -> Result<Vec<Option<R::Value>>, Error> {
        if database.coalesces() {
            return Rc::clone(&self.0).ask_all(keys.iter().copied(), || reader::<R>(database)).await;
        }
        let mut found = Vec::with_capacity(keys.len());
        for some in keys.chunks(R::MAX_KEYS) {
            let rows = read::<R>(database, some).await?;
            found.extend(some.iter().map(|key| rows.get(key).cloned()));
        }
        Ok(found)
    }
}

type Auth<R> = Waiter<<R as LoadMany>::Key, Option<<R as LoadMany>::Value>>;

/// What answers those who wait.
fn reader<R: LoadMany>(database: &Database) -> impl AsyncFn(Vec<Auth<R>>) + Clone + 'static {
    let database = database.clone();
    async move |callers| answer::<R>(&database, callers).await
}

async fn answer<R: LoadMany>(database: &Database, mut callers: Vec<Auth<R>>) {
    while !callers.is_empty() {
        let later = callers.split_off(callers.len().min(R::MAX_KEYS));
        answer_some::<R>(database, callers).await;
        callers = later;
    }
}

async fn answer_some<R: LoadMany>(database: &Database, callers: Vec<Auth<R>>) {
    let keys: Vec<_> = callers.iter().map(|caller| caller.question).collect();
    let traced = callers.iter().filter_map(|caller| caller.traced.as_ref());
    match with_span_links(traced, read::<R>(database, &keys)).await {
        Ok(rows) => {
            for caller in callers {
                let row = rows.get(&caller.question).cloned();
                caller.answer(Ok(row));
            }
        }
        // One row cannot be read, perhaps; that is no fault of the others'.
        Err(Error::Refused(_)) if callers.len() > 1 => {
            for caller in callers {
                let row = with_span_links(caller.traced.iter(), alone::<R>(database, caller.question)).await;
                caller.answer(row);
            }
        }
        Err(error) => {
            for caller in callers {
                caller.answer(Err(error.clone()));
            }
        }
    }
}

async fn read<R: LoadMany>(database: &Database, keys: &[R::Key]) -> Result<HashMap<R::Key, R::Value>, Error> {
    let keys = keys_of(keys.iter().copied());
    let rows = database.read(async |connection| R::read(connection, &keys).await).await?;
    Ok(rows.into_iter().collect())
}

async fn alone<R: LoadMany>(database: &Database, key: R::Key) -> Result<Option<R::Value>, Error> {
    let rows = database.read(async |connection| R::read(connection, &[key]).await).await?;
    Ok(rows.into_iter().next().map(|(_, value)| value))
}

/// Each key once, and the last as often as it takes to have one of the few sizes that are prepared.
fn keys_of<K: Copy + Ord>(asked: impl Iterator<Item = K>) -> Vec<K> {
    let mut keys: Vec<K> = asked.collect();
    keys.sort_unstable();
    keys.dedup();
    if let Some(last) = keys.last().copied() {
        keys.resize(keys.len().next_power_of_two(), last);
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::keys_of;

    #[test]
    fn keys_come_in_few_sizes_and_none_is_left_out() {
        for (asked, keys) in [
            (vec![7], vec![7]),
            (vec![7, 7], vec![7]),
            (vec![9, 7, 8], vec![7, 8, 9, 9]),
            (vec![5, 4, 3, 2, 1], vec![1, 2, 3, 4, 5, 5, 5, 5]),
        ] {
            assert_eq!(keys_of(asked.into_iter()), keys);
        }
    }
}
