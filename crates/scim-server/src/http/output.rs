//! What leaves the server: resources, lists and errors as `application/scim+json`. The only place that knows status lines and headers.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, ETAG, HeaderValue, LOCATION, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use scim_core::Error;
use scim_core::resource::{Meta, etag};
use serde_json::Value;

use crate::service::resources::{self, Resource};
use crate::store::StoreError;

/// The media type of every SCIM answer. RFC 7644 §3.1.
pub const SCIM_JSON: &str = "application/scim+json";

/// How long a client should wait when the database is away, in seconds.
const RETRY_SECONDS: &str = "5";

/// The refusal of a request, as a SCIM Error.
#[derive(Debug)]
pub struct Failure(pub resources::Error);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Failure {}

impl<E: Into<resources::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        status(self.as_scim().status)
    }

    fn error_response(&self) -> HttpResponse {
        let error = self.as_scim();
        // Mistakes of ours are logged here, once; what a client did wrong is its own business.
        if error.status == 500 {
            tracing::error!(error = %self.0, "a request failed");
        }
        let mut answer = HttpResponse::build(status(error.status));
        if matches!(error.status, 503 | 507) {
            tracing::warn!(error = %self.0, "the database could not serve a request");
            answer.insert_header((RETRY_AFTER, RETRY_SECONDS));
        }
        answer
            .content_type(SCIM_JSON)
            .body(error.body().to_string())
    }
}

impl Failure {
    /// Whether what was asked for is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(&self.0, resources::Error::Refused(error) if error.status == 404)
    }

    /// The error as a client sees it: nothing of our inside.
    fn as_scim(&self) -> Error {
        match &self.0 {
            resources::Error::Refused(error) => error.clone(),
            resources::Error::Store(
                StoreError::Unavailable(_) | StoreError::Stale | StoreError::SchemaChanged,
            ) => Error::plain(503, "the database is not available; try again later"),
            resources::Error::Store(StoreError::Full) => {
                Error::plain(507, "the database is full; nothing was changed")
            }
            // The tenant was deleted while the request was on its way.
            resources::Error::Store(StoreError::NoTenant) => {
                Error::plain(401, "the token is not valid any more")
            }
            resources::Error::Store(StoreError::Conflict { .. }) => Error::uniqueness("value"),
            resources::Error::Store(_) | resources::Error::Internal(_) => {
                Error::plain(500, "the server made a mistake; nothing was changed")
            }
        }
    }
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A SCIM answer with a body.
#[must_use]
pub fn json(status: StatusCode, body: String) -> HttpResponse {
    HttpResponse::build(status)
        .content_type(SCIM_JSON)
        .body(body)
}

/// 405 with the methods there are. RFC 9110 §15.5.6.
#[must_use]
pub fn method_not_allowed(allow: &'static str) -> HttpResponse {
    let error = Error::plain(405, format!("this method is not offered here; use {allow}"));
    HttpResponse::MethodNotAllowed()
        .insert_header((ALLOW, allow))
        .content_type(SCIM_JSON)
        .body(error.body().to_string())
}

/// An answer without body that still says which version there is: 304, or 204 after a PATCH.
#[must_use]
pub fn bare(status: StatusCode, resource: &Resource, base_url: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    versioned(&mut answer, resource.meta(base_url));
    answer.finish()
}

/// Says which version there is, and where.
pub(super) fn versioned(answer: &mut HttpResponseBuilder, meta: Meta) {
    answer.insert_header((ETAG, etag(meta.version)));
    if let Ok(location) = HeaderValue::try_from(meta.location) {
        answer.insert_header((LOCATION, location));
    }
}

/// A list of documents that are not resources of a tenant: discovery.
#[must_use]
pub fn documents(documents: &[Value]) -> HttpResponse {
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    let total = i64::try_from(texts.len()).unwrap_or(i64::MAX);
    json(StatusCode::OK, scim_core::list::response(&texts, total, 1))
}
