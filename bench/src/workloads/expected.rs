//! What an answer has to be.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{html, json};
use crate::{
    client::{Answer, Body},
    database::LocationRow,
};

/// An expectation, made from the rows of the database.
#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// This JSON, and this version in the `ETag`.
    Item(Value, u64),
    /// This JSON.
    Json(Value),
    /// A page with a table of these rows.
    Table(Arc<[LocationRow]>),
    /// The item that was sent, with an id of its own.
    Created(Value),
    /// JSON that says that all is well.
    Healthy,
    /// Nothing but a success.
    Success,
}

impl Expected {
    /// Fails unless status, headers and body of `answer` are as expected; gives what later bodies of the same server are held
    /// against.
    pub(super) fn confirm(&self, answer: &Answer) -> Result<Body> {
        let status = if matches!(self, Self::Created(_)) { 201 } else { 200 };
        ensure!(answer.status == status, "answered {} where {status} was expected", answer.status);
        match self {
            Self::Item(value, version) => {
                let (etag, found) = (format!("\"{version}\""), answer.header("etag"));
                ensure!(found == Some(etag.as_str()), "the ETag is {found:?} where {etag} was expected");
                same(value, &body_of(answer)?)?;
            }
            Self::Json(value) => same(value, &body_of(answer)?)?,
            Self::Table(rows) => {
                of_type(answer, "text/html; charset=utf-8")?;
                let page = str::from_utf8(&answer.body).context("the page is no UTF-8")?;
                if let Some(difference) = html::difference(rows, page) {
                    bail!(difference);
                }
            }
            Self::Created(sent) => return created(sent, answer),
            Self::Healthy => {
                // Of one of two types: that of health checks, which is a draft, or that of all JSON.
                let status = parsed(answer)?["status"].clone();
                ensure!(status == "pass", "the status is {status}");
                return Ok(Body::With(b"\"status\":\"pass\"".into()));
            }
            Self::Success => {}
        }
        Ok(Body::Exactly(answer.body.clone()))
    }
}

/// The item that was sent has come back, with an id and the path to it; only the id will be another one next time.
fn created(sent: &Value, answer: &Answer) -> Result<Body> {
    let found = body_of(answer)?;
    let id = found["id"].as_u64().context("the new item has no id")?;
    let mut expected = sent.clone();
    expected["id"] = json!(id);
    same(&expected, &found)?;
    let (path, location) = (format!("/locations/{id}"), answer.header("location"));
    ensure!(location == Some(path.as_str()), "the location is {location:?} where {path} was expected");
    let text = str::from_utf8(&answer.body).context("the body is no UTF-8")?;
    let (before, after) = text.split_once(&id.to_string()).context("the id is not in the body")?;
    Ok(Body::AroundNumber(before.into(), after.into()))
}

fn body_of(answer: &Answer) -> Result<Value> {
    of_type(answer, "application/json")?;
    parsed(answer)
}

fn parsed(answer: &Answer) -> Result<Value> {
    serde_json::from_slice(&answer.body).context("the body is no JSON")
}

/// The type may have a character set behind it, which for JSON says nothing; some frameworks always add it.
fn of_type(answer: &Answer, expected: &str) -> Result<()> {
    let found = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    ensure!(found.starts_with(expected), "the type is {found:?} where {expected} was expected");
    Ok(())
}

fn same(expected: &Value, found: &Value) -> Result<()> {
    match json::difference(expected, found) {
        None => Ok(()),
        Some(difference) => bail!("the body differs at {difference}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_type_version_and_body_have_to_be_right() {
        let expected = Expected::Item(json!({"id": 7}), 3);
        let (json, etag) = (("content-type", "application/json; charset=utf-8"), ("etag", "\"3\""));
        assert!(expected.confirm(&Answer::sample(200, &[json, etag], r#"{"id":7}"#)).is_ok());
        for (wrong, told) in [
            (Answer::sample(404, &[json, etag], r#"{"id":7}"#), "answered 404 where 200"),
            (Answer::sample(200, &[json], r#"{"id":7}"#), "the ETag is None"),
            (Answer::sample(200, &[etag], r#"{"id":7}"#), "the type is \"\""),
            (Answer::sample(200, &[json, etag], r#"{"id":8}"#), "the body differs at .id"),
            (Answer::sample(200, &[json, etag], "<html>"), "the body is no JSON"),
        ] {
            let error = expected.confirm(&wrong).expect_err(told).to_string();
            assert!(error.contains(told), "{error}");
        }
    }

    #[test]
    fn of_what_was_created_only_the_id_may_change() {
        let expected = Expected::Created(json!({"name": "Oslo"}));
        let headers = [("content-type", "application/json"), ("location", "/locations/17")];
        let body = expected.confirm(&Answer::sample(201, &headers, r#"{"name":"Oslo","id":17}"#)).expect("created");
        assert!(
            matches!(body, Body::AroundNumber(before, after) if before == br#"{"name":"Oslo","id":"# && after == b"}")
        );
        let elsewhere = [headers[0], ("location", "/locations/18")];
        assert!(expected.confirm(&Answer::sample(201, &elsewhere, r#"{"name":"Oslo","id":17}"#)).is_err());
        assert!(expected.confirm(&Answer::sample(200, &headers, r#"{"name":"Oslo","id":17}"#)).is_err());
    }
}
