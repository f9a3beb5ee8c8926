//! What a request brings, parsed before a use-case starts: bodies within size and time, queries, conditions. RFC 7644 §3.1 and §3.8.

use std::convert::Infallible;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_TYPE, HeaderName};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest};
use percent_encoding::percent_decode_str;
use scim_core::Error;
use serde_json::{Map, Value};

use super::body::{self, BodyError};
use crate::config::Config;
use crate::service::precondition::Condition;

/// RFC 7240 §2.
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A body that has not been read: reading starts when the caller is known.
pub struct Body {
    req: HttpRequest,
    payload: Payload,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").finish_non_exhaustive()
    }
}

impl FromRequest for Body {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            req: req.clone(),
            payload: payload.take(),
        }))
    }
}

impl Body {
    /// Reads a SCIM body.
    ///
    /// # Errors
    /// 415 for another type or encoding, 413 when it is too large, 408 when it does not arrive in time, 400 `invalidSyntax` when it is
    /// not a JSON object.
    pub async fn object(self, config: &Config) -> Result<Map<String, Value>, Error> {
        scim_core::json::parse(&self.bytes(config).await?)
    }

    /// Reads the bytes of a SCIM body.
    ///
    /// # Errors
    /// As [`Body::object`], but for what the bytes say.
    pub async fn bytes(self, config: &Config) -> Result<Bytes, Error> {
        media_type(&self.req)?;
        let (limit, patience) = (config.max_body_bytes, config.body_timeout);
        let bytes = body::read(&self.req, self.payload, limit, patience).await;
        bytes.map_err(|error| match error {
            BodyError::TooLarge(limit) => Error::plain(
                413,
                format!("the body is larger than the limit of {limit} bytes"),
            ),
            BodyError::TooSlow => Error::plain(
                408,
                format!(
                    "the body did not arrive within {} seconds",
                    patience.as_secs()
                ),
            ),
            BodyError::Broken => Error::invalid_syntax("the body broke off"),
        })
    }
}

/// RFC 7644 §3.1: `application/scim+json`; clients also send `application/json` or nothing. Compressed bodies are not taken: unpacking
/// them would defeat the limit.
fn media_type(req: &HttpRequest) -> Result<(), Error> {
    let known = body::media_type(req).is_none_or(|essence| {
        ["application/scim+json", "application/json", "*/*"].contains(&essence.as_str())
    });
    if !known || !is_utf8(req) {
        return Err(Error::plain(
            415,
            "expected a body of type application/scim+json (or application/json) in UTF-8",
        ));
    }
    if body::is_encoded(req) {
        return Err(Error::plain(
            415,
            "expected a body without Content-Encoding",
        ));
    }
    Ok(())
}

/// Whether the charset, if there is one, is UTF-8 or a part of it.
fn is_utf8(req: &HttpRequest) -> bool {
    let value = req
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    value
        .into_iter()
        .flat_map(|value| value.split(';').skip(1))
        .all(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let charset = value.trim().trim_matches('"').to_ascii_lowercase();
            !name.trim().eq_ignore_ascii_case("charset")
                || ["utf-8", "utf8", "us-ascii"].contains(&charset.as_str())
        })
}

/// The parameters of a query. RFC 7644 §3.4.2, RFC 9865 §2.
pub const QUERY: [&str; 8] = [
    "filter",
    "sortBy",
    "sortOrder",
    "startIndex",
    "cursor",
    "count",
    "attributes",
    "excludedAttributes",
];
/// Those of them that count where one resource is answered. RFC 7644 §3.9.
pub const PROJECTION: [&str; 2] = ["attributes", "excludedAttributes"];

/// The parameters of the query string that have one of these names, in any letter case, form-decoded: `+` is a space. What others hold
/// is not looked at, for they are ignored (RFC 7644 §3.4.2).
///
/// # Errors
/// 400 `invalidValue` when a value is not UTF-8.
pub fn parameters(req: &HttpRequest, names: &[&str]) -> Result<Vec<(String, String)>, Error> {
    let known = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    req.query_string()
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter_map(|(name, value)| Some((decode(name).filter(|name| known(name))?, value)))
        .map(|(name, value)| {
            let value = decode(value).ok_or_else(|| {
                Error::invalid_value(format!("the query parameter `{name}` is not UTF-8"))
            })?;
            Ok((name, value))
        })
        .collect()
}

/// Whether the query string has a parameter of that name, in any letter case and whatever it holds.
#[must_use]
pub fn has_parameter(req: &HttpRequest, name: &str) -> bool {
    req.query_string()
        .split('&')
        .filter_map(|pair| decode(pair.split('=').next()?))
        .any(|found| found.eq_ignore_ascii_case(name))
}

fn decode(text: &str) -> Option<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    Some(decoded.into_owned())
}

/// A conditional header.
#[must_use]
pub fn condition(req: &HttpRequest, header: &HeaderName) -> Condition {
    Condition::read(
        req.headers()
            .get_all(header)
            // A tag that is not text names no version.
            .map(|value| value.to_str().unwrap_or("?")),
    )
}

/// Whether the client asked for no more than a confirmation. RFC 7240 §4.2.
#[must_use]
pub fn prefers_minimal(req: &HttpRequest) -> bool {
    req.headers()
        .get_all(PREFER)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split([',', ';']))
        .any(|one| one.replace(' ', "").eq_ignore_ascii_case("return=minimal"))
}
