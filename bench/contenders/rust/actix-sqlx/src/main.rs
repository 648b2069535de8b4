//! actix-web and sqlx, as their tutorials write it: one pool for all workers, with its defaults.

use std::{error::Error, sync::Arc};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError, get,
    http::{
        StatusCode,
        header::{AUTHORIZATION, ETAG, LOCATION},
    },
    post,
    web::{Bytes, Data, Json, Path, Query},
};
use async_stream::try_stream;
use contract::{
    ErrorBody, Health, Location, Nearest, NearestQuery, NewLocation, PageQuery, Settings, TableWriter, User, sql,
};
use futures_util::{Stream, TryStreamExt as _};
use sqlx::{
    AssertSqlSafe, MySql, MySqlPool,
    mysql::{MySqlConnectOptions, MySqlPoolOptions, MySqlSslMode},
    pool::PoolConnection,
};

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let pool = Data::new(connect(&settings).await?);
    let user_statement = Data::new(UserStatement(sql::user(&settings.user_db_name)));
    let address = (settings.host.clone(), settings.port);
    let settings = Data::new(settings);
    let app = move || {
        App::new()
            .app_data(pool.clone())
            .app_data(user_statement.clone())
            .app_data(settings.clone())
            .service(check_health)
            .service(list)
            .service(near)
            .service(write_table)
            .service(find_location)
            .service(create)
            .service(find_user)
    };
    // Workers: as many as there are cores, by default.
    HttpServer::new(app).bind(address)?.run().await?;
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
    let mut pool = MySqlPoolOptions::new();
    // Ten connections by default; a connection is asked whether it still works each time before it is used.
    if let Some(max) = settings.db_max_connections {
        pool = pool.max_connections(max);
    }
    pool.connect_with(options).await
}

/// The statement for a user; the name of the database in it is a setting.
struct UserStatement(Arc<str>);

#[get("/locations/{id}")]
async fn find_location(pool: Data<MySqlPool>, id: Path<u64>) -> Result<HttpResponse, Failure> {
    let location: Location = sqlx::query_as(sql::LOCATION).bind(*id).fetch_one(&**pool).await?;
    Ok(HttpResponse::Ok().insert_header((ETAG, location.etag())).json(location))
}

#[get("/users/{id}")]
async fn find_user(
    pool: Data<MySqlPool>,
    statement: Data<UserStatement>,
    id: Path<u64>,
) -> Result<HttpResponse, Failure> {
    let find = AssertSqlSafe(Arc::clone(&statement.0));
    let user: User = sqlx::query_as(find).bind(*id).fetch_one(&**pool).await?;
    Ok(HttpResponse::Ok().insert_header((ETAG, user.etag())).json(user))
}

#[get("/locations")]
async fn list(pool: Data<MySqlPool>, query: Query<PageQuery>) -> Result<HttpResponse, Failure> {
    let rows = sqlx::query_as(sql::PAGE).bind(query.after).bind(query.rows()).fetch_all(&**pool).await?;
    Ok(HttpResponse::Ok().json(query.page(rows)))
}

#[get("/locations/nearest")]
async fn near(pool: Data<MySqlPool>, query: Query<NearestQuery>) -> Result<HttpResponse, Failure> {
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
            .fetch_all(&**pool)
            .await?;
        nearest = query.measure(rows);
        if nearest.is_certain(query.limit, &area) {
            break;
        }
    }
    Ok(HttpResponse::Ok().json(nearest))
}

#[post("/locations")]
async fn create(
    request: HttpRequest,
    pool: Data<MySqlPool>,
    settings: Data<Settings>,
    Json(new): Json<NewLocation>,
) -> Result<HttpResponse, Failure> {
    if !request.headers().get(AUTHORIZATION).is_some_and(|value| settings.may_write(value.as_bytes())) {
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
        .execute(&**pool)
        .await?;
    let location = new.stored(inserted.last_insert_id());
    Ok(HttpResponse::Created().insert_header((LOCATION, location.path())).json(location))
}

#[get("/locations/table")]
async fn write_table(pool: Data<MySqlPool>) -> Result<HttpResponse, Failure> {
    let page = write(pool.acquire().await?);
    Ok(HttpResponse::Ok().content_type(TableWriter::CONTENT_TYPE).streaming(page))
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

#[get("/health")]
async fn check_health(pool: Data<MySqlPool>) -> HttpResponse {
    match sqlx::query(sql::HEALTH).execute(&**pool).await {
        Ok(_) => HttpResponse::Ok().json(Health::PASS),
        Err(_) => HttpResponse::ServiceUnavailable().json(Health::FAIL),
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

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Database(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Database(error) = self {
            eprintln!("{self}: {error}");
        }
        HttpResponse::build(self.status_code()).json(ErrorBody { error: self.to_string() })
    }
}
