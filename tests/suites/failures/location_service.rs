//! The user service, while the location service is slow, down, or answers nonsense.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use harness::{PATIENCE, Seeded, UserService};
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
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for _ in 0..20 {
        let request = users
            .client
            .request(Method::GET, "/users/1?include=location")
            .header("x-request-id", "r-1")
            .header("traceparent", format!("00-{trace}-00f067aa0ba902b7-01"))
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
        assert!(
            request.contains(&format!("traceparent: 00-{trace}-")) && !request.contains("00f067aa0ba902b7"),
            "{request}"
        );
    }
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
