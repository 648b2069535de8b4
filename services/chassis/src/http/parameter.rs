//! Parameters in the OpenAPI document.

use utoipa::openapi::{
    ObjectBuilder, Required, Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
};

/// An optional request header; `constrain` limits its text.
///
/// (utoipa takes an `Option` for one that may be `null`, which no header can be.)
pub(crate) fn header_parameter(
    name: &str,
    description: &str,
    constrain: impl FnOnce(ObjectBuilder) -> ObjectBuilder,
) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(constrain(ObjectBuilder::new().schema_type(Type::String))))
        .build()
}
