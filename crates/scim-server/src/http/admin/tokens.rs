//! `/admin/v1/tenants/{slug}/tokens`

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};

use super::input::{Body, Page};
use super::{Answer, List, answer};
use crate::AppState;
use crate::gate::Admin;
use crate::service::tokens::{self, NewToken, TokenView};

/// `POST /admin/v1/tenants/{slug}/tokens`
pub(super) async fn create(
    _: Admin,
    state: web::Data<AppState>,
    slug: web::Path<String>,
    body: Body<NewToken>,
) -> Answer {
    let issued = tokens::create(&state.admin, &slug, body.0).await?;
    Ok(answer(StatusCode::CREATED).json(issued.view()))
}

/// `GET /admin/v1/tenants/{slug}/tokens`
pub(super) async fn list(
    _: Admin,
    req: HttpRequest,
    state: web::Data<AppState>,
    slug: web::Path<String>,
) -> Answer {
    let page = Page::of(&req)?;
    let (rows, next) = tokens::page(&state.admin, &slug, page.cursor, page.count).await?;
    let now = state.clock.now();
    let items: Vec<TokenView> = rows.iter().map(|row| TokenView::new(row, now)).collect();
    Ok(answer(StatusCode::OK).json(List { items, next }))
}

/// `DELETE /admin/v1/tenants/{slug}/tokens/{id}`
pub(super) async fn revoke(
    _: Admin,
    state: web::Data<AppState>,
    path: web::Path<(String, String)>,
) -> Answer {
    let (slug, id) = path.into_inner();
    tokens::revoke(&state.admin, &slug, &id).await?;
    Ok(answer(StatusCode::NO_CONTENT).finish())
}
