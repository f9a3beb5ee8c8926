//! POST: canonical form → rules → insert. RFC 7644 §3.3.

use std::sync::Arc;

use scim_core::ResourceType;
use scim_core::resource::canon::Message;
use scim_core::resource::{arrange, changed, validate};

use super::password;
use super::resources::{Document, Error, Resource, TenantCx, keys, name_conflict, to_text};
use crate::store::{ChangeKind, NewResource, Stored};

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
    validate::document(resource_type, cx.mode(), &attributes)?;
    let secret = password::take(&mut attributes).await?;
    let (id, at) = (cx.clock.id(), cx.clock.now());
    let document = arrange(resource_type, attributes, &id.to_string());
    let sent = changed(&Document::new(), &document);
    let new = NewResource {
        rtype: resource_type.code,
        id,
        at,
        doc: to_text(&document)?,
        secret,
        keys: keys(resource_type, &document),
        change: cx.change(ChangeKind::Create, sent.clone(), at),
    };
    let stored = Stored {
        id,
        version: 1,
        created: at,
        modified: at,
        doc: new.doc.clone(),
        secret: None,
    };
    cx.store
        .write("create", move |tx| tx.insert(&new).map_err(Error::from))
        .await
        .map_err(|error| name_conflict(resource_type, error))?;
    Ok(Resource {
        resource_type: Arc::clone(resource_type),
        stored,
        sent,
    })
}
