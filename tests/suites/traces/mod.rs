//! Traces, as a receiver of OTLP gets them: what belongs together, what is in them, and what a receiver that fails does to
//! requests, which is nothing.

mod receiver;
mod trouble;

use std::collections::BTreeSet;

use futures_util::future::join_all;
use harness::{Client, Database, Seeded, TOKEN, ada, eventually, oslo, prepared, send, start, with};
use http::Method;
use playground::{ports, service::Running};
use receiver::{Receiver, Span};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, raw_sql};

/// A trace of somebody else's, and the span in it that asks.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// A service that sends its spans to a receiver.
struct Traced {
    running: Running,
    client: Client,
    database: Database,
}

impl Traced {
    async fn start(name: &str, receiver: &str, location_url: Option<&str>) -> Self {
        let database = Database::new().await;
        let mut service = prepared(name, &database, Seeded::No)
            .await
            .set("OTEL_EXPORTER_OTLP_ENDPOINT", receiver)
            .set("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=tests")
            .set("RELEASE", "r17");
        if let Some(url) = location_url {
            service = service.set("LOCATION_URL", url);
        }
        let (running, client) = start(&service).await;
        Self { running, client, database }
    }

    async fn get_in(&self, path: &str, traceparent: &str) -> harness::Answer {
        send(self.client.request(Method::GET, path).header("traceparent", traceparent)).await
    }

    /// Ends it in order, by which its last spans are delivered.
    async fn stop(mut self) -> Vec<String> {
        assert!(self.running.stop().await.unwrap().success(), "{:?}", self.running.log().lines());
        self.running.log().lines()
    }
}

/// The two services, one asking the other, with a place and somebody who lives there; the path of the latter.
async fn both(receiver: &Receiver) -> (Traced, Traced, String) {
    let places = Traced::start("location", &receiver.url(), None).await;
    let users = Traced::start("user", &receiver.url(), Some(&places.running.url(""))).await;
    let place = places.client.post("/locations", &oslo()).await.expect(201).json()["id"].clone();
    let user = users.client.post("/users", &with(ada(), "location_id", place)).await.expect(201);
    (places, users, user.header("location").to_owned())
}

/// The trace ids in the lines of a log that say how `path` was answered.
fn logged(log: &[String], path: &str) -> BTreeSet<String> {
    let lines = log.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let answered = lines.filter(|line| line["message"] == "answered" && line["path"] == path);
    answered.map(|line| line["span"]["trace_id"].as_str().unwrap().to_owned()).collect()
}

fn only<'a>(spans: &'a [Span], what: &str, matches: impl Fn(&Span) -> bool) -> &'a Span {
    let found: Vec<_> = spans.iter().filter(|span| matches(span)).collect();
    let [span] = found[..] else { panic!("{} of {what}: {spans:#?}", found.len()) };
    span
}

