//! What holds for every page: valid, usable by everybody, no wider than the screen, and nothing from elsewhere.

use harness::{
    Client,
    browser::{Browser, ENTER, Screen, TAB},
};
use scraper::Html;

use super::both;

/// The pages of both services, as somebody may come to them.
const PLACES: [&str; 6] =
    ["/", "/docs", "/locations", "/locations?country=NO&q=o", "/locations/3143244", "/locations?q=xyzzy"];
const USERS: [&str; 4] = ["/", "/docs", "/users", "/users/1"];

#[tokio::test]
async fn every_page_is_for_everybody_on_every_screen_by_day_and_by_night() {
    let Some(browser) = Browser::open().await else { return };
    let (places, users) = both().await;
    let urls = PLACES.map(|path| places.running.url(path)).into_iter().chain(USERS.map(|path| users.running.url(path)));
    let urls: Vec<_> = urls.collect();
    for screen in [Screen::Desk, Screen::Phone] {
        browser.show_on(screen).await;
        for scheme in ["light", "dark"] {
            browser.prefer(scheme).await;
            for url in &urls {
                browser.visit(url).await;
                // What is folded up counts as well.
                browser.run("document.querySelectorAll('details').forEach(it => { it.open = true })", vec![]).await;
                let barriers = browser.barriers().await;
                assert!(barriers.is_empty(), "{url}, {screen:?}, {scheme}: {barriers:#?}");
                assert!(browser.fits().await, "{url} is wider than {screen:?}");
            }
        }
    }
    browser.finish(&[&places.running.url("/"), &users.running.url("/")]).await;
}

#[tokio::test]
async fn the_keyboard_reaches_everything_and_skips_what_one_has_seen() {
    let Some(browser) = Browser::open().await else { return };
    let (places, users) = both().await;
    browser.visit(&places.running.url("/locations")).await;
    browser.press(TAB).await;
    let focused = "return document.activeElement.textContent";
    assert_eq!(browser.run(focused, vec![]).await, "Skip to the content");
    browser.press(ENTER).await;
    browser.until("the content is there", async |browser| browser.url().await.ends_with("#main")).await;
    browser.press(TAB).await;
    assert_eq!(browser.run("return document.activeElement.name", vec![]).await, "q", "the first thing in it");
    browser.press('t').await;
    let follows = async |browser: &Browser| browser.url().await.ends_with("?q=t");
    browser.until("the search", follows).await;
    browser.finish(&[&places.running.url("/"), &users.running.url("/")]).await;
}

#[tokio::test]
async fn every_page_is_valid() {
    let (places, users) = both().await;
    let all = PLACES.map(|path| (&places.client, path)).into_iter().chain(USERS.map(|path| (&users.client, path)));
    for (client, path) in all.chain([(&places.client, "/locations/7"), (&users.client, "/nothing/at/all")]) {
        let page = page(client, path).await;
        let errors = Html::parse_document(&page).errors;
        assert!(errors.is_empty(), "{path}: {errors:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_is_a_page_to_a_browser_and_a_problem_to_a_program() {
    let (places, _users) = both().await;
    for (path, status, told) in [
        ("/locations/7", 404, "there is no location 7"),
        ("/nothing/at/all", 404, "There is nothing here"),
        ("/locations?limit=0", 400, "limit has to be a number from 1 to 200"),
    ] {
        let request = places.client.request(http::Method::GET, path).header("accept", BROWSER);
        let page = harness::send(request).await.expect(status);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        assert_eq!(page.header("vary"), "accept");
        assert!(page.body.contains(told) && page.body.contains(page.header("x-request-id")), "{}", page.body);
        let problem = places.client.get(path).await;
        assert_eq!(problem.header("content-type"), "application/problem+json");
        assert_eq!(problem.status.as_u16(), status);
    }
    let write = places.client.request(http::Method::POST, "/locations").header("accept", BROWSER);
    harness::send(write).await.expect_problem(401, "unauthorized");
}

/// What browsers say of what they take.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

async fn page(client: &Client, path: &str) -> String {
    let answer = harness::send(client.request(http::Method::GET, path).header("accept", BROWSER)).await;
    assert!(answer.header("content-type").starts_with("text/html"), "{path}");
    answer.body
}
