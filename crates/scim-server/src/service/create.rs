//! POST: canonical form → rules → insert. RFC 7644 §3.3.

use std::sync::Arc;

use scim_core::ResourceType;
use scim_core::resource::canon::Message;
use scim_core::resource::{arrange, changed, validate};

use super::membership::{Links, MemberChange, require_references};
use super::password;
use super::references;
use super::resources::{Document, Error, Resource, TenantCx, Times, keys, name_conflict, to_text};
use crate::store::{ChangeKind, Members, NewResource, Stored};

/// Creates a resource.
///
/// # Errors
/// 400 for a body that does not fit, 409 `uniqueness` for a value that is taken.
pub async fn create(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    body: Document,
) -> Result<Resource, Error> {
    let mut attributes = cx.canon(resource_type).document(body, Message::Create)?;
    let members = MemberChange::take(cx, resource_type, &mut attributes)?;
    validate::document(resource_type, cx.mode(), &attributes)?;
    let secret = password::take(&mut attributes).await?;
    let (id, at) = (cx.clock.id(), cx.clock.now());
    let document = arrange(resource_type, attributes, &id.to_string());
    let mut sent = changed(&Document::new(), &document);
    sent.extend(members.set().map(str::to_owned));
    let mut new = NewResource {
        rtype: resource_type.code,
        id,
        at,
        doc: to_text(&document)?,
        secret,
        keys: keys(resource_type, &document, Times::made(at)),
        members: Members::default(),
        change: cx.change(ChangeKind::Create, sent.clone(), at),
    };
    let mut stored = Stored {
        id,
        version: 1,
        created: at,
        modified: at,
        doc: new.doc.clone(),
        secret: None,
        members: 0,
        is_member: false,
    };
    let (own, of) = (cx.clone(), Arc::clone(resource_type));
    let written = cx.store.write("create", move |tx| {
        new.members = members.of_new(&members.kinds(tx)?)?;
        require_references(&own, &of, tx, &Document::new(), &document)?;
        references::require(&own, &of, tx, &Document::new(), &document)?;
        tx.insert(&new)?;
        Ok::<_, Error>(std::mem::take(&mut new.members))
    });
    let members = written
        .await
        .map_err(|error| name_conflict(resource_type, error))?;
    stored.members = members.more();
    Ok(Resource {
        resource_type: Arc::clone(resource_type),
        stored,
        sent,
        links: match resource_type.members() {
            Some(_) => Links::Members(members.add),
            None => Links::Unread,
        },
    })
}
