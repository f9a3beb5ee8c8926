//! Administration: `/admin/v1`, JSON in and out. Every route takes [`Admin`] first, also the one for what is not there.

pub mod fault;
pub mod input;
pub mod profiles;
pub mod schemas;
pub mod tenants;
pub mod tokens;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, HttpResponseBuilder, Route, web};
use serde::Serialize;

pub use fault::Fault;

use crate::gate::Admin;

/// What a handler of administration answers.
pub(crate) type Answer = Result<HttpResponse, Fault>;

/// A page of a list, with the `cursor` of the next page.
#[derive(Debug, Serialize)]
struct List<T> {
    items: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Adds the routes.
pub fn configure(config: &mut web::ServiceConfig) {
    let scope = web::scope("/admin/v1")
        .service(
            web::resource("/tenants")
                .route(web::get().to(tenants::list))
                .route(web::post().to(tenants::create))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/tenants/{slug}")
                .route(web::get().to(tenants::get))
                .route(web::patch().to(tenants::change))
                .route(web::delete().to(tenants::delete))
                .default_service(only("GET, PATCH, DELETE")),
        )
        .service(
            web::resource("/tenants/{slug}/tokens")
                .route(web::get().to(tokens::list))
                .route(web::post().to(tokens::create))
                .default_service(only("GET, POST")),
        )
        .service(
            web::resource("/tenants/{slug}/tokens/{id}")
                .route(web::delete().to(tokens::revoke))
                .default_service(only("DELETE")),
        )
        .service(
            web::resource("/tenants/{slug}/schemas")
                .route(web::get().to(schemas::list_schemas))
                .default_service(only("GET")),
        )
        .service(
            web::resource("/tenants/{slug}/schemas/{urn}")
                .route(web::get().to(schemas::get_schema))
                .route(web::put().to(schemas::put_schema))
                .route(web::delete().to(schemas::delete_schema))
                .default_service(only("GET, PUT, DELETE")),
        )
        .service(
            web::resource("/tenants/{slug}/resource-types")
                .route(web::get().to(schemas::list_types))
                .default_service(only("GET")),
        )
        .service(
            web::resource("/tenants/{slug}/resource-types/{name}")
                .route(web::get().to(schemas::get_type))
                .route(web::put().to(schemas::put_type))
                .route(web::delete().to(schemas::delete_type))
                .default_service(only("GET, PUT, DELETE")),
        )
        .service(
            web::resource("/tenants/{slug}/references")
                .route(web::get().to(schemas::list_references))
                .default_service(only("GET")),
        )
        .service(
            web::resource("/profiles")
                .route(web::get().to(profiles::list))
                .default_service(only("GET")),
        )
        .service(
            web::resource("/profiles/{name}")
                .route(web::get().to(profiles::get))
                .default_service(only("GET")),
        )
        .default_service(web::to(nowhere));
    config.service(scope);
}

/// The beginning of an answer; what administration says is nobody's to keep.
fn answer(status: StatusCode) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(status);
    answer.insert_header(("cache-control", "no-store"));
    answer
}

fn only(methods: &'static str) -> Route {
    web::to(move |_: Admin| async move { Answer::Err(Fault::method(methods)) })
}

async fn nowhere(_: Admin) -> Answer {
    Err(Fault::nowhere())
}
