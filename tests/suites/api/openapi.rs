//! The OpenAPI document against the service that it describes.

use harness::{Answer, Client, Seeded, UserService, ada, location, oslo, with};
use http::Method;
use serde_json::{Map, Value};

#[tokio::test]
async fn every_operation_of_the_location_service_answers_as_documented() {
    let service = location(Seeded::Yes).await;
    let called = call_all(&service.client, &oslo(), &oslo()).await;
    for operation in
        ["GET /locations", "POST /locations", "PUT /locations/{id}", "DELETE /locations/{id}", "GET /health"]
    {
        assert!(called.contains(&operation.to_owned()), "{operation} is not documented: {called:?}");
    }
}

#[tokio::test]
async fn every_operation_of_the_user_service_answers_as_documented() {
    let service = UserService::asking("http://127.0.0.1:1", Seeded::Yes).await;
    let other = with(with(ada(), "username", "other"), "email", "other@example.com");
    let called = call_all(&service.client, &ada(), &other).await;
    for operation in ["GET /users", "POST /users", "PUT /users/{id}", "DELETE /users/{id}", "GET /metrics"] {
        assert!(called.contains(&operation.to_owned()), "{operation} is not documented: {called:?}");
    }
}

#[tokio::test]
async fn the_subcommand_prints_the_document_that_is_served() {
    let service = location(Seeded::No).await;
    let served = service.client.get("/openapi.json").await.expect(200).json();
    assert_eq!(served["openapi"], "3.1.0");
    let printer = playground::service::Service::new("location").isolated();
    let (status, lines) = printer.output(&["openapi"]).await.unwrap();
    assert!(status.success());
    assert_eq!(serde_json::from_str::<Value>(&lines.join("\n")).unwrap(), served);
}

/// Calls every operation, with `created` to POST and `replaced` to PUT, well and as a stranger, and checks status and media type of each answer against the document.
async fn call_all(client: &Client, created: &Value, replaced: &Value) -> Vec<String> {
    let document = client.get("/openapi.json").await.expect(200).json();
    assert_references_lead_somewhere(&document, &document);
    let mut called = Vec::new();
    // What deletes comes last, so that there is something for the others.
    for deleting in [false, true] {
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                if (method == "delete") == deleting {
                    let body = if method == "put" { replaced } else { created };
                    call(client, method, path, operation, body).await;
                    called.push(format!("{} {path}", method.to_uppercase()));
                }
            }
        }
    }
    called
}

fn assert_references_lead_somewhere(document: &Value, part: &Value) {
    match part {
        Value::Object(fields) => {
            if let Some(reference) = fields.get("$ref").and_then(Value::as_str) {
                assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
            }
            fields.values().for_each(|part| assert_references_lead_somewhere(document, part));
        }
        Value::Array(parts) => parts.iter().for_each(|part| assert_references_lead_somewhere(document, part)),
        _ => {}
    }
}

async fn call(client: &Client, method: &str, path: &str, operation: &Value, body: &Value) {
    let id = operation["operationId"].as_str().unwrap();
    let verbs = ["create", "delete", "find", "get", "list", "replace"];
    let noun = verbs.iter().find_map(|verb| id.strip_prefix(verb)).unwrap_or_default();
    assert!(noun.starts_with(|first: char| first.is_ascii_uppercase()), "{id} is no verb with a noun");
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
    let filled = path.replace("{id}", &first_id(client, path).await) + &required_query(operation);
    let mut request = client.authorized(method.clone(), &filled);
    if operation.get("requestBody").is_some() {
        request = request.json(body);
    }
    let well = harness::send(request).await;
    assert!(well.status.is_success(), "{method} {path}: {} {}", well.status, well.body);
    assert_documented(&well, operation, &format!("{method} {path}"));
    if method != Method::GET {
        assert!(operation["security"].is_array(), "{method} {path} needs the token, and says so");
        let stranger = harness::send(client.request(method.clone(), &filled)).await;
        assert_documented(&stranger, operation, &format!("{method} {path} as a stranger"));
    }
    if path.contains("{id}") {
        for id in ["0", "99999999999"] {
            let request = client.authorized(method.clone(), &path.replace("{id}", id)).json(body);
            assert_documented(&harness::send(request).await, operation, &format!("{method} {path} with {id}"));
        }
    }
}

fn assert_documented(answer: &Answer, operation: &Value, what: &str) {
    let documented: &Map<String, Value> = operation["responses"].as_object().unwrap();
    let status = answer.status.as_str();
    let description = documented.get(status).unwrap_or_else(|| panic!("{what}: {status} is not documented"));
    if let Some(content) = description.get("content") {
        let media_type = answer.header("content-type").split(';').next().unwrap_or_default();
        assert!(content.get(media_type).is_some(), "{what}: {media_type:?} is not documented for {status}");
    } else {
        assert_eq!(answer.body, "", "{what}: a body is not documented for {status}");
    }
}

/// The id of an item of the list that `path` begins with.
async fn first_id(client: &Client, path: &str) -> String {
    let Some((list, _)) = path.split_once("/{id}") else {
        return String::new();
    };
    client.get(list).await.expect(200).json()["items"][0]["id"].to_string()
}

/// A query with the parameters that have to be given, each with its example.
fn required_query(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let required = parameters.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let given = required.map(|parameter| {
        let example = &parameter["example"];
        let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        format!("{}={example}", parameter["name"].as_str().unwrap())
    });
    match given.collect::<Vec<_>>().join("&") {
        query if query.is_empty() => query,
        query => format!("?{query}"),
    }
}
