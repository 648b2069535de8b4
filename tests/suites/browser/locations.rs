//! The list of places with its search, its pages and its map; and the page of a place.

use harness::{
    Seeded,
    browser::{Browser, Screen},
    location,
};
use serde_json::json;

const NAMES: &str = "tbody td:first-child";

/// Whether all that is listed begins with that.
async fn all_begin_with(browser: &Browser, prefix: &str) -> bool {
    let names = browser.texts(NAMES).await;
    !names.is_empty() && names.iter().all(|name| name.to_lowercase().starts_with(prefix))
}

/// Loads the page until all places are on its map: the first who asks does not wait for them for long.
async fn visit_the_whole_world(browser: &Browser, url: &str) {
    let all = async |browser: &Browser| {
        browser.visit(url).await;
        browser.count("path.dots").await > 0
    };
    browser.until("all places are on the map", all).await;
}

#[tokio::test]
async fn the_search_follows_as_one_types() {
    let Some(browser) = Browser::open().await else { return };
    let service = location(Seeded::Yes).await;
    // The countries come with the map.
    visit_the_whole_world(&browser, &service.running.url("/locations")).await;
    browser.run("document.querySelector('h1').dataset.kept = 'yes'", vec![]).await;
    browser.write("input[name=q]", "osl").await;
    browser.until("places that begin with it", async |browser| all_begin_with(browser, "osl").await).await;
    assert!(browser.texts(NAMES).await.contains(&"Oslo".to_owned()));
    browser.until("the address follows", async |browser| browser.url().await.ends_with("/locations?q=osl")).await;
    assert_eq!(browser.count("path.here").await, browser.count("tbody tr").await, "the map follows");
    assert!(browser.text("form output").await.contains("places on this page"), "and so does what is told");

    browser.write("input[name=q]", "s").await;
    browser.click("option[value=NO]").await;
    let norwegian = async |browser: &Browser| {
        let countries = browser.texts("tbody td:nth-child(2)").await;
        all_begin_with(browser, "s").await && countries.iter().all(|country| country == "Norway")
    };
    browser.until("places of the country that begin with it", norwegian).await;
    assert_eq!(browser.count("h1[data-kept]").await, 1, "all that on the same page");

    browser.write("input[name=q]", "no place on earth").await;
    browser.until("nothing is found", async |browser| browser.text("tbody").await == "No place is called so.").await;
    browser.finish(&[&service.running.url("/")]).await;
}

#[tokio::test]
async fn without_scripts_the_form_and_the_links_do_the_same() {
    let Some(browser) = Browser::open().await else { return };
    let service = location(Seeded::Yes).await;
    browser.without_scripts().await;
    browser.visit(&service.running.url("/locations")).await;
    browser.element("input[name=q]").await.send_keys("new ").await.unwrap();
    browser.click("form button").await;
    browser.until("the answer is there", async |browser| browser.url().await.contains("q=new+&country=")).await;
    assert!(browser.text("tbody td").await.starts_with("New "));
    let first = browser.text("tbody").await;
    browser.click("a[rel=next]").await;
    browser.until("the next page", async |browser| browser.url().await.contains("after=")).await;
    let next = browser.text("tbody").await;
    assert!(next.starts_with("New ") && next != first, "{next}");
    browser.click(".pages a:first-child").await;
    browser.until("the first page again", async |browser| browser.text("tbody").await == first).await;
    browser.finish(&[&service.running.url("/")]).await;
}