#[tokio::test]
async fn a_request_through_both_services_and_their_databases_is_one_trace() {
    let Some(receiver) = Receiver::start().await else { return };
    let (places, users, path) = both(&receiver).await;
    let answer = users.client.get(&format!("{path}?include=location")).await.expect(200).json();
    assert_eq!(answer["location"]["name"], "Oslo");
    let place = format!("/locations/{}", answer["location"]["id"]);
    let location_port = places.running.port().to_string();
    let (users, places) = (users.stop().await, places.stop().await);
    let (spans, _) = receiver
        .received(|spans| {
            spans.iter().filter(|span| span.name == "GET /locations/{id}" && span.kind == "SERVER").count() == 2
        })
        .await;

    let root = only(&spans, "the request", |span| span.name == "GET /users/{id}");
    assert_eq!((root.service(), root.kind.as_str(), root.parent.as_str()), ("user", "SERVER", ""));
    for (attribute, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/users/{id}"),
        ("url.path", path.as_str()),
        ("url.scheme", "http"),
        ("http.response.status_code", "200"),
    ] {
        assert_eq!(root.get(attribute), value, "{attribute}");
    }
    assert_ne!(root.status, "ERROR");
    assert_eq!(root.resource["service.version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(root.resource["deployment.release"], "r17");
    assert_eq!(root.resource["deployment.environment.name"], "tests");
    assert!(!root.resource["service.instance.id"].is_empty());

    let select = only(&spans, "its statement", |span| span.name == "SELECT users" && span.is_child_of(root));
    assert_eq!((select.kind.as_str(), select.get("db.system.name")), ("CLIENT", "mysql"));
    assert_eq!((select.get("db.operation.name"), select.get("db.query.summary")), ("SELECT", "SELECT users"));

    let call = only(&spans, "its call", |span| span.kind == "CLIENT" && span.is_child_of(root) && span.id != select.id);
    assert_eq!((call.name.as_str(), call.service()), ("GET /locations/{id}", "user"));
    assert_eq!((call.get("server.address"), call.get("server.port")), ("127.0.0.1", location_port.as_str()));
    assert_eq!(call.get("url.full"), format!("http://127.0.0.1:{location_port}{place}"));
    assert_eq!((call.get("http.response.status_code"), call.get("http.request.resend_count")), ("200", ""));

    let served = only(&spans, "the request to the other service", |span| span.is_child_of(call));
    assert_eq!((served.name.as_str(), served.kind.as_str()), ("GET /locations/{id}", "SERVER"));
    assert_eq!((served.service(), served.get("url.path")), ("location", place.as_str()));
    let select = only(&spans, "its statement", |span| span.is_child_of(served));
    assert_eq!((select.name.as_str(), select.service()), ("SELECT locations", "location"));

    assert_eq!(logged(&users, &path), BTreeSet::from([root.trace.clone()]));
    assert!(logged(&places, &place).contains(&root.trace), "{places:#?}");

    // Somebody was written, whose place was asked for first: also one trace, with all that a transaction does.
    let created = only(&spans, "the POST", |span| span.name == "POST /users");
    let inserted = only(&spans, "its statement", |span| span.name == "INSERT users");
    assert!(inserted.is_child_of(created), "{spans:#?}");
    assert!(spans.iter().any(|span| span.kind == "CLIENT" && span.service() == "user" && span.is_child_of(created)));
}

#[tokio::test]
async fn a_trace_is_continued_and_the_callers_decision_whether_to_record_it_is_kept() {
    let Some(receiver) = Receiver::start().await else { return };
    let (places, users, path) = both(&receiver).await;
    let asked = format!("{path}?include=location");
    let unrecorded = "5bf92f3577b34da6a3ce929d0e0e4736";
    users.get_in(&asked, &format!("00-{unrecorded}-{PARENT}-00")).await.expect(200);
    users.get_in(&asked, &format!("00-{TRACE}-{PARENT}-01")).await.expect(200);
    let (users, _) = (users.stop().await, places.stop().await);
    let (spans, _) = receiver
        .received(|spans| {
            spans.iter().any(|span| span.trace == TRACE && span.service() == "location" && span.kind == "SERVER")
        })
        .await;
    let first = only(&spans, "the request", |span| span.parent == PARENT);
    assert_eq!((first.trace.as_str(), first.name.as_str(), first.service()), (TRACE, "GET /users/{id}", "user"));
    // The request and its statement, in each of the services, and the call from the one to the other.
    assert_eq!(spans.iter().filter(|span| span.trace == TRACE).count(), 5, "{spans:#?}");
    assert!(spans.iter().all(|span| span.trace != unrecorded), "{spans:#?}");
    assert_eq!(logged(&users, &path), BTreeSet::from([TRACE.to_owned(), unrecorded.to_owned()]));
}

#[tokio::test]
async fn every_request_shows_the_statement_that_served_it_though_others_share_it() {
    const REQUESTS: u32 = 40;
    let Some(receiver) = Receiver::start().await else { return };
    let service = Traced::start("location", &receiver.url(), None).await;
    let path = service.client.post("/locations", &oslo()).await.expect(201).header("location").to_owned();
    // Nothing can be read until all have asked: those who come together are then answered together.
    let mut administrator = service.database.administer().await;
    let lock = format!("LOCK TABLES {}.locations WRITE", service.database.name());
    administrator.execute(raw_sql(AssertSqlSafe(lock))).await.unwrap();
    let asked =
        join_all((0..REQUESTS).map(async |request| {
            service.get_in(&path, &format!("00-{:032x}-{PARENT}-01", request + 1)).await.expect(200)
        }));
    let unlocked = async {
        // More than one for each worker: so there are some that waited for company.
        let waiting = async || service.database.connections("state LIKE '%lock%'").await.len() >= 3;
        eventually("some wait for company", waiting).await;
        administrator.execute(raw_sql("UNLOCK TABLES")).await.unwrap();
    };
    tokio::join!(asked, unlocked);
    service.stop().await;
    let serving = |span: &Span| span.parent == PARENT;
    let (spans, _) =
        receiver.received(|spans| spans.iter().filter(|span| serving(span)).count() == REQUESTS as usize).await;
    let statement = |span: &Span| span.kind == "CLIENT" && span.name == "SELECT locations";
    let (mut alone, mut shared) = (0, 0);
    for request in spans.iter().filter(|span| serving(span)) {
        let part = only(&spans, "what the request waits for", |span| span.is_child_of(request));
        if statement(part) {
            alone += 1;
            continue;
        }
        assert_eq!((part.name.as_str(), part.get("db.query.summary")), ("shared read", "SELECT locations"));
        let served = only(&spans, "the statement", |span| statement(span) && part.links_to(span));
        assert!(served.is_child_of(part) || served.links_to(part), "{served:#?}");
        shared += 1;
    }
    assert_eq!(alone + shared, REQUESTS);
    let most = spans.iter().filter(|span| statement(span)).map(|span| span.links.len()).max();
    assert!(shared > 0 && most > Some(0), "nothing was shared: {alone} alone, {shared} shared, {most:?} links");
}

#[tokio::test]
async fn nothing_that_clients_or_rows_say_is_in_a_trace_and_health_checks_are_in_none() {
    const QUIET: [&str; 4] = ["/livez", "/readyz", "/health", "/metrics"];
    let Some(receiver) = Receiver::start().await else { return };
    let (places, users, path) = both(&receiver).await;
    for quiet in QUIET {
        users.client.get(quiet).await.expect(200);
    }
    let mut secret = ada();
    secret["username"] = json!("hush-user");
    secret["display_name"] = json!("Hush Name");
    secret["email"] = json!("hush@example.com");
    let created = users.client.post_once("/users", "hush-key", &secret).await.expect(201);
    // The database says in its message whose e-mail it is.
    users.client.post("/users", &secret).await.expect_problem(409, "duplicate");
    send(users.client.authorized(Method::GET, created.header("location"))).await.expect(200);
    users.client.get("/users/hush@example.com").await;
    users.client.get("/hush/hush@example.com").await.expect_problem(404, "not-found");
    send(users.client.request(Method::GET, &path).bearer_auth("hush-token")).await;
    // The page asks for the places of all who are on it.
    send(users.client.request(Method::GET, "/users").header("accept", "text/html")).await.expect(200);
    let searched = [("q", "Hush-city"), ("country", "NO")];
    send(places.client.query("/locations", &searched).header("user-agent", "hush-agent")).await.expect(200);
    let passwords = [users.database.password().to_owned(), places.database.password().to_owned()];
    users.stop().await;
    places.stop().await;
    let (spans, said) = receiver.received(|spans| spans.iter().any(|span| span.name == "GET /locations")).await;
    for hidden in ["hush", "ids=", "ada@", "Hansen", TOKEN, &passwords[0], &passwords[1]] {
        assert!(!said.to_lowercase().contains(&hidden.to_lowercase()), "{hidden} is in {said}");
    }
    only(&spans, "the question for all places", |span| span.name == "GET /locations/batch" && span.kind == "CLIENT");
    assert!(spans.iter().all(|span| !QUIET.contains(&span.get("url.path"))), "{spans:#?}");
    let refused =
        only(&spans, "the statement that was refused", |span| span.name == "INSERT users" && span.status == "ERROR");
    assert_eq!((refused.get("error.type"), refused.get("db.response.status_code")), ("database", "23000"));
    let answered = only(&spans, "the request with it", |span| {
        refused.is_child_of(span) || span.get("http.response.status_code") == "409"
    });
    assert_ne!(answered.status, "ERROR", "it is the client that was wrong");
    let unmatched = only(&spans, "what no route answers", |span| span.name == "GET");
    assert_eq!(unmatched.get("url.path"), "/REDACTED");
}

#[tokio::test]
async fn what_fails_shows_as_failed_try_by_try() {
    let Some(receiver) = Receiver::start().await else { return };
    let nobody = ports::free().unwrap();
    let users = Traced::start("user", &receiver.url(), Some(&format!("http://127.0.0.1:{nobody}"))).await;
    let mut connection = users.database.connect().await;
    let insert = "INSERT INTO users (username, display_name, email, location_id) VALUES ('a', 'A', 'a@example.com', 1)";
    connection.execute(insert).await.unwrap();
    let id: u64 = sqlx::query_scalar("SELECT id FROM users").fetch_one(&mut connection).await.unwrap();
    users.client.get(&format!("/users/{id}?include=location")).await.expect(200);
    users.database.vanish().await;
    users.database.end_connections().await;
    let gone = async || users.client.get("/users").await.status == 503;
    eventually("the database is missed", gone).await;
    users.stop().await;
    let (spans, _) =
        receiver.received(|spans| spans.iter().any(|span| span.get("http.response.status_code") == "503")).await;
    let served = only(&spans, "the request", |span| span.name == "GET /users/{id}");
    assert_ne!(served.status, "ERROR", "the user was there");
    let tries: Vec<_> = spans.iter().filter(|span| span.name == "GET /locations/{id}").collect();
    assert_eq!(tries.len(), 2, "{spans:#?}");
    for (attempt, resends) in tries.iter().zip(["", "1"]) {
        assert!(attempt.is_child_of(served));
        assert_eq!((attempt.status.as_str(), attempt.get("error.type")), ("ERROR", "no_answer"));
        assert_eq!(attempt.get("http.request.resend_count"), resends);
    }
    let failed = spans.iter().find(|span| span.get("http.response.status_code") == "503").unwrap();
    assert_eq!((failed.status.as_str(), failed.get("error.type")), ("ERROR", "503"));
}
