//! A server that somebody else runs, named in the environment.

use std::env;

use anyhow::{Context, Result};

use super::{Keeper, Server, Tls};

/// The server that `DB_HOST` names, when it is set.
pub async fn of_settings() -> Result<Option<Server>> {
    let Some(mut server) = named("")? else { return Ok(None) };
    let version =
        server.version().await.context("the server that DB_HOST names (DB_PORT, DB_USER and DB_PWD go with it)")?;
    server.description = format!("{version} at {}:{}, as DB_HOST says", server.host, server.port);
    Ok(Some(server))
}

/// The server that `TEST_DB_HOST` names, when it is set.
pub fn of_tests() -> Result<Option<Server>> {
    named("TEST_")
}

fn named(prefix: &str) -> Result<Option<Server>> {
    let setting = |name: &str| env::var(format!("{prefix}{name}")).ok().filter(|value| !value.is_empty());
    let Some(host) = setting("DB_HOST") else {
        return Ok(None);
    };
    let port = match setting("DB_PORT") {
        Some(port) => port.parse().with_context(|| format!("{prefix}DB_PORT is no port: {port}"))?,
        None => 3306,
    };
    let user = setting("DB_USER").with_context(|| format!("{prefix}DB_HOST is set and {prefix}DB_USER is not"))?;
    let password = setting("DB_PWD").unwrap_or_default();
    let tls = Tls { mode: setting("DB_TLS"), ca: setting("DB_TLS_CA") };
    let description = setting("DB_SERVER").unwrap_or_default();
    Ok(Some(Server { host, port, user, password, tls, description, keeper: Keeper::SomebodyElse }))
}
