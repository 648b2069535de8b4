//! Names and addresses of other machines.

use std::{fmt, net::IpAddr, str::FromStr};

/// A host name or an IP address, and nothing else: no scheme, port, path or login. It can be logged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host(String);

/// Longest host name and longest label of one, in characters (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;
const MAX_LABEL: usize = 63;

impl Host {
    /// As it is written, but for the brackets of an IPv6 address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    /// With brackets around an IPv6 address, so that a port may follow.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.contains(':') { write!(f, "[{}]", self.0) } else { f.write_str(&self.0) }
    }
}

impl FromStr for Host {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bracketed = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let host = bracketed.unwrap_or(text);
        if is_ipv6(host) || (bracketed.is_none() && (host.parse::<IpAddr>().is_ok() || is_name(host))) {
            return Ok(Self(host.to_owned()));
        }
        Err(if text.contains("://") || text.contains(['/', '@']) {
            "not a host name or an IP address, but a URL or a part of one; give the host alone"
        } else if text.rsplit_once(':').is_some_and(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
            "not a host name or an IP address, but one with a port; give the host alone, and the port in a setting of its own"
        } else if !text.is_ascii() {
            "not a host name in ASCII; give an internationalised name in its form that begins with xn--"
        } else {
            "not a host name (letters, digits, hyphens and dots) or an IP address"
        })
    }
}

/// An IPv6 address, perhaps with the zone of a link-local one: `fe80::1%eth0`.
fn is_ipv6(text: &str) -> bool {
    let (address, zone) = text.split_once('%').unwrap_or((text, "1"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    matches!(address.parse(), Ok(IpAddr::V6(_))) && !zone.is_empty() && zone.bytes().all(plain)
}

/// A host name, perhaps with the dot of the root at its end. Container engines have underscores in names.
fn is_name(text: &str) -> bool {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_label = |label: &str| {
        let plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        (1..=MAX_LABEL).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    // A name that ends in a number would be an IPv4 address, and that is written in another way.
    let last = name.rsplit('.').next().unwrap_or_default();
    name.len() <= MAX_NAME && name.split('.').all(is_label) && !last.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_nothing_else() {
        for (text, host) in [
            ("localhost", "localhost"),
            ("db-1.internal.", "db-1.internal."),
            ("my_db", "my_db"),
            ("App.Abc123.eu-west-1.RDS.amazonaws.com", "App.Abc123.eu-west-1.RDS.amazonaws.com"),
            ("10.0.0.7", "10.0.0.7"),
            ("::1", "::1"),
            ("[2001:db8::7]", "2001:db8::7"),
            ("fe80::1%eth0", "fe80::1%eth0"),
        ] {
            assert_eq!(text.parse::<Host>().as_ref().map(Host::as_str), Ok(host), "{text}");
        }
        let long = format!("{}.internal", "a".repeat(64));
        for text in [
            "db:3306",
            "10.0.0.7:3306",
            "[::1]:3306",
            "mysql://u:hunter2@h/db",
            "//h",
            "u@h",
            "h/db",
            "h?x",
            "two words",
            "a..b",
            ".",
            "",
            "-a",
            "a-",
            "10.0.0.256",
            "10.0.1",
            "3306",
            "caf\u{e9}.internal",
            "a,b",
            "[localhost]",
            "[10.0.0.7]",
            "::1%",
            "a%eth0",
            "/run/mysqld/mysqld.sock",
            &long,
        ] {
            let refused = text.parse::<Host>().expect_err(text);
            assert!(!refused.contains("hunter2"), "{refused}");
        }
        assert!("db:3306".parse::<Host>().expect_err("a port").contains("the port in a setting of its own"));
        assert!("mysql://u@h".parse::<Host>().expect_err("a URL").contains("a URL"));
        assert_eq!(Host("::1".to_owned()).to_string(), "[::1]");
    }
}
