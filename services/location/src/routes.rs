//! The HTTP side of locations.

use std::num::NonZeroU64;

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    guard::GuardContext,
    http::header::{HeaderValue, VARY},
    post, put,
    web::{Data, Json, Path, Query},
};
use chassis::{
    database::Database,
    http::{
        After, Auth, JsonObject, KnownRevisions, Limit, Page, Precondition, Problem, RequireToken, absent_if_empty,
        prefers_html,
        problem::{AnyOperation, Body, NeedsDatabase, NeedsToken, TakesBody, TakesInput, TakesToken},
    },
    idempotency::{self, Created, IdempotencyKey},
};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    geography::{Coordinates, Latitude, Longitude},
    ids::Ids,
    loaders::{Loaders, Selection},
    model::{Country, Location, LocationBody, NewLocation},
    nearest::Near,
    pages,
    store::{self, Filter, Prefix},
};

/// Mounts the routes.
pub fn mount(config: &mut ServiceConfig) {
    config.app_data(Data::new(Loaders::default()));
    config
        .service(list)
        .service(table)
        .service(near)
        .service(batch)
        .service(find)
        .service(create)
        .service(replace)
        .service(delete);
}

/// Whether a request is for a place rather than for what else there is to read beside places, which is 405 to a writer,
/// not the place of a strange id.
fn is_of_one_place(context: &GuardContext<'_>) -> bool {
    !["/locations/table", "/locations/nearest", "/locations/batch"].contains(&context.head().uri.path())
}

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Only places of this country: an ISO 3166-1 alpha-2 code.
    #[serde(default, deserialize_with = "absent_if_empty")]
    #[param(value_type = Option<String>, pattern = "^([A-Z]{2})?$", example = "NO")]
    country: Option<Country>,
    /// Only places whose name begins with this, case and accents aside: `sao` finds São Paulo, however it is composed
    /// (NFC, NFD); `ss` and ß, `ae` and æ, `o` and ø, hiragana and katakana are the same. The dotless ı is not i, and words
    /// are not transcribed: `ue` does not find ü.
    #[serde(default, deserialize_with = "absent_if_empty")]
    #[param(value_type = Option<String>, max_length = 200, example = "os")]
    q: Option<Prefix>,
    /// Items on the page.
    #[serde(default = "default_limit")]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50, required = false)]
    limit: Limit,
    /// Only places with an id above this; what `next` is made with.
    #[serde(default)]
    #[param(value_type = u64, required = false)]
    after: After,
}

/// Which places.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BatchQuery {
    /// 1 to 200 ids with commas between them.
    #[param(value_type = String, pattern = "^[1-9][0-9]{0,18}(,[1-9][0-9]{0,18}){0,199}$", example = "3143244,1796236")]
    ids: Ids,
}

/// The places that were found.
#[derive(Serialize, utoipa::ToSchema)]
struct Found<'a> {
    /// In the order of their ids.
    items: Vec<&'a Location>,
}

/// Where to look.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct NearestQuery {
    /// Degrees north, WGS 84.
    #[param(value_type = f64, minimum = -90, maximum = 90, example = 59.91)]
    lat: Latitude,
    /// Degrees east, WGS 84.
    #[param(value_type = f64, minimum = -180, maximum = 180, example = 10.75)]
    lon: Longitude,
    /// How many places.
    #[serde(default = "default_nearest")]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 10, required = false)]
    limit: Limit,
}

/// What a place's page shows of what is near: a dozen, and the place itself.
const NEIGHBOURS: Limit = Limit::new(13);

fn default_limit() -> Limit {
    Limit::new(50)
}

fn default_nearest() -> Limit {
    Limit::new(10)
}

/// Nearest places.
#[derive(Serialize, utoipa::ToSchema)]
struct Nearest {
    /// The nearest first.
    items: Vec<Near>,
}

/// Places, a page at a time.
///
/// In the order of their ids. A browser gets them as a table with a map.
#[utoipa::path(
    operation_id = "listLocations",
    tag = "locations",
    params(ListQuery, KnownRevisions),
    responses(
        (status = 200, description = "A page", content((Page<Location> = "application/json"), (str = "text/html")),
            headers(("link" = String, description = "Where the next page is (RFC 8288)"))),
        (status = 304, description = "Unchanged since the answer that `if-none-match` names"),
        AnyOperation, TakesInput, NeedsDatabase,
    )
)]
#[get("/locations")]
async fn list(
    request: HttpRequest,
    database: Data<Database>,
    reads: Data<Loaders>,
    query: Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let ListQuery { country, q: prefix, limit, after } = query.into_inner();
    let selection = Selection { filter: Filter { country, prefix }, after: after.get(), limit };
    let page = reads.pages.get(&database, selection.clone()).await?;
    let mut answer = if prefers_html(&request) {
        pages::list(&page, &selection, reads.view.world(&database).await.as_deref())?
    } else {
        page.answer()
    };
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(answer)
}

