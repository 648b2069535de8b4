//! The reference, and requests that are sent from it.

use harness::{
    Seeded, TOKEN,
    browser::{Browser, ENTER},
    location,
};

#[tokio::test]
async fn a_request_that_is_tried_is_sent_and_its_answer_shown() {
    let Some(browser) = Browser::open().await else { return };
    let service = location(Seeded::Yes).await;
    browser.visit(&service.running.url("/docs")).await;
    browser.click("#get-locations--id- summary").await;
    browser.click("#get-locations--id- button").await;
    let output = "#get-locations--id- output pre";
    browser.until("the answer", async |browser| browser.count(output).await == 1).await;
    let told = browser.text(output).await;
    assert!(told.starts_with("GET /locations/3143244\n\n200 OK"), "{told}");
    assert!(told.contains("etag: \"1\"") && told.contains("\"name\": \"Oslo\""), "{told}");
    browser.run("document.querySelector('#get-locations--id- form').scrollIntoView({ block: 'center' })", vec![]).await;
    browser.picture("docs").await;

    // Nothing is there to be found without a name, and the form says so before anything is sent.
    browser.click("#get-locations-nearest summary").await;
    browser.write("#get-locations-nearest input[name=lat]", "").await;
    browser.click("#get-locations-nearest button").await;
    assert_eq!(browser.count("#get-locations-nearest output pre").await, 0, "a required field is empty");
    browser.write("#get-locations-nearest input[name=lat]", "31.2").await;
    browser.write("#get-locations-nearest input[name=lon]", "121.5").await;
    browser.click("#get-locations-nearest button").await;
    let output = "#get-locations-nearest output pre";
    browser.until("the answer", async |browser| browser.count(output).await == 1).await;
    assert!(browser.text(output).await.contains("\"name\": \"Shanghai\""));
    browser.finish(&[&service.running.url("/")]).await;
}

#[tokio::test]
async fn a_write_that_is_tried_takes_effect() {
    let Some(browser) = Browser::open().await else { return };
    let service = location(Seeded::No).await;
    browser.visit(&service.running.url("/docs")).await;
    browser.write("#token", TOKEN).await;
    browser.press(ENTER).await;
    browser.click("#post-locations summary").await;
    browser.click("#post-locations button").await;
    let output = "#post-locations output pre";
    browser.until("the answer", async |browser| browser.count(output).await == 1).await;
    let told = browser.text(output).await;
    assert!(told.starts_with("POST /locations\n\n201 Created"), "{told}");
    assert!(!told.contains(TOKEN));
    let stored = service.client.get("/locations").await.json();
    assert_eq!(stored["items"].as_array().unwrap().len(), 1, "{stored}");
    browser.finish(&[&service.running.url("/")]).await;
}
