//! PATCH: read → apply → rules → write if the version is still the one that was read. RFC 7644 §3.5.2.

use std::sync::Arc;

use scim_core::ResourceType;
use scim_core::patch::{self, PatchRequest, apply};
use scim_core::resource::{arrange, validate};

use super::membership::{Links, MemberChange};
use super::password;
use super::precondition::Condition;
use super::resources::{
    Document, Error, Resource, Rewrite, TenantCx, document, name_conflict, parse_id,
};

/// So many skipped attributes are named in the log.
const NAMED: usize = 20;

/// Changes a resource, all operations or none.
///
/// # Errors
/// 404, 412, 400 with the scimType of RFC 7644 Table 9, 409 `uniqueness`.
pub async fn patch(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    id: &str,
    condition: Condition,
    body: Document,
) -> Result<Resource, Error> {
    let id = parse_id(id)?;
    let mut request = PatchRequest::read(body, cx.mode())?;
    let operations = patch::members::take(&mut request, resource_type, cx.mode())?;
    let members = MemberChange::new(cx, resource_type, operations)?;
    password::seal(&mut request, resource_type).await?;
    let (own, of) = (cx.clone(), Arc::clone(resource_type));
    let written = cx.store.write("patch", move |tx| {
        let kinds = members.kinds(tx)?;
        tx.mark_members(of.groups().is_some());
        let stored = tx
            .get(of.code, id)?
            .ok_or_else(|| scim_core::Error::not_found(&id.to_string()))?;
        condition.require(stored.version)?;
        let before = document(&stored)?;
        let mut lent = before.clone();
        password::lend(&mut lent, stored.secret.as_ref());
        let outcome = apply::apply(&of, own.mode(), lent, request.clone())?;
        let mut changed = outcome.document;
        validate::document(&of, own.mode(), &changed)?;
        let secret = password::take_back(&mut changed);
        let after = arrange(&of, changed, &id.to_string());
        let members = members.of(tx, id, &kinds)?;
        let rewrite = Rewrite {
            cx: &own,
            resource_type: &of,
            stored,
            before: &before,
            after,
            secret,
            members,
        };
        Ok::<_, Error>((rewrite.write(tx)?, outcome.skipped))
    });
    let ((stored, sent), skipped) = written
        .await
        .map_err(|error| name_conflict(resource_type, error))?;
    if !skipped.is_empty() {
        tracing::info!(
            resource.id = %id,
            skipped = ?skipped.iter().take(NAMED).collect::<Vec<_>>(),
            count = skipped.len(),
            "operations on unknown attributes were left out of a request that deactivates"
        );
    }
    Ok(Resource {
        resource_type: Arc::clone(resource_type),
        stored,
        sent,
        links: Links::Unread,
    })
}
