//! The HTTP side of users.

use std::{collections::BTreeSet, num::NonZeroU64};

use actix_web::{
    HttpRequest, HttpResponse, delete, get,
    http::header::{HeaderValue, VARY},
    post, put,
    web::{Data, Path, Query},
};
use chassis::{
    database::Database,
    http::{
        After, Auth, JsonObject, KnownRevisions, Limit, Page, Precondition, Problem, RequireToken, Revision,
        prefers_html,
        problem::{AnyOperation, Body, FieldError, NeedsDatabase, NeedsToken, TakesBody, TakesInput, TakesToken},
    },
    idempotency::{self, Created, IdempotencyKey},
    telemetry::RequestContext,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    loaders::{Loaders, Selection},
    location_client::LocationClient,
    model::{NewUser, UserBody},
    pages,
    store::{self, Place, Replaced},
    view::{LocationStatus, UserView},
};

/// Mounts the routes.
pub fn mount(config: &mut ServiceConfig) {
    config.app_data(Data::new(Loaders::default()));
    config.service(list).service(find).service(create).service(replace).service(delete);
}

/// What to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Items on the page.
    #[serde(default = "default_limit")]
    #[param(value_type = u32, minimum = 1, maximum = 200, default = 50, required = false)]
    limit: Limit,
    /// Only users with an id above this; what `next` is made with.
    #[serde(default)]
    #[param(value_type = u64, required = false)]
    after: After,
}

fn default_limit() -> Limit {
    Limit::new(50)
}

/// What to add to a user.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FindQuery {
    /// What to embed.
    #[param(inline)]
    include: Option<Include>,
}

/// What can be embedded in a user.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Include {
    /// The place where the user lives.
    Location,
}

/// Users, a page at a time.
///
/// In the order of their ids. A browser gets them as a table, with the places where they live.
#[utoipa::path(
    operation_id = "listUsers",
    tag = "users",
    security((), ("token" = [])),
    params(ListQuery, KnownRevisions),
    responses(
        (status = 200, description = "A page", content((Page<UserView> = "application/json"), (str = "text/html")),
            headers(("link" = String, description = "Where the next page is (RFC 8288)"))),
        (status = 304, description = "Unchanged since the answer that `if-none-match` names"),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken,
    )
)]
#[get("/users")]
async fn list(
    request: HttpRequest,
    caller: Auth,
    database: Data<Database>,
    reads: Data<Loaders>,
    places: Data<LocationClient>,
    query: Query<ListQuery>,
) -> Result<HttpResponse, Problem> {
    let ListQuery { limit, after } = query.into_inner();
    let selection = Selection { caller, after: after.get(), limit };
    let page = reads.pages.get(&database, selection.clone()).await?;
    let mut answer = if prefers_html(&request) {
        let ids: BTreeSet<_> = page.items.iter().filter_map(|user| user.location_id).collect();
        let homes = places.find_all(ids, &RequestContext::of(&request)).await.ok();
        pages::table(&page, &selection, homes.as_ref(), &places)?
    } else {
        page.answer()
    };
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept, authorization"));
    Ok(answer)
}

/// One user.
///
/// A browser gets a page, always with the place where the user lives.
#[utoipa::path(
    operation_id = "getUser",
    tag = "users",
    security((), ("token" = [])),
    params(
        ("id" = u64, Path, minimum = 1, example = 1),
        KnownRevisions,
        FindQuery,
    ),
    responses(
        (status = 200, description = "The user", content((UserView = "application/json"), (str = "text/html")),
            headers(("etag" = String, description = "Of this representation, which differs with the token and with `include`"))),
        (status = 304, description = "Unchanged since the answer that `if-none-match` names"),
        (status = 404, description = "There is no such user", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken,
    )
)]
#[get("/users/{id}")]
async fn find(
    request: HttpRequest,
    caller: Auth,
    database: Data<Database>,
    reads: Data<Loaders>,
    places: Data<LocationClient>,
    id: Path<NonZeroU64>,
    query: Query<FindQuery>,
) -> Result<HttpResponse, Problem> {
    let id = id.get();
    let user = reads.by_id.find(&database, id).await?;
    let user = user.ok_or_else(|| Problem::not_found(format!("there is no user {id}")))?;
    let version = user.version();
    let view = UserView::new(user, caller);
    let mut answer = match query.include {
        _ if prefers_html(&request) => {
            pages::user(&embed(view, &places, &RequestContext::of(&request)).await, &places)?
        }
        // What is embedded changes without a new version of the user.
        Some(Include::Location) => HttpResponse::Ok().json(embed(view, &places, &RequestContext::of(&request)).await),
        None => HttpResponse::Ok().insert_header(version.etag_for(caller)).json(view),
    };
    answer.headers_mut().insert(VARY, HeaderValue::from_static("accept, authorization"));
    Ok(answer)
}

