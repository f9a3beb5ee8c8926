//! DELETE: the resource and its keys are gone, from every group too; the changes stay on record. RFC 7644 §3.6.

use std::sync::Arc;

use scim_core::ResourceType;

use super::membership::{group_code, group_type};
use super::precondition::Condition;
use super::resources::{Error, TenantCx, Times, document, keys, moved, parse_id};
use crate::store::{ChangeKind, Delete, Holders};

/// What changes of the groups that it was in.
const MEMBERS: &str = "members";

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
    // In a transaction: nobody may add to a group what is being deleted.
    let deleted = cx.store.transaction("delete", move |tx| {
        let (stored, groups) = tx
            .for_deletion(of.code, id, group_code())?
            .ok_or_else(|| scim_core::Error::not_found(&id.to_string()))?;
        condition.require(stored.version)?;
        let at = own.clock.now().max(stored.modified);
        let holders = group_code().map(|rtype| Holders {
            rtype,
            groups: groups
                .iter()
                .map(|group| (group.id, own.clock.id()))
                .collect(),
            moved: groups
                .iter()
                .zip(std::iter::repeat(group_type()))
                .filter_map(|(group, of)| Some(moved(of?, group, at)))
                .flatten()
                .collect(),
            attribute: MEMBERS.to_owned(),
            at,
        });
        tx.delete(&Delete {
            rtype: of.code,
            id,
            expected: stored.version,
            keys: keys(&of, &document(&stored)?, Times::of(&stored)),
            holders,
            change: own.change(ChangeKind::Delete, Vec::new(), at),
        })
        .map_err(Error::from)
    });
    deleted.await
}
