//! What `make run` prints when both services are ready: their addresses, and requests that work when pasted.

use std::time::Duration;

use serde_json::Value;

use crate::{
    http, secret,
    service::Running,
    settings::setting,
    terminal::{self, Colour, paint, seconds},
};

/// Prints the addresses, and requests for the data that are in the database now.
pub(crate) async fn print(location: &Running, user: &Running, database: &str, token: &str, took: Duration) {
    let home = first_id(&location.url("/locations/nearest?lat=59.91&lon=10.75&limit=1")).await;
    let somebody = first_id(&user.url("/users?limit=1")).await;
    let (location, user) = (location.url(""), user.url(""));
    terminal::line(format_args!("\n{} on {database},\nafter {}.\n", paint(Colour::Green, "Ready"), seconds(took)));
    for (name, colour, url) in [("location", Colour::Cyan, &location), ("user", Colour::Magenta, &user)] {
        terminal::line(format_args!("  {}  {url}/   {url}/docs", paint(colour, &format!("{name:8}"))));
    }
    let curl = curl();
    let one_user = somebody.map_or_else(|| "?limit=3".to_owned(), |id| format!("/{id}?include=location"));
    let location_id = home.map(|id| format!(", \"location_id\": {id}")).unwrap_or_default();
    // While clients change tokens there are two, of which either works.
    let token = token.split(',').next().unwrap_or(token).trim();
    // Different each time: earlier runs may have written the same, or somebody may have deleted it since.
    let new = secret::random(2).unwrap_or_default();
    terminal::line(format_args!(
        "
To read:

  {curl} '{location}/locations?country=NO&limit=3'
  {curl} '{location}/locations/nearest?lat=59.91&lon=10.75&limit=5'
  {curl} '{user}/users{one_user}'

To write, which takes the token:

  {curl} '{location}/locations' -H 'content-type: application/json' \\
    -H 'authorization: Bearer {token}' \\
    -H 'idempotency-key: my-first-place-{new}' \\
    -d '{{\"name\": \"Ny-Ålesund\", \"country\": \"NO\", \"region\": \"Svalbard\",
         \"latitude\": 78.9235, \"longitude\": 11.9099, \"population\": 45,
         \"timezone\": \"Arctic/Longyearbyen\"}}'

  {curl} '{user}/users' -H 'content-type: application/json' \\
    -H 'authorization: Bearer {token}' \\
    -H 'idempotency-key: my-first-user-{new}' \\
    -d '{{\"username\": \"ada-{new}\", \"display_name\": \"Ada\",
         \"email\": \"ada-{new}@example.org\"{location_id}}}'

Ctrl-C ends it; what you wrote is there the next time, and `make reset` removes
it. Next: `make test` runs all tests, `make up` four tasks of each service in
containers.

The services' logs:
"
    ));
}

/// The id of the first item of the list at `url`, if there is one.
async fn first_id(url: &str) -> Option<u64> {
    let list: Value = http::get(url).await.ok()?.json().await.ok()?;
    let items = list.get("items").unwrap_or(&list);
    items.get(0)?.get("id")?.as_u64()
}

/// curl, kept from asking a proxy for this machine where the environment names one. It reads `http_proxy` in small
/// letters only.
fn curl() -> &'static str {
    let proxy = ["http_proxy", "all_proxy", "ALL_PROXY"].into_iter().find_map(setting);
    if proxy.is_some() { "curl --noproxy '*'" } else { "curl" }
}
