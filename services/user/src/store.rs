//! Users in the database.

use std::num::NonZeroU64;

use chassis::{
    database,
    http::{Change, Limit, Precondition, Problem, Revision},
    telemetry::db_span,
};
use sqlx::{Execute as _, MySqlConnection, QueryBuilder};

use crate::model::{NewUser, User};

/// The users with those ids, as far as they are there. What is checked at compile time is the statement without the list,
/// which may have any length.
pub async fn find(connection: &mut MySqlConnection, ids: &[u64]) -> sqlx::Result<Vec<User>> {
    let all = sqlx::query_as!(User, "SELECT id, version, username, display_name, email, location_id FROM users");
    let mut query = QueryBuilder::new(all.sql().as_str());
    let mut list = query.push(" WHERE id IN (").separated(", ");
    for id in ids {
        list.push_bind(*id);
    }
    db_span("SELECT users", query.push(")").build_query_as().fetch_all(connection)).await
}

/// Users with an id above `after`, in the order of their ids, up to one more than `limit`: whether there is a next
/// page shows in that one.
pub async fn list(connection: &mut MySqlConnection, after: u64, limit: Limit) -> sqlx::Result<Vec<User>> {
    let page = sqlx::query_as!(
        User,
        "SELECT id, version, username, display_name, email, location_id FROM users WHERE id > ? ORDER BY id LIMIT ?",
        after,
        limit.get() + 1
    );
    db_span("SELECT users", page.fetch_all(connection)).await
}

/// Stores a new user.
pub async fn insert(connection: &mut MySqlConnection, new: NewUser) -> sqlx::Result<User> {
    let insert = sqlx::query!(
        "INSERT INTO users (username, display_name, email, location_id) VALUES (?, ?, ?, ?)",
        new.username.as_str(),
        new.display_name.as_str(),
        new.email.as_str(),
        new.location_id.map(NonZeroU64::get)
    );
    let inserted = db_span("INSERT users", insert.execute(connection)).await?;
    Ok(new.stored(inserted.last_insert_id(), 1))
}

/// The version of a user and where they live, if there is such a user.
pub async fn residence(connection: &mut MySqlConnection, id: u64) -> sqlx::Result<Option<Residence>> {
    let select = sqlx::query_as!(Residence, "SELECT version, location_id FROM users WHERE id = ?", id);
    db_span("SELECT users", select.fetch_optional(connection)).await
}

/// Replaces a user that is in a version that `precondition` admits. Has to run in a transaction.
///
/// A user who moves to a place of which `place` does not say that it is there is not replaced.
pub async fn replace(
    connection: &mut MySqlConnection,
    id: u64,
    new: NewUser,
    precondition: &Precondition,
    place: Place,
) -> sqlx::Result<Replaced> {
    let locked = lock(connection, id).await?;
    let location_id = new.location_id.map(NonZeroU64::get);
    let version = match precondition.admit(locked.as_ref().map(|locked| Revision(locked.version))) {
        Change::Updated(version) => version.next(),
        unchanged => return Ok(Replaced::Ended(unchanged.map(|version| new.stored(id, version.0)))),
    };
    if place == Place::AsBefore && locked.is_some_and(|locked| locked.location_id != location_id) {
        return Ok(Replaced::MovedMeanwhile);
    }
    let update = sqlx::query!(
        "UPDATE users SET version = ?, username = ?, display_name = ?, email = ?, location_id = ? WHERE id = ?",
        version.0,
        new.username.as_str(),
        new.display_name.as_str(),
        new.email.as_str(),
        location_id,
        id
    );
    db_span("UPDATE users", update.execute(connection)).await?;
    Ok(Replaced::Ended(Change::Updated(new.stored(id, version.0))))
}

/// Which version a user is in, and where they live.
#[derive(Clone, Copy, Debug)]
pub struct Residence {
    /// The user's version.
    pub version: u64,
    /// An id of the location service.
    pub location_id: Option<u64>,
}

/// What is known of the place where a user is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The location service has it, or there is none to be had.
    Known,
    /// It is the one of before, if that has not changed by then.
    AsBefore,
}

/// What became of a user that was to be replaced.
#[derive(Debug)]
pub enum Replaced {
    /// It was replaced, or not, as its precondition says.
    Ended(Change<User>),
    /// Nothing was done: somebody else has changed where the user lives.
    MovedMeanwhile,
}

/// Deletes a user that is in a version that `precondition` admits. Has to run in a transaction.
pub async fn delete(
    connection: &mut MySqlConnection,
    id: u64,
    precondition: &Precondition,
) -> sqlx::Result<Change<()>> {
    let locked = lock(connection, id).await?;
    let change = precondition.admit(locked.map(|locked| Revision(locked.version)));
    if let Change::Updated(_) = change {
        let delete = sqlx::query!("DELETE FROM users WHERE id = ?", id);
        db_span("DELETE users", delete.execute(connection)).await?;
    }
    Ok(change.map(|_| ()))
}

/// What a client is told of an error: a user that is there already is told by the field that is taken.
#[must_use]
pub fn problem(error: database::Error) -> Problem {
    match &error {
        database::Error::Duplicate { index } if index == "users_username" => {
            Problem::duplicate("this username is taken; choose another one")
        }
        database::Error::Duplicate { index } if index == "users_email" => {
            Problem::duplicate("this email belongs to another user")
        }
        _ => error.into(),
    }
}

/// Keeps others from changing the user until the transaction ends, and gives what it is now.
async fn lock(connection: &mut MySqlConnection, id: u64) -> sqlx::Result<Option<Residence>> {
    let select = sqlx::query_as!(Residence, "SELECT version, location_id FROM users WHERE id = ? FOR UPDATE", id);
    db_span("SELECT users", select.fetch_optional(connection)).await
}
