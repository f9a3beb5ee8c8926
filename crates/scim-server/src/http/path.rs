//! The spellings of a URL that mean the same, brought to one before routing.
//!
//! Provisioning clients write `/scim/v2/Users`, `/scim/Users`, `/Users`, with doubled and final slashes and in other letter case. This
//! rewrites the path; it decides nothing about who may do what: that is the business of the extractors in [`crate::gate`].

use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::uri::PathAndQuery;
use actix_web::middleware::Next;

/// First segments that are not SCIM's.
const OTHER: [&str; 8] = [
    "admin",
    "console",
    "docs",
    "health",
    "metrics",
    "oauth",
    "openapi.json",
    ".well-known",
];

/// Endpoint names that do not depend on a tenant, as the route table spells them.
const ENDPOINTS: [&str; 6] = [
    "ServiceProviderConfig",
    "ResourceTypes",
    "Schemas",
    "Bulk",
    "Me",
    ".search",
];

/// Middleware that rewrites the path.
///
/// # Errors
/// None of its own.
pub async fn canonical<B: MessageBody>(
    mut req: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    if let Some(path) = rewrite(req.path()) {
        let text = match req.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path,
        };
        if let Ok(path_and_query) = PathAndQuery::try_from(text) {
            let mut parts = req.uri().clone().into_parts();
            parts.path_and_query = Some(path_and_query);
            if let Ok(uri) = Uri::from_parts(parts) {
                req.match_info_mut().get_mut().update(&uri);
                req.head_mut().uri = uri;
            }
        }
    }
    next.call(req).await
}

/// The path in the route table's spelling; `None` when it is spelt so already.
#[must_use]
pub fn rewrite(path: &str) -> Option<String> {
    if is_usual(path) {
        return None;
    }
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .collect();
    let canonical = match segments.as_slice() {
        [first, ..] if OTHER.contains(first) => join(&segments),
        ["t", slug, rest @ ..] => scim(&format!("/t/{slug}"), rest),
        rest => scim("", rest),
    };
    (canonical != path).then_some(canonical)
}

/// Whether the path is a type's, perhaps with an id, as nearly all are: nothing else of it need be looked at.
fn is_usual(path: &str) -> bool {
    let Some(rest) = path.strip_prefix("/scim/v2/") else {
        return false;
    };
    let (kind, id) = rest.split_once('/').unwrap_or((rest, "?"));
    let named = |segment: &str| {
        ENDPOINTS
            .iter()
            .any(|name| name.eq_ignore_ascii_case(segment))
    };
    !kind.is_empty() && !id.is_empty() && !id.contains('/') && !named(kind) && !named(id)
}

/// `/scim/v2` before whatever follows; another version stays in the path, where a route refuses it.
fn scim(tenant: &str, rest: &[&str]) -> String {
    let rest = match rest {
        [scim, rest @ ..] if scim.eq_ignore_ascii_case("scim") => rest,
        rest => rest,
    };
    let rest = match rest {
        [version, rest @ ..] if version.eq_ignore_ascii_case("v2") => rest,
        rest => rest,
    };
    let names: Vec<&str> = rest.iter().map(|segment| endpoint(segment)).collect();
    format!("{tenant}/scim/v2{}", join(&names))
}

fn endpoint(segment: &str) -> &str {
    ENDPOINTS
        .into_iter()
        .find(|name| name.eq_ignore_ascii_case(segment))
        .unwrap_or(segment)
}

fn join(segments: &[&str]) -> String {
    segments.iter().flat_map(|segment| ["/", segment]).collect()
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn spellings_of_one_url_meet() {
        for (path, canonical) in [
            ("/scim/v2/Users", "/scim/v2/Users"),
            ("/scim/v2/Users/2819", "/scim/v2/Users/2819"),
            ("/scim/v2/Users/2819/", "/scim/v2/Users/2819"),
            ("/scim/v2/Users//2819", "/scim/v2/Users/2819"),
            ("/scim/v2//Users", "/scim/v2/Users"),
            ("/scim/v2/users/.Search", "/scim/v2/users/.search"),
            ("/scim/v2/SCHEMAS", "/scim/v2/Schemas"),
            ("/scim/Users", "/scim/v2/Users"),
            ("/Users", "/scim/v2/Users"),
            ("/v2/Users", "/scim/v2/Users"),
            ("//scim//v2//Users/", "/scim/v2/Users"),
            ("/Users/2819?", "/scim/v2/Users/2819?"),
            ("/schemas", "/scim/v2/Schemas"),
            (
                "/SCIM/V2/serviceproviderconfig/",
                "/scim/v2/ServiceProviderConfig",
            ),
            ("/Users/.SEARCH", "/scim/v2/Users/.search"),
            ("/t/acme/scim/v2/Users/", "/t/acme/scim/v2/Users"),
            ("/", "/scim/v2"),
            ("/scim/v3/Users", "/scim/v2/v3/Users"),
            ("/admin/v1/tenants", "/admin/v1/tenants"),
            ("//admin//v1/tenants/", "/admin/v1/tenants"),
            ("/health/live", "/health/live"),
            ("/%55sers", "/scim/v2/%55sers"),
        ] {
            assert_eq!(
                rewrite(path).as_deref().unwrap_or(path),
                canonical,
                "{path}"
            );
        }
    }
}
