//! axum and sqlx, as their tutorials write it: one pool in the state of the router.

use std::{error::Error, sync::Arc, time::Duration};

use async_stream::try_stream;
use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::{
        HeaderMap, StatusCode,
        header::{AUTHORIZATION, CONTENT_TYPE, ETAG, LOCATION},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use contract::{
    ErrorBody, Health, Location, Nearest, NearestQuery, NewLocation, PageQuery, Settings, TableWriter, User, sql,
};
use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    AssertSqlSafe, MySql, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode},
    pool::PoolConnection,
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

/// Connections, where `DB_MAX_CONNECTIONS` does not say otherwise: the best of 4, 8, 16 and 32 for 32 concurrent reads by
/// id on two cores.
const MAX_CONNECTIONS: u32 = 16;

/// How long a request waits for a connection, as in axum's own example with sqlx.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(3);

/// What the handlers share.
#[derive(Clone)]
struct App {
    pool: MySqlPool,
    /// The statement for a user; the name of the database in it is a setting.
    user_statement: Arc<str>,
    settings: Arc<Settings>,
}

// A worker of the runtime for each core, by default.
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Arc::new(Settings::from_env()?);
    let listener = TcpListener::bind((settings.host.as_str(), settings.port)).await?;
    let app = App { pool: connect(&settings).await?, user_statement: sql::user(&settings.user_db_name), settings };
    let router = Router::new()
        .route("/health", get(check_health))
        .route("/locations", get(list).post(create))
        .route("/locations/nearest", get(near))
        .route("/locations/table", get(write_table))
        .route("/locations/{id}", get(find_location))
        .route("/users/{id}", get(find_user))
        .with_state(app);
    let mut terminate = signal(SignalKind::terminate())?;
    axum::serve(listener, router)
        .with_graceful_shutdown(async move {
            terminate.recv().await;
        })
        .await?;
    Ok(())
}

async fn connect(settings: &Settings) -> sqlx::Result<MySqlPool> {
    let options = MySqlConnectOptions::new()
        .host(&settings.db_host)
        .port(settings.db_port)
        .username(&settings.db_user)
        .password(&settings.db_pwd)
        .database(&settings.db_name)
        // The database is on this machine.
        .ssl_mode(MySqlSslMode::Disabled);
    MySqlPoolOptions::new()
        .max_connections(settings.db_max_connections.unwrap_or(MAX_CONNECTIONS))
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // A round trip less for each use, a tenth to a quarter of the time of a read by id. sqlx 0.9 also pings when a
        // connection comes back, which cannot be switched off.
        .test_before_acquire(false)
        .connect_with(options)
        .await
}

async fn find_location(State(app): State<App>, Path(id): Path<u64>) -> Result<impl IntoResponse, Failure> {
    let location: Location = sqlx::query_as(sql::LOCATION).bind(id).fetch_one(&app.pool).await?;
    Ok(([(ETAG, location.etag())], Json(location)))
}

async fn find_user(State(app): State<App>, Path(id): Path<u64>) -> Result<impl IntoResponse, Failure> {
    let user: User = sqlx::query_as(AssertSqlSafe(app.user_statement)).bind(id).fetch_one(&app.pool).await?;
    Ok(([(ETAG, user.etag())], Json(user)))
}

async fn list(State(app): State<App>, Query(query): Query<PageQuery>) -> Result<impl IntoResponse, Failure> {
    let rows = sqlx::query_as(sql::PAGE).bind(query.after).bind(query.rows()).fetch_all(&app.pool).await?;
    Ok(Json(query.page(rows)))
}

async fn near(State(app): State<App>, Query(query): Query<NearestQuery>) -> Result<impl IntoResponse, Failure> {
    let mut nearest = Nearest::default();
    for area in query.areas() {
        let rows = sqlx::query_as(sql::NEAREST)
            .bind(area.south)
            .bind(area.north)
            .bind(area.west)
            .bind(area.east)
            .bind(query.latitude())
            .bind(query.latitude())
            .bind(query.longitude())
            .bind(query.limit)
            .fetch_all(&app.pool)
            .await?;
        nearest = query.measure(rows);
        if nearest.is_certain(query.limit, &area) {
            break;
        }
    }
    Ok(Json(nearest))
}

async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    Json(new): Json<NewLocation>,
) -> Result<impl IntoResponse, Failure> {
    if !headers.get(AUTHORIZATION).is_some_and(|value| app.settings.may_write(value.as_bytes())) {
        return Err(Failure::Unauthorized);
    }
    let inserted = sqlx::query(sql::INSERT)
        .bind(&new.name)
        .bind(&new.country)
        .bind(&new.region)
        .bind(new.latitude)
        .bind(new.longitude)
        .bind(new.population)
        .bind(&new.timezone)
        .execute(&app.pool)
        .await?;
    let location = new.stored(inserted.last_insert_id());
    Ok((StatusCode::CREATED, [(LOCATION, location.path())], Json(location)))
}

async fn write_table(State(app): State<App>) -> Result<impl IntoResponse, Failure> {
    let page = Body::from_stream(write(app.pool.acquire().await?));
    Ok(([(CONTENT_TYPE, TableWriter::CONTENT_TYPE)], page))
}

/// The page, piece by piece as the rows come.
fn write(mut connection: PoolConnection<MySql>) -> impl Stream<Item = sqlx::Result<Bytes>> {
    try_stream! {
        let mut rows = sqlx::query_as(sql::TABLE).fetch(&mut *connection);
        let mut table = TableWriter::new();
        while let Some(location) = rows.try_next().await? {
            if let Some(piece) = table.row(&location) {
                yield piece;
            }
        }
        yield table.end();
    }
}

async fn check_health(State(app): State<App>) -> impl IntoResponse {
    match sqlx::query(sql::HEALTH).execute(&app.pool).await {
        Ok(_) => (StatusCode::OK, Json(Health::PASS)),
        Err(_) => (StatusCode::SERVICE_UNAVAILABLE, Json(Health::FAIL)),
    }
}

/// Why a request gets nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("there is no such thing")]
    NotFound,
    #[error("the bearer token is missing, or another one")]
    Unauthorized,
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::RowNotFound => Self::NotFound,
            error => Self::Database(error),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = match &self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Database(error) => {
                eprintln!("{self}: {error}");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        (status, Json(ErrorBody { error: self.to_string() })).into_response()
    }
}
