//! `/admin/v1/profiles`

use actix_web::http::StatusCode;
use actix_web::web;
use serde_json::json;

use super::{Answer, answer};
use crate::gate::Admin;
use crate::policy;
use crate::service::administration::{AdminError, shorten};

/// `GET /admin/v1/profiles`
pub(super) async fn list(_: Admin) -> Answer {
    Ok(answer(StatusCode::OK).json(json!({"items": policy::profiles()})))
}

/// `GET /admin/v1/profiles/{name}`
pub(super) async fn get(_: Admin, name: web::Path<String>) -> Answer {
    let profile = policy::profile(&name)
        .ok_or_else(|| AdminError::NotFound(format!("profile `{}`", shorten(&name))))?;
    Ok(answer(StatusCode::OK).json(profile))
}
