//! DELETE: the resource and its keys are gone, the change stays on record. RFC 7644 §3.6.

use std::sync::Arc;

use scim_core::ResourceType;

use super::precondition::Condition;
use super::resources::{Error, TenantCx, document, keys, parse_id};
use crate::store::{ChangeKind, Delete};

/// Deletes a resource.
///
/// # Errors
/// 404, 412.
pub async fn delete(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    id: &str,
    condition: Condition,
) -> Result<(), Error> {
    let id = parse_id(id)?;
    let (own, of) = (cx.clone(), Arc::clone(resource_type));
    let deleted = cx.store.write("delete", move |tx| {
        let stored = tx
            .get(of.code, id)?
            .ok_or_else(|| scim_core::Error::not_found(&id.to_string()))?;
        condition.require(stored.version)?;
        let at = own.clock.now().max(stored.modified);
        tx.delete(&Delete {
            rtype: of.code,
            id,
            expected: stored.version,
            keys: keys(&of, &document(&stored)?),
            change: own.change(ChangeKind::Delete, Vec::new(), at),
        })
        .map_err(Error::from)
    });
    deleted.await
}
