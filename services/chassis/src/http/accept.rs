//! Content negotiation: the representation that a client prefers (`Accept`, RFC 9110, section 12.5.1).

use std::cmp::Ordering;

use actix_web::{
    HttpRequest,
    http::header::{ACCEPT, HeaderMap, HeaderValue},
    mime::{self, Mime},
};

/// Parameters of a media range that exclude nothing: the weight, and how Prometheus wants names escaped that are not
/// ASCII, which no name here is.
const NEUTRAL_PARAMETERS: [&str; 2] = ["q", "escaping"];

/// The quality of a media type that the client has excluded, or not named.
const NOT_ACCEPTABLE: f32 = 0.0;

/// The media ranges of all `Accept` lines of a request. Elements that are no media range are ignored, as a client with a
/// malformed one is better served than refused.
pub(crate) struct Accept(Vec<Mime>);

impl Accept {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let lines = headers.get_all(ACCEPT).filter_map(|line| line.to_str().ok());
        Self(lines.flat_map(|line| line.split(',')).filter_map(|range| range.trim().parse().ok()).collect())
    }

    /// The weight, 0 to 1, of `representation`: that of the most specific range that it is in.
    pub(crate) fn quality(&self, representation: &Mime) -> f32 {
        let matching = self.0.iter().filter_map(|range| Some((specificity(range, representation)?, weight(range)?)));
        let most_specific = matching.max_by(|one, other| match one.0.cmp(&other.0) {
            Ordering::Equal => one.1.total_cmp(&other.1),
            unequal => unequal,
        });
        most_specific.map_or(NOT_ACCEPTABLE, |(_, weight)| weight)
    }
}

/// Whether the client prefers a page to JSON. Equal preference means JSON, and so does an `Accept` that allows neither:
/// RFC 9110 (section 15.5.7) lets a server answer with what it has instead of 406.
#[must_use]
pub fn prefers_html(request: &HttpRequest) -> bool {
    prefers_html_to(&[mime::APPLICATION_JSON], request.headers())
}

/// The same where the answer is a problem: clients may name its own media type.
pub(crate) fn prefers_html_to_a_problem(headers: &HeaderMap) -> bool {
    let problem = "application/problem+json".parse().expect("a media type");
    prefers_html_to(&[mime::APPLICATION_JSON, problem], headers)
}

fn prefers_html_to(others: &[Mime], headers: &HeaderMap) -> bool {
    // Most programs name no kind of text, which is cheaper to see than to parse.
    let mentions_text = |line: &HeaderValue| line.as_bytes().windows(5).any(|part| part.eq_ignore_ascii_case(b"text/"));
    if !headers.get_all(ACCEPT).any(mentions_text) {
        return false;
    }
    let accept = Accept::of(headers);
    let html = accept.quality(&mime::TEXT_HTML_UTF_8);
    others.iter().all(|other| html > accept.quality(other))
}

/// How closely `range` describes `representation`; none where it does not.
fn specificity(range: &Mime, representation: &Mime) -> Option<usize> {
    let any = |name: mime::Name<'_>| name == mime::STAR;
    if any(range.type_()) && any(range.subtype()) {
        return Some(0);
    }
    if range.type_() != representation.type_() {
        return None;
    }
    if any(range.subtype()) {
        return Some(1);
    }
    let parameters: Vec<_> = range.params().filter(|(name, _)| !NEUTRAL_PARAMETERS.contains(&name.as_str())).collect();
    let is_met = |(name, value): &(mime::Name<'_>, mime::Name<'_>)| {
        let utf_8 = *name == mime::CHARSET && *value == mime::UTF_8;
        utf_8 || representation.get_param(*name).is_some_and(|own| own.as_str().eq_ignore_ascii_case(value.as_str()))
    };
    let matches = range.subtype() == representation.subtype() && range.suffix() == representation.suffix();
    (matches && parameters.iter().all(is_met)).then(|| 2 + parameters.len())
}

/// The range's weight; none where it is not a number from 0 to 1.
fn weight(range: &Mime) -> Option<f32> {
    match range.get_param("q") {
        Some(weight) => weight.as_str().parse().ok().filter(|weight| (0.0..=1.0).contains(weight)),
        None => Some(1.0),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn asking(lines: &[&str]) -> HttpRequest {
        let request = lines.iter().fold(TestRequest::get(), |request, line| request.append_header((ACCEPT, *line)));
        request.to_http_request()
    }

    #[test]
    fn html_is_for_those_who_prefer_it() {
        for accept in [
            "text/html",
            "TEXT/HTML",
            "text/*",
            "text/html;charset=UTF-8",
            "text/html, application/json;q=0.9",
            "text/html;q=0.2, application/json;q=0.1",
            "text/html, */*;q=0.8",
            "text/html, application/json;q=0",
            "*/*;q=0.1, text/html;q=0.2",
            "application/*;q=0.5, text/*;q=0.6",
            "application/json;q=2, text/html",
            "image/png, text/html",
            // Firefox, Chrome, Safari, and old Internet Explorer with WebKit's order.
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,\
             application/signed-exchange;v=b3;q=0.7",
            "application/xml,application/xhtml+xml,text/html;q=0.9,text/plain;q=0.8,image/png,*/*;q=0.5",
            "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",
        ] {
            assert!(prefers_html(&asking(&[accept])), "{accept}");
        }
        assert!(prefers_html(&asking(&["application/json;q=0.5", "text/html"])), "all lines count");
    }

    #[test]
    fn everybody_else_gets_json() {
        for accept in [
            "",
            "*/*",
            "application/json",
            "application/*",
            "text/html;q=0",
            "*/*, text/html;q=0",
            "*/*, text/html;q=0.0",
            "*/*, text/*;q=0",
            "text/*, text/html;q=0",
            "text/html;q=0.5, */*",
            "text/html, application/json",
            "application/json, text/html",
            "application/json, text/html;q=0.9",
            "application/json;charset=utf-8, text/html;q=0.9",
            "text/html;level=1, */*;q=0.1",
            "text/plain",
            "image/png",
            "application/xhtml+xml",
            "text/html;q=x, */*;q=0.1",
            "text/html;q=NaN",
            "text/html;q=-1",
            "text/html/x",
            "nonsense",
        ] {
            assert!(!prefers_html(&asking(&[accept])), "{accept}");
        }
        assert!(!prefers_html(&asking(&["text/html;q=0.5", "application/json"])), "all lines count");
        assert!(!prefers_html(&asking(&[])));
    }

    #[test]
    fn a_problem_has_a_media_type_of_its_own() {
        let accept = asking(&["application/problem+json, text/html;q=0.5"]);
        assert!(prefers_html(&accept) && !prefers_html_to_a_problem(accept.headers()));
        let accept = asking(&["text/html, application/problem+json;q=0.5"]);
        assert!(prefers_html_to_a_problem(accept.headers()));
    }
}
