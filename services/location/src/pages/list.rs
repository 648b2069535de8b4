//! A page of locations, to be searched and filtered, on a map of the world.

use actix_web::HttpResponse;
use askama::Template;
use chassis::{
    Service,
    http::{Page, Problem},
    pages::{grouped, html},
};

use crate::{
    SERVICE, countries,
    loaders::Selection,
    model::{Country, Location},
    store::Prefix,
    world::{self, Point, World},
};

/// A page of locations.
#[derive(Template)]
#[template(path = "locations.html")]
struct List<'a> {
    service: &'a Service,
    page: &'a Page<Location>,
    world: Option<&'a World>,
    /// The places on this page, the largest last, so that it is not hidden.
    here: Vec<(&'a Location, Point, u8)>,
    /// The part of the world that is on the map, from north to south, in its units.
    top: u16,
    bottom: u16,
    prefix: &'a str,
    countries: Vec<Choice<'a>>,
    /// The first page of the same list, where this is a later one.
    first: Option<String>,
}

/// A country to choose.
struct Choice<'a> {
    code: &'a str,
    name: &'a str,
    /// How many places are there, if that is known.
    places: Option<u64>,
    chosen: bool,
}

/// From 85 degrees north to 60 degrees south, where all large places are, in units of the map of the world.
const INHABITED: (u16, u16) = (20, 600);

/// `page` as a table and a map, with what was selected in the form. Without the `world`, the map has the places of the page
/// only.
pub(crate) fn list(
    page: &Page<Location>,
    selection: &Selection,
    world: Option<&World>,
) -> Result<HttpResponse, Problem> {
    let chosen = selection.filter.country.as_ref().map(Country::as_str);
    let mut countries: Vec<_> =
        world.iter().flat_map(|world| &world.countries).map(|(code, places)| (code.as_str(), Some(*places))).collect();
    if let Some(chosen) = chosen.filter(|chosen| !countries.iter().any(|(code, _)| code == chosen)) {
        countries.push((chosen, None));
    }
    let mut countries: Vec<_> = countries
        .into_iter()
        .map(|(code, places)| Choice { code, name: countries::name(code), places, chosen: Some(code) == chosen })
        .collect();
    countries.sort_by_key(|country| country.name);
    let mut here: Vec<_> = page
        .items
        .iter()
        .map(|place| (place, Point::of(place.latitude, place.longitude), world::size(place.population)))
        .collect();
    here.sort_by_key(|(place, ..)| place.population);
    let inhabited = f64::from(INHABITED.0)..f64::from(INHABITED.1);
    let (top, bottom) =
        if here.iter().all(|(_, point, _)| inhabited.contains(&point.y)) { INHABITED } else { (0, world::SIZE.1) };
    html(&List {
        service: &SERVICE,
        page,
        here,
        top,
        bottom,
        prefix: selection.filter.prefix.as_ref().map_or("", Prefix::as_str),
        countries,
        first: (selection.after > 0).then(|| selection.path(None)),
        world,
    })
}

#[cfg(test)]
mod tests {
    use actix_web::body::MessageBody as _;
    use chassis::http::Limit;

    use super::*;
    use crate::store::Filter;

    #[test]
    fn a_page_does_without_the_places_that_are_not_on_it() {
        let country = "NO".parse().expect("valid");
        let filter = Filter { country: Some(country), prefix: None };
        let selection = Selection { filter, after: 7, limit: Limit::new(50) };
        let nothing = Page::cut(Vec::new(), selection.limit, |_: &Location| String::new());
        let Ok(answer) = list(&nothing, &selection, None) else { panic!("no page") };
        let Ok(page) = answer.into_body().try_into_bytes() else { panic!("no text") };
        let page = String::from_utf8_lossy(&page);
        for told in ["The others are not on the map yet", "value=\"NO\" selected>Norway<", "No place is called so"] {
            assert!(page.contains(told), "{told:?} is not in {page}");
        }
        assert!(!page.contains("class=\"dots"));
    }
}
