//! Every URL of the program.

pub mod admin;
pub mod answer;
pub mod body;
pub mod discovery;
pub mod health;
pub mod input;
pub mod output;
pub mod path;
pub mod resources;
pub mod trace;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::middleware::{Compress, from_fn};
use actix_web::web::{self, delete, get, patch, post, put};
use actix_web::{App, Route};
use scim_core::Error;

use crate::AppState;
use crate::gate::{Caller, Known};
use output::Failure;

/// The application: the same for the program and for tests.
pub fn app(
    state: web::Data<AppState>,
) -> App<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl MessageBody + use<>>,
        Error = actix_web::Error,
        InitError = (),
    > + use<>,
> {
    App::new()
        .app_data(state)
        .app_data(
            web::PathConfig::default()
                .error_handler(|_, req| Failure::from(Error::not_found(req.path())).into()),
        )
        .configure(routes)
        .wrap(Compress::default())
        .wrap(from_fn(path::canonical))
        .wrap(from_fn(trace::request))
}

fn routes(config: &mut web::ServiceConfig) {
    health::configure(config);
    admin::configure(config);
    // `/scim` and `/` are other spellings of this one: see `path`.
    config.service(scim("/scim/v2"));
    config.service(scim("/t/{slug}/scim/v2"));
    config.default_service(web::to(nowhere));
}

/// SCIM, RFC 7644 §3.2 and §4.
fn scim(base: &str) -> actix_web::Scope {
    web::scope(base)
        .service(
            at("/ServiceProviderConfig", "GET").route(get().to(discovery::service_provider_config)),
        )
        .service(
            web::scope("/ResourceTypes")
                .service(at("", "GET").route(get().to(discovery::resource_types)))
                .service(at("/{name}", "GET").route(get().to(discovery::resource_type))),
        )
        .service(
            web::scope("/Schemas")
                .service(at("", "GET").route(get().to(discovery::schemas)))
                .service(at("/{name}", "GET").route(get().to(discovery::schema))),
        )
        .service(web::resource("/Bulk").default_service(web::to(unsupported)))
        .service(web::resource("/Me").default_service(web::to(unsupported)))
        .service(at("/.search", "POST").route(post().to(resources::search_root)))
        .service(at("/{kind}/.search", "POST").route(post().to(resources::search)))
        .service(
            at("/{kind}/{id}", "GET, PUT, PATCH, DELETE")
                .route(get().to(resources::get))
                .route(put().to(resources::put))
                .route(patch().to(resources::patch))
                .route(delete().to(resources::delete)),
        )
        .service(
            at("/{kind}", "GET, POST")
                .route(get().to(resources::list))
                .route(post().to(resources::post)),
        )
        .service(at("", "GET").route(get().to(resources::list_root)))
        .default_service(web::to(nowhere))
}

/// A path whose other methods are answered 405 with `Allow`.
fn at(path: &str, allow: &'static str) -> actix_web::Resource {
    web::resource(path).default_service(not_allowed(allow))
}

fn not_allowed(allow: &'static str) -> Route {
    web::to(move |_: Caller<Known>| async move { output::method_not_allowed(allow) })
}

/// RFC 7644 §3.12: 501 for what is specified and not offered.
async fn unsupported(_: Caller<Known>) -> resources::Answer {
    Err(Error::plain(
        501,
        "this endpoint is not offered; ServiceProviderConfig says what is",
    )
    .into())
}

async fn nowhere(_: Caller<Known>, req: actix_web::HttpRequest) -> resources::Answer {
    Err(not_served(req.path()).into())
}

/// The answer for an endpoint that the tenant does not have. RFC 7644 §3.13: another version is refused as such.
pub(crate) fn not_served(endpoint: &str) -> Error {
    let digits = endpoint.strip_prefix(['v', 'V']).unwrap_or_default();
    if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Error::invalid_vers(
            "only version 2 of the protocol is served; begin paths with `/scim/v2`",
        );
    }
    let shown: String = endpoint.chars().take(80).collect();
    Error::plain(404, format!("there is no endpoint `{shown}`"))
}
