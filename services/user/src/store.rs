//! Users in the database.

use std::num::NonZeroU64;

use chassis::{
    database,
    http::{Change, Limit, Precondition, Problem, Version},
    telemetry::statement,
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
    statement("SELECT users", query.push(")").build_query_as().fetch_all(connection)).await
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
    statement("SELECT users", page.fetch_all(connection)).await
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
    let inserted = statement("INSERT users", insert.execute(connection)).await?;
    Ok(new.stored(inserted.last_insert_id(), 1))
}

/// Replaces a user that is in a version that `precondition` admits. Has to run in a transaction.
pub async fn replace(
    connection: &mut MySqlConnection,
    id: u64,
    new: NewUser,
    precondition: &Precondition,
) -> sqlx::Result<Change<User>> {
    let change = lock(connection, id, precondition).await?.map(Version::next);
    if let Change::Made(version) = &change {
        let update = sqlx::query!(
            "UPDATE users SET version = ?, username = ?, display_name = ?, email = ?, location_id = ? WHERE id = ?",
            version.0,
            new.username.as_str(),
            new.display_name.as_str(),
            new.email.as_str(),
            new.location_id.map(NonZeroU64::get),
            id
        );
        statement("UPDATE users", update.execute(connection)).await?;
    }
    Ok(change.map(|version| new.stored(id, version.0)))
}

/// Deletes a user that is in a version that `precondition` admits. Has to run in a transaction.
pub async fn delete(
    connection: &mut MySqlConnection,
    id: u64,
    precondition: &Precondition,
) -> sqlx::Result<Change<()>> {
    let change = lock(connection, id, precondition).await?;
    if let Change::Made(_) = change {
        let delete = sqlx::query!("DELETE FROM users WHERE id = ?", id);
        statement("DELETE users", delete.execute(connection)).await?;
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

/// Keeps others from changing the user until the transaction ends, and says which version it is.
async fn lock(connection: &mut MySqlConnection, id: u64, precondition: &Precondition) -> sqlx::Result<Change<Version>> {
    let select = sqlx::query_scalar!("SELECT version FROM users WHERE id = ? FOR UPDATE", id);
    let version = statement("SELECT users", select.fetch_optional(connection)).await?;
    Ok(precondition.admit(version.map(Version)))
}
