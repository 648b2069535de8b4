//! The user service, while the location service is slow, down, or answers nonsense.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{PATIENCE, Seeded, UserService, eventually};
use http::Method;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    task::JoinHandle,
};

/// What to answer a request with: bytes, or silence.
type Reply = Option<String>;

/// A server that takes requests as the location service does, and answers what a test wants.
struct Impostor {
    url: String,
    requests: Arc<Mutex<Vec<String>>>,
    connections: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

impl Impostor {
    /// Answers each request with the next of `answers`, and with the last one from then on; `None` is silence.
    async fn answering(answers: &[Reply]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let connections = Arc::new(AtomicUsize::new(0));
        let (answers, log, count) = (answers.to_vec(), Arc::clone(&requests), Arc::clone(&connections));
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(serve(stream, answers.clone(), Arc::clone(&log)));
            }
        });
        Self { url, requests, connections, serving }
    }

    async fn requests(&self) -> Vec<String> {
        self.requests.lock().await.clone()
    }
}

impl Drop for Impostor {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut stream: TcpStream, answers: Vec<Reply>, log: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    loop {
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let answer = {
            let mut log = log.lock().await;
            log.push(String::from_utf8(std::mem::take(&mut head)).unwrap());
            answers[(log.len() - 1).min(answers.len() - 1)].clone()
        };
        match answer {
            Some(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
            None => std::future::pending().await,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is one of two replies")]
fn answer(status: &str, body: &str) -> Reply {
    Some(format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

/// An answer of status 404.
#[expect(clippy::unnecessary_wraps, reason = "it is one of two replies")]
fn not_found(media_type: &str, body: &str) -> Reply {
    let head = format!("HTTP/1.1 404 Not Found\r\ncontent-type: {media_type}\r\ncontent-length: {}", body.len());
    Some(format!("{head}\r\n\r\n{body}"))
}

/// What the location service says of a place that is not there.
const GONE: &str =
    r#"{"type":"urn:problem-type:not-found","title":"There is nothing here","status":404,"detail":"gone"}"#;

fn shanghai() -> Value {
    json!({
        "id": 1_796_236, "name": "Shanghai", "country": "CN", "region": "23", "latitude": 31.2, "longitude": 121.5,
        "population": 24_874_500, "timezone": "Asia/Shanghai", "added_later": true
    })
}

/// User 1 lives in place 1796236.
async fn ask(users: &UserService) -> (Value, Duration) {
    let asked = Instant::now();
    let user = users.client.get("/users/1?include=location").await.expect(200).json();
    assert_eq!(user["username"], "ada.abebe", "the user comes back whatever happens");
    (user, asked.elapsed())
}

#[tokio::test]
async fn a_place_is_asked_for_over_one_connection_with_the_trace_passed_on() {
    let impostor = Impostor::answering(&[answer("200 OK", &shanghai().to_string())]).await;
    let users = UserService::asking(&impostor.url, Seeded::Yes).await;
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for _ in 0..20 {
        let request = users
            .client
            .request(Method::GET, "/users/1?include=location")
            .header("x-request-id", "r-1")
            .header("traceparent", trace)
            .header("tracestate", "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE")
            .header("x-amzn-trace-id", "Root=1-67891233-abcdef012345678912345678");
        let user = harness::send(request).await.expect(200).json();
        assert_eq!(user["location"]["name"], "Shanghai");
        assert_eq!(user["location_status"], "found");
    }
    let requests = impostor.requests().await;
    assert_eq!(requests.len(), 20);
    for request in &requests {
        assert!(request.starts_with("GET /locations/1796236 HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("x-request-id: r-1\r\n"), "{request}");
        assert!(request.contains("x-amzn-trace-id: Root=1-67891233-abcdef012345678912345678\r\n"), "{request}");
        // No traces are sent, so there is no span of this service's.
        assert!(request.contains(&format!("traceparent: {trace}\r\n")), "{request}");
        assert!(request.contains("tracestate: rojo=00f067aa0ba902b7,congo=t61rcWkgMzE\r\n"), "{request}");
    }
    ask(&users).await;
    let request = impostor.requests().await.pop().unwrap();
    assert!(request.contains("x-request-id: ") && !request.contains("traceparent"), "{request}");
    // One for each worker at most; the client of this test uses one connection, and so one worker.
    assert!(impostor.connections.load(Ordering::Relaxed) <= 2, "connections are used again");
}

#[tokio::test]
async fn a_fault_that_passes_is_asked_about_once_more() {
    let found = answer("200 OK", &shanghai().to_string());
    let impostor = Impostor::answering(&[answer("503 Service Unavailable", "{}"), found]).await;
    let users = UserService::asking(&impostor.url, Seeded::Yes).await;
    let (user, _) = ask(&users).await;
    assert_eq!(user["location_status"], "found");
    assert_eq!(impostor.requests().await.len(), 2);
}

#[tokio::test]
async fn a_location_service_that_fails_is_asked_twice_and_no_more() {
    let impostor = Impostor::answering(&[answer("500 Internal Server Error", "{}")]).await;
    let users = UserService::asking(&impostor.url, Seeded::Yes).await;
    let (user, _) = ask(&users).await;
    assert_eq!((&user["location"], &user["location_status"]), (&Value::Null, &json!("unavailable")));
    assert_eq!(impostor.requests().await.len(), 2);
}

#[tokio::test]
async fn a_location_service_that_is_silent_does_not_hold_the_user_back() {
    let impostor = Impostor::answering(&[None]).await;
    let users = UserService::asking(&impostor.url, Seeded::Yes).await;
    let (user, took) = ask(&users).await;
    assert_eq!(user["location_status"], "unavailable");
    assert!(took < Duration::from_secs(5), "two tries of a second each: {took:?}");
    assert_eq!(impostor.requests().await.len(), 2);
}

#[tokio::test]
async fn a_location_service_that_is_down_is_told_and_writes_wait_for_it() {
    let users = UserService::asking("http://127.0.0.1:1", Seeded::Yes).await;
    let (user, took) = ask(&users).await;
    assert_eq!(user["location_status"], "unavailable");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let body = json!({"username": "new", "display_name": "New", "email": "new@example.com", "location_id": 1});
    let refused = users.client.post("/users", &body).await;
    refused.expect_problem(503, "unavailable");
    assert_eq!(refused.header("retry-after"), "2");
    users.client.put("/users/1", None, &body).await.expect_problem(503, "unavailable");
    assert_eq!(users.client.get("/users/1").await.header("etag"), "\"1\"", "nothing was changed");
}

#[tokio::test]
async fn nonsense_is_not_taken_for_a_place_and_not_asked_for_again() {
    let mut other = shanghai();
    other["id"] = json!(7);
    for nonsense in [
        answer("200 OK", "<html>It works!</html>"),
        answer("200 OK", "{}"),
        answer("200 OK", &other.to_string()),
        answer("200 OK", &format!("{{\"id\": 1, \"name\": \"{}\"}}", "x".repeat(100_000))),
        answer("302 Found\r\nlocation: http://127.0.0.1:1/", ""),
        answer("204 No Content", ""),
    ] {
        let impostor = Impostor::answering(std::slice::from_ref(&nonsense)).await;
        let users = UserService::asking(&impostor.url, Seeded::Yes).await;
        let (user, _) = ask(&users).await;
        assert_eq!(
            (&user["location"], &user["location_status"]),
            (&Value::Null, &json!("unavailable")),
            "{nonsense:?}"
        );
        assert_eq!(impostor.requests().await.len(), 1, "{nonsense:?}");
        let logged =
            users.running.log().wait_for(|line| line.contains("location service is not available"), PATIENCE).await;
        assert!(logged.is_some(), "{nonsense:?}");
    }
}

#[tokio::test]
async fn a_place_that_the_location_service_does_not_have_is_gone() {
    let impostor = Impostor::answering(&[not_found("application/problem+json", GONE)]).await;
    let users = UserService::asking(&impostor.url, Seeded::Yes).await;
    let (user, _) = ask(&users).await;
    assert_eq!((&user["location"], &user["location_status"]), (&Value::Null, &json!("gone")));
    let body = json!({"username": "new", "display_name": "New", "email": "new@example.com", "location_id": 7});
    users.client.post("/users", &body).await.expect_problem(422, "invalid");
    users.client.put("/users/1", None, &body).await.expect_problem(422, "invalid");
    assert_eq!(impostor.requests().await.len(), 3, "a place that is not there is not asked for again");
}

#[tokio::test]
async fn a_404_of_anything_else_does_not_say_that_a_place_is_gone() {
    let other_kind = GONE.replace("not-found", "no-such-host");
    let answers = [
        not_found("text/html", "<html>404 Not Found</html>"),
        not_found("text/html", GONE),
        not_found("application/json", GONE),
        not_found("application/problem+json", r#"{"type":"about:blank","status":404}"#),
        not_found("application/problem+json", r#"{"title":"Not Found","status":404}"#),
        not_found("application/problem+json", "<html>404 Not Found</html>"),
        not_found("application/problem+json", &other_kind),
        answer("410 Gone", GONE),
    ];
    let impostor = Impostor::answering(&answers).await;
    let users = UserService::asking(&impostor.url, Seeded::Yes).await;
    let body = json!({"username": "new", "display_name": "New", "email": "new@example.com", "location_id": 7});
    for answer in &answers {
        let refused = users.client.post("/users", &body).await;
        assert_eq!(refused.status.as_u16(), 503, "{answer:?}: {}", refused.body);
    }
    let (user, _) = ask(&users).await;
    assert_eq!(user["location_status"], "unavailable");
}

#[tokio::test]
async fn another_service_does_not_say_that_a_place_is_gone() {
    let other = UserService::asking("http://127.0.0.1:1", Seeded::No).await;
    let users = UserService::asking(&other.running.url(""), Seeded::No).await;
    let body = json!({"username": "new", "display_name": "New", "email": "new@example.com", "location_id": 7});
    users.client.post("/users", &body).await.expect_problem(503, "unavailable");
}

#[tokio::test]
async fn a_page_of_users_does_without_places_that_nothing_is_known_of() {
    // Of several places those that are not there are left out of a 200; a 404 is somebody else's.
    for answer in
        [not_found("application/problem+json", GONE), not_found("text/html", "404"), answer("200 OK", "<html>")]
    {
        let impostor = Impostor::answering(std::slice::from_ref(&answer)).await;
        let users = UserService::asking(&impostor.url, Seeded::Yes).await;
        let page = users.client.request(Method::GET, "/users").header("accept", "text/html");
        let page = harness::send(page).await.expect(200);
        assert!(page.body.contains("ada.abebe"), "{}", page.body);
        let logged =
            users.running.log().wait_for(|line| line.contains("location service is not available"), PATIENCE).await;
        assert!(logged.is_some(), "{answer:?}");
    }
}

#[tokio::test]
async fn a_user_who_stays_is_saved_while_the_location_service_is_down() {
    let users = UserService::asking("http://127.0.0.1:1", Seeded::Yes).await;
    let body = |name: &str, place: Value| json!({"username": "ada.abebe", "display_name": name, "email": "ada@example.com", "location_id": place});
    let stays = body("Ada", json!(1_796_236));
    let saved = users.client.put("/users/1", Some("\"1\""), &stays).await.expect(200);
    assert_eq!((saved.json()["display_name"].as_str(), saved.header("etag")), (Some("Ada"), "\"2-private\""));
    users.client.put("/users/1", None, &stays).await.expect(200);
    // What the precondition or the id rules out needs no other service either.
    users
        .client
        .put("/users/1", Some("\"1\""), &body("Ada", json!(7)))
        .await
        .expect_problem(412, "precondition-failed");
    users.client.put("/users/999999", None, &stays).await.expect_problem(404, "not-found");
    users.client.put("/users/1", None, &body("Ada", json!(7))).await.expect_problem(503, "unavailable");
    assert_eq!(users.client.get("/users/1").await.header("etag"), "\"3\"", "nothing was changed");
    // Nobody has to be asked for a place that is left, but for one that is moved to.
    users.client.put("/users/1", None, &body("Ada", Value::Null)).await.expect(200);
    users.client.put("/users/1", None, &stays).await.expect_problem(503, "unavailable");
}

#[tokio::test]
async fn a_place_that_a_user_has_left_meanwhile_is_asked_for() {
    let found = answer("200 OK", &shanghai().to_string());
    let impostor = Impostor::answering(&[found]).await;
    let users = UserService::asking(&impostor.url, Seeded::Yes).await;
    let mut other = users.database.administer().await;
    let locked = format!("SELECT 1 FROM {}.users WHERE id = 1 FOR UPDATE", users.database.name());
    let moves = format!("UPDATE {}.users SET location_id = NULL, version = 2 WHERE id = 1", users.database.name());
    let mut transaction = sqlx::Connection::begin(&mut other).await.unwrap();
    sqlx::Executor::execute(&mut *transaction, sqlx::raw_sql(sqlx::AssertSqlSafe(locked))).await.unwrap();
    let stays = json!({"username": "ada", "display_name": "A", "email": "a@example.com", "location_id": 1_796_236});
    let saved = users.client.put("/users/1", None, &stays);
    let left = async {
        eventually("the change waits for the row", async || {
            !users.database.connections("info LIKE '%FOR UPDATE%'").await.is_empty()
        })
        .await;
        assert_eq!(impostor.requests().await.len(), 0);
        sqlx::Executor::execute(&mut *transaction, sqlx::raw_sql(sqlx::AssertSqlSafe(moves))).await.unwrap();
        transaction.commit().await.unwrap();
    };
    let (saved, ()) = tokio::join!(saved, left);
    assert_eq!(saved.expect(200).header("etag"), "\"3-private\"");
    assert_eq!(impostor.requests().await.len(), 1, "it was asked for, as it had become another one");
}
