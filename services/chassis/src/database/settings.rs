//! Where the database is and how to talk to it.

use std::{fmt, io::Read as _, str::FromStr, time::Duration};

use flate2::read::GzDecoder;
use secrecy::{ExposeSecret, SecretString};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use super::certificates;
use crate::settings::{Count, Host, Period, Port, Reader, Switch};

/// The certificate authorities of Amazon RDS; see `data/README.md` for where they are from.
const RDS_CA: &[u8] = include_bytes!("../../data/rds-ca.pem.gz");

/// Connections a task may hold unless `DB_MAX_CONNECTIONS` says otherwise.
///
/// Two services, scaled up to eight tasks each and doubled during a rolling update (maximumPercent 200), make 32 tasks:
/// 256 connections, below the limit of a database instance with 4 GiB. `make check-deploy` holds them against each other.
pub const DEFAULT_MAX_CONNECTIONS: usize = 8;

/// How long a request waits for a connection unless `DB_ACQUIRE_TIMEOUT` says otherwise: long enough for a blip, short
/// enough that a load balancer hears the 503 before it gives up on its own.
pub const DEFAULT_ACQUIRE_TIMEOUT: Period = Period::from_secs(2);

/// Most connections that `MySQL` and `MariaDB` can be set to accept, by their manuals' ranges of `max_connections`.
const MAX_CONNECTIONS: usize = 100_000;

/// Shortest and longest `DB_ACQUIRE_TIMEOUT`: a connection within a network takes some milliseconds to make, and no
/// request is worked on for longer than 8 s.
const ACQUIRE_TIMEOUTS: [Period; 2] = [Period::from_millis(10), Period::from_secs(8)];

/// Longest name of a database and of a login, in characters
/// (<https://dev.mysql.com/doc/refman/8.4/en/identifier-length.html>; 32 for logins, where `MariaDB` takes more).
const MAX_NAME: usize = 64;
pub(super) const MAX_USER: usize = 32;

/// Where the database is and how to talk to it. The password is never printed.
#[derive(Clone, Debug)]
pub struct Settings {
    host: Host,
    port: Port,
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) name: String,
    tls: Tls,
    tls_ca: Option<String>,
    /// How many connections a task holds at most.
    pub max_connections: usize,
    /// How long a request waits for a connection.
    pub acquire_timeout: Duration,
    /// Whether reads that come in at the same time may be answered together.
    pub(super) coalescing: bool,
}

/// How far the connection to the database is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain text.
    Disabled,
    /// Encrypted where the server offers it.
    Preferred,
    /// Encrypted, with whatever certificate the server shows.
    Required,
    /// Encrypted, with a certificate that a known authority signed.
    VerifyCa,
    /// As `VerifyCa`, and the certificate is for the host that was asked for.
    VerifyIdentity,
}

impl FromStr for Tls {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "disabled" => Ok(Self::Disabled),
            "preferred" => Ok(Self::Preferred),
            "required" => Ok(Self::Required),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-identity" => Ok(Self::VerifyIdentity),
            _ => Err("not one of disabled, preferred, required, verify-ca, verify-identity"),
        }
    }
}

impl Settings {
    /// Reads the `DB_*` variables.
    pub fn read(reader: &mut Reader) -> Self {
        let host: Host = reader.required("DB_HOST", "the host name of the MySQL server");
        let (tls, tls_ca) = protection(&host, reader);
        let Count(max_connections) = reader.within(
            "DB_MAX_CONNECTIONS",
            Count(DEFAULT_MAX_CONNECTIONS),
            Count(1)..=Count(MAX_CONNECTIONS),
            "no server accepts more",
        );
        let [shortest, longest] = ACQUIRE_TIMEOUTS;
        let reason = "no request is worked on for longer";
        let acquire_timeout =
            reader.within("DB_ACQUIRE_TIMEOUT", DEFAULT_ACQUIRE_TIMEOUT, shortest..=longest, reason).0;
        let Name(user) = reader.required::<Name<MAX_USER>>("DB_USER", "the login of this service");
        let Name(name) = reader.required::<Name<MAX_NAME>>("DB_NAME", "the database of this service");
        Self {
            port: reader.or("DB_PORT", Port::new(3306)),
            user,
            password: reader.required_secret("DB_PWD", "DB_PWD_FILE", "the password of that login"),
            name,
            tls,
            tls_ca,
            max_connections,
            acquire_timeout,
            coalescing: reader.or("DB_COALESCING", Switch::On) == Switch::On,
            host,
        }
    }

    pub(super) fn connect_options(&self) -> MySqlConnectOptions {
        self.server_options(&self.user, &self.password).database(&self.name)
    }