/// Creates a user.
///
/// With an `Idempotency-Key`, a repeated request returns the user that the first one created.
#[utoipa::path(
    operation_id = "createUser",
    tag = "users",
    security(("token" = [])),
    request_body = UserBody,
    params(IdempotencyKey, Precondition),
    responses(
        (status = 201, description = "User created", body = UserView, headers(
            ("location" = String, description = "Its path"), ("etag" = String, description = "Its version"),
            ("idempotency-replayed" = bool, description = "Present if an earlier request with this key created it")),
            links(
                ("find" = (operation_id = "getUser", parameters(("id" = "$response.body#/id")))),
                ("replace" = (operation_id = "replaceUser", parameters(("id" = "$response.body#/id")))),
                ("delete" = (operation_id = "deleteUser", parameters(("id" = "$response.body#/id")))))),
        (status = 409, description = "The username or the email is taken", content_type = "application/problem+json", body = Body),
        (status = 412, description = "`if-match` or `if-none-match` does not hold", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken, NeedsToken, TakesBody,
    )
)]
#[post("/users")]
async fn create(
    _: RequireToken,
    context: RequestContext,
    database: Data<Database>,
    places: Data<LocationClient>,
    key: IdempotencyKey,
    precondition: Precondition,
    JsonObject(body): JsonObject<UserBody>,
) -> Result<HttpResponse, Problem> {
    precondition.admit_addition()?;
    let new = NewUser::parse(body.clone())?;
    // A retry is answered even while the location service is away; and no transaction waits for another service.
    if let Some(earlier) = key.earlier(&database, &body).await? {
        return Ok(earlier.answer());
    }
    require_place(new.location_id, &places, &context).await?;
    let created = key.run(&database, &body, async |connection| {
        let user = store::insert(connection, new.clone()).await?;
        let (path, version) = (user.path(), user.version());
        Ok(Created::new(path, version, Auth::Authenticated, &UserView::new(user, Auth::Authenticated)))
    });
    created.await.map(Created::answer).map_err(|error| match error {
        idempotency::Error::Key(problem) => problem,
        idempotency::Error::Database(error) => store::problem(error),
    })
}

/// Replaces a user.
///
/// The body holds all fields. `If-Match` prevents overwriting changes of others.
#[utoipa::path(
    operation_id = "replaceUser",
    tag = "users",
    security(("token" = [])),
    request_body = UserBody,
    params(
        ("id" = u64, Path, minimum = 1, example = 1),
        Precondition,
    ),
    responses(
        (status = 200, description = "User replaced", body = UserView, headers(("etag" = String, description = "Its version"))),
        (status = 404, description = "There is no such user", content_type = "application/problem+json", body = Body),
        (status = 409, description = "The username or the email is taken", content_type = "application/problem+json", body = Body),
        (status = 412, description = "`if-match` or `if-none-match` does not hold", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken, NeedsToken, TakesBody,
    )
)]
#[put("/users/{id}")]
async fn replace(
    _: RequireToken,
    context: RequestContext,
    database: Data<Database>,
    places: Data<LocationClient>,
    id: Path<NonZeroU64>,
    precondition: Precondition,
    JsonObject(body): JsonObject<UserBody>,
) -> Result<HttpResponse, Problem> {
    let id = id.get();
    let new = NewUser::parse(body)?;
    let mut place = Place::Known;
    if let Some(home) = new.location_id {
        // Where nothing about the place changes, the location service is not asked: it may be away.
        let now = database.read(async |connection| store::residence(connection, id).await).await?;
        let version = now.map(|now| Revision(now.version));
        precondition.admit(version).made(format_args!("user {id}"))?;
        if now.is_some_and(|now| now.location_id == Some(home.get())) {
            place = Place::AsBefore;
        } else {
            require_place(new.location_id, &places, &context).await?;
        }
    }
    let change = loop {
        let work = async |connection: &mut _| store::replace(connection, id, new.clone(), &precondition, place).await;
        match database.transaction(work).await.map_err(store::problem)? {
            Replaced::Ended(change) => break change,
            Replaced::MovedMeanwhile => require_place(new.location_id, &places, &context).await?,
        }
        place = Place::Known;
    };
    let user = change.made(format_args!("user {id}"))?;
    let etag = user.version().etag_for(Auth::Authenticated);
    Ok(HttpResponse::Ok().insert_header(etag).json(UserView::new(user, Auth::Authenticated)))
}

/// Deletes a user.
///
/// `If-Match` prevents deleting a version that the client has not seen.
#[utoipa::path(
    operation_id = "deleteUser",
    tag = "users",
    security(("token" = [])),
    params(
        ("id" = u64, Path, minimum = 1, example = 1),
        Precondition,
    ),
    responses(
        (status = 204, description = "User deleted"),
        (status = 404, description = "There is no such user", content_type = "application/problem+json", body = Body),
        (status = 412, description = "`if-match` or `if-none-match` does not hold", content_type = "application/problem+json", body = Body),
        AnyOperation, TakesInput, NeedsDatabase, TakesToken, NeedsToken,
    )
)]
#[delete("/users/{id}")]
async fn delete(
    _: RequireToken,
    database: Data<Database>,
    id: Path<NonZeroU64>,
    precondition: Precondition,
) -> Result<HttpResponse, Problem> {
    let id = id.get();
    let change = database.transaction(async |connection| store::delete(connection, id, &precondition).await).await?;
    change.made(format_args!("user {id}"))?;
    Ok(HttpResponse::NoContent().finish())
}

/// The user with the place, if it can be had: a user without it is better than no user.
async fn embed(user: UserView, places: &LocationClient, context: &RequestContext) -> UserView {
    let Some(id) = user.location_id.and_then(NonZeroU64::new) else {
        return user.embed(LocationStatus::None, None);
    };
    match places.find(id, context).await {
        Ok(Some(place)) => user.embed(LocationStatus::Found, Some(place)),
        Ok(None) => user.embed(LocationStatus::Gone, None),
        Err(_) => user.embed(LocationStatus::Unavailable, None),
    }
}

/// Refuses a user who lives nowhere. What cannot be asked now is not assumed.
async fn require_place(
    id: Option<NonZeroU64>,
    places: &LocationClient,
    context: &RequestContext,
) -> Result<(), Problem> {
    let Some(id) = id else { return Ok(()) };
    match places.find(id, context).await {
        Ok(Some(_)) => Ok(()),
        Ok(None) => {
            let detail = format!("there is no location {id}; GET /locations of the location service lists them");
            Err(Problem::invalid(vec![FieldError { field: "location_id", detail }]))
        }
        Err(_) => Err(Problem::unavailable("whether location_id exists cannot be told now: try again")),
    }
}
