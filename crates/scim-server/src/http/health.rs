//! `/health/live`: the process answers. `/health/ready`: it can do its work, and wants more of it.

use std::time::Duration;

use actix_web::{HttpResponse, web};
use serde_json::json;

use crate::AppState;

/// A database that does not answer within this is not ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// Adds the routes. They are open to all and say nothing but yes or no.
pub fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/health/live", web::get().to(live))
        .route("/health/ready", web::get().to(ready));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

async fn ready(state: web::Data<AppState>) -> HttpResponse {
    if state.is_stopping() {
        return not_ready("stopping");
    }
    match tokio::time::timeout(PATIENCE, state.store.ping()).await {
        Ok(Ok(())) => HttpResponse::Ok().json(json!({"status": "ready"})),
        _ => not_ready("database not available"),
    }
}

fn not_ready(reason: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header(("retry-after", "1"))
        .json(json!({"status": reason}))
}