/// All places, as one table.
///
/// The page is sent as it is read, so that it costs no more memory than a part of it, however long it is.
#[utoipa::path(
    operation_id = "getLocationTable",
    tag = "locations",
    responses(
        (status = 200, description = "A page", content_type = "text/html", body = str),
        AnyOperation, NeedsDatabase,
    )
)]
#[get("/locations/table")]
async fn table(database: Data<Database>, reads: Data<Loaders>) -> Result<HttpResponse, Problem> {
    // The first piece is waited for: what fails before anything was sent can still be answered with a problem.
    let first = reads.table.get(&database, 0).await?;
    pages::table(first, move |after| {
        let (database, reads) = (database.clone(), reads.clone());
        async move { reads.table.get(&database, after).await }
    })
}

/// The places nearest to a point.
///
/// The nearest first, each with its distance.
#[utoipa::path(
    operation_id = "findNearestLocations",
    tag = "locations",
    params(NearestQuery, KnownRevisions),
    responses(
        (status = 200, description = "The nearest places", body = Nearest),
        (status = 304, description = "Unchanged since the answer that `if-none-match` names"),
        AnyOperation, TakesInput, NeedsDatabase,
    )
)]
#[get("/locations/nearest")]
async fn near(
    database: Data<Database>,
    reads: Data<Loaders>,
    query: Query<NearestQuery>,
) -> Result<Json<Nearest>, Problem> {
    let point = Coordinates::new(query.lat, query.lon);
    let items = reads.nearest(&database, point, query.limit).await?;
    Ok(Json(Nearest { items }))
}

/// Several places at once.
///
/// In the order of their ids; those that are not there are left out.
#[utoipa::path(
    operation_id = "getLocations",
    tag = "locations",
    params(BatchQuery, KnownRevisions),
    responses(
        (status = 200, description = "The places", body = Found),
        (status = 304, description = "Unchanged since the answer that `if-none-match` names"),
        AnyOperation, TakesInput, NeedsDatabase,
    )
)]
#[get("/locations/batch")]
async fn batch(
    database: Data<Database>,
    reads: Data<Loaders>,
    query: Query<BatchQuery>,
) -> Result<HttpResponse, Problem> {
    let found = reads.by_id.find_all(&database, query.ids.as_slice()).await?;
    let items: Vec<_> = found.iter().flatten().map(|location| &**location).collect();
    Ok(HttpResponse::Ok().json(Found { items }))
}

/// One place.
///
/// A browser gets it with a map of what is near.
#[utoipa::path(
    operation_id = "getLocation",
    tag = "locations",
    params(
        ("id" = u64, Path, minimum = 1, example = 3_143_244),
        KnownRevisions,
    ),
    responses(
        (status = 200, description = "The place", content((Location = "application/json"), (str = "text/html")),
            headers(("etag" = String, description = "Its version; of the page, its content"))),
        (status = 304, description = "It is still the version that `if-none-match` names"),
        (status = 404, description = "There is no such place", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase,
    )
)]
#[get("/locations/{id}")]
async fn find(
    request: HttpRequest,
    database: Data<Database>,
    reads: Data<Loaders>,
    id: Path<NonZeroU64>,
) -> Result<HttpResponse, Problem> {
    let id = id.get();
    let location = reads.by_id.find(&database, id).await?;
    let location = location.ok_or_else(|| Problem::not_found(format!("there is no location {id}")))?;
    let mut answer = if prefers_html(&request) {
        pages::place(&location, &neighbours(&database, &reads, &location).await?)?
    } else {
        HttpResponse::Ok().insert_header(location.version().etag()).json(&*location)
    };
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept"));
    Ok(answer)
}

