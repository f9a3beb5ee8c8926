//! Errors that carry their status and scimType from birth. RFC 7644 §3.12.

use std::fmt;

use serde_json::{Map, Value, json};

use crate::urn;

/// The `scimType` of a 400 or 409 answer, RFC 7644 §3.12 Table 9, §7.5.2 and RFC 9865 §2.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScimType {
    /// The filter's syntax, or the attribute and operator in it, cannot be used.
    InvalidFilter,
    /// The answer would be larger than the server is willing to compute.
    TooMany,
    /// A value that must be unique is taken.
    Uniqueness,
    /// The attribute may not be changed so.
    Mutability,
    /// The body is not JSON, or not the message that was expected.
    InvalidSyntax,
    /// A PATCH path is malformed or names an unknown attribute.
    InvalidPath,
    /// A PATCH path selects nothing.
    NoTarget,
    /// A value is missing or does not fit its attribute.
    InvalidValue,
    /// The protocol version in the path is not served.
    InvalidVers,
    /// The request should not be sent in a URI.
    Sensitive,
    /// The cursor was not given out for this query (RFC 9865 §2.1).
    InvalidCursor,
    /// The cursor was given out too long ago (RFC 9865 §2.1).
    ExpiredCursor,
    /// A following page is asked for with another `count` than the first (RFC 9865 §2.1).
    InvalidCount,
}

impl ScimType {
    /// The word that stands in the answer.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }
}

/// A refusal: the HTTP status, the scimType where the RFC has one, and one sentence that says what to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// HTTP status code.
    pub status: u16,
    /// `scimType`, where Table 9 has one.
    pub scim_type: Option<ScimType>,
    /// What is wrong and what was expected.
    pub detail: String,
}

/// The result of everything in this crate that can refuse.
pub type Result<T, E = Error> = std::result::Result<T, E>;

macro_rules! bad_request {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {$(
        $(#[$doc])*
        #[must_use]
        pub fn $name(detail: impl Into<String>) -> Self {
            Self { status: 400, scim_type: Some(ScimType::$kind), detail: detail.into() }
        }
    )*};
}

impl Error {
    bad_request! {
        /// 400 `invalidFilter`.
        invalid_filter => InvalidFilter;
        /// 400 `tooMany`.
        too_many => TooMany;
        /// 400 `mutability`.
        mutability => Mutability;
        /// 400 `invalidSyntax`.
        invalid_syntax => InvalidSyntax;
        /// 400 `invalidPath`.
        invalid_path => InvalidPath;
        /// 400 `noTarget`.
        no_target => NoTarget;
        /// 400 `invalidValue`.
        invalid_value => InvalidValue;
        /// 400 `invalidVers`.
        invalid_vers => InvalidVers;
        /// 400 `invalidCursor`, RFC 9865 §2.1.
        invalid_cursor => InvalidCursor;
        /// 400 `expiredCursor`, RFC 9865 §2.1.
        expired_cursor => ExpiredCursor;
        /// 400 `invalidCount`, RFC 9865 §2.1.
        invalid_count => InvalidCount;
    }

    /// An error without a scimType.
    #[must_use]
    pub fn plain(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            scim_type: None,
            detail: detail.into(),
        }
    }

    /// 404 for an id that this tenant does not have; the same for every id, whoever owns it.
    #[must_use]
    pub fn not_found(id: &str) -> Self {
        Self::plain(404, format!("resource `{}` not found", shorten(id)))
    }

    /// 409 `uniqueness` for an attribute whose value another resource has.
    #[must_use]
    pub fn uniqueness(attribute: &str) -> Self {
        Self {
            status: 409,
            scim_type: Some(ScimType::Uniqueness),
            detail: format!("`{attribute}`: another resource already has this value"),
        }
    }

    /// 412 for an `If-Match` that does not hold.
    #[must_use]
    pub fn precondition() -> Self {
        Self::plain(
            412,
            "the resource has changed since the version in `If-Match`; read it again",
        )
    }

    /// Whether the error says that a path or filter names an attribute no schema has.
    #[must_use]
    pub fn is(&self, kind: ScimType) -> bool {
        self.scim_type == Some(kind)
    }

    /// The error as the message of RFC 7644 §3.12; `status` is a string there.
    ///
    /// ```
    /// let body = scim_core::Error::invalid_value("`active`: expected a boolean, found a number").body();
    /// assert_eq!(body["status"], "400");
    /// assert_eq!(body["scimType"], "invalidValue");
    /// ```
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert("schemas".into(), json!([urn::ERROR]));
        body.insert("status".into(), self.status.to_string().into());
        if let Some(kind) = self.scim_type {
            body.insert("scimType".into(), kind.as_str().into());
        }
        body.insert("detail".into(), self.detail.clone().into());
        Value::Object(body)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Error {}

/// A client's text, short enough to repeat in a `detail`.
#[must_use]
pub fn shorten(text: &str) -> String {
    const MOST: usize = 80;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let head: String = text.chars().take(MOST).collect();
    format!("{head}…")
}
