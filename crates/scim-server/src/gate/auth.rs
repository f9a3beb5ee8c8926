//! A bearer token becomes a tenant and scopes. RFC 6750 §2.1; tokens in a body or a query are never looked at.

use std::net::IpAddr;
use std::sync::Arc;

use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::{HttpMessage, HttpRequest, web};
use uuid::Uuid;

use super::cache::KnownToken;
use super::refusal::Refusal;
use super::{address, state};
use crate::AppState;
use crate::policy::Document;
use crate::service::tenants::{Tenant, scim_base_url};
use crate::service::tokens::{Scope, State};
use crate::token::{Digest, Presented};

/// What a token says about who carries it.
#[derive(Debug)]
pub struct Admitted {
    /// The tenant the token belongs to.
    pub tenant: Arc<Tenant>,
    /// The token's id.
    pub token: Uuid,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Who does it, for the record of changes.
    pub actor: String,
}

/// One request in front of the gate.
pub(super) struct Door {
    pub(super) state: web::Data<AppState>,
    req: HttpRequest,
    address: IpAddr,
}

impl Door {
    pub(super) fn of(req: &HttpRequest) -> Result<Self, Refusal> {
        let state = state(req)?;
        let address = address::client(req, &state.config.trusted_proxies);
        Ok(Self {
            state,
            req: req.clone(),
            address,
        })
    }

    pub(super) fn has_credentials(&self) -> bool {
        self.req.headers().contains_key(AUTHORIZATION)
    }

    /// Admits the carrier of a tenant's token.
    pub(super) async fn admit(&self) -> Result<Admitted, Refusal> {
        let presented = self.presented()?;
        let cache = &self.state.gate.cache;
        let known = cache.token(presented.public_id()).await?;
        // An unknown token is compared too, so that its refusal takes as long.
        let digest = known
            .as_ref()
            .map_or(&Digest::NOBODY, |token| &token.digest);
        let genuine = self.state.admin.pepper.digest(&presented).matches(digest);
        let now = self.state.clock.now();
        let token = known
            .filter(|token| {
                genuine && State::at(now, token.expires, token.revoked) == State::Active
            })
            .ok_or_else(|| self.failed(Refusal::InvalidToken))?;
        let tenant = cache.tenant(token.tenant).await?;
        let tenant = tenant.ok_or_else(|| self.failed(Refusal::InvalidToken))?;
        self.state.gate.usage.note(token.id, now, self.address);
        tracing::Span::current().record("tenant.slug", tenant.slug.as_str());
        self.enter(tenant, &token, &presented)
    }

    /// Lets in who has no token where the tenant's policy shows the document to all.
    pub(super) async fn visit(&self, document: Document) -> Result<Option<Arc<Tenant>>, Refusal> {
        let Some(slug) = self.slug() else {
            let shown = crate::policy::Policy::default().public_discovery;
            let shown = shown.contains(&document);
            return shown
                .then_some(None)
                .ok_or_else(|| self.failed(Refusal::NoCredentials));
        };
        let tenant = self.state.gate.cache.tenant_by_slug(slug).await?;
        let tenant = tenant.filter(|tenant| {
            !tenant.suspended && tenant.policy.public_discovery.contains(&document)
        });
        // A tenant that is not there is refused like one that shows nothing.
        let tenant = tenant.ok_or_else(|| self.failed(Refusal::NoCredentials))?;
        Ok(Some(tenant))
    }

    /// Admits the administrator.
    pub(super) fn admit_admin(&self) -> Result<(), Refusal> {
        let text = bearer(self.req.headers()).map_err(|refusal| self.failed(refusal))?;
        let digest = self.state.admin.pepper.admin_digest(text);
        if digest.matches(&self.state.gate.admin) {
            return Ok(());
        }
        Err(self.failed(Refusal::InvalidToken))
    }

