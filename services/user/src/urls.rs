//! Where the location service is: for this service, and for people's browsers.

use std::str::FromStr;

use chassis::settings::{Form, base_url};
use reqwest::Url;

/// Where the location service is.
#[derive(Clone, Debug)]
pub struct LocationUrl(pub(crate) Url);

impl Default for LocationUrl {
    fn default() -> Self {
        Self(Url::parse("http://127.0.0.1:8081").expect("valid"))
    }
}

impl FromStr for LocationUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Services find each other within a private network; TLS would be between balancer and client.
        base_url(text, Form { schemes: &["http"], path: false, example: "http://host:port" }).map(Self)
    }
}

/// Where people's browsers find the location service, for links on pages.
#[derive(Clone, Debug)]
pub struct PagesUrl(Url);

impl PagesUrl {
    /// The page of the place with that id.
    #[must_use]
    pub fn of_place(&self, id: u64) -> String {
        format!("{}/locations/{id}", self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for PagesUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = Form { schemes: &["http", "https"], path: true, example: "http://host:port or https://host/path" };
        base_url(text, form).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_url_is_a_host_and_a_port() {
        for good in ["http://127.0.0.1:8081", "http://location.app01.internal:8081/"] {
            assert!(good.parse::<LocationUrl>().is_ok(), "{good:?} was refused");
        }
        for bad in [
            "location:8081",
            "https://location",
            "http://location/v1",
            "ftp://location",
            "http://u:hunter2@location",
            "http://location/?hunter2",
            "http://location/#hunter2",
            "",
        ] {
            let refused = bad.parse::<LocationUrl>().expect_err(bad);
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }

    #[test]
    fn a_pages_url_may_have_tls_and_a_path() {
        let pages: PagesUrl = "https://example.com/places/".parse().expect("valid");
        assert_eq!(pages.of_place(7), "https://example.com/places/locations/7");
        for bad in ["https://u:hunter2@example.com", "https://example.com/?hunter2", "ftp://example.com", "example.com"]
        {
            let refused = bad.parse::<PagesUrl>().expect_err(bad);
            assert!(!refused.contains("hunter2"), "{refused}");
        }
    }
}
