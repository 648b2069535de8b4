//! Expected responses, made from the rows of the database and compared field by field.

use std::{fmt::Debug, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use regex::bytes::Regex;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::table;
use crate::{
    client::Response,
    database::{Location, Row, User},
};

/// Millimetres: libraries differ in the last digits of sines and roots.
const DISTANCE_TOLERANCE_M: f64 = 1e-3;
/// The relative difference between the Earth's radii in use.
const RADIUS_TOLERANCE: f64 = 1e-6;

#[derive(Clone, Debug)]
pub(super) enum Expected {
    /// Its version is in the `ETag`.
    Location(Row<Location>),
    User(Row<User>),
    Page(Page),
    /// With their distances in metres.
    Nearest(Vec<(f64, Location)>),
    /// An HTML page with a table.
    Table(Arc<[Row<Location>]>),
    /// This location, with an id that the server assigns.
    Created(Location),
    Healthy,
    Success,
}

/// A page of the list.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    pub(super) items: Vec<Location>,
    #[serde(deserialize_with = "Option::deserialize")]
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nearest {
    items: Vec<Map<String, Value>>,
}

impl Expected {
    /// Fails unless `response` is the expected one; returns the pattern of further bodies of the same server, or
    /// `None` where they are all equal.
    pub(super) fn confirm(&self, response: &Response) -> Result<Option<Regex>> {
        let status = if matches!(self, Self::Created(_)) { 201 } else { 200 };
        ensure!(response.status == status, "status {} instead of {status}", response.status);
        match self {
            Self::Location(row) => item(row, response)?,
            Self::User(row) => item(row, response)?,
            Self::Page(page) => same(page, &json(response)?)?,
            Self::Nearest(places) => nearest(places, json(response)?)?,
            Self::Table(rows) => {
                content_type(response, "text/html; charset=utf-8")?;
                table::compare(rows, str::from_utf8(&response.body).context("the page is not UTF-8")?)?;
            }
            Self::Created(location) => return created(location, response),
            Self::Healthy => {
                // Contenders differ in the type: application/json, or that of the draft for health checks.
                let status = &serde_json::from_slice::<Value>(&response.body).context("invalid JSON")?["status"];
                ensure!(status == "pass", "the status is {status}");
                return Ok(Some(Regex::new(r#""status": *"pass""#)?));
            }
            Self::Success => {}
        }
        Ok(None)
    }
}

fn item<T: Debug + DeserializeOwned + PartialEq>(row: &Row<T>, response: &Response) -> Result<()> {
    header(response, "etag", &format!("\"{}\"", row.version))?;
    same(&row.item, &json(response)?)
}

fn nearest(places: &[(f64, Location)], Nearest { items }: Nearest) -> Result<()> {
    ensure!(items.len() == places.len(), "{} items instead of {}", items.len(), places.len());
    for ((distance, location), mut item) in places.iter().zip(items) {
        let found = item.remove("distance_m").and_then(|distance| distance.as_f64()).context("no distance_m")?;
        let tolerance = DISTANCE_TOLERANCE_M + RADIUS_TOLERANCE * distance;
        ensure!((found - distance).abs() <= tolerance, "{found} m instead of {distance} m");
        same(location, &serde_json::from_value(item.into())?)?;
    }
    Ok(())
}

/// Only the id differs between the responses to the same request.
fn created(location: &Location, response: &Response) -> Result<Option<Regex>> {
    let found: Location = json(response)?;
    same(&Location { id: found.id, ..location.clone() }, &found)?;
    header(response, "location", &format!("/locations/{}", found.id))?;
    let text = regex::escape(str::from_utf8(&response.body).context("the body is not UTF-8")?);
    Ok(Some(Regex::new(&format!("^{}$", text.replacen(&found.id.to_string(), "[0-9]+", 1)))?))
}

fn json<T: DeserializeOwned>(response: &Response) -> Result<T> {
    content_type(response, "application/json")?;
    serde_json::from_slice(&response.body).context("unexpected JSON")
}

fn same<T: Debug + PartialEq>(expected: &T, found: &T) -> Result<()> {
    ensure!(expected == found, "the body differs from {expected:?}");
    Ok(())
}

/// Some frameworks add a character set, which has no meaning for JSON.
fn content_type(response: &Response, expected: &str) -> Result<()> {
    let found = response.header("content-type").unwrap_or_default().to_ascii_lowercase();
    ensure!(found.starts_with(expected), "content-type {found:?} instead of {expected:?}");
    Ok(())
}

fn header(response: &Response, name: &str, expected: &str) -> Result<()> {
    let found = response.header(name);
    ensure!(found == Some(expected), "{name} {found:?} instead of {expected:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = "content-type: application/json; charset=utf-8\r\n";
    const ETAG: &str = "etag: \"1\"\r\n";

    fn body(id: u64) -> String {
        serde_json::to_string(&Row::sample(id).item).expect("JSON")
    }

    #[test]
    fn status_type_version_and_body_must_be_right() {
        let (head, right) = ([JSON, ETAG].concat(), body(7));
        for (status, head, body, reason) in [
            (200, head.as_str(), right.clone(), ""),
            // The same number.
            (200, &head, right.replace("-2.0", "-2"), ""),
            (404, &head, right.clone(), "status 404 instead of 200"),
            (200, JSON, right.clone(), "etag None"),
            (200, ETAG, right.clone(), "content-type \"\""),
            (200, &head, body(8), "the body differs"),
            (200, &head, right.replace("\"region\":null,", ""), "missing field `region`"),
            (200, &head, right.replace('{', "{\"x\":1,"), "unknown field `x`"),
            (200, &head, "<html>".to_owned(), "unexpected JSON"),
        ] {
            let outcome = Expected::Location(Row::sample(7)).confirm(&Response::sample(status, head, &body));
            let error = outcome.err().map_or_else(String::new, |error| format!("{error:#}"));
            assert!(error.contains(reason) && error.is_empty() == reason.is_empty(), "{error}");
        }
    }

    #[test]
    fn only_the_id_of_a_created_location_may_change() {
        let expected = Expected::Created(Row::sample(0).item);
        let confirm = |status, path: &str| {
            let sent = body(17).replace("Place 17", "Place 0");
            expected.confirm(&Response::sample(status, &format!("{JSON}location: {path}\r\n"), &sent))
        };
        let regex = confirm(201, "/locations/17").expect("created").expect("a pattern");
        assert!(regex.is_match(body(18).replace("Place 18", "Place 0").as_bytes()));
        assert!(!regex.is_match(body(18).as_bytes()));
        assert!(confirm(200, "/locations/17").is_err());
        assert!(confirm(201, "/locations/18").is_err());
    }

    #[test]
    fn distances_may_differ_in_their_last_digits() {
        let found = |distance: f64| {
            let item = body(7).replace('}', &format!(",\"distance_m\":{distance}}}"));
            let response = Response::sample(200, JSON, &format!("{{\"items\":[{item}]}}"));
            Expected::Nearest(vec![(12_345.678_9, Row::sample(7).item)]).confirm(&response)
        };
        assert!(found(12_345.679).is_ok());
        assert!(found(12_346.0).is_err());
    }
}
