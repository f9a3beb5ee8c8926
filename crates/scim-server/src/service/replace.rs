//! PUT: a whole new document, held against what is stored. RFC 7644 §3.5.1.

use std::sync::Arc;

use scim_core::ResourceType;
use scim_core::resource::canon::Message;
use scim_core::resource::{arrange, replace, validate};

use super::membership::{Links, MemberChange};
use super::password;
use super::precondition::Condition;
use super::resources::{
    Document, Error, Resource, Rewrite, TenantCx, document, name_conflict, parse_id,
};

/// Replaces a resource; never creates one.
///
/// # Errors
/// 404, 412, 400 for a body that does not fit or changes what is immutable, 409 `uniqueness`.
pub async fn replace(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    id: &str,
    condition: Condition,
    body: Document,
) -> Result<Resource, Error> {
    let id = parse_id(id)?;
    let mut attributes = cx.canon(resource_type).document(body, Message::Replace)?;
    let members = MemberChange::take(cx, resource_type, &mut attributes)?;
    validate::document(resource_type, cx.mode(), &attributes)?;
    let password = password::take(&mut attributes).await?;
    let (own, of) = (cx.clone(), Arc::clone(resource_type));
    let written = cx.store.write("replace", move |tx| {
        let kinds = members.kinds(tx)?;
        tx.mark_members(of.groups().is_some());
        let stored = tx
            .get(of.code, id)?
            .ok_or_else(|| scim_core::Error::not_found(&id.to_string()))?;
        condition.require(stored.version)?;
        let before = document(&stored)?;
        let mut after = attributes.clone();
        replace::carry_over(&of, &before, &mut after)?;
        validate::document(&of, own.mode(), &after)?;
        // A client cannot know the password, so leaving it out keeps it.
        let secret = password.clone().or_else(|| stored.secret.clone());
        let after = arrange(&of, after, &id.to_string());
        let members = members.of(tx, id, &kinds)?;
        Rewrite {
            cx: &own,
            resource_type: &of,
            stored,
            before: &before,
            after,
            secret,
            members,
        }
        .write(tx)
    });
    let (stored, sent) = written
        .await
        .map_err(|error| name_conflict(resource_type, error))?;
    Ok(Resource {
        resource_type: Arc::clone(resource_type),
        stored,
        sent,
        links: Links::Unread,
    })
}
