//! Where another service is.

use std::num::NonZeroU16;

use reqwest::Url;

use super::Host;

/// Which URLs a setting takes.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// The schemes.
    pub schemes: &'static [&'static str],
    /// Whether a path may follow the host.
    pub path: bool,
    /// What such a URL looks like, for errors.
    pub example: &'static str,
}

/// Reads a URL to which paths are added: a scheme, a host, perhaps a port and a path, and nothing else. A login in it
/// would be sent along with every request and shown in errors, and a query would end up in the middle of other URLs.
///
/// # Errors
/// What is wrong, without the text.
pub fn base_url(text: &str, form: Form) -> Result<Url, String> {
    let Form { schemes, path: may_have_path, example } = form;
    let wrong = |problem: &str| format!("has to be of the form {example}{problem}");
    let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong(""))?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A password may have a / in it.
    if rest.contains('@') {
        return Err(wrong(", without a user name and password"));
    }
    if path.contains(['?', '#']) {
        return Err(wrong(", without a query and fragment"));
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~%".contains(&byte);
    if !schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme))
        || !(path.is_empty() || path == "/" || may_have_path)
        || !path.bytes().all(plain)
    {
        return Err(wrong(""));
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let brackets_agree = host.contains(':') == host.starts_with('[');
    if !brackets_agree || host.contains('%') || host.parse::<Host>().is_err() {
        return Err(wrong(""));
    }
    if port.is_some_and(|port| port.parse::<NonZeroU16>().is_err()) {
        return Err(wrong(", with a port from 1 to 65535"));
    }
    Url::parse(text).map_err(|_| wrong(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST_AND_PORT: Form = Form { schemes: &["http"], path: false, example: "http://host:port" };
    const ANY: Form = Form { schemes: &["http", "https"], path: true, example: "https://host/path" };

    #[test]
    fn a_base_url_is_a_scheme_a_host_and_a_path() {
        for text in
            ["http://127.0.0.1:8081", "http://location:8081/", "http://[::1]:8081", "HTTP://my_location", "http://l."]
        {
            assert!(base_url(text, HOST_AND_PORT).is_ok(), "{text}");
        }
        for text in ["https://example.com/a/b-c", "http://localhost/otlp/"] {
            assert!(base_url(text, ANY).is_ok(), "{text}");
        }
        for text in [
            "",
            "location:8081",
            "http:location",
            "http://",
            "http:///",
            "http:\\\\location",
            "http://location:0",
            "http://location:70000",
            "http://location:",
            "http://8081",
            "http://0x7f.1",
            "http://::1",
            "http://fe80::1%eth0",
            "http://two words",
            "http://a\tb",
            "http://location/v1",
            "https://location",
            "ftp://location",
            "http://location\\x",
            "http://location/?hunter2",
            "http://location?hunter2",
            "http://location#hunter2",
            "http://u:hunter2@location",
            "http://hunter2@location",
            "http://u:hunter/2@location",
            "http://u:hunter2#x@location",
            "http://a..b",
        ] {
            let refused = base_url(text, HOST_AND_PORT).expect_err(text);
            assert!(
                refused.starts_with("has to be of the form http://host:port") && !refused.contains("hunter"),
                "{refused}"
            );
        }
        for text in ["https://example.com/a?x", "https://example.com/two words", "https://example.com/\u{e9}"] {
            assert!(base_url(text, ANY).is_err(), "{text}");
        }
    }
}
