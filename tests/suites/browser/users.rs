//! The pages of users, while the location service is there and while it is not.

use harness::browser::Browser;

use super::both;

#[tokio::test]
async fn users_are_listed_with_where_they_live_and_lead_there() {
    let Some(browser) = Browser::open().await else { return };
    let (places, users) = both().await;
    browser.visit(&users.running.url("/users")).await;
    assert_eq!(browser.count("tbody tr").await, 50);
    assert_eq!(browser.texts("tbody td:last-child").await[0], "Shanghai, CN");
    browser.click("a[rel=next]").await;
    browser.until("the next page", async |browser| browser.url().await.contains("after=")).await;
    browser.click(".pages a").await;
    browser.until("the first page", async |browser| browser.texts("tbody a").await[0] == "Ada Abebe").await;
    browser.click("tbody a").await;
    browser.until("a user's page", async |browser| browser.text("h1").await == "Ada Abebe").await;
    assert!(browser.texts("dd").await.contains(&"24,874,500".to_owned()));
    browser.picture("user").await;
    browser.click("dd a").await;
    browser.until("the place's page", async |browser| browser.text("h1").await == "Shanghai").await;
    browser.finish(&[&users.running.url("/"), &places.running.url("/")]).await;
}

#[tokio::test]
async fn users_are_there_while_the_location_service_is_not() {
    let Some(browser) = Browser::open().await else { return };
    let (mut places, users) = both().await;
    places.running.stop().await.unwrap();
    browser.visit(&users.running.url("/users/1")).await;
    assert_eq!(browser.text("h1").await, "Ada Abebe");
    let notice = browser.text("[role=status]").await;
    assert!(notice.starts_with("The location service is not available now, so that of place 1796236"), "{notice}");
    browser.picture("outage").await;
    browser.visit(&users.running.url("/users")).await;
    assert_eq!(browser.count("tbody tr").await, 50);
    assert_eq!(browser.texts("tbody td:last-child").await[0], "place 1796236");
    assert!(browser.text("[role=status]").await.starts_with("The location service is not available now"));

    let port = places.running.port();
    let service = harness::unprepared("location", &places.database);
    let mut again = service.start(port).unwrap();
    again.ready(harness::PATIENCE).await.unwrap();
    browser.visit(&users.running.url("/users/1")).await;
    assert_eq!(browser.count("[role=status]").await, 0, "it is back");
    assert!(browser.texts("dd").await.contains(&"Shanghai".to_owned()));
    browser.finish(&[&users.running.url("/")]).await;
}
