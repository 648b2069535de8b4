//! Settings: environment variables.

use std::{env, str::FromStr};

use subtle::ConstantTimeEq as _;

/// How a contender is set up.
pub struct Settings {
    /// The host name of the database server.
    pub db_host: String,
    /// Its port.
    pub db_port: u16,
    /// The login.
    pub db_user: String,
    /// The password of that login.
    pub db_pwd: String,
    /// The database with the table `locations`.
    pub db_name: String,
    /// The database with the table `users`, on the same server.
    pub user_db_name: String,
    /// The size of the pool, where it is not left to the contender.
    pub db_max_connections: Option<u32>,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on.
    pub port: u16,
    authorization: String,
}

/// An environment variable that is missing or makes no sense.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not set, or to something else than was expected")]
pub struct Invalid(&'static str);

impl Settings {
    /// Reads the environment of this process.
    pub fn from_env() -> Result<Self, Invalid> {
        Ok(Self {
            db_host: required("DB_HOST")?,
            db_port: required("DB_PORT")?,
            db_user: required("DB_USER")?,
            db_pwd: required("DB_PWD")?,
            db_name: required("DB_NAME")?,
            user_db_name: required("USER_DB_NAME")?,
            db_max_connections: optional("DB_MAX_CONNECTIONS")?,
            host: required("HOST")?,
            port: required("PORT")?,
            authorization: format!("Bearer {}", required::<String>("API_TOKEN")?),
        })
    }

    /// Whether a request with this `authorization` header may write.
    #[must_use]
    pub fn may_write(&self, authorization: &[u8]) -> bool {
        // The time a comparison takes must not tell how much of a guess was right.
        authorization.ct_eq(self.authorization.as_bytes()).into()
    }
}

fn required<T: FromStr>(name: &'static str) -> Result<T, Invalid> {
    optional(name)?.ok_or(Invalid(name))
}

fn optional<T: FromStr>(name: &'static str) -> Result<Option<T>, Invalid> {
    env::var_os(name).map(|value| value.to_str().and_then(|text| text.parse().ok()).ok_or(Invalid(name))).transpose()
}