    /// How to reach the server, and no database of it, with another login.
    pub(super) fn server_options(&self, user: &str, password: &SecretString) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::new()
            .host(self.host.as_str())
            .port(self.port.get())
            .username(user)
            .password(password.expose_secret())
            .ssl_mode(match self.tls {
                Tls::Disabled => MySqlSslMode::Disabled,
                Tls::Preferred => MySqlSslMode::Preferred,
                Tls::Required => MySqlSslMode::Required,
                Tls::VerifyCa => MySqlSslMode::VerifyCa,
                Tls::VerifyIdentity => MySqlSslMode::VerifyIdentity,
            });
        match &self.tls_ca {
            Some(file) => options.ssl_ca(file),
            None if is_rds(&self.host) => options.ssl_ca_from_pem(rds_ca()),
            None => options,
        }
    }
}

impl fmt::Display for Settings {
    /// The database's name and place, for logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}:{}", self.name, self.host, self.port.get())
    }
}

/// The name of a database or a login, of at most `MAX` characters. It can be logged: what is refused are URLs, paths and
/// texts of several words or lines, which were meant for something else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Name<const MAX: usize>(pub(super) String);

impl<const MAX: usize> FromStr for Name<MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.chars().count() > MAX {
            return Err(format!("is longer than {MAX} characters, which is the most that MySQL takes"));
        }
        if text.contains(|character: char| {
            character.is_whitespace() || character.is_control() || "/:\\".contains(character)
        }) {
            return Err("is no name: it has a space, a control character, /, : or \\".to_owned());
        }
        Ok(Self(text.to_owned()))
    }
}

/// Reads `DB_TLS` and `DB_TLS_CA`. On RDS the certificate can be verified without further ado, so it is; elsewhere a
/// server's certificate is mostly one that it made for itself. A certificate authority is named to verify with: as for
/// MySQL's own clients, one without a mode means `verify-ca`
/// (<https://dev.mysql.com/doc/refman/8.4/en/connection-options.html#option_general_ssl-mode>).
fn protection(host: &Host, reader: &mut Reader) -> (Tls, Option<String>) {
    let (mode, ca): (Option<Tls>, Option<String>) = (reader.optional("DB_TLS"), reader.optional("DB_TLS_CA"));
    let default = match &ca {
        _ if is_rds(host) => Tls::VerifyIdentity,
        Some(_) => Tls::VerifyCa,
        None => Tls::Preferred,
    };
    let tls = mode.unwrap_or(default);
    let verifies = matches!(tls, Tls::VerifyCa | Tls::VerifyIdentity);
    match &ca {
        Some(_) if !verifies => reader.fault(
            "DB_TLS_CA",
            "is of no use, as DB_TLS has no certificate verified; set DB_TLS to verify-identity or verify-ca, or leave one of \
             the two out",
        ),
        Some(file) => {
            if let Err(problem) = certificates::check(file) {
                reader.fault("DB_TLS_CA", problem);
            }
        }
        None if verifies && is_of_another_partition(host) => reader.fault(
            "DB_TLS_CA",
            "not set, and RDS in China and in GovCloud has certificate authorities of its own, which are not among those that \
             are carried along; give it a file with the bundle that AWS publishes for that region",
        ),
        None => {}
    }
    (tls, ca)
}

fn rds_ca() -> Vec<u8> {
    let mut pem = Vec::new();
    GzDecoder::new(RDS_CA).read_to_end(&mut pem).expect("the file is whole: a test reads it");
    pem
}

/// The labels of an instance's name on RDS, from `rds` on: host names know no case, and may end with the root's dot.
fn is_rds(host: &Host) -> bool {
    let name = host.as_str().to_ascii_lowercase();
    let name = name.strip_suffix('.').unwrap_or(&name);
    name.ends_with(".rds.amazonaws.com") || name.ends_with(".rds.amazonaws.com.cn")
}

