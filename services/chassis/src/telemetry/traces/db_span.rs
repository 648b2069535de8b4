//! A statement of the database.

use opentelemetry::{KeyValue, trace::SpanBuilder};
use sqlx::error::DatabaseError;

use super::{client_span::ClientSpan, shared::Group};

/// Runs one statement, and shows it in the trace of the request that it is for. `summary` says what it does, and with which
/// table: `SELECT locations`.
pub async fn db_span<T>(summary: &'static str, work: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    let asking = begin(summary);
    let outcome = work.await;
    if let Some(asking) = asking {
        end(asking, outcome.as_ref().err());
    }
    outcome
}

fn begin(summary: &'static str) -> Option<ClientSpan> {
    let mut group = None;
    let asking = ClientSpan::begin(summary, |span, parent| {
        let span = describe(span, summary);
        // Several requests may be answered by it.
        group = parent.get::<Group>().cloned();
        match &group {
            Some(group) => span.with_links(group.links()),
            None => span,
        }
    })?;
    if let Some(group) = group {
        group.asks(asking.context().clone(), summary);
    }
    Some(asking)
}

fn describe(span: SpanBuilder, summary: &'static str) -> SpanBuilder {
    let operation = summary.split(' ').next().unwrap_or(summary);
    span.with_attributes([
        KeyValue::new("db.system.name", "mysql"),
        KeyValue::new("db.operation.name", operation),
        KeyValue::new("db.query.summary", summary),
    ])
}

fn end(mut asking: ClientSpan, problem: Option<&sqlx::Error>) {
    // The database's own number for what went wrong. Its message may quote what is in a row.
    let problem_of_database = problem.and_then(sqlx::Error::as_database_error);
    if let Some(code) = problem_of_database.and_then(DatabaseError::code) {
        asking.note(KeyValue::new("db.response.status_code", code.into_owned()));
    }
    asking.end(problem.map(|problem| kind(problem).into()));
}

fn kind(problem: &sqlx::Error) -> &'static str {
    match problem {
        sqlx::Error::Database(_) => "database",
        sqlx::Error::Io(_) => "connection",
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => "row",
        _ => "other",
    }
}
