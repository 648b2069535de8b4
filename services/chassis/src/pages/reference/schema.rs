//! JSON Schemas in words, and examples of what they describe.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{entries, text};

/// Where schemas that have a name are.
const COMPONENTS: &str = "#/components/schemas/";

/// One field of an object.
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) required: bool,
    pub(super) description: String,
}

/// What `schema` takes, in a few words: `integer from 1`, `text of up to 20 characters, or null`, `Location`.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.trim_start_matches(COMPONENTS).to_owned();
    }
    if let Some(choices) = ["oneOf", "anyOf", "allOf"].iter().find_map(|word| schema[*word].as_array()) {
        return alternatives(choices.iter().map(kind));
    }
    if let Some(values) = schema["enum"].as_array() {
        return alternatives(values.iter().map(text));
    }
    match &schema["type"] {
        Value::Array(types) => alternatives(types.iter().map(|name| of_type(name.as_str(), schema))),
        name => of_type(name.as_str(), schema),
    }
}

fn alternatives(kinds: impl Iterator<Item = String>) -> String {
    kinds.collect::<Vec<_>>().join(" or ")
}

fn of_type(name: Option<&str>, schema: &Value) -> String {
    match name {
        Some("string") => string(schema),
        Some("integer" | "number") => number(name.unwrap_or_default(), schema),
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some(other) => other.to_owned(),
        None => "anything".to_owned(),
    }
}

fn string(schema: &Value) -> String {
    let mut words = schema["format"].as_str().unwrap_or("text").to_owned();
    if let Some(length) = schema["maxLength"].as_u64() {
        let _ = write!(words, " of up to {length} characters");
    }
    // A long one says no more to people than the description does.
    if let Some(pattern) = schema["pattern"].as_str().filter(|pattern| pattern.len() <= 40) {
        let _ = write!(words, " like {pattern}");
    }
    words
}

fn number(name: &str, schema: &Value) -> String {
    let bound = |word: &str, bound: &str| match &schema[bound] {
        Value::Null => String::new(),
        bound => format!(" {word} {bound}"),
    };
    format!("{name}{}{}{}", bound("from", "minimum"), bound("to", "maximum"), bound("or else", "default"))
}

/// The fields of an object, also of one that has those of others as well.
pub(super) fn fields(schema: &Value) -> Vec<Field> {
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let required = |name: &String| schema["required"].as_array().is_some_and(|names| names.iter().any(|it| it == name));
    let own = entries(&schema["properties"]).map(|(name, field)| Field {
        name: name.clone(),
        kind: kind(field),
        required: required(name),
        description: described(field),
    });
    parts.flat_map(of_part).chain(own).collect()
}

/// What a part of an object adds: its fields, or a line that says whose they are.
fn of_part(part: &Value) -> Vec<Field> {
    if part["$ref"].is_null() {
        return fields(part);
    }
    let description = format!("All fields of {}.", kind(part));
    vec![Field { name: "…".to_owned(), kind: kind(part), required: true, description }]
}

/// What is said of a field; of one that may be null it is said of what else it may be.
fn described(field: &Value) -> String {
    let choices = field["oneOf"].as_array().into_iter().flatten();
    let mut told = std::iter::once(field).chain(choices).map(|schema| text(&schema["description"]));
    told.find(|description| !description.is_empty()).unwrap_or_default()
}

/// A body that will do, from the examples in the document.
pub(super) fn example(content: &Value, document: &Value) -> String {
    let given = content.get("example").cloned();
    let example = given.unwrap_or_else(|| of_schema(&content["schema"], document));
    serde_json::to_string_pretty(&example).unwrap_or_default()
}

fn of_schema(schema: &Value, document: &Value) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    let named = schema["$ref"].as_str().and_then(|path| document.pointer(path.trim_start_matches('#')));
    if let Some(named) = named {
        return of_schema(named, document);
    }
    match schema["type"].as_str() {
        Some("object") => {
            let fields = entries(&schema["properties"]);
            Value::Object(fields.map(|(name, field)| (name.clone(), of_schema(field, document))).collect::<Map<_, _>>())
        }
        Some("string") => Value::String("…".to_owned()),
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_told_in_a_few_words() {
        for (schema, words) in [
            (
                json!({"type": "integer", "minimum": 1, "maximum": 200, "default": 50}),
                "integer from 1 to 200 or else 50",
            ),
            (json!({"type": "string", "maxLength": 20}), "text of up to 20 characters"),
            (json!({"type": ["string", "null"], "format": "email"}), "email or null"),
            (json!({"oneOf": [{"$ref": "#/components/schemas/Place"}, {"type": "null"}]}), "Place or null"),
            (json!({"type": "array", "items": {"$ref": "#/components/schemas/Place"}}), "list of Place"),
            (json!({"type": "string", "enum": ["pass", "fail"]}), "pass or fail"),
            (json!({}), "anything"),
        ] {
            assert_eq!(kind(&schema), words, "{schema}");
        }
    }

    #[test]
    fn an_example_is_made_of_those_of_its_fields() {
        let document = json!({"components": {"schemas": {
            "Body": {"type": "object", "properties": {"id": {"type": "integer", "example": 7}, "name": {"$ref": "#/components/schemas/Name"}}},
            "Name": {"type": "string", "example": "Oslo"},
        }}});
        let made = example(&json!({"schema": {"$ref": "#/components/schemas/Body"}}), &document);
        assert_eq!(serde_json::from_str::<Value>(&made).expect("JSON"), json!({"id": 7, "name": "Oslo"}));
        assert_eq!(example(&json!({"example": [1]}), &document), "[\n  1\n]");
    }
}
