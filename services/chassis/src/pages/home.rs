//! The home page: which service this is, which of its many tasks answers, and how it is.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::Duration,
};

use actix_web::{
    HttpResponse, get,
    http::header::{CACHE_CONTROL, HeaderValue},
    web::Data,
};
use askama::Template;
use jiff::{SignedDuration, Timestamp, Unit, fmt::friendly::SpanPrinter};

use super::{Pages, html};
use crate::{
    Service,
    database::{Connections, Database},
    health::{Health, Probe},
    http::{
        Problem,
        problem::{AnyOperation, Body},
    },
    instance::{Instance, Placement},
};

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    service: &'a Service,
    instance: &'a Instance,
    placement: Option<&'a Placement>,
    /// Degrees on the colour wheel, the same for the same container.
    hue: u16,
    now: Timestamp,
    started: Timestamp,
    uptime: String,
    probe: Option<Probe>,
    connections: Connections,
}

/// Home page.
///
/// The service, its version, the container that answers, and the date and time there.
#[utoipa::path(tag = "pages", responses(
    (status = 200, description = "A page", content_type = "text/html", body = str),
    (status = 500, description = "The page could not be made", content_type = "application/problem+json", body = Body),
    AnyOperation,
))]
#[get("/")]
pub(crate) async fn home(
    pages: Data<Pages>,
    health: Data<Health>,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    let (now, uptime) = (in_seconds(Timestamp::now()), health.uptime());
    let mut answer = html(&Home {
        service: &pages.service,
        instance: &pages.instance,
        placement: pages.instance.placement(),
        hue: hue(&pages.instance.container),
        now,
        started: in_seconds(now - SignedDuration::try_from(uptime).unwrap_or_default()),
        uptime: in_words(uptime),
        probe: health.probed(),
        connections: database.connections(),
    })?;
    // It is different every second.
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(answer)
}

fn in_seconds(time: Timestamp) -> Timestamp {
    time.round(Unit::Second).unwrap_or(time)
}

/// A duration in whole seconds, as `2h 5m 3s`.
fn in_words(duration: Duration) -> String {
    SpanPrinter::new().duration_to_string(&SignedDuration::from_secs(duration.as_secs().try_into().unwrap_or(i64::MAX)))
}

/// A colour by which one container is told from the next at a glance.
fn hue(container: &str) -> u16 {
    let mut hasher = DefaultHasher::new();
    container.hash(&mut hasher);
    u16::try_from(hasher.finish() % 360).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_as_people_tell_it() {
        assert_eq!(in_words(Duration::from_millis(3_500)), "3s");
        assert_eq!(in_words(Duration::from_mins(125)), "2h 5m");
        assert_eq!(in_words(Duration::ZERO), "0s");
    }

    #[test]
    fn containers_with_similar_names_have_different_colours() {
        let hues = ["3f2a1c9d0b7e", "3f2a1c9d0b7f", "3f2a1c9d0b80", "location-1", "location-2"].map(hue);
        for (index, hue) in hues.iter().enumerate() {
            assert!(*hue < 360 && !hues[..index].contains(hue), "{hues:?}");
        }
    }
}
