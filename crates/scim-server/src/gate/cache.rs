//! Tokens and tenants that were asked for lately, so that most requests pass the gate without a database.
//!
//! An entry lives half a second: that bounds how long a change made by another process stays unseen. A change made by this process is
//! seen at once: each entry carries the epoch before it was read, and one from an earlier epoch is not used. So a read that began before
//! a change cannot put back what the change made wrong. What does not exist is not remembered: a new token works at once.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache as Moka;
use uuid::Uuid;

use crate::clock::Micros;
use crate::service::administration::{AdminError, Epoch};
use crate::service::schemas::Registries;
use crate::service::tenants::Tenant;
use crate::service::tokens::Scope;
use crate::store::{Directory, StoreError, TenantId, TenantRow, TokenRow};
use crate::token::Digest;

const TTL: Duration = Duration::from_millis(500);
const MOST_TOKENS: u64 = 50_000;
const MOST_TENANTS: u64 = 20_000;

/// What the gate remembers.
#[derive(Debug)]
pub struct Cache {
    directory: Directory,
    epoch: Epoch,
    registries: Registries,
    tokens: Moka<String, Entry<KnownToken>>,
    tenants: Moka<TenantId, Entry<Tenant>>,
    slugs: Moka<String, Entry<Tenant>>,
}

/// A token that exists.
#[derive(Debug)]
pub struct KnownToken {
    /// Its id.
    pub id: Uuid,
    /// The tenant it belongs to.
    pub tenant: TenantId,
    /// The digest of its secret.
    pub digest: Digest,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it ends.
    pub expires: Option<Micros>,
    /// When it was taken back.
    pub revoked: Option<Micros>,
}

#[derive(Debug)]
struct Entry<T> {
    epoch: u64,
    value: Arc<T>,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self {
            epoch: self.epoch,
            value: Arc::clone(&self.value),
        }
    }
}

impl Cache {
    /// An empty cache in front of the directory; `epoch` is the one that administration in this process advances.
    #[must_use]
    pub fn new(directory: Directory, epoch: Epoch, registries: Registries) -> Self {
        Self {
            directory,
            epoch,
            registries,
            tokens: Moka::builder()
                .max_capacity(MOST_TOKENS)
                .time_to_live(TTL)
                .build(),
            tenants: Moka::builder()
                .max_capacity(MOST_TENANTS)
                .time_to_live(TTL)
                .build(),
            slugs: Moka::builder()
                .max_capacity(MOST_TENANTS)
                .time_to_live(TTL)
                .build(),
        }
    }

    /// The token of that public id.
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn token(&self, public_id: &str) -> Result<Option<Arc<KnownToken>>, StoreError> {
        let epoch = self.epoch.current();
        if let Some(known) = fresh(self.tokens.get(public_id), epoch) {
            return Ok(Some(known));
        }
        let row = self.directory.token_by_public_id(public_id).await?;
        let Some(known) = row.as_ref().and_then(KnownToken::new) else {
            return Ok(None);
        };
        let value = Arc::new(known);
        let entry = Entry {
            epoch,
            value: Arc::clone(&value),
        };
        self.tokens.insert(public_id.to_owned(), entry);
        Ok(Some(value))
    }

    /// The tenant of that number.
    ///
    /// # Errors
    /// When the store cannot answer, or what it has cannot be understood.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, AdminError> {
        let epoch = self.epoch.current();
        if let Some(tenant) = fresh(self.tenants.get(&id), epoch) {
            return Ok(Some(tenant));
        }
        let row = self.directory.tenant_by_id(id).await?;
        let tenant = self.understood(row.as_ref()).await?;
        if let Some(value) = tenant.clone() {
            self.tenants.insert(id, Entry { epoch, value });
        }
        Ok(tenant)
    }

    /// The tenant of that slug.
    ///
    /// # Errors
    /// When the store cannot answer, or what it has cannot be understood.
    pub async fn tenant_by_slug(&self, slug: &str) -> Result<Option<Arc<Tenant>>, AdminError> {
        let epoch = self.epoch.current();
        if let Some(tenant) = fresh(self.slugs.get(slug), epoch) {
            return Ok(Some(tenant));
        }
        let row = self.directory.tenant_by_slug(slug).await?;
        let tenant = self.understood(row.as_ref()).await?;
        if let Some(value) = tenant.clone() {
            self.slugs.insert(slug.to_owned(), Entry { epoch, value });
        }
        Ok(tenant)
    }

    /// The tenant as it is now, whatever is remembered: for a request that met a change of its schemas by another process.
    ///
    /// # Errors
    /// As [`Cache::tenant`].
    pub async fn tenant_anew(&self, id: TenantId) -> Result<Option<Arc<Tenant>>, AdminError> {
        self.tenants.invalidate(&id);
        self.tenant(id).await
    }

    async fn understood(&self, row: Option<&TenantRow>) -> Result<Option<Arc<Tenant>>, AdminError> {
        let Some(row) = row else {
            return Ok(None);
        };
        match Tenant::new(row, &self.directory, &self.registries).await {
            Ok(tenant) => Ok(Some(Arc::new(tenant))),
            // It was deleted in between.
            Err(AdminError::Store(StoreError::NoTenant)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

impl KnownToken {
    /// A token from what is stored; `None` when its digest is not one. A scope that this version does not know grants nothing.
    #[must_use]
    pub fn new(row: &TokenRow) -> Option<Self> {
        Some(Self {
            id: row.id,
            tenant: row.tenant,
            digest: Digest::from_slice(&row.digest)?,
            scopes: row
                .scopes
                .iter()
                .filter_map(|scope| Scope::parse(scope))
                .collect(),
            expires: row.expires,
            revoked: row.revoked,
        })
    }
}

fn fresh<T>(entry: Option<Entry<T>>, epoch: u64) -> Option<Arc<T>> {
    entry
        .filter(|entry| entry.epoch == epoch)
        .map(|entry| entry.value)
}
