//! Where the database is and how to talk to it.

use std::{fmt, io::Read as _, path::PathBuf, str::FromStr, time::Duration};

use flate2::read::GzDecoder;
use secrecy::{ExposeSecret, SecretString};
use sqlx::mysql::{MySqlConnectOptions, MySqlSslMode};

use crate::settings::{Period, Reader, Switch};

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

/// Where the database is and how to talk to it. The password is never printed.
#[derive(Clone, Debug)]
pub struct Settings {
    host: String,
    port: u16,
    pub(super) user: String,
    pub(super) password: SecretString,
    pub(super) name: String,
    tls: Tls,
    tls_ca: Option<PathBuf>,
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
        let host: String = reader.required("DB_HOST", "the host name of the MySQL server");
        let settings = Self {
            port: reader.or("DB_PORT", 3306),
            user: reader.required("DB_USER", "the login of this service"),
            password: reader.required_secret("DB_PWD", "DB_PWD_FILE", "the password of that login"),
            name: reader.required("DB_NAME", "the database of this service"),
            tls: reader.or("DB_TLS", default_tls(&host)),
            tls_ca: reader.optional("DB_TLS_CA"),
            max_connections: reader.or("DB_MAX_CONNECTIONS", DEFAULT_MAX_CONNECTIONS),
            acquire_timeout: reader.or("DB_ACQUIRE_TIMEOUT", DEFAULT_ACQUIRE_TIMEOUT).0,
            coalescing: reader.or("DB_COALESCING", Switch::On) == Switch::On,
            host,
        };
        if settings.max_connections == 0 {
            reader.fault("DB_MAX_CONNECTIONS", "0 connections serve nobody; give it at least 1");
        }
        if let Some(file) = &settings.tls_ca
            && let Err(problem) = std::fs::File::open(file)
        {
            reader.fault("DB_TLS_CA", format!("{} cannot be read: {problem}", file.display()));
        }
        settings
    }

    pub(super) fn connect_options(&self) -> MySqlConnectOptions {
        self.server_options(&self.user, &self.password).database(&self.name)
    }

    /// How to reach the server, and no database of it, with another login.
    pub(super) fn server_options(&self, user: &str, password: &SecretString) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::new()
            .host(&self.host)
            .port(self.port)
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
        write!(f, "{} at {}:{}", self.name, self.host, self.port)
    }
}

/// On RDS the certificate can be verified without further ado, so it is; elsewhere a server's certificate is mostly
/// one that it made for itself.
fn default_tls(host: &str) -> Tls {
    if is_rds(host) { Tls::VerifyIdentity } else { Tls::Preferred }
}

fn rds_ca() -> Vec<u8> {
    let mut pem = Vec::new();
    GzDecoder::new(RDS_CA).read_to_end(&mut pem).expect("the file is whole: a test reads it");
    pem
}

fn is_rds(host: &str) -> bool {
    host.ends_with(".rds.amazonaws.com")
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

    #[test]
    fn rds_is_verified_by_default_and_other_servers_are_encrypted_where_they_can() {
        let (settings, _) = read(&[("DB_HOST", "app.abc123.eu-west-1.rds.amazonaws.com")]);
        assert_eq!(settings.tls, Tls::VerifyIdentity);
        let (settings, _) = read(&[]);
        assert_eq!(settings.tls, Tls::Preferred);
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

    #[test]
    fn a_ca_file_that_cannot_be_read_is_a_fault() {
        let (_, mut reader) = read(&[("DB_TLS_CA", "/nowhere/ca.pem")]);
        let told = reader.finish().expect_err("no such file").to_string();
        assert!(told.contains("DB_TLS_CA: /nowhere/ca.pem cannot be read"), "{told}");
    }
}
