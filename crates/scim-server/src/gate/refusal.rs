//! Why the gate refuses, as a SCIM answer and as an answer of administration.

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use scim_core::Error;
use serde_json::json;

use crate::service::administration::AdminError;
use crate::service::tokens::Scope;
use crate::store::StoreError;

/// Why the gate refuses. It says nothing about tenants that are not the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// 401: no bearer token was sent.
    NoCredentials,
    /// 401: the token is malformed, unknown, revoked or past its time.
    InvalidToken,
    /// 400: more than one `Authorization` header.
    InvalidRequest,
    /// 403: the path names a tenant that is not the token's.
    OtherTenant,
    /// 403: the tenant is suspended.
    Suspended,
    /// 403: the token lacks this scope.
    MissingScope(Scope),
    /// 403: the tenant's policy is read-only.
    ReadOnly,
    /// 429: too many failed authentications from this address.
    TooManyFailures {
        /// When one more is heard.
        retry_after: Duration,
    },
    /// 429: the tenant's budget is used up.
    OverBudget {
        /// When one more request is admitted.
        retry_after: Duration,
    },
    /// 503: the database cannot answer.
    Unavailable,
    /// 500: something is wrong here; the log says what.
    Internal,
}

/// A [`Refusal`] that answers in administration's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminRefusal(pub Refusal);

impl Refusal {
    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::InvalidRequest => StatusCode::BAD_REQUEST,
            Self::NoCredentials | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::OtherTenant | Self::Suspended | Self::MissingScope(_) | Self::ReadOnly => {
                StatusCode::FORBIDDEN
            }
            Self::TooManyFailures { .. } | Self::OverBudget { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A word for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::NoCredentials => "no-credentials",
            Self::InvalidToken => "invalid-token",
            Self::OtherTenant => "other-tenant",
            Self::Suspended => "tenant-suspended",
            Self::MissingScope(_) => "missing-scope",
            Self::ReadOnly => "read-only",
            Self::TooManyFailures { .. } => "too-many-failures",
            Self::OverBudget { .. } => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::Internal => "internal",
        }
    }

    /// `WWW-Authenticate`, RFC 6750 §3: without an error code when no credentials were sent.
    #[must_use]
    pub fn challenge(&self) -> Option<HeaderValue> {
        let value = match self {
            Self::NoCredentials => "Bearer realm=\"scimd\"",
            Self::InvalidToken => "Bearer realm=\"scimd\", error=\"invalid_token\"",
            Self::InvalidRequest => "Bearer realm=\"scimd\", error=\"invalid_request\"",
            Self::MissingScope(Scope::Read) => {
                "Bearer realm=\"scimd\", error=\"insufficient_scope\", scope=\"scim:read\""
            }
            Self::MissingScope(_) => {
                "Bearer realm=\"scimd\", error=\"insufficient_scope\", scope=\"scim:write\""
            }
            _ => return None,
        };
        Some(HeaderValue::from_static(value))
    }

    /// Whole seconds for `Retry-After`, at least one.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooManyFailures { retry_after } | Self::OverBudget { retry_after } => {
                Some(super::limit::whole_seconds(*retry_after))
            }
            Self::Unavailable => Some(1),
            _ => None,
        }
    }

    /// The refusal as SCIM sees it, RFC 7644 §3.12.
    #[must_use]
    pub fn scim_error(&self) -> Error {
        Error::plain(self.status().as_u16(), self.to_string())
    }

    fn builder(&self) -> HttpResponseBuilder {
        let mut answer = HttpResponse::build(self.status());
        if let Some(challenge) = self.challenge() {
            answer.insert_header((header::WWW_AUTHENTICATE, challenge));
        }
        if let Some(seconds) = self.retry_after() {
            answer.insert_header((header::RETRY_AFTER, seconds));
        }
        answer
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCredentials => "send a bearer token in the `Authorization` header",
            Self::InvalidToken => "the bearer token is unknown, revoked or past its time; ask for a new one",
            Self::InvalidRequest => "send exactly one `Authorization` header",
            Self::OtherTenant => "the token does not belong to the tenant in the path",
            Self::Suspended => "the tenant is suspended",
            Self::MissingScope(scope) => {
                return write!(f, "the token lacks the scope `{}`", scope.as_str());
            }
            Self::ReadOnly => "the tenant is read-only; writing needs a token with the scope `scim:provision`",
            Self::TooManyFailures { .. } => {
                "too many failed authentications from this address; wait as long as `Retry-After` says"
            }
            Self::OverBudget { .. } => "the tenant's rate limit is used up; wait as long as `Retry-After` says",
            Self::Unavailable => "the database cannot answer; try again",
            Self::Internal => "something went wrong here; the log says what",
        })
    }
}

impl std::error::Error for Refusal {}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    fn error_response(&self) -> HttpResponse {
        self.builder()
            .content_type("application/scim+json")
            .body(self.scim_error().body().to_string())
    }
}

impl fmt::Display for AdminRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for AdminRefusal {}

impl ResponseError for AdminRefusal {
    fn status_code(&self) -> StatusCode {
        self.0.status()
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.0.status().as_u16();
        let body = json!({"status": status, "error": self.0.code(), "detail": self.0.to_string()});
        self.0
            .builder()
            .content_type("application/json")
            .body(body.to_string())
    }
}

/// What the store cannot do while somebody stands at the gate.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::Unavailable,
            other => {
                tracing::error!(error = %other, "the gate could not read a token or tenant");
                Self::Internal
            }
        }
    }
}

impl From<AdminError> for Refusal {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::Store(error) => error.into(),
            other => {
                tracing::error!(error = %other, "the gate could not understand a tenant");
                Self::Internal
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;

    use super::*;

    #[actix_web::test]
    async fn a_refusal_is_a_scim_error() {
        let answer = Refusal::InvalidToken.error_response();
        assert_eq!(answer.status(), 401);
        assert_eq!(
            answer.headers().get("www-authenticate").unwrap(),
            "Bearer realm=\"scimd\", error=\"invalid_token\""
        );
        assert_eq!(
            answer.headers().get("content-type").unwrap(),
            "application/scim+json"
        );
        let body = to_bytes(answer.into_body()).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            body["schemas"],
            json!(["urn:ietf:params:scim:api:messages:2.0:Error"])
        );
        assert_eq!(body["status"], "401");
    }

    #[actix_web::test]
    async fn administration_answers_in_its_own_shape() {
        let answer = AdminRefusal(Refusal::NoCredentials).error_response();
        assert_eq!(
            answer.headers().get("www-authenticate").unwrap(),
            "Bearer realm=\"scimd\""
        );
        let body = to_bytes(answer.into_body()).await.unwrap();
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            (&body["status"], &body["error"]),
            (&json!(401), &json!("no-credentials"))
        );
    }

    #[test]
    fn waiting_is_never_less_than_a_second() {
        let wait = |millis| {
            Refusal::OverBudget {
                retry_after: Duration::from_millis(millis),
            }
            .retry_after()
        };
        assert_eq!(
            (wait(0), wait(1), wait(1000), wait(1001)),
            (Some(1), Some(1), Some(1), Some(2))
        );
    }
}
