//! The OpenAPI document, generated from the routes that are served.

use std::collections::BTreeSet;

use actix_web::{App, HttpResponse, get, web::Data};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, Required, Type,
    path::{Parameter, ParameterBuilder, ParameterIn},
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_actix_web::{AppExt as _, service_config::ServiceConfig};

use crate::{
    Service, health,
    http::{KnownVersions, problem::AnyOperation},
    pages,
    service::Routes,
    settings::Reader,
};

/// The routes that every service has.
pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .service(pages::home::home)
        .service(pages::docs)
        .service(pages::assets::style)
        .service(pages::assets::live_search)
        .service(pages::assets::try_requests)
        .service(health::livez)
        .service(health::readyz)
        .service(health::report)
        .service(health::metrics)
        .service(document_json);
}

/// The document of `service` with `routes` mounted.
pub(crate) fn document(service: &Service, service_routes: &Routes) -> OpenApi {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("API_TOKEN of the service")).build();
    let base = OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title(format!("{} service", service.name))
                .description(Some(service.description))
                .version(service.version),
        )
        .components(Some(ComponentsBuilder::new().security_scheme("token", SecurityScheme::Http(token)).build()))
        .build();
    App::new()
        .into_utoipa_app()
        .openapi(base)
        .configure(routes)
        .configure(|config| service_routes(config))
        .split_for_parts()
        .1
}

/// A header that a request may have, its text as `constrain` has it.
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

/// The paths that `service` answers, as its routes have them.
#[must_use]
pub fn paths(service: &Service) -> BTreeSet<String> {
    let routes = (service.configure)(&mut Reader::new(|_| None));
    document(service, &routes).paths.paths.into_keys().collect()
}

/// This document.
#[utoipa::path(tag = "operation", params(KnownVersions), responses(
    (status = 304, description = "It is still the one that `if-none-match` names"),
    (status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object),
    AnyOperation,
))]
#[get("/openapi.json")]
pub(crate) async fn document_json(pages: Data<pages::Pages>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(pages.document.clone())
}
