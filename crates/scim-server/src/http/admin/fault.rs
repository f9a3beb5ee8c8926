//! Errors of administration: `{"status": 409, "error": "short-code", "detail": "a sentence"}`.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::http::body::BodyError;
use crate::service::administration::AdminError;
use crate::service::schemas::Report;
use crate::store::StoreError;

/// An error as administration answers it.
#[derive(Debug)]
pub struct Fault {
    status: StatusCode,
    code: &'static str,
    detail: String,
    allow: Option<&'static str>,
    report: Option<Box<Report>>,
}

impl Fault {
    /// An error with a word for programs and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            allow: None,
            report: None,
        }
    }

    /// 404 for a path that names nothing.
    #[must_use]
    pub fn nowhere() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            "there is nothing at this path",
        )
    }

    /// 405, with what is allowed.
    #[must_use]
    pub fn method(allow: &'static str) -> Self {
        let detail = format!("this path takes {allow}");
        Self {
            allow: Some(allow),
            ..Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", detail)
        }
    }

    /// 415, with what is taken.
    #[must_use]
    pub fn media_type(expected: &str) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported-media-type",
            expected,
        )
    }
}

impl From<AdminError> for Fault {
    fn from(error: AdminError) -> Self {
        let detail = error.to_string();
        match error {
            AdminError::Invalid { code, .. } => Self::new(StatusCode::BAD_REQUEST, code, detail),
            AdminError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not-found", detail),
            AdminError::Conflict { code, .. } => Self::new(StatusCode::CONFLICT, code, detail),
            AdminError::InTheWay(report) => Self {
                report: Some(Box::new(report)),
                ..Self::new(StatusCode::CONFLICT, "data-in-the-way", detail)
            },
            AdminError::Store(error) => error.into(),
            AdminError::Internal(_) => internal(&detail),
        }
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "the database cannot answer; try again",
            ),
            StoreError::Full => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "database-full",
                "the database has no room left",
            ),
            StoreError::NoTenant => Self::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "the tenant was deleted meanwhile",
            ),
            other => internal(&other.to_string()),
        }
    }
}

impl From<BodyError> for Fault {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge(limit) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                format!("the body may have at most {limit} bytes"),
            ),
            BodyError::TooSlow => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "too-slow",
                "the body did not arrive in time",
            ),
            BodyError::Broken => Self::new(
                StatusCode::BAD_REQUEST,
                "broken-body",
                "the body could not be read to its end",
            ),
        }
    }
}

fn internal(reason: &str) -> Fault {
    tracing::error!(reason, "administration failed");
    Fault::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal",
        "something went wrong here; the log says what",
    )
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Fault {}

impl ResponseError for Fault {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = super::answer(self.status);
        if let Some(allow) = self.allow {
            answer.insert_header((header::ALLOW, allow));
        }
        let again = [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::INSUFFICIENT_STORAGE,
        ];
        if again.contains(&self.status) {
            answer.insert_header((header::RETRY_AFTER, "1"));
        }
        let status = self.status.as_u16();
        let mut body = json!({"status": status, "error": self.code, "detail": self.detail});
        if let (Some(report), Some(members)) = (&self.report, body.as_object_mut()) {
            members.insert("count".into(), report.count.into());
            members.insert("sample".into(), json!(report.sample));
        }
        answer.json(body)
    }
}
