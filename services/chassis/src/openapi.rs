//! The OpenAPI document, generated from the routes that are served.

use std::collections::BTreeSet;

use actix_web::{App, HttpResponse, get, web::Data};
use utoipa::openapi::{
    ComponentsBuilder, ContactBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr,
    Schema, SecurityRequirement, ServerBuilder,
    schema::ArrayItems,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};
use utoipa_actix_web::{AppExt as _, service_config::ServiceConfig};

use crate::{
    Service, health,
    http::{KnownRevisions, problem::AnyOperation},
    pages,
    service::Routes,
    settings::Reader,
};

/// Tag of pages and their assets.
const PAGES: &str = "pages";

/// Tag of what is needed to operate a service.
const OPERATION: &str = "operation";

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

/// All routes of `service`, pages and assets included.
pub(crate) fn routes_of(service: &Service, service_routes: &Routes) -> OpenApi {
    App::new()
        .into_utoipa_app()
        .openapi(base(service))
        .configure(routes)
        .configure(|config| service_routes(config))
        .split_for_parts()
        .1
}

/// The document that is published for `routes`: the operations of `service`, without pages, scripts and style sheets.
pub(crate) fn document(service: &Service, routes: OpenApi) -> OpenApi {
    let mut document = routes;
    name_items(&mut document);
    document.paths.paths.retain(|_, item| !tags(item).any(|tag| tag == PAGES));
    let used: BTreeSet<_> = document.paths.paths.values().flat_map(tags).cloned().collect();
    let tag = |name: String| {
        let description = if name == OPERATION { "Health, metrics and this document" } else { service.description };
        TagBuilder::new().name(name).description(Some(description)).build()
    };
    document.tags = Some(used.into_iter().map(tag).collect());
    document
}

/// Replaces the inlined item types of lists by references: utoipa inlines the arguments of generic types, and client
/// generators would make a second type of each.
fn name_items(document: &mut OpenApi) {
    let Some(components) = &mut document.components else { return };
    let known = components.schemas.clone();
    for schema in components.schemas.values_mut() {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        let Some(RefOr::T(Schema::Array(list))) = object.properties.get_mut("items") else { continue };
        let ArrayItems::RefOrSchema(item) = &mut list.items else { continue };
        if let Some((name, _)) = known.iter().find(|(_, schema)| *schema == &**item) {
            **item = RefOr::Ref(Ref::from_schema_name(name));
        }
    }
}

fn base(service: &Service) -> OpenApi {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("API_TOKEN of the service")).build();
    let license = LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).identifier(Some(env!("CARGO_PKG_LICENSE")));
    let info = InfoBuilder::new()
        .title(format!("{} service", service.name))
        .description(Some(service.description))
        .version(service.version)
        .contact(Some(ContactBuilder::new().name(Some("ECS Playground in Rust")).build()))
        .license(Some(license.build()));
    OpenApiBuilder::new()
        .info(info)
        .servers(Some([ServerBuilder::new().url("/").build()]))
        // No token is needed, unless an operation says so.
        .security(Some([SecurityRequirement::default()]))
        .components(Some(ComponentsBuilder::new().security_scheme("token", SecurityScheme::Http(token)).build()))
        .build()
}

fn tags(item: &PathItem) -> impl Iterator<Item = &String> {
    let operations = [&item.get, &item.post, &item.put, &item.delete];
    operations.into_iter().flatten().filter_map(|operation| operation.tags.as_ref()).flatten()
}

/// The paths that `service` answers, as its routes have them.
#[must_use]
pub fn paths(service: &Service) -> BTreeSet<String> {
    let routes = (service.configure)(&mut Reader::new(|_| None));
    routes_of(service, &routes).paths.paths.into_keys().collect()
}

/// This document.
///
/// Describes all operations of the service. `/docs` shows it to people.
#[utoipa::path(tag = "operation", operation_id = "getOpenApiDocument", params(KnownRevisions), responses(
    (status = 304, description = "Unchanged since the answer that `if-none-match` names"),
    (status = 200, description = "OpenAPI 3.1", content_type = "application/json", body = Object),
    AnyOperation,
))]
#[get("/openapi.json")]
pub(crate) async fn document_json(pages: Data<pages::Pages>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(pages.document.clone())
}
