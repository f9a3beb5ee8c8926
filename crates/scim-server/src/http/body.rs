//! The body of a request, with a limit of size and of time.

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::time::timeout;

/// How much of a body that is too large is read and thrown away, so that the client hears why instead of losing its connection.
const DISCARD: usize = 256 * 1024 * 1024;

/// Why a body was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// 413: larger than this many bytes.
    TooLarge(usize),
    /// 408: it did not arrive in time.
    TooSlow,
    /// 400: the connection broke, or the encoding of the message is wrong.
    Broken,
}

/// Reads a body of at most `limit` bytes within `patience`.
///
/// # Errors
/// [`BodyError`].
pub async fn read(
    req: &HttpRequest,
    payload: Payload,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, BodyError> {
    let announced = announced(req);
    timeout(patience, collect(payload, limit, announced))
        .await
        .unwrap_or(Err(BodyError::TooSlow))
}

/// The media type without its parameters, in lower case; `None` when the request has none.
#[must_use]
pub fn media_type(req: &HttpRequest) -> Option<String> {
    let value = req.headers().get(CONTENT_TYPE)?;
    let text = value.to_str().unwrap_or("?");
    let essence = text.split(';').next().unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    (!essence.is_empty()).then_some(essence)
}

/// Whether the body says that it is encoded.
#[must_use]
pub fn is_encoded(req: &HttpRequest) -> bool {
    let mut values = req.headers().get_all(CONTENT_ENCODING);
    values.any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn collect(mut payload: Payload, limit: usize, announced: usize) -> Result<Bytes, BodyError> {
    let mut body = BytesMut::with_capacity(announced.min(limit).min(64 * 1024));
    let mut size = 0_usize;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(broken)?;
        size = size.saturating_add(chunk.len());
        if size.max(announced) <= limit {
            body.extend_from_slice(&chunk);
        } else if size > DISCARD {
            break;
        }
    }
    if size > limit {
        return Err(BodyError::TooLarge(limit));
    }
    Ok(body.freeze())
}

fn announced(req: &HttpRequest) -> usize {
    let value = req
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_default()
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands in `map_err`, which hands the error over"
)]
fn broken(error: PayloadError) -> BodyError {
    tracing::debug!(%error, "a body could not be read");
    BodyError::Broken
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use actix_web::FromRequest;
    use actix_web::test::TestRequest;
    use actix_web::web;
    use futures_util::Stream;

    use super::*;

    type BoxedStream = Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>>;

    async fn body_of(text: &'static str, limit: usize) -> Result<Bytes, BodyError> {
        let (req, mut payload) = TestRequest::default().set_payload(text).to_http_parts();
        let payload = web::Payload::from_request(&req, &mut payload)
            .await
            .unwrap();
        read(&req, payload.into_inner(), limit, Duration::from_secs(1)).await
    }

    #[actix_web::test]
    async fn a_body_may_be_as_large_as_the_limit() {
        assert_eq!(body_of("12345", 5).await.unwrap(), "12345");
        assert_eq!(body_of("123456", 5).await, Err(BodyError::TooLarge(5)));
        assert_eq!(body_of("", 5).await.unwrap(), "");
    }

    #[actix_web::test]
    async fn a_body_that_stalls_is_given_up() {
        let stalled: BoxedStream = Box::pin(futures_util::stream::pending());
        let payload = Payload::Stream { payload: stalled };
        let req = TestRequest::default().to_http_request();
        let read = read(&req, payload, 5, Duration::from_millis(20)).await;
        assert_eq!(read, Err(BodyError::TooSlow));
    }

    #[test]
    fn media_types_are_compared_without_parameters() {
        for (value, expected) in [
            ("application/json", Some("application/json")),
            (
                "Application/SCIM+json; charset=utf-8",
                Some("application/scim+json"),
            ),
            ("", None),
        ] {
            let req = TestRequest::default()
                .insert_header(("content-type", value))
                .to_http_request();
            assert_eq!(media_type(&req).as_deref(), expected);
        }
        assert_eq!(media_type(&TestRequest::default().to_http_request()), None);
    }
}
