//! What Chromium's driver takes beyond WebDriver: commands of the DevTools protocol, and logs.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use reqwest::Url;
use serde_json::{Value, json};

/// A command of the DevTools protocol (<https://chromedevtools.github.io/devtools-protocol/>).
#[derive(Debug)]
pub(super) struct DevTools {
    pub(super) command: &'static str,
    pub(super) parameters: Value,
}

/// What a log has had since it was last read: `browser` is the console, `performance` the network.
#[derive(Debug)]
pub(super) struct Logged(pub(super) &'static str);

impl WebDriverCompatibleCommand for DevTools {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"cmd": self.command, "params": self.parameters}).to_string()))
    }
}

impl WebDriverCompatibleCommand for Logged {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({"type": self.0}).to_string()))
    }
}

/// The URL that a page asked for, if that is what an entry of the network's log tells.
pub(super) fn asked(entry: &str) -> Option<String> {
    let entry: Value = serde_json::from_str(entry).ok()?;
    let message = &entry["message"];
    (message["method"] == "Network.requestWillBeSent")
        .then(|| message["params"]["request"]["url"].as_str().map(str::to_owned))?
}

/// The bytes in base64.
pub(super) fn bytes(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap()
}
