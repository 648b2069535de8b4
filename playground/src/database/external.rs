//! A server that somebody else runs, named in the environment.

use anyhow::{Context, Result};

use super::{Keeper, Server, Tls};
use crate::{
    ports,
    settings::{secret, setting},
};

/// The server that `DB_HOST` names, when it is set.
pub async fn of_settings() -> Result<Option<Server>> {
    let Some(mut server) = named("")? else { return Ok(None) };
    let version = server.version().await.context(
        "DB_HOST, in the environment or in .env, names a server (DB_PORT, DB_USER and DB_PWD go with it; without \
             DB_HOST, `make run` starts a server of its own)",
    )?;
    server.description = format!("{version} at {}:{}, as DB_HOST says", server.host, server.port);
    Ok(Some(server))
}

/// The server that `TEST_DB_HOST` names, when it is set.
pub fn of_tests() -> Result<Option<Server>> {
    named("TEST_")
}

fn named(prefix: &str) -> Result<Option<Server>> {
    let setting = |name: &str| setting(&format!("{prefix}{name}"));
    let Some(host) = setting("DB_HOST") else {
        return Ok(None);
    };
    let port = match setting("DB_PORT") {
        Some(port) => ports::parse(&port, &format!("{prefix}DB_PORT"))?,
        None => 3306,
    };
    let user = setting("DB_USER").with_context(|| format!("{prefix}DB_HOST is set and {prefix}DB_USER is not"))?;
    let password = secret(&format!("{prefix}DB_PWD"))?.unwrap_or_default();
    let tls = Tls { mode: setting("DB_TLS"), ca: setting("DB_TLS_CA") };
    let description = setting("DB_SERVER").unwrap_or_default();
    Ok(Some(Server { host, port, user, password, tls, description, keeper: Keeper::SomebodyElse }))
}
