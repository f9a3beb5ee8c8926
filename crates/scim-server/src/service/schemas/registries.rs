//! The registries of tenants with definitions of their own: each is made once for a version of them and shared; those of idle tenants go.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache as Moka;
use scim_core::Registry;
use scim_core::schema::additions::Additions;

use super::additions;
use crate::policy::Policy;
use crate::service::administration::AdminError;
use crate::service::tenants;
use crate::store::{Definitions, Directory, TenantId, TenantRow};

/// What is remembered may weigh so many bytes, as far as its text tells.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// A registry that nobody used for so long is dropped.
const IDLE: Duration = Duration::from_secs(15 * 60);
/// What a registry weighs beside its definitions, and how much more than its text a definition does.
const BASE: usize = 8 * 1024;
const FACTOR: usize = 2;

/// Registries by tenant.
#[derive(Clone, Debug)]
pub struct Registries {
    known: Moka<TenantId, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    version: i64,
    /// The built-in types that the policy shows.
    types: Arc<[String]>,
    registry: Arc<Registry>,
    bytes: u32,
}

impl Default for Registries {
    fn default() -> Self {
        Self {
            known: Moka::builder()
                .max_capacity(MOST_BYTES)
                .weigher(|_, known: &Known| known.bytes)
                .time_to_idle(IDLE)
                .build(),
        }
    }
}

impl Registries {
    /// The registry of a tenant, and the version of the definitions it was made of.
    ///
    /// # Errors
    /// When the store cannot answer, or what it has cannot be understood.
    pub async fn of(
        &self,
        directory: &Directory,
        row: &TenantRow,
        policy: &Policy,
    ) -> Result<(Arc<Registry>, i64), AdminError> {
        // Nobody has defined anything for it.
        if row.schema_version <= 1 {
            return Ok((tenants::registry(policy), row.schema_version));
        }
        let same = |known: &Known| {
            known.version >= row.schema_version && *known.types == *policy.resource_types
        };
        if let Some(known) = self.known.get(&row.id).filter(same) {
            return Ok((known.registry, known.version));
        }
        let rows = directory.tenant(row.id).definitions().await?;
        let registry = Arc::new(compile(policy, &additions(&rows)?)?);
        let known = Known {
            version: rows.version,
            types: policy.resource_types.clone().into(),
            registry: Arc::clone(&registry),
            bytes: weight(&rows),
        };
        self.known.insert(row.id, known);
        Ok((registry, rows.version))
    }
}

fn compile(policy: &Policy, additions: &Additions) -> Result<Registry, AdminError> {
    let names: Vec<&str> = policy.resource_types.iter().map(String::as_str).collect();
    Registry::with(Some(&names), additions).map_err(|error| {
        AdminError::Internal(format!(
            "the stored definitions do not go together: {error}"
        ))
    })
}

fn weight(rows: &Definitions) -> u32 {
    let schemas = rows.schemas.iter().map(String::len);
    let text: usize = schemas
        .chain(rows.types.iter().map(|(_, body)| body.len()))
        .sum();
    u32::try_from(text * FACTOR + BASE).unwrap_or(u32::MAX)
}
