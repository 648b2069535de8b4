//! actix-web and `mysql_async`: a pool for each worker, as that library advises, prepared statements from the cache of
//! each connection.

use std::{error::Error, sync::Arc, thread};

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
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts, prelude::Queryable as _};

/// Connections, where `DB_MAX_CONNECTIONS` does not say otherwise. For 32 concurrent reads by id on two cores 4 and 8 were
/// slower; 32 were not clearly faster, with a longer tail.
const MAX_CONNECTIONS: u32 = 16;

#[actix_web::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let settings = Settings::from_env()?;
    let workers = thread::available_parallelism()?.get();
    let options = connect(&settings, workers)?;
    // Fails at the start where there is no database.
    Conn::new(options.clone()).await?.disconnect().await?;
    let user_statement = Data::new(UserStatement(sql::user(&settings.user_db_name)));
    let address = (settings.host.clone(), settings.port);
    let settings = Data::new(settings);
    let app = move || {
        App::new()
            .app_data(Data::new(Pool::new(options.clone())))
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
    HttpServer::new(app).workers(workers).bind(address)?.run().await?;
    Ok(())
}

/// How the pool of one of so many workers is made.
fn connect(settings: &Settings, workers: usize) -> Result<Opts, Box<dyn Error>> {
    let size = (settings.db_max_connections.unwrap_or(MAX_CONNECTIONS) as usize).div_ceil(workers);
    let pool = PoolOpts::new()
        // The pool closes what it has above its minimum as soon as it is idle, so the minimum is the maximum.
        .with_constraints(PoolConstraints::new(size, size).ok_or("DB_MAX_CONNECTIONS is 0")?)
        // A reset costs a round trip after each use, and forgets the prepared statements.
        .with_reset_connection(false);
    let options = OptsBuilder::default()
        .ip_or_hostname(&settings.db_host)
        .tcp_port(settings.db_port)
        .user(Some(&settings.db_user))
        .pass(Some(&settings.db_pwd))
        .db_name(Some(&settings.db_name))
        // All contenders talk to the database over TCP; this one would change over to its socket.
        .prefer_socket(false)
        .pool_opts(pool);
    Ok(options.into())
}

/// The statement for a user; the name of the database in it is a setting.
struct UserStatement(Arc<str>);

// The derived conversion looks each column up by its name, for each row; a tuple takes them as they come.
type LocationRow = (u64, u64, String, String, Option<String>, f64, f64, u64, String);

fn from_row(row: LocationRow) -> Location {
    let (id, version, name, country, region, latitude, longitude, population, timezone) = row;
    Location { id, version, name, country, region, latitude, longitude, population, timezone }
}

#[get("/locations/{id}")]
async fn find_location(pool: Data<Pool>, id: Path<u64>) -> Result<HttpResponse, Failure> {
    let row = pool.get_conn().await?.exec_first(sql::LOCATION, (*id,)).await?;
    let location = row.map(from_row).ok_or(Failure::NotFound)?;
    Ok(HttpResponse::Ok().insert_header((ETAG, location.etag())).json(location))
}

#[get("/users/{id}")]
async fn find_user(pool: Data<Pool>, statement: Data<UserStatement>, id: Path<u64>) -> Result<HttpResponse, Failure> {
    let row = pool.get_conn().await?.exec_first(Arc::clone(&statement.0), (*id,)).await?;
    let (id, version, username, display_name, email, location_id) = row.ok_or(Failure::NotFound)?;
    let user = User { id, version, username, display_name, email, location_id };
    Ok(HttpResponse::Ok().insert_header((ETAG, user.etag())).json(user))
}

#[get("/locations")]
async fn list(pool: Data<Pool>, query: Query<PageQuery>) -> Result<HttpResponse, Failure> {
    let rows = pool.get_conn().await?.exec_map(sql::PAGE, (query.after, query.rows()), from_row).await?;
    Ok(HttpResponse::Ok().json(query.page(rows)))
}

#[get("/locations/nearest")]
async fn near(pool: Data<Pool>, query: Query<NearestQuery>) -> Result<HttpResponse, Failure> {
    let mut connection = pool.get_conn().await?;
    let mut nearest = Nearest::default();
    for area in query.areas() {
        let (latitude, longitude) = (query.latitude(), query.longitude());
        let parameters = (area.south, area.north, area.west, area.east, latitude, latitude, longitude, query.limit);
        nearest = query.measure(connection.exec_map(sql::NEAREST, parameters, from_row).await?);
        if nearest.is_certain(query.limit, &area) {
            break;
        }
    }
    Ok(HttpResponse::Ok().json(nearest))
}

#[post("/locations")]
async fn create(
    request: HttpRequest,
    pool: Data<Pool>,
    settings: Data<Settings>,
    Json(new): Json<NewLocation>,
) -> Result<HttpResponse, Failure> {
    if !request.headers().get(AUTHORIZATION).is_some_and(|value| settings.may_write(value.as_bytes())) {
        return Err(Failure::Unauthorized);
    }
    let NewLocation { name, country, region, latitude, longitude, population, timezone } = &new;
    let parameters = (name, country, region, latitude, longitude, population, timezone);
    let mut connection = pool.get_conn().await?;
    connection.exec_drop(sql::INSERT, parameters).await?;
    let id = connection.last_insert_id().ok_or(Failure::NoId)?;
    let location = new.stored(id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location.path())).json(location))
}

#[get("/locations/table")]
async fn write_table(pool: Data<Pool>) -> Result<HttpResponse, Failure> {
    let page = write(pool.get_conn().await?);
    Ok(HttpResponse::Ok().content_type(TableWriter::CONTENT_TYPE).streaming(page))
}

/// The page, piece by piece as the rows come.
fn write(mut connection: Conn) -> impl Stream<Item = mysql_async::Result<Bytes>> {
    try_stream! {
        let mut rows = connection.exec_stream(sql::TABLE, ()).await?;
        let mut table = TableWriter::new();
        while let Some(row) = rows.try_next().await? {
            if let Some(piece) = table.row(&from_row(row)) {
                yield piece;
            }
        }
        yield table.end();
    }
}

#[get("/health")]
async fn check_health(pool: Data<Pool>) -> HttpResponse {
    match ask(&pool).await {
        Ok(()) => HttpResponse::Ok().json(Health::PASS),
        Err(_) => HttpResponse::ServiceUnavailable().json(Health::FAIL),
    }
}

async fn ask(pool: &Pool) -> mysql_async::Result<()> {
    pool.get_conn().await?.query_drop(sql::HEALTH).await
}

/// Why a request gets nothing.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("there is no such thing")]
    NotFound,
    #[error("the bearer token is missing, or another one")]
    Unauthorized,
    #[error("the database failed")]
    Database(#[from] mysql_async::Error),
    #[error("the database gave no id")]
    NoId,
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Database(_) | Self::NoId => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        if let Self::Database(error) = self {
            eprintln!("{self}: {error}");
        }
        HttpResponse::build(self.status_code()).json(ErrorBody { error: self.to_string() })
    }
}
