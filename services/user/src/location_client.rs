//! Places, as the location service knows them: asked for over HTTP, with a deadline, and one more try.

use std::{borrow::Cow, collections::HashMap, fmt, num::NonZeroU64, time::Duration};

use chassis::{
    errors::chain,
    http::{names_no_route, problem::NOT_FOUND},
    telemetry::{Call, RequestContext},
};
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, LINK},
    redirect,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::time::sleep;
use utoipa::ToSchema;

use crate::urls::{LocationUrl, PagesUrl};

/// How long one try may take: many times what the location service needs, and two of them are over before a client or
/// a load balancer gives up.
const TRY_TIMEOUT: Duration = Duration::from_secs(1);

/// How long making a connection may take: within a network it takes a millisecond or does not succeed.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);

/// How long to wait before the second try, at least and at most. The spread keeps the tasks of a service from
/// returning all at the same moment to one that has just come back.
const RETRY_AFTER_MS: std::ops::Range<u64> = 50..150;

/// Idle connections are given up before the location service, or a balancer in front of it, closes them (60 s).
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Largest answer that can be a place, in bytes.
const MAX_PLACE_BYTES: usize = 16 * 1024;

/// Largest answer that can be a page of places, in bytes: each of them is far below the above.
const MAX_PLACES_BYTES: usize = 512 * 1024;

/// A place, as far as users are concerned. Fields that the location service adds later are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// Id of the location service.
    pub id: u64,
    /// Name.
    pub name: String,
    /// ISO 3166-1 alpha-2 code.
    pub country: String,
    /// First-level administrative division.
    pub region: Option<String>,
    /// Degrees north, WGS 84.
    pub latitude: f64,
    /// Degrees east, WGS 84.
    pub longitude: f64,
    /// Inhabitants.
    pub population: u64,
    /// IANA time zone.
    pub timezone: String,
}

/// What the location service is asked.
struct Request {
    /// The method with the route, for traces.
    name: &'static str,
    path: String,
    /// What is larger cannot be the answer.
    max_bytes: usize,
}

/// Several places.
#[derive(Deserialize)]
struct Found {
    items: Vec<Place>,
}

/// The location service cannot be asked now.
#[derive(Debug, thiserror::Error)]
#[error("the location service is not available")]
pub struct Unavailable(#[source] Failure);

/// What went wrong with one try.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer")]
    NoAnswer(#[source] reqwest::Error),
    #[error("it answered {0}")]
    Status(StatusCode),
    #[error("what it answered is not the place that was asked for: {0}")]
    InvalidResponse(String),
}

impl Failure {
    /// Whether another try may end better: the service may be restarting. Nonsense it would answer again.
    fn is_transient(&self) -> bool {
        match self {
            Self::NoAnswer(_) => true,
            Self::Status(status) => status.is_server_error(),
            Self::InvalidResponse(_) => false,
        }
    }

    /// What kind of failure it is, for traces.
    fn kind(&self) -> Cow<'static, str> {
        match self {
            Self::NoAnswer(error) if error.is_timeout() => "timeout".into(),
            Self::NoAnswer(_) => "no_answer".into(),
            Self::Status(status) => status.as_str().to_owned().into(),
            Self::InvalidResponse(_) => "nonsense".into(),
        }
    }
}

/// The location service.
pub struct LocationClient {
    client: Client,
    url: LocationUrl,
    pages_url: Option<PagesUrl>,
}

impl LocationClient {
    /// Prepares to ask the service at `url`, whose pages people find at `pages_url`; connects to nothing yet.
    ///
    /// # Panics
    /// Never: what can fail about a client is its TLS, and this one has none.
    #[must_use]
    pub fn new(url: LocationUrl, pages_url: Option<PagesUrl>) -> Self {
        let client = Client::builder()
            .no_proxy()
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TRY_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .user_agent(concat!("user/", env!("CARGO_PKG_VERSION")))
            .build()
            .expect("there is no TLS to fail");
        Self { client, url, pages_url }
    }

    /// Where people find the page of the place with that id, if that is known.
    #[must_use]
    pub fn page_of(&self, id: u64) -> Option<String> {
        self.pages_url.as_ref().map(|pages| pages.of_place(id))
    }

    /// The place with that id, if there is one.
    pub async fn find(&self, id: NonZeroU64, context: &RequestContext) -> Result<Option<Place>, Unavailable> {
        let question =
            Request { name: "GET /locations/{id}", path: format!("/locations/{id}"), max_bytes: MAX_PLACE_BYTES };
        let place: Option<Place> = self.get(&question, context).await?;
        if place.as_ref().is_some_and(|place| place.id != id.get()) {
            return Err(told(Failure::InvalidResponse("another place".to_owned())));
        }
        Ok(place)
    }

