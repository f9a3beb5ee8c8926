//! Who asks, for which tenant, and how often: the extractors that a handler takes to be allowed anything.
//!
//! Nothing here looks at the path to decide whether authentication is needed. A handler that wants a tenant's store takes a
//! [`Caller<Read>`] or a [`Caller<Write>`]; one that administers takes an [`Admin`]; one that shows discovery takes a [`Visitor`].
//! There is no other way to a [`Tenant`].

pub mod address;
pub mod auth;
pub mod cache;
pub mod limit;
pub mod refusal;
pub mod usage;

use std::marker::PhantomData;
use std::sync::Arc;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::future::LocalBoxFuture;
use uuid::Uuid;

pub use crate::token;
pub use auth::Admitted;
pub use limit::Budget;
pub use refusal::{AdminRefusal, Refusal};

use crate::AppState;
use crate::policy::Document;
use crate::service::administration::AdminError;
use crate::service::tenants::Tenant;
use crate::service::tokens::Scope;
use crate::store::{StoreError, TenantStore};
use auth::Door;

/// Somebody with a token of a tenant and the scope `S`.
///
/// Taking it costs the tenant one request of its rate limit; take it once a handler.
#[derive(Debug)]
pub struct Caller<S> {
    /// The tenant, as it was when the request came.
    pub tenant: Arc<Tenant>,
    /// The tenant's rows, and no others.
    pub store: TenantStore,
    /// The token's id.
    pub token: Uuid,
    /// What the token may do.
    pub scopes: Vec<Scope>,
    /// Who did it, for the record of changes: `token:` and the token's public id.
    pub actor: String,
    /// What locations begin with, without a slash at the end: `https://scim.example.com/scim/v2`.
    pub base_url: String,
    scope: PhantomData<S>,
}

impl<S> Caller<S> {
    /// The same caller, at the tenant as it is now: its schemas have changed since the request came.
    ///
    /// # Errors
    /// When the store cannot answer, or the tenant is gone.
    pub async fn anew(self, state: &AppState) -> Result<Self, AdminError> {
        let tenant = state.gate.cache.tenant_anew(self.tenant.id).await?;
        let tenant = tenant.ok_or(StoreError::NoTenant)?;
        Ok(Self {
            store: rows_of(state, &tenant),
            tenant,
            ..self
        })
    }
}

/// The scope `scim:read`.
#[derive(Debug)]
pub enum Read {}

/// The scope `scim:write` and a tenant that is writable, or the scope `scim:provision`.
#[derive(Debug)]
pub enum Write {}

/// Any scope: what is asked for is not offered, and only somebody with a token hears so.
#[derive(Debug)]
pub enum Known {}

/// What a [`Caller`] must be allowed to do.
pub trait Need: 'static {
    /// Whether a token with these scopes may, at this tenant.
    ///
    /// # Errors
    /// [`Refusal::MissingScope`] or [`Refusal::ReadOnly`].
    fn check(tenant: &Tenant, scopes: &[Scope]) -> Result<(), Refusal>;
}

impl Need for Read {
    fn check(_: &Tenant, scopes: &[Scope]) -> Result<(), Refusal> {
        if scopes.contains(&Scope::Read) {
            return Ok(());
        }
        Err(Refusal::MissingScope(Scope::Read))
    }
}

impl Need for Known {
    fn check(_: &Tenant, _: &[Scope]) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Need for Write {
    fn check(tenant: &Tenant, scopes: &[Scope]) -> Result<(), Refusal> {
        if scopes.contains(&Scope::Provision) {
            return Ok(());
        }
        if !scopes.contains(&Scope::Write) {
            return Err(Refusal::MissingScope(Scope::Write));
        }
        if tenant.policy.is_writable() {
            return Ok(());
        }
        Err(Refusal::ReadOnly)
    }
}

impl<S: Need> FromRequest for Caller<S> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let door = Door::of(&req)?;
            let admitted = door.admit().await?;
            S::check(&admitted.tenant, &admitted.scopes)?;
            door.charge(&admitted.tenant)?;
            Ok(Self {
                store: rows_of(&door.state, &admitted.tenant),
                tenant: admitted.tenant,
                token: admitted.token,
                scopes: admitted.scopes,
                actor: admitted.actor,
                base_url: door.base_url(),
                scope: PhantomData,
            })
        })
    }
}