#[tokio::test]
async fn every_place_is_on_the_map_and_those_of_the_page_stand_out() {
    let Some(browser) = Browser::open().await else { return };
    let service = location(Seeded::Yes).await;
    visit_the_whole_world(&browser, &service.running.url("/locations?country=JP&limit=200")).await;
    // More than half of 33,961 places are more than a quarter of a degree from the next.
    let dots =
        "return [...document.querySelectorAll('path.dots')].map(it => it.getAttribute('d').split('z').length - 1)";
    let dots: Vec<u64> = serde_json::from_value(browser.run(dots, vec![]).await).unwrap();
    assert!(dots.len() == 4 && dots.iter().all(|dots| *dots > 100) && dots.iter().sum::<u64>() > 17_000, "{dots:?}");
    assert!(browser.text("figcaption").await.starts_with("33,961 places"));
    assert_eq!(browser.count("path.here").await, 200);
    let strokes = "return ['.dots', '.here'].map(css => getComputedStyle(document.querySelector(`path${css}`)).stroke)";
    let strokes: Vec<String> = serde_json::from_value(browser.run(strokes, vec![]).await).unwrap();
    assert_ne!(strokes[0], strokes[1], "they differ in colour");
    // Japan lies in the east, north of the equator.
    let places = "
        const map = document.querySelector('svg.map').getBoundingClientRect();
        return [...document.querySelectorAll('path.here')].map(it => {
            const { left, top } = it.getBoundingClientRect();
            return [(left - map.left) / map.width, (top - map.top) / map.height];
        });";
    let places: Vec<[f64; 2]> = serde_json::from_value(browser.run(places, vec![]).await).unwrap();
    assert!(places.iter().all(|[x, y]| (0.8..0.95).contains(x) && (0.2..0.5).contains(y)), "{places:?}");
    browser.picture("map").await;
    browser.finish(&[&service.running.url("/")]).await;
}

#[tokio::test]
async fn dots_are_as_large_in_the_hand_as_on_a_desk_and_the_night_is_dark() {
    let Some(browser) = Browser::open().await else { return };
    let service = location(Seeded::Yes).await;
    browser.show_on(Screen::Phone).await;
    browser.prefer("dark").await;
    visit_the_whole_world(&browser, &service.running.url("/locations?q=san")).await;
    assert!(browser.fits().await, "the page is wider than the phone");
    let widths = "return [...document.querySelectorAll('path.dots')].map(it => getComputedStyle(it).strokeWidth)";
    assert_eq!(browser.run(widths, vec![]).await, json!(["1px", "1.6px", "2.6px", "4.2px"]));
    let scaling = "return getComputedStyle(document.querySelector('path.dots')).vectorEffect";
    assert_eq!(browser.run(scaling, vec![]).await, json!("non-scaling-stroke"));
    let brightness = "
        const numbers = getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number);
        return numbers.slice(0, 3).reduce((sum, number) => sum + number, 0) / 3";
    assert!(browser.run(brightness, vec![]).await.as_f64().unwrap() < 60.0, "it is dark");
    browser.picture("phone").await;
    browser.finish(&[&service.running.url("/")]).await;
}

#[tokio::test]
async fn a_place_is_on_a_map_with_its_neighbours() {
    let Some(browser) = Browser::open().await else { return };
    let service = location(Seeded::Yes).await;
    browser.visit(&service.running.url("/locations/3143244")).await;
    assert_eq!(browser.text("h1").await, "Oslo");
    assert_eq!(browser.count("circle.place").await, 12);
    assert_eq!(browser.count("circle.centre").await, 1);
    assert_eq!(browser.texts(NAMES).await[0], "Lillestrøm");
    assert!(browser.texts("svg text").await.contains(&"Oslo".to_owned()));
    // Each as far from the middle as the table says, on one scale.
    let distances = "return [...document.querySelectorAll('circle.place')].map(it => Math.hypot(it.cx.baseVal.value, it.cy.baseVal.value))";
    let drawn: Vec<f64> = serde_json::from_value(browser.run(distances, vec![]).await).unwrap();
    let told = browser.texts("tbody td:last-child").await;
    let told: Vec<f64> = told.iter().map(|told| told.trim_end_matches(" km").parse().unwrap()).collect();
    let scale = drawn[11] / told[11];
    for (drawn, told) in drawn.iter().zip(&told) {
        assert!((drawn - told * scale).abs() < 0.5, "{drawn} for {told} km");
    }
    browser.picture("place").await;
    browser.click("tbody a").await;
    browser.until("the neighbour's page", async |browser| browser.text("h1").await == "Lillestrøm").await;
    assert!(browser.texts(NAMES).await.contains(&"Oslo".to_owned()), "near is mutual here");
    browser.finish(&[&service.running.url("/")]).await;
}