    /// The places with those ids, 200 at most, as far as they are there, by their ids.
    pub async fn find_all(
        &self,
        ids: impl IntoIterator<Item = u64>,
        context: &RequestContext,
    ) -> Result<HashMap<u64, Place>, Unavailable> {
        let ids: Vec<_> = ids.into_iter().map(|id| id.to_string()).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let path = format!("/locations/batch?ids={}", ids.join(","));
        let question = Request { name: "GET /locations/batch", path, max_bytes: MAX_PLACES_BYTES };
        match self.get::<Found>(&question, context).await? {
            Some(Found { items }) => Ok(items.into_iter().map(|place| (place.id, place)).collect()),
            // Of several places those are left out that are not there.
            None => Err(told(Failure::Status(StatusCode::NOT_FOUND))),
        }
    }

    /// What the service has to say to `question`, if it is there; asks once more if the first try fails in a way that may
    /// pass.
    async fn get<T: DeserializeOwned>(
        &self,
        question: &Request,
        context: &RequestContext,
    ) -> Result<Option<T>, Unavailable> {
        let outcome = match self.ask(question, context, 0).await {
            Err(failure) if failure.is_transient() => {
                tracing::debug!(error = chain(&failure), "asking the location service once more");
                sleep(Duration::from_millis(fastrand::u64(RETRY_AFTER_MS))).await;
                self.ask(question, context, 1).await
            }
            outcome => outcome,
        };
        outcome.map_err(told)
    }

    /// One try; `resend` says how many there were before it.
    async fn ask<T: DeserializeOwned>(
        &self,
        question: &Request,
        context: &RequestContext,
        resend: u32,
    ) -> Result<Option<T>, Failure> {
        // No query is in any trace.
        let path = question.path.split('?').next().unwrap_or_default();
        let mut call = Call::get(context, question.name, &self.url.0, path, resend);
        let outcome = self.exchange(question, &mut call).await;
        call.end(outcome.as_ref().err().map(Failure::kind));
        outcome
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        question: &Request,
        call: &mut Call<'_>,
    ) -> Result<Option<T>, Failure> {
        let base = self.url.0.as_str().trim_end_matches('/');
        let mut request = self.client.get(format!("{base}{}", question.path)).header("accept", "application/json");
        for (name, value) in call.headers() {
            request = request.header(name, value);
        }
        let answer = request.send().await.map_err(|error| Failure::NoAnswer(error.without_url()))?;
        call.answered(answer.status().as_u16());
        match answer.status() {
            StatusCode::OK => {
                let body = body(answer, question.max_bytes).await?;
                serde_json::from_slice(&body).map(Some).map_err(|problem| Failure::InvalidResponse(position(&problem)))
            }
            StatusCode::NOT_FOUND if says_not_found(answer).await? => Ok(None),
            status => Err(Failure::Status(status)),
        }
    }
}

/// Has the log tell of a failure that nothing can be done about now.
fn told(failure: Failure) -> Unavailable {
    let unavailable = Unavailable(failure);
    tracing::warn!(error = chain(&unavailable), "the location service is not available");
    unavailable
}

/// Whether an answer of status 404 is the location service's own: anything else that may be at that address answers 404 to
/// what it does not know, a balancer without targets as well as another program, or another service of these.
async fn says_not_found(answer: Response) -> Result<bool, Failure> {
    /// The part of a problem (RFC 9457) that tells them apart.
    #[derive(Deserialize)]
    struct Problem {
        r#type: String,
    }
    let media_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    let other_service = answer.headers().get(LINK).is_some_and(|link| names_no_route(link.as_bytes()));
    if other_service || !media_type.eq_ignore_ascii_case("application/problem+json") {
        return Ok(false);
    }
    let problem: Result<Problem, _> = serde_json::from_slice(&body(answer, MAX_PLACE_BYTES).await?);
    Ok(problem.is_ok_and(|problem| problem.r#type == NOT_FOUND))
}

/// Where an answer is not what it has to be, without its text: whose answer it is, is not known.
fn position(problem: &serde_json::Error) -> String {
    let kind = if problem.is_data() { "JSON of another form" } else { "not JSON" };
    format!("{kind}, at line {} column {}", problem.line(), problem.column())
}

/// The body of an answer, unless it is larger than it can be.
async fn body(mut answer: Response, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|error| Failure::NoAnswer(error.without_url()))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(Failure::InvalidResponse(format!("more than {max_bytes} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

impl fmt::Debug for LocationClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Places").field(&self.url).finish()
    }
}
