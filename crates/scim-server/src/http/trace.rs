//! What surrounds every request: its id, its log span, its rate-limit headers, and a panic's end.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, Method};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tracing::Instrument;
use tracing::field::Empty;

use crate::AppState;
use crate::gate::{self, Refusal};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// The outermost middleware.
///
/// # Errors
/// 500 when the handler panicked; else what the handler says.
pub async fn request<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let id = next_id();
    let start = Instant::now();
    let method = known_method(request.method());
    let stopping = request
        .app_data::<web::Data<AppState>>()
        .is_some_and(|state| state.is_stopping());
    let span = tracing::error_span!("request", request.id = %id, tenant.slug = Empty);
    let mut answer = survive(next.call(request)).instrument(span.clone()).await?;
    dress(&mut answer, &id, stopping);
    let _in = span.enter();
    // The path is not logged: filters hold names and addresses.
    tracing::trace!(
        http.method = method,
        http.route = answer.request().match_pattern(),
        http.status = answer.status().as_u16(),
        duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX),
        "request answered"
    );
    Ok(answer)
}

/// The method, if it is one of HTTP's: any other word is the client's own, and could be a secret that went astray.
fn known_method(method: &Method) -> &'static str {
    let known = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT",
    ];
    let found = known.into_iter().find(|name| method == name);
    found.unwrap_or("other")
}

fn dress<B>(answer: &mut ServiceResponse<B>, id: &str, stopping: bool) {
    let budget = gate::budget(answer.request());
    let headers = answer.headers_mut();
    insert(headers, REQUEST_ID, id);
    if let Some(budget) = budget {
        insert(headers, RATE_LIMIT_POLICY, &budget.policy_header());
        insert(headers, RATE_LIMIT, &budget.header());
    }
    if stopping {
        answer
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
}

fn insert(headers: &mut actix_web::http::header::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

/// A panic ends its own request and nothing else. Where it was is in the log already.
async fn survive<T>(call: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let mut call = pin!(call);
    poll_fn(move |context| {
        // Nothing of the call is used after it panicked.
        match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
            Ok(poll) => poll,
            Err(_) => Poll::Ready(Err(Refusal::Internal.into())),
        }
    })
    .await
}

/// An id for people who compare a log with what a client saw: unique in this process, unlikely elsewhere.
fn next_id() -> String {
    static PROCESS: LazyLock<u32> = LazyLock::new(|| getrandom::u32().unwrap_or_default());
    static COUNT: AtomicU64 = AtomicU64::new(1);
    format!("{:08x}-{}", *PROCESS, COUNT.fetch_add(1, Ordering::Relaxed))
}