/// Somebody who reads discovery: with a token that may read, or without one where the policy shows the document `D` to all.
#[derive(Debug)]
pub struct Visitor<D> {
    /// The tenant; `None` without a token and without a slug in the path: then the defaults are shown.
    pub tenant: Option<Arc<Tenant>>,
    /// What locations begin with, as in [`Caller::base_url`].
    pub base_url: String,
    document: PhantomData<D>,
}

/// A discovery document that a [`Visitor`] asks for.
pub trait Shown: 'static {
    /// Its name in `publicDiscovery`.
    const DOCUMENT: Document;
}

/// `/ServiceProviderConfig`
#[derive(Debug)]
pub enum ServiceProviderConfig {}

/// `/ResourceTypes`
#[derive(Debug)]
pub enum ResourceTypes {}

/// `/Schemas`
#[derive(Debug)]
pub enum Schemas {}

impl Shown for ServiceProviderConfig {
    const DOCUMENT: Document = Document::ServiceProviderConfig;
}

impl Shown for ResourceTypes {
    const DOCUMENT: Document = Document::ResourceTypes;
}

impl Shown for Schemas {
    const DOCUMENT: Document = Document::Schemas;
}

impl<D: Shown> FromRequest for Visitor<D> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let req = req.clone();
        Box::pin(async move {
            let door = Door::of(&req)?;
            let tenant = if door.has_credentials() {
                let admitted = door.admit().await?;
                Read::check(&admitted.tenant, &admitted.scopes)?;
                door.charge(&admitted.tenant)?;
                Some(admitted.tenant)
            } else {
                door.visit(D::DOCUMENT).await?
            };
            Ok(Self {
                tenant,
                base_url: door.base_url(),
                document: PhantomData,
            })
        })
    }
}

/// The administrator.
#[derive(Debug)]
pub struct Admin(());

impl FromRequest for Admin {
    type Error = AdminRefusal;
    // Ready at once: whoever is not the administrator is refused before anything else of the request is read.
    type Future = std::future::Ready<Result<Self, AdminRefusal>>;

    fn from_request(req: &HttpRequest, _: &mut Payload) -> Self::Future {
        let admitted = Door::of(req).and_then(|door| door.admit_admin());
        std::future::ready(admitted.map(|()| Self(())).map_err(AdminRefusal))
    }
}

/// What the gate keeps for the whole process.
#[derive(Debug)]
pub struct Gate {
    /// Tenants and tokens that were asked for lately.
    pub cache: cache::Cache,
    /// Requests of tenants.
    pub tenants: limit::TenantLimits,
    /// Failed authentications of addresses.
    pub failures: limit::FailureLimits,
    /// When tokens were last used.
    pub usage: usage::Usage,
    /// The digest of the administrator's token.
    pub admin: token::Digest,
}

impl Gate {
    /// Forgets what is no longer needed. To be called every minute.
    pub fn sweep(&self) {
        self.tenants.sweep();
        self.failures.sweep();
    }
}

/// The budget of the tenant after this request, for the headers of the answer; `None` when no tenant was charged.
#[must_use]
pub fn budget(req: &HttpRequest) -> Option<Budget> {
    req.extensions().get::<Budget>().copied()
}

/// The rows of a tenant, for a request that obeys the schemas it has now.
fn rows_of(state: &AppState, tenant: &Tenant) -> TenantStore {
    let rows = state.store.tenant(tenant.id);
    rows.at_version(tenant.schema_version)
        .holding(tenant.registry.is_indexing())
}

fn state(req: &HttpRequest) -> Result<actix_web::web::Data<AppState>, Refusal> {
    req.app_data::<actix_web::web::Data<AppState>>()
        .cloned()
        .ok_or(Refusal::Internal)
}

#[cfg(test)]
mod tests;
