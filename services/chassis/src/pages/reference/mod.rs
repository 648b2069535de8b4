//! The reference: the OpenAPI document, as it is published, for people to read and to try.

mod schema;

use askama::Template;
use schema::Field;
use serde_json::{Map, Value};
use utoipa::openapi::OpenApi;

use crate::Service;

/// The tags of the chassis' own operations.
const COMMON_TAGS: [&str; 2] = ["operation", "pages"];

/// The methods that an operation can have, in the order in which they are shown.
const METHODS: [&str; 4] = ["get", "post", "put", "delete"];

/// The page.
#[derive(Template)]
#[template(path = "reference.html")]
pub(super) struct Reference<'a> {
    service: &'a Service,
    /// The service's own operations first, then those that every service has.
    groups: [(&'static str, Vec<Operation>); 2],
    schemas: Vec<Schema>,
    takes_token: bool,
}

/// One thing that can be asked of the service.
struct Operation {
    /// What a link to it ends with.
    anchor: String,
    method: String,
    path: String,
    summary: String,
    description: String,
    /// `required`, `optional` or nothing.
    token: &'static str,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    answers: Vec<Answer>,
}

/// One parameter of an operation.
struct Parameter {
    name: String,
    /// `path`, `query` or `header`.
    place: String,
    required: bool,
    kind: String,
    description: String,
    /// What stands in its field to begin with.
    value: String,
}

/// What an operation takes.
struct RequestBody {
    schema: String,
    /// One that will do.
    example: String,
}

/// One answer of an operation.
struct Answer {
    status: String,
    description: String,
    /// Each media type, and what is in it.
    contents: Vec<(String, String)>,
}

/// What a body is made of.
struct Schema {
    name: String,
    description: String,
    fields: Vec<Field>,
}

impl<'a> Reference<'a> {
    /// What `document` says of `service`.
    pub(super) fn new(service: &'a Service, document: &OpenApi) -> Self {
        let document = serde_json::to_value(document).unwrap_or_default();
        let (mut own, mut common) = (Vec::new(), Vec::new());
        for (path, item) in entries(&document["paths"]) {
            for method in METHODS {
                if let Some(operation) = item.get(method) {
                    let group = if is_common(operation) { &mut common } else { &mut own };
                    group.push(Operation::read(method, path, operation, &document));
                }
            }
        }
        let schemas = entries(&document["components"]["schemas"]);
        Self {
            service,
            takes_token: own.iter().any(|operation| !operation.token.is_empty()),
            groups: [("Of this service", own), ("Of every service", common)],
            schemas: schemas.filter_map(|(name, schema)| Schema::read(name, schema)).collect(),
        }
    }
}

impl Operation {
    fn read(method: &str, path: &str, operation: &Value, document: &Value) -> Self {
        let body = operation.pointer("/requestBody/content/application~1json");
        Self {
            anchor: format!("{method}{path}").replace(|character: char| !character.is_ascii_alphanumeric(), "-"),
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(&operation["summary"]),
            description: text(&operation["description"]),
            token: match operation["security"].as_array() {
                None => "",
                Some(ways) if ways.iter().any(|way| way.as_object().is_some_and(Map::is_empty)) => "optional",
                Some(_) => "required",
            },
            parameters: operation["parameters"].as_array().into_iter().flatten().map(Parameter::read).collect(),
            body: body.map(|content| RequestBody {
                schema: schema::kind(&content["schema"]),
                example: schema::example(content, document),
            }),
            answers: entries(&operation["responses"]).map(|(status, answer)| Answer::read(status, answer)).collect(),
        }
    }
}

impl Parameter {
    fn read(parameter: &Value) -> Self {
        let required = parameter["required"] == true;
        Self {
            name: text(&parameter["name"]),
            place: text(&parameter["in"]),
            required,
            kind: schema::kind(&parameter["schema"]),
            description: text(&parameter["description"]),
            // What may be left out is: an example of everything at once finds nothing.
            value: if required { text(&parameter["example"]) } else { String::new() },
        }
    }
}

impl Answer {
    fn read(status: &str, answer: &Value) -> Self {
        let contents = entries(&answer["content"]);
        Self {
            status: status.to_owned(),
            description: text(&answer["description"]),
            contents: contents.map(|(media, content)| (media.clone(), schema::kind(&content["schema"]))).collect(),
        }
    }
}

impl Schema {
    /// A schema with fields; one without is told where it is used.
    fn read(name: &str, schema: &Value) -> Option<Self> {
        let fields = schema::fields(schema);
        (!fields.is_empty()).then(|| Self { name: name.to_owned(), description: text(&schema["description"]), fields })
    }
}

fn is_common(operation: &Value) -> bool {
    let tags = operation["tags"].as_array();
    tags.into_iter().flatten().filter_map(Value::as_str).any(|tag| COMMON_TAGS.contains(&tag))
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

/// A value as it is written in a field or a sentence.
fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