/// Whether an RDS host belongs to a partition (China, GovCloud) with separate certificate authorities.
fn is_of_another_partition(host: &Host) -> bool {
    let name = host.as_str().to_ascii_lowercase();
    is_rds(host) && [".us-gov-", ".amazonaws.com.cn"].iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: [(&str, &str); 4] =
        [("DB_HOST", "db.internal"), ("DB_USER", "location"), ("DB_PWD", "hunter2"), ("DB_NAME", "location")];

    fn read(changes: &[(&'static str, &'static str)]) -> (Settings, Reader) {
        let variables: std::collections::HashMap<_, _> = COMPLETE.into_iter().chain(changes.iter().copied()).collect();
        let mut reader = Reader::new(move |name| variables.get(name).map(|value| (*value).to_owned()));
        (Settings::read(&mut reader), reader)
    }

    fn told(changes: &[(&'static str, &'static str)]) -> String {
        read(changes).1.finish().map_or_else(|invalid| invalid.to_string(), |()| String::new())
    }

    #[test]
    fn rds_is_verified_by_default_and_other_servers_are_encrypted_where_they_can() {
        for host in [
            "app.abc123.eu-west-1.rds.amazonaws.com",
            "App.Abc123.EU-West-1.RDS.AmazonAWS.com",
            "a.b.c.rds.amazonaws.com.",
        ] {
            let (settings, mut reader) = read(&[("DB_HOST", host)]);
            assert_eq!((settings.tls, reader.finish()), (Tls::VerifyIdentity, Ok(())), "{host}");
        }
        for host in
            ["db.internal", "rds.amazonaws.com.example.com", "a.rds.amazonaws.comx", "xrds.amazonaws.com", "10.0.0.7"]
        {
            assert_eq!(read(&[("DB_HOST", host)]).0.tls, Tls::Preferred, "{host}");
        }
    }

    #[test]
    fn authorities_that_are_not_carried_along_are_asked_for() {
        for host in ["a.b.cn-north-1.rds.amazonaws.com.cn", "a.b.us-gov-west-1.rds.amazonaws.com"] {
            assert_eq!(read(&[("DB_HOST", host)]).0.tls, Tls::VerifyIdentity, "{host}");
            assert!(told(&[("DB_HOST", host)]).contains("DB_TLS_CA: not set, and RDS in China"), "{host}");
            assert_eq!(told(&[("DB_HOST", host), ("DB_TLS", "required")]), "");
        }
    }

    #[test]
    fn a_certificate_authority_is_verified_with_or_refused() {
        let file = std::env::temp_dir().join(format!("chassis-rds-{}.pem", std::process::id()));
        std::fs::write(&file, rds_ca()).expect("written");
        let path: &'static str = file.to_string_lossy().into_owned().leak();
        assert_eq!(read(&[("DB_TLS_CA", path)]).0.tls, Tls::VerifyCa);
        assert_eq!(read(&[("DB_TLS_CA", path), ("DB_HOST", "a.b.c.rds.amazonaws.com")]).0.tls, Tls::VerifyIdentity);
        for mode in ["verify-ca", "verify-identity"] {
            assert_eq!(told(&[("DB_TLS_CA", path), ("DB_TLS", mode)]), "");
        }
        for mode in ["disabled", "preferred", "required"] {
            assert!(told(&[("DB_TLS_CA", path), ("DB_TLS", mode)]).contains("DB_TLS_CA: is of no use"), "{mode}");
        }
        std::fs::remove_file(file).expect("removed");
    }

    #[test]
    fn what_is_logged_of_the_database_is_a_host_and_names() {
        let long = "a".repeat(65).leak();
        for (variable, value) in [
            ("DB_HOST", "mysql://u:hunter2@h/db"),
            ("DB_HOST", "hunter2:3306"),
            ("DB_HOST", "u@hunter2"),
            ("DB_NAME", "mysql://u:hunter2@h/db"),
            ("DB_NAME", "two hunter2"),
            ("DB_NAME", long),
            ("DB_USER", "u:hunter2@h"),
            ("DB_USER", "location_hunter2_and_more_characters"),
            ("DB_PORT", "tcp://hunter2:3306"),
            ("DB_PORT", "0"),
        ] {
            let told = told(&[(variable, value)]);
            assert!(
                told.contains(&format!("\n  {variable}: ")) && !told.contains("hunter2"),
                "{variable}={value}: {told}"
            );
        }
        let (settings, mut reader) = read(&[("DB_HOST", "[::1]"), ("DB_NAME", "My-App$1"), ("DB_USER", "app@host")]);
        assert_eq!((settings.to_string().as_str(), reader.finish()), ("My-App$1 at [::1]:3306", Ok(())));
    }

    #[test]
    fn numbers_have_bounds() {
        for (variable, value) in [
            ("DB_MAX_CONNECTIONS", "0"),
            ("DB_MAX_CONNECTIONS", "100001"),
            ("DB_MAX_CONNECTIONS", "10000000000000"),
            ("DB_MAX_CONNECTIONS", "99999999999999999999999999"),
            ("DB_ACQUIRE_TIMEOUT", "0s"),
            ("DB_ACQUIRE_TIMEOUT", "1ms"),
            ("DB_ACQUIRE_TIMEOUT", "9s"),
            ("DB_ACQUIRE_TIMEOUT", "1000000h"),
        ] {
            assert!(told(&[(variable, value)]).contains(&format!("{variable}: has to be from ")), "{variable}={value}");
        }
        assert_eq!(told(&[("DB_MAX_CONNECTIONS", "100000"), ("DB_ACQUIRE_TIMEOUT", "8s")]), "");
    }

    #[test]
    fn the_certificate_authorities_of_rds_are_whole() {
        let pem = String::from_utf8(rds_ca()).expect("text");
        assert_eq!(pem.matches("-----BEGIN CERTIFICATE-----").count(), 92);
        assert!(pem.ends_with("-----END CERTIFICATE-----\n"), "cut off");
    }

    #[test]
    fn the_password_is_in_no_debug_output() {
        let (settings, _) = read(&[]);
        assert!(!format!("{settings:?} {settings}").contains("hunter2"));
    }
}
