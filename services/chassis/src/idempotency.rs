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
    http::{StatusCode, header::LOCATION},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::MySqlConnection;
use utoipa::{
    IntoParams,
    openapi::{
        ObjectBuilder,
        path::{Parameter, ParameterIn},
    },
};

use crate::{
    database::{self, Database},
    http::{Auth, Problem, Revision, header_parameter},
    telemetry::db_span,
};

/// The request header.
const HEADER: &str = "idempotency-key";

/// How long a retry is recognised.
pub const LIFETIME: Duration = Duration::from_hours(24);

/// Longest key, in characters.
pub const MAX_KEY_LENGTH: usize = 255;

/// What to do with a POST; as an extractor, its `Idempotency-Key`.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    key: Option<Result<Digest, Problem>>,
    /// The path of the request.
    target: String,
}

type Digest = [u8; 32];

/// The answer to a POST that created something.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Created {
    location: String,
    version: u64,
    /// Whether the body has what only callers with the token get. Releases that did not keep this answered with the
    /// public ETag, and a retry gets the same answer again.
    #[serde(default)]
    private: bool,
    body: String,
    /// Whether the answer was given before.
    #[serde(skip)]
    replayed: bool,
}

impl IntoParams for IdempotencyKey {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let description = "The same key and body get the same answer for 24 hours; another body is refused";
        let visible = |schema: ObjectBuilder| schema.pattern(Some("^[!-~]+$")).max_length(Some(MAX_KEY_LENGTH));
        vec![header_parameter(HEADER, description, visible)]
    }
}

impl FromRequest for IdempotencyKey {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let key = request.headers().get(HEADER).map(|key| digest_of_key(key.as_bytes()));
        ready(Ok(Self { key, target: request.path().to_owned() }))
    }
}

fn digest_of_key(key: &[u8]) -> Result<Digest, Problem> {
    if (1..=MAX_KEY_LENGTH).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) {
        Ok(Sha256::digest(key).into())
    } else {
        let wanted = format!("Idempotency-Key has to be 1 to {MAX_KEY_LENGTH} visible ASCII characters");
        Err(Problem::malformed(wanted))
    }
}

impl Created {
    /// The answer for `resource`, as `caller` gets it, which is now to be found at `location`.
    pub fn new(location: String, version: Revision, caller: Auth, resource: &impl Serialize) -> Self {
        let body = serde_json::to_string(resource).unwrap_or_default();
        Self { location, version: version.0, private: caller == Auth::Authenticated, body, replayed: false }
    }

    /// 201 with the resource; `idempotency-replayed: true` says that this was answered before.
    #[must_use]
    pub fn answer(self) -> HttpResponse {
        let mut answer = HttpResponse::build(StatusCode::CREATED);
        let caller = if self.private { Auth::Authenticated } else { Auth::Anonymous };
        answer.insert_header((LOCATION, self.location)).insert_header(Revision(self.version).etag_for(caller));
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
        let (fingerprint, now) = (self.fingerprint(request), now());
        let row = database.read(async |connection| find(connection, &key).await).await?;
        let current = row.filter(|row| row.expires_at > now);
        current.map(|row| row.answer_to(&fingerprint)).transpose()
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
        let (fingerprint, now) = (self.fingerprint(request), now());
        let outcome = database
            .transaction(async |connection| {
                if !claim(connection, &key, &fingerprint, now).await?
                    && let Some(row) = find(connection, &key).await?
                {
                    if row.expires_at > now {
                        return Ok(row.answer_to(&fingerprint));
                    }
                    // A key may be used anew once it has expired, whether or not `purge` has come by.
                    claim_again(connection, &key, &fingerprint, now).await?;
                }
                let answer = work(connection).await?;
                record(connection, &key, &answer).await?;
                Ok(Ok(answer))
            })
            .await?;
        Ok(outcome?)
    }

    fn key(&self) -> Result<Option<Digest>, Problem> {
        self.key.clone().transpose()
    }

    /// What tells one request from another: where it goes, and its content as it was understood, whatever its spacing
    /// or order of fields.
    fn fingerprint(&self, request: &impl Serialize) -> Digest {
        let content = serde_json::to_vec(request).unwrap_or_default();
        Sha256::new().chain_update(&self.target).chain_update([0]).chain_update(content).finalize().into()
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

/// What is kept under a key.
struct Row {
    request: Vec<u8>,
    answer: Option<String>,
    expires_at: u64,
}

impl Row {
    /// What was answered, if it was to this request.
    fn answer_to(&self, request: &Digest) -> Result<Created, Problem> {
        if self.request != request {
            return Err(Problem::invalid_body("this Idempotency-Key was used for another request; use a new one"));
        }
        match self.answer.as_deref().map(serde_json::from_str::<Created>) {
            Some(Ok(answer)) => Ok(Created { replayed: true, ..answer }),
            unreadable => {
                tracing::error!(?unreadable, "what is kept under an Idempotency-Key is no answer");
                Err(Problem::internal("the first answer cannot be read; the log says more under the request's id"))
            }
        }
    }
}

/// Makes the key's row; false where there is one already. Waits for a transaction that is making it.
async fn claim(connection: &mut MySqlConnection, key: &Digest, request: &Digest, now: u64) -> sqlx::Result<bool> {
    let insert = sqlx::query!(
        "INSERT IGNORE INTO idempotency_keys (id, request, expires_at) VALUES (?, ?, ?)",
        key.as_slice(),
        request.as_slice(),
        now + LIFETIME.as_secs()
    );
    let claimed = db_span("INSERT idempotency_keys", insert.execute(connection)).await?;
    Ok(claimed.rows_affected() == 1)
}

async fn claim_again(connection: &mut MySqlConnection, key: &Digest, request: &Digest, now: u64) -> sqlx::Result<()> {
    let update = sqlx::query!(
        "UPDATE idempotency_keys SET request = ?, expires_at = ? WHERE id = ?",
        request.as_slice(),
        now + LIFETIME.as_secs(),
        key.as_slice()
    );
    db_span("UPDATE idempotency_keys", update.execute(connection)).await?;
    Ok(())
}

/// The key's row, as it was last committed. It takes no lock: after a [`claim`] that found the row there, each of many
/// retries holds a shared one already, and if all of them asked for more they would block one another.
async fn find(connection: &mut MySqlConnection, key: &Digest) -> sqlx::Result<Option<Row>> {
    let select =
        sqlx::query_as!(Row, "SELECT request, answer, expires_at FROM idempotency_keys WHERE id = ?", key.as_slice());
    db_span("SELECT idempotency_keys", select.fetch_optional(connection)).await
}

async fn record(connection: &mut MySqlConnection, key: &Digest, answer: &Created) -> sqlx::Result<()> {
    let answer = serde_json::to_string(answer).map_err(|problem| sqlx::Error::Encode(problem.into()))?;
    let update = sqlx::query!("UPDATE idempotency_keys SET answer = ? WHERE id = ?", answer, key.as_slice());
    db_span("UPDATE idempotency_keys", update.execute(connection)).await?;
    Ok(())
}

/// Deletes up to `batch` expired keys, and says how many there were.
pub(crate) async fn purge(connection: &mut MySqlConnection, batch: u32) -> sqlx::Result<u64> {
    let purged =
        sqlx::query!("DELETE FROM idempotency_keys WHERE expires_at <= ? ORDER BY expires_at LIMIT ?", now(), batch)
            .execute(connection)
            .await?;
    Ok(purged.rows_affected())
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