    /// Takes one request from the tenant's budget, and leaves what remains for the answer's headers.
    pub(super) fn charge(&self, tenant: &Tenant) -> Result<(), Refusal> {
        let per_hour = tenant.policy.rate_limit.per_hour;
        let charged = self.state.gate.tenants.charge(tenant.id, per_hour);
        let budget = match &charged {
            Ok(budget) => *budget,
            Err(refused) => refused.budget,
        };
        self.req.extensions_mut().insert(budget);
        match charged {
            Ok(_) => Ok(()),
            Err(refused) => Err(Refusal::OverBudget {
                retry_after: refused.retry_after,
            }),
        }
    }

    pub(super) fn base_url(&self) -> String {
        let origin = address::origin(&self.req, &self.state.config);
        match self.slug() {
            Some(slug) => scim_base_url(&origin, slug),
            None => format!("{origin}/scim/v2"),
        }
    }

    fn enter(
        &self,
        tenant: Arc<Tenant>,
        token: &KnownToken,
        presented: &Presented,
    ) -> Result<Admitted, Refusal> {
        // A slug that does not exist is refused like another tenant's.
        if self.slug().is_some_and(|slug| slug != tenant.slug) {
            return Err(Refusal::OtherTenant);
        }
        if tenant.suspended {
            return Err(Refusal::Suspended);
        }
        Ok(Admitted {
            tenant,
            token: token.id,
            scopes: token.scopes.clone(),
            actor: format!("token:{}", presented.public_id()),
        })
    }

    fn slug(&self) -> Option<&str> {
        self.req.match_info().get("slug")
    }

    fn presented(&self) -> Result<Presented, Refusal> {
        let text = bearer(self.req.headers()).map_err(|refusal| self.failed(refusal))?;
        Presented::parse(text).ok_or_else(|| self.failed(Refusal::InvalidToken))
    }

    /// Counts a failure; an address that fails too often hears so instead of the reason.
    fn failed(&self, refusal: Refusal) -> Refusal {
        match self.state.gate.failures.charge(self.address) {
            Ok(()) => refusal,
            Err(retry_after) => Refusal::TooManyFailures { retry_after },
        }
    }
}

/// The token of the one `Authorization` header.
fn bearer(headers: &HeaderMap) -> Result<&str, Refusal> {
    let mut values = headers.get_all(AUTHORIZATION);
    let value = values.next().ok_or(Refusal::NoCredentials)?;
    if values.next().is_some() {
        return Err(Refusal::InvalidRequest);
    }
    let text = value.to_str().map_err(|_| Refusal::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    if !scheme.eq_ignore_ascii_case("bearer") {
        // RFC 6750 §3.1: another scheme is no authentication here, and gets no error code.
        return Err(Refusal::NoCredentials);
    }
    let token = token.trim_matches(' ');
    if token.is_empty() {
        return Err(Refusal::InvalidToken);
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn check(headers: &[&str], expected: &Result<&str, Refusal>) {
        let mut request = TestRequest::default();
        for value in headers {
            request = request.append_header((AUTHORIZATION, *value));
        }
        let request = request.to_http_request();
        let found = bearer(request.headers());
        assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{headers:?}");
    }

    #[test]
    fn one_bearer_header_gives_a_token() {
        check(&["Bearer abc"], &Ok("abc"));
        check(&["bearer abc"], &Ok("abc"));
        check(&["BEARER  abc "], &Ok("abc"));
    }

    #[test]
    fn anything_else_gives_none() {
        check(&[], &Err(Refusal::NoCredentials));
        check(&["Basic YTpi"], &Err(Refusal::NoCredentials));
        check(&[""], &Err(Refusal::NoCredentials));
        check(&["Bearerabc"], &Err(Refusal::NoCredentials));
        check(&["Bearer"], &Err(Refusal::InvalidToken));
        check(&["Bearer "], &Err(Refusal::InvalidToken));
        check(&["Bearer abc", "Bearer abc"], &Err(Refusal::InvalidRequest));
        check(&["Bearer abc", "Basic YTpi"], &Err(Refusal::InvalidRequest));
    }
}
