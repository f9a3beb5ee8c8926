//! `/admin/v1/tenants`

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, web};

use super::input::{Body, Page};
use super::{Answer, List, answer};
use crate::AppState;
use crate::gate::{Admin, address};
use crate::service::administration::AdminError;
use crate::service::tenants::{self, NewTenant, TenantPatch, TenantView};

/// `POST /admin/v1/tenants`
pub(super) async fn create(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    body: Body<NewTenant>,
) -> Answer {
    let row = tenants::create(&state.admin, body.0).await?;
    let origin = address::origin(&req, &state.config);
    let location = format!("{origin}/admin/v1/tenants/{}", row.slug);
    Ok(answer(StatusCode::CREATED)
        .insert_header((LOCATION, location))
        .json(TenantView::new(&row, &origin)?))
}

/// `GET /admin/v1/tenants`
pub(super) async fn list(_: Admin, req: HttpRequest, state: web::Data<AppState>) -> Answer {
    let page = Page::of(&req)?;
    let (rows, next) = tenants::list(&state.admin, page.cursor, page.count).await?;
    let origin = address::origin(&req, &state.config);
    let items: Result<Vec<TenantView>, AdminError> = rows
        .iter()
        .map(|row| TenantView::new(row, &origin))
        .collect();
    Ok(answer(StatusCode::OK).json(List {
        items: items?,
        next,
    }))
}

/// `GET /admin/v1/tenants/{slug}`
pub(super) async fn get(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    slug: web::Path<String>,
) -> Answer {
    let row = tenants::find(&state.admin, &slug).await?;
    let origin = address::origin(&req, &state.config);
    Ok(answer(StatusCode::OK).json(TenantView::new(&row, &origin)?))
}

/// `PATCH /admin/v1/tenants/{slug}`
pub(super) async fn change(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    slug: web::Path<String>,
    body: Body<TenantPatch>,
) -> Answer {
    let row = tenants::change(&state.admin, &slug, body.0).await?;
    let origin = address::origin(&req, &state.config);
    Ok(answer(StatusCode::OK).json(TenantView::new(&row, &origin)?))
}

/// `DELETE /admin/v1/tenants/{slug}`
pub(super) async fn delete(
    _: Admin,
    state: web::Data<AppState>,
    slug: web::Path<String>,
) -> Answer {
    tenants::delete(&state.admin, &slug).await?;
    Ok(answer(StatusCode::NO_CONTENT).finish())
}
