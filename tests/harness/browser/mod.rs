//! A real browser, as people use one: Chromium, driven through WebDriver, with an eye on what it complains of and on whom it
//! asks.

mod axe;
mod devtools;
mod driver;

use std::env;

use devtools::{DevTools, Logged};
use driver::Driver;
use fantoccini::{
    Client, Locator,
    elements::Element,
    error::{CmdError, ErrorStatus},
};
use serde_json::{Value, json};

use crate::{eventually, not_run, pictures};

/// The code of the key Tab in WebDriver.
pub const TAB: char = '\u{e004}';

/// The code of the key Enter in WebDriver.
pub const ENTER: char = '\u{e007}';

/// A browser with one page open. [`Browser::finish`] ends it.
pub struct Browser {
    client: Client,
    driver: Driver,
}

/// Where somebody looks at a page.
#[derive(Clone, Copy, Debug)]
pub enum Screen {
    /// On a desk: 1100 × 800 pixels.
    Desk,
    /// On the wall: 1400 × 1000 pixels.
    Wide,
    /// In the hand: 360 × 740 pixels, twice as fine.
    Phone,
}

impl Screen {
    /// Width, height, and how many pixels of the screen make one of the page.
    fn size(self) -> (u16, u16, u8) {
        match self {
            Self::Desk => (1100, 800, 1),
            Self::Wide => (1400, 1000, 1),
            Self::Phone => (360, 740, 2),
        }
    }
}

impl Browser {
    /// A browser, unless none can be had here, of which `make test` tells at its end.
    pub async fn open() -> Option<Self> {
        if let Ok(why) = env::var("TEST_NO_BROWSER") {
            not_run(&why);
            return None;
        }
        let driver = Driver::start().await;
        let client = driver.session().await;
        let browser = Self { client, driver };
        browser.show_on(Screen::Desk).await;
        Some(browser)
    }

    /// Opens the page at `url` and waits until it is loaded.
    pub async fn visit(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// Looks at pages on `screen` from now on.
    pub async fn show_on(&self, screen: Screen) {
        let (width, height, scale) = screen.size();
        let mobile = matches!(screen, Screen::Phone);
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": mobile});
        self.tell("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Prefers dark pages from now on, or light ones.
    pub async fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tell("Emulation.setEmulatedMedia", features).await;
    }

    /// Runs no scripts of pages from now on.
    pub async fn without_scripts(&self) {
        self.tell("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    }

    /// The element that `css` selects; it has to be there.
    pub async fn element(&self, css: &str) -> Element {
        self.client.find(Locator::Css(css)).await.unwrap_or_else(|problem| panic!("no {css}: {problem}"))
    }

    /// What is written in the first element that `css` selects.
    pub async fn text(&self, css: &str) -> String {
        loop {
            match self.element(css).await.text().await {
                Ok(text) => return text,
                // A script has put another one in its place since it was found.
                Err(CmdError::Standard(problem)) if problem.error == ErrorStatus::StaleElementReference => {}
                Err(problem) => panic!("no text of {css}: {problem}"),
            }
        }
    }

    /// What is written in each element that `css` selects, as it stands in the document.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map(it => it.textContent.trim())";
        serde_json::from_value(self.run(script, vec![json!(css)]).await).unwrap()
    }

    /// How many elements `css` selects.
    pub async fn count(&self, css: &str) -> usize {
        self.client.find_all(Locator::Css(css)).await.unwrap().len()
    }

    /// Clicks on the element that `css` selects.
    pub async fn click(&self, css: &str) {
        self.element(css).await.click().await.unwrap();
    }

    /// Types `text` into the field that `css` selects, key by key, in place of what is there.
    pub async fn write(&self, css: &str, text: &str) {
        let field = self.element(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses a key that has no letter, by its code in WebDriver, where the focus is.
    pub async fn press(&self, key: char) {
        self.client.active_element().await.unwrap().send_keys(&key.to_string()).await.unwrap();
    }

    /// Waits until `condition` holds of the page.
    pub async fn until(&self, what: &str, mut condition: impl AsyncFnMut(&Self) -> bool) {
        eventually(what, async || condition(self).await).await;
    }

    /// The address of the page.
    pub async fn url(&self) -> String {
        self.client.current_url().await.unwrap().to_string()
    }

    /// What `script` returns.
    pub async fn run(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }

    /// Whether the page is no wider than the screen.
    pub async fn fits(&self) -> bool {
        let fits = "const page = document.scrollingElement; return page.scrollWidth <= page.clientWidth";
        self.run(fits, vec![]).await == json!(true)
    }

    /// What axe finds that keeps people from using the page.
    pub async fn barriers(&self) -> Vec<String> {
        axe::violations(&self.client).await
    }

    /// Keeps a picture of what is seen.
    pub async fn picture(&self, name: &str) {
        let taken = self.tell("Page.captureScreenshot", json!({"format": "webp", "quality": 85})).await;
        pictures::keep(&format!("{name}.webp"), devtools::bytes(taken["data"].as_str().unwrap()));
    }

    /// Ends the browser, which must have had nothing to complain of on its console, and must have asked nobody but those at
    /// `origins`.
    pub async fn finish(self, origins: &[&str]) {
        let complaints = self.log("browser").await;
        assert!(complaints.is_empty(), "the console has {complaints:?}");
        let asked: Vec<_> = self.log("performance").await.iter().filter_map(|entry| devtools::asked(entry)).collect();
        assert!(!asked.is_empty(), "nothing was asked for");
        for url in asked {
            // What is in the page itself is not asked for.
            let inside = url.starts_with("data:") || url.starts_with("about:");
            assert!(inside || origins.iter().any(|origin| url.starts_with(origin)), "{url} was asked for");
        }
        self.client.close().await.unwrap();
        self.driver.stop().await;
    }

    /// Each entry of that log since it was last read.
    async fn log(&self, name: &'static str) -> Vec<String> {
        let entries = self.client.issue_cmd(Logged(name)).await.unwrap();
        let entries = entries.as_array().into_iter().flatten();
        entries.map(|entry| entry["message"].as_str().unwrap_or_default().to_owned()).collect()
    }

    async fn tell(&self, command: &'static str, parameters: Value) -> Value {
        self.client.issue_cmd(DevTools { command, parameters }).await.unwrap()
    }
}
