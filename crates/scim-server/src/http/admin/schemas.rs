//! `/admin/v1/tenants/{slug}/schemas`, `/admin/v1/tenants/{slug}/resource-types` and `/admin/v1/tenants/{slug}/references`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use scim_core::schema::define::{SchemaDefinition, TypeDefinition};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::input::{Body, Page};
use super::{Answer, Fault, List, answer};
use crate::AppState;
use crate::gate::Admin;
use crate::service::administration::AdminError;
use crate::service::references;
use crate::service::schemas::{self, Asked, Edit, Outcome};

/// Who changes definitions, in the record of changes.
const ACTOR: &str = "admin";

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Flags {
    purge: Option<bool>,
    dry_run: Option<bool>,
}

/// `PUT /admin/v1/tenants/{slug}/schemas/{urn}`
pub(super) async fn put_schema(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
    body: Body<Map<String, Value>>,
) -> Answer {
    let (slug, urn) = path.into_inner();
    let definition = SchemaDefinition::read(&urn, body.0).map_err(AdminError::from)?;
    make(&state, &req, &slug, Edit::PutSchema(definition)).await
}

/// `PUT /admin/v1/tenants/{slug}/resource-types/{name}`
pub(super) async fn put_type(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
    body: Body<Map<String, Value>>,
) -> Answer {
    let (slug, name) = path.into_inner();
    let definition = TypeDefinition::read(&name, body.0).map_err(AdminError::from)?;
    make(&state, &req, &slug, Edit::PutType(definition)).await
}

/// `DELETE /admin/v1/tenants/{slug}/schemas/{urn}`
pub(super) async fn delete_schema(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (slug, urn) = path.into_inner();
    make(&state, &req, &slug, Edit::RemoveSchema(urn)).await
}

/// `DELETE /admin/v1/tenants/{slug}/resource-types/{name}`
pub(super) async fn delete_type(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (slug, name) = path.into_inner();
    make(&state, &req, &slug, Edit::RemoveType(name)).await
}

/// `GET /admin/v1/tenants/{slug}/schemas`
pub(super) async fn list_schemas(
    _: Admin,
    state: web::Data<AppState>,
    slug: web::Path<String>,
) -> Answer {
    let items = schemas::schemas(&state.admin, &slug).await?;
    Ok(answer(StatusCode::OK).json(List { items, next: None }))
}

/// `GET /admin/v1/tenants/{slug}/schemas/{urn}`
pub(super) async fn get_schema(
    _: Admin,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (slug, urn) = path.into_inner();
    Ok(answer(StatusCode::OK).json(schemas::schema(&state.admin, &slug, &urn).await?))
}

/// `GET /admin/v1/tenants/{slug}/resource-types`
pub(super) async fn list_types(
    _: Admin,
    state: web::Data<AppState>,
    slug: web::Path<String>,
) -> Answer {
    let items = schemas::resource_types(&state.admin, &slug).await?;
    Ok(answer(StatusCode::OK).json(List { items, next: None }))
}

/// `GET /admin/v1/tenants/{slug}/resource-types/{name}`
pub(super) async fn get_type(
    _: Admin,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (slug, name) = path.into_inner();
    Ok(answer(StatusCode::OK).json(schemas::resource_type(&state.admin, &slug, &name).await?))
}

/// `GET /admin/v1/tenants/{slug}/references`
pub(super) async fn list_references(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    slug: web::Path<String>,
) -> Answer {
    let page = Page::of_pending(&req)?;
    let (items, next) = references::pending(&state.admin, &slug, page.cursor, page.count).await?;
    Ok(answer(StatusCode::OK).json(List { items, next }))
}

async fn make(state: &AppState, req: &HttpRequest, slug: &str, edit: Edit) -> Answer {
    let asked = flags(req)?;
    Ok(match edit.make(&state.admin, slug, ACTOR, asked).await? {
        Outcome::Created(body) => answer(StatusCode::CREATED).json(body),
        Outcome::Changed(body) => answer(StatusCode::OK).json(body),
        Outcome::Removed => answer(StatusCode::NO_CONTENT).finish(),
        Outcome::Told(report) => told(&report),
    })
}

fn told(report: &schemas::Report) -> HttpResponse {
    answer(StatusCode::OK).json(json!({
        "dryRun": true,
        "fits": report.count == 0,
        "count": report.count,
        "sample": report.sample,
    }))
}

#[expect(
    clippy::disallowed_types,
    reason = "only its parser is used; a mistake is answered here"
)]
fn flags(req: &HttpRequest) -> Result<Asked, Fault> {
    let flags = web::Query::<Flags>::from_query(req.query_string())
        .map_err(|error| Fault::new(StatusCode::BAD_REQUEST, "invalid-query", error.to_string()))?;
    Ok(Asked {
        purge: flags.purge.unwrap_or(false),
        dry_run: flags.dry_run.unwrap_or(false),
    })
}