/// Creates a place.
///
/// With an `Idempotency-Key`, a repeated request returns the place that the first one created.
#[utoipa::path(
    operation_id = "createLocation",
    tag = "locations",
    security(("token" = [])),
    request_body = LocationBody,
    params(IdempotencyKey, Precondition),
    responses(
        (status = 201, description = "Location created", body = Location, headers(
            ("location" = String, description = "Its path"), ("etag" = String, description = "Its version"),
            ("idempotency-replayed" = bool, description = "Present if an earlier request with this key created it")),
            links(
                ("find" = (operation_id = "getLocation", parameters(("id" = "$response.body#/id")))),
                ("replace" = (operation_id = "replaceLocation", parameters(("id" = "$response.body#/id")))),
                ("delete" = (operation_id = "deleteLocation", parameters(("id" = "$response.body#/id")))))),
        (status = 412, description = "`if-match` or `if-none-match` does not hold", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken, NeedsToken, TakesBody,
    )
)]
#[post("/locations")]
async fn create(
    _: RequireToken,
    database: Data<Database>,
    key: IdempotencyKey,
    precondition: Precondition,
    JsonObject(body): JsonObject<LocationBody>,
) -> Result<HttpResponse, Problem> {
    precondition.admit_addition()?;
    let new = NewLocation::parse(body.clone())?;
    let created = key.run(&database, &body, async |connection| {
        let location = store::insert(connection, new.clone()).await?;
        Ok(Created::new(location.path(), location.version(), Auth::Anonymous, &location))
    });
    created.await.map(Created::answer).map_err(|error| match error {
        idempotency::Error::Key(problem) => problem,
        idempotency::Error::Database(error) => error.into(),
    })
}

/// Replaces a place.
///
/// The body holds all fields. `If-Match` prevents overwriting changes of others.
#[utoipa::path(
    operation_id = "replaceLocation",
    tag = "locations",
    security(("token" = [])),
    request_body = LocationBody,
    params(
        ("id" = u64, Path, minimum = 1, example = 3_143_244),
        Precondition,
    ),
    responses(
        (status = 200, description = "Location replaced", body = Location, headers(("etag" = String, description = "Its version"))),
        (status = 404, description = "There is no such place", content_type = "application/problem+json", body = Body),
        (status = 412, description = "`if-match` or `if-none-match` does not hold", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken, NeedsToken, TakesBody,
    )
)]
#[put("/locations/{id}", guard = "is_of_one_place")]
async fn replace(
    _: RequireToken,
    database: Data<Database>,
    id: Path<NonZeroU64>,
    precondition: Precondition,
    JsonObject(body): JsonObject<LocationBody>,
) -> Result<HttpResponse, Problem> {
    let id = id.get();
    let new = NewLocation::parse(body)?;
    let change = database
        .transaction(async |connection| store::replace(connection, id, new.clone(), &precondition).await)
        .await?;
    let location = change.made(format_args!("location {id}"))?;
    Ok(HttpResponse::Ok().insert_header(location.version().etag()).json(location))
}

/// What is near `location`, itself left out.
async fn neighbours(database: &Database, reads: &Loaders, location: &Location) -> Result<Vec<Near>, Problem> {
    let Ok(point) = Coordinates::from_degrees(location.latitude, location.longitude) else { return Ok(Vec::new()) };
    let mut neighbours = reads.nearest(database, point, NEIGHBOURS).await?;
    neighbours.retain(|neighbour| neighbour.location.id != location.id);
    Ok(neighbours)
}

/// Deletes a place.
///
/// `If-Match` prevents deleting a version that the client has not seen.
#[utoipa::path(
    operation_id = "deleteLocation",
    tag = "locations",
    security(("token" = [])),
    params(
        ("id" = u64, Path, minimum = 1, example = 3_143_244),
        Precondition,
    ),
    responses(
        (status = 204, description = "Location deleted"),
        (status = 404, description = "There is no such place", content_type = "application/problem+json", body = Body),
        (status = 412, description = "`if-match` or `if-none-match` does not hold", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken, NeedsToken,
    )
)]
#[delete("/locations/{id}", guard = "is_of_one_place")]
async fn delete(
    _: RequireToken,
    database: Data<Database>,
    id: Path<NonZeroU64>,
    precondition: Precondition,
) -> Result<HttpResponse, Problem> {
    let id = id.get();
    let change = database.transaction(async |connection| store::delete(connection, id, &precondition).await).await?;
    change.made(format_args!("location {id}"))?;
    Ok(HttpResponse::NoContent().finish())
}
