//! What leaves the server: resources, lists and errors as `application/scim+json`. The only place that knows status lines and headers.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, ETAG, HeaderValue, LOCATION, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use scim_core::Error;
use scim_core::list::ResponseText;
use scim_core::resource::project::Projection;
use scim_core::resource::{Meta, etag};
use serde_json::Value;

use crate::service::read::Page;
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
    /// The error as a client sees it: nothing of our inside.
    fn as_scim(&self) -> Error {
        match &self.0 {
            resources::Error::Refused(error) => error.clone(),
            resources::Error::Store(StoreError::Unavailable(_) | StoreError::Stale) => {
                Error::plain(503, "the database is not available; try again later")
            }
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

/// One resource with its version and place.
///
/// # Errors
/// [`Failure`] when what is stored is broken.
pub fn resource(
    status: StatusCode,
    resource: &Resource,
    projection: &Projection,
    base_url: &str,
) -> Result<HttpResponse, Failure> {
    let meta = resource.meta(base_url);
    let mut body = String::with_capacity(room(resource));
    write(&mut body, resource, projection, &meta)?;
    let mut answer = HttpResponse::build(status);
    versioned(&mut answer, meta);
    Ok(answer.content_type(SCIM_JSON).body(body))
}

/// An answer without body that still says which version there is: 304, or 204 after a PATCH.
#[must_use]
pub fn bare(status: StatusCode, resource: &Resource, base_url: &str) -> HttpResponse {
    let mut answer = HttpResponse::build(status);
    versioned(&mut answer, resource.meta(base_url));
    answer.finish()
}

fn versioned(answer: &mut HttpResponseBuilder, meta: Meta) {
    answer.insert_header((ETAG, etag(meta.version)));
    if let Ok(location) = HeaderValue::try_from(meta.location) {
        answer.insert_header((LOCATION, location));
    }
}

/// A page of resources. RFC 7644 §3.4.2.
///
/// # Errors
/// [`Failure`] when what is stored is broken.
pub fn list(
    page: &Page,
    projection: impl Fn(&Resource) -> Result<Projection, Error>,
    base_url: &str,
) -> Result<HttpResponse, Failure> {
    let length = page.resources.iter().map(room).sum();
    let count = page.resources.len();
    let mut list = ResponseText::new(count, length, page.total, page.start_index);
    for one in &page.resources {
        write(list.item(), one, &projection(one)?, &one.meta(base_url))?;
    }
    let body = list.end();
    Ok(json(StatusCode::OK, body))
}

/// A list of documents that are not resources of a tenant: discovery.
#[must_use]
pub fn documents(documents: &[Value]) -> HttpResponse {
    let texts: Vec<String> = documents.iter().map(Value::to_string).collect();
    let total = i64::try_from(texts.len()).unwrap_or(i64::MAX);
    json(StatusCode::OK, scim_core::list::response(&texts, total, 1))
}

/// About how long the text of a resource is.
fn room(resource: &Resource) -> usize {
    resource.stored.doc.len() + 384
}

/// Puts the JSON text of a resource as the client sees it at the end of `text`.
fn write(
    text: &mut String,
    resource: &Resource,
    projection: &Projection,
    meta: &Meta,
) -> Result<(), Failure> {
    let resource_type = &resource.resource_type;
    if projection.is_default() && resource_type.is_passthrough() {
        write_whole(text, resource, meta);
        return Ok(());
    }
    let view = resources::view(resource_type, &resource.stored, meta)?;
    let seen = projection.apply(resource_type, view, &resource.sent);
    text.push_str(&Value::Object(seen).to_string());
    Ok(())
}

/// The stored text with `meta` put in before its last brace: the document is shown as it is, so it need not be read.
fn write_whole(text: &mut String, resource: &Resource, meta: &Meta) {
    let doc = &resource.stored.doc;
    text.push_str(doc.strip_suffix('}').unwrap_or(doc));
    text.push_str(",\"meta\":");
    meta.write(text, &resource.resource_type.name);
    text.push('}');
}
