//! The remedy for a connection that ends before the server sends an error number: TLS and authentication.

use std::io::ErrorKind;

use rustls::{AlertDescription, CertificateError, Error as TlsError};

use super::session::NotSet;

const NO_TLS: &str = "the server offers no TLS: enable it there, or set DB_TLS to preferred or disabled";
const VERSIONS: &str = "the server and this service have no version or cipher of TLS in common: enable TLS 1.2 or 1.3 on \
    the server (tls_version, ssl_cipher)";
const AUTHORITY: &str =
    "no known authority signed the server's certificate: set DB_TLS_CA to the file of the authority that did";
const NAME: &str = "the server's certificate is for another name: set DB_HOST to a name in it, or DB_TLS to verify-ca";
const EXPIRED: &str = "the server's certificate has expired or is not valid yet: renew it, or see this machine's clock";
const CERTIFICATE: &str = "the server's certificate cannot be verified, such as one that a server made for itself: issue \
    one by an authority, or set DB_TLS to required";
const NOT_MYSQL: &str = "the server's answer is not the MySQL protocol: see whether DB_HOST and DB_PORT lead to it";
const PLUGIN: &str = "the login's authentication plugin is not supported: give it caching_sha2_password (MySQL) or \
    mysql_native_password (MariaDB)";
const SECURE: &str =
    "the password is not sent over a connection without TLS: set DB_TLS to required or verify-identity";
const VARIABLES: &str =
    "without these variables an acknowledged write might not be there: look for a proxy that leaves out SET";
const NO_ANSWER: &str =
    "no answer: see whether a firewall or a security group keeps this task from DB_HOST and DB_PORT";
const NO_SERVER: &str = "no server listens there: see whether it runs, and DB_HOST and DB_PORT";

/// What to do about `error`, which is no answer of the server's; `None` where it passes by itself.
pub(super) fn remedy(error: &sqlx::Error) -> Option<&'static str> {
    match error {
        sqlx::Error::Tls(tls) => Some(tls.downcast_ref::<TlsError>().map_or(NO_TLS, of_tls)),
        sqlx::Error::Io(io) => match io.get_ref().and_then(|cause| cause.downcast_ref::<TlsError>()) {
            Some(tls) => Some(of_tls(tls)),
            None if io.kind() == ErrorKind::ConnectionRefused => Some(NO_SERVER),
            None if io.kind() == ErrorKind::TimedOut => Some(NO_ANSWER),
            None => None,
        },
        sqlx::Error::Configuration(cause) if cause.is::<NotSet>() => Some(VARIABLES),
        // The driver has no RSA, with which it would encrypt a password for a server without TLS.
        sqlx::Error::Configuration(_) => Some(SECURE),
        // It has no types for these.
        sqlx::Error::Protocol(text) if text.contains("authentication plugin") => Some(PLUGIN),
        sqlx::Error::Protocol(_) => Some(NOT_MYSQL),
        _ => None,
    }
}

fn of_tls(error: &TlsError) -> &'static str {
    match error {
        TlsError::InvalidCertificate(certificate) => match certificate {
            // An authority of the same name with another key is another authority.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => AUTHORITY,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => NAME,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => EXPIRED,
            _ => CERTIFICATE,
        },
        TlsError::PeerIncompatible(_)
        | TlsError::AlertReceived(AlertDescription::ProtocolVersion | AlertDescription::HandshakeFailure) => VERSIONS,
        TlsError::AlertReceived(_) => CERTIFICATE,
        _ => NOT_MYSQL,
    }
}
