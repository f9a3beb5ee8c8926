//! `/admin/v1/profiles`

use actix_web::http::StatusCode;
use actix_web::web;

use super::{Answer, List, answer};
use crate::gate::Admin;
use crate::policy;
use crate::service::administration::{AdminError, shorten};

/// `GET /admin/v1/profiles`
pub(super) async fn list(_: Admin) -> Answer {
    Ok(answer(StatusCode::OK).json(List {
        items: policy::profiles(),
        next: None,
    }))
}

/// `GET /admin/v1/profiles/{name}`
pub(super) async fn get(_: Admin, name: web::Path<String>) -> Answer {
    let profile = policy::profile(&name)
        .ok_or_else(|| AdminError::NotFound(format!("profile `{}`", shorten(&name))))?;
    Ok(answer(StatusCode::OK).json(profile))
}
