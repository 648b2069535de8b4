//! The OpenAPI document, cut down to what the reference page shows.

use utoipa::openapi::{OpenApi, PathItem, RefOr, Required, Response, path, security::SecurityRequirement};

/// The tags of the chassis' own operations.
const COMMON_TAGS: [&str; 2] = ["operation", "pages"];

/// One thing that can be asked of the service.
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) needs_token: bool,
    /// Whether every service has it.
    common: bool,
    pub(super) parameters: Vec<Parameter>,
    pub(super) answers: Vec<(String, String)>,
}

/// One parameter of an operation.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) place: &'static str,
    pub(super) required: bool,
    pub(super) description: String,
}

/// The service's own operations first, then those that every service has.
pub(super) fn operations(document: &OpenApi) -> Vec<Operation> {
    let mut operations: Vec<_> = document.paths.paths.iter().flat_map(|(path, item)| of_path(path, item)).collect();
    operations.sort_by_key(|operation| operation.common);
    operations
}

fn of_path(path: &str, item: &PathItem) -> impl Iterator<Item = Operation> {
    [("GET", &item.get), ("POST", &item.post), ("PUT", &item.put), ("DELETE", &item.delete)]
        .into_iter()
        .filter_map(move |(method, operation)| Some(of_operation(method, path, operation.as_ref()?)))
}

fn of_operation(method: &'static str, path: &str, operation: &path::Operation) -> Operation {
    Operation {
        method,
        path: path.to_owned(),
        summary: operation.summary.clone().unwrap_or_default(),
        description: operation.description.clone().unwrap_or_default(),
        needs_token: operation
            .security
            .as_ref()
            .is_some_and(|ways| !ways.iter().any(|way| *way == SecurityRequirement::default())),
        common: operation.tags.iter().flatten().any(|tag| COMMON_TAGS.contains(&tag.as_str())),
        parameters: operation.parameters.iter().flatten().filter_map(of_parameter).collect(),
        answers: operation
            .responses
            .responses
            .iter()
            .map(|(status, answer)| (status.clone(), describe(answer)))
            .collect(),
    }
}

/// Parameters and answers stand in the operations themselves: the chassis defines no shared ones to refer to.
fn of_parameter(parameter: &RefOr<path::Parameter>) -> Option<Parameter> {
    let RefOr::T(parameter) = parameter else { return None };
    Some(Parameter {
        name: parameter.name.clone(),
        place: match parameter.parameter_in {
            path::ParameterIn::Path => "path",
            path::ParameterIn::Header => "header",
            path::ParameterIn::Cookie => "cookie",
            path::ParameterIn::Query | path::ParameterIn::QueryString => "query",
        },
        required: matches!(parameter.required, Required::True),
        description: parameter.description.clone().unwrap_or_default(),
    })
}

fn describe(answer: &RefOr<Response>) -> String {
    match answer {
        RefOr::T(answer) => answer.description.clone(),
        RefOr::Ref(_) => String::new(),
    }
}
