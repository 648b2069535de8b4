//! `Idempotency-Key`: a POST that is sent again is carried out once.
//!
//! The key, what was asked for and what was answered are written in the transaction that carries the request out. So
//! they are there exactly if its effect is: after a crash between commit and reply, and on every replica, a retry finds
//! the answer and gets it again. Of two requests at once the second waits at the key's row until the first has
//! committed, and then gets its answer.
//!
//! Only successes are kept. A request that was refused changed nothing, and may be sent again under the same key once
//! its cause is mended.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{
        StatusCode,
        header::{ETAG, LOCATION},
    },
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::MySqlConnection;

use crate::{
    database::{self, Database},
    http::{Problem, Version},
};

/// The request header.
const HEADER: &str = "idempotency-key";

/// How long a retry is recognised.
pub const LIFETIME: Duration = Duration::from_hours(24);

/// Longest key, in characters.
pub const MAX_KEY_LENGTH: usize = 255;

/// What to do with a POST; as an extractor, its `Idempotency-Key`.
#[derive(Clone, Debug)]
pub struct IdempotencyKey(Option<Result<[u8; 32], Problem>>);

/// The answer to a POST that created something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Created {
    location: String,
    version: u64,
    body: String,
    /// Whether the answer was given before.
    #[serde(skip)]
    replayed: bool,
}

/// What became of a POST.
enum Outcome {
    Answered(Created),
    /// The key belongs to another request.
    OtherRequest,
}

impl FromRequest for IdempotencyKey {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(request.headers().get(HEADER).map(|key| {
            let key = key.as_bytes();
            if key.is_empty() || key.len() > MAX_KEY_LENGTH || !key.iter().all(u8::is_ascii_graphic) {
                let wanted = format!("Idempotency-Key has to be 1 to {MAX_KEY_LENGTH} visible ASCII characters");
                return Err(Problem::malformed(wanted));
            }
            Ok(Sha256::digest(key).into())
        }))))
    }
}

impl Created {
    /// The answer for `resource`, which is now to be found at `location`.
    pub fn new(location: String, version: Version, resource: &impl Serialize) -> Self {
        let body = serde_json::to_string(resource).unwrap_or_default();
        Self { location, version: version.0, body, replayed: false }
    }

    /// 201 with the resource; `idempotency-replayed: true` says that this was answered before.
    #[must_use]
    pub fn answer(self) -> HttpResponse {
        let mut answer = HttpResponse::build(StatusCode::CREATED);
        answer.insert_header((LOCATION, self.location)).insert_header((ETAG, Version(self.version).etag()));
        if self.replayed {
            answer.insert_header(("idempotency-replayed", "true"));
        }
        answer.content_type("application/json").body(self.body)
    }
}

impl IdempotencyKey {
    /// What was answered to `request` under this key before, if anything was: for a look before work that is not part
    /// of the transaction.
    pub async fn earlier(&self, database: &Database, request: &impl Serialize) -> Result<Option<Created>, Problem> {
        let Some(key) = self.key()? else { return Ok(None) };
        let fingerprint = fingerprint(request);
        let outcome = database.read(async |connection| find(connection, &key, &fingerprint).await).await?;
        outcome.map(Outcome::into_answer).transpose()
    }

    /// Carries `request` out with `work`, once for every key. `work` may be called again after a deadlock, in a new
    /// transaction.
    pub async fn run(
        &self,
        database: &Database,
        request: &impl Serialize,
        work: impl AsyncFn(&mut MySqlConnection) -> sqlx::Result<Created>,
    ) -> Result<Created, Error> {
        let Some(key) = self.key()? else {
            return Ok(database.write(async |connection| work(connection).await).await?);
        };
        let fingerprint = fingerprint(request);
        let outcome = database
            .transaction(async |connection| {
                forget_expired(connection, &key).await?;
                if !claim(connection, &key, &fingerprint).await?
                    && let Some(earlier) = find(connection, &key, &fingerprint).await?
                {
                    return Ok(earlier);
                }
                let answer = work(connection).await?;
                record(connection, &key, &answer).await?;
                Ok(Outcome::Answered(answer))
            })
            .await?;
        Ok(outcome.into_answer()?)
    }

    fn key(&self) -> Result<Option<[u8; 32]>, Problem> {
        self.0.clone().transpose()
    }
}

/// Why a POST was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The key will not do, or belongs to another request.
    #[error(transparent)]
    Key(#[from] Problem),
    /// The database refused; the service knows what its indexes mean.
    #[error(transparent)]
    Database(#[from] database::Error),
}

impl Outcome {
    fn into_answer(self) -> Result<Created, Problem> {
        match self {
            Self::Answered(answer) => Ok(answer),
            Self::OtherRequest => {
                Err(Problem::invalid_body("this Idempotency-Key was used for another request; use a new one"))
            }
        }
    }
}

/// What tells one request from another: its content as it was understood, whatever its spacing or order of fields.
fn fingerprint(request: &impl Serialize) -> [u8; 32] {
    Sha256::digest(serde_json::to_vec(request).unwrap_or_default()).into()
}

/// Makes the key's row; false where it is there already. Waits for a transaction that is making it.
async fn claim(connection: &mut MySqlConnection, key: &[u8; 32], request: &[u8; 32]) -> sqlx::Result<bool> {
    let expires_at = (now() + LIFETIME).as_secs();
    let claimed = sqlx::query!(
        "INSERT IGNORE INTO idempotency_keys (id, request, expires_at) VALUES (?, ?, ?)",
        key.as_slice(),
        request.as_slice(),
        expires_at
    )
    .execute(connection)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// The answer that was recorded under the key.
async fn find(connection: &mut MySqlConnection, key: &[u8; 32], request: &[u8; 32]) -> sqlx::Result<Option<Outcome>> {
    // A locking read sees what others have committed since this transaction began.
    let row = sqlx::query!(
        "SELECT request, answer FROM idempotency_keys WHERE id = ? AND expires_at > ? LOCK IN SHARE MODE",
        key.as_slice(),
        now().as_secs()
    )
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    if row.request != request {
        return Ok(Some(Outcome::OtherRequest));
    }
    let answer = row.answer.as_deref().map(serde_json::from_str::<Created>).transpose();
    let answer = answer.map_err(|problem| sqlx::Error::Decode(problem.into()))?;
    Ok(answer.map(|answer| Outcome::Answered(Created { replayed: true, ..answer })))
}

async fn record(connection: &mut MySqlConnection, key: &[u8; 32], answer: &Created) -> sqlx::Result<()> {
    let answer = serde_json::to_string(answer).map_err(|problem| sqlx::Error::Encode(problem.into()))?;
    sqlx::query!("UPDATE idempotency_keys SET answer = ? WHERE id = ?", answer, key.as_slice())
        .execute(connection)
        .await?;
    Ok(())
}

/// A key may be used anew once it has expired, whether or not `purge` has come by.
async fn forget_expired(connection: &mut MySqlConnection, key: &[u8; 32]) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM idempotency_keys WHERE id = ? AND expires_at <= ?", key.as_slice(), now().as_secs())
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes up to `batch` expired keys, and says how many there were.
pub(crate) async fn purge(connection: &mut MySqlConnection, batch: u32) -> sqlx::Result<u64> {
    let purged = sqlx::query!(
        "DELETE FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?",
        now().as_secs(),
        batch
    )
    .execute(connection)
    .await?;
    Ok(purged.rows_affected())
}

/// Time since 1970.
fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
