//! What requests to administration carry: strict JSON bodies, and the place in a list.

use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Fault;
use crate::AppState;
use crate::http::body;
use crate::members;
use crate::service::administration::AdminError;

const PAGE: usize = 100;
const MOST: usize = 1000;

/// A JSON object read into `T`: no unknown members, none twice in any letter case, every value of its type.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Fault;
    type Future = LocalBoxFuture<'static, Result<Self, Fault>>;

    fn from_request(req: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let req = req.clone();
        let payload = payload.take();
        Box::pin(async move { read(&req, payload).await.map(Self) })
    }
}

/// The place in a list: `?cursor=…&count=…`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Where to go on, as the last answer's `next` said.
    pub cursor: Option<String>,
    /// How many items, from 1 to 1,000; more than that gives 1,000.
    pub count: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PageQuery {
    cursor: Option<String>,
    count: Option<String>,
    state: Option<String>,
}

impl Page {
    /// Reads the query of a list.
    ///
    /// # Errors
    /// 400 for an unknown or doubled parameter and for a count that is not a whole number from 1.
    pub fn of(req: &HttpRequest) -> Result<Self, Fault> {
        Self::parse(req.query_string(), None)
    }

    /// Reads the query of the list of references: `state=pending` is the only one there is.
    ///
    /// # Errors
    /// As [`Page::of`].
    pub fn of_pending(req: &HttpRequest) -> Result<Self, Fault> {
        Self::parse(req.query_string(), Some("pending"))
    }

    #[expect(
        clippy::disallowed_types,
        reason = "only its parser is used; a mistake is answered here"
    )]
    fn parse(query: &str, state: Option<&str>) -> Result<Self, Fault> {
        let invalid = |detail: String| Fault::new(StatusCode::BAD_REQUEST, "invalid-query", detail);
        let query = web::Query::<PageQuery>::from_query(query)
            .map_err(|error| invalid(error.to_string()))?
            .into_inner();
        match (query.state.as_deref(), state) {
            (None, _) => {}
            (Some(asked), Some(known)) if asked == known => {}
            (Some(_), Some(known)) => {
                return Err(invalid(format!("`state`: expected `{known}`")));
            }
            (Some(_), None) => return Err(invalid("unknown field `state`".to_owned())),
        }
        let count = match query.count.as_deref().map(str::parse::<usize>) {
            None => PAGE,
            Some(Ok(count)) if count > 0 => count.min(MOST),
            Some(_) => {
                return Err(invalid(
                    "`count`: expected a whole number from 1 to 1000".to_owned(),
                ));
            }
        };
        Ok(Self {
            cursor: query.cursor,
            count,
        })
    }
}

async fn read<T: DeserializeOwned>(req: &HttpRequest, payload: Payload) -> Result<T, Fault> {
    check_type(req)?;
    let Some(state) = req.app_data::<web::Data<AppState>>() else {
        return Err(Fault::nowhere());
    };
    let config = &state.config;
    let bytes = body::read(req, payload, config.max_body_bytes, config.body_timeout).await?;
    Ok(members::read(object(&bytes)?).map_err(AdminError::from)?)
}

fn check_type(req: &HttpRequest) -> Result<(), Fault> {
    if body::is_encoded(req) {
        return Err(Fault::media_type(
            "send the body without `Content-Encoding`",
        ));
    }
    match body::media_type(req).as_deref() {
        None | Some("application/json" | "application/scim+json") => Ok(()),
        Some(_) => Err(Fault::media_type("send the body as `application/json`")),
    }
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Fault> {
    scim_core::json::parse(bytes)
        .map_err(|error| Fault::new(StatusCode::BAD_REQUEST, "invalid-json", error.detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_count_and_a_cursor() {
        for (query, cursor, count) in [
            ("", None, 100),
            ("count=7", None, 7),
            ("count=5000", None, 1000),
            ("cursor=acme&count=1", Some("acme"), 1),
        ] {
            let page = Page::parse(query, None).unwrap();
            assert_eq!(
                (page.cursor.as_deref(), page.count),
                (cursor, count),
                "{query}"
            );
        }
        for query in [
            "count=0",
            "count=-1",
            "count=a",
            "count=",
            "count=1&count=2",
            "size=3",
            "access_token=x",
            "state=pending",
        ] {
            assert!(Page::parse(query, None).is_err(), "{query}");
        }
    }
}
