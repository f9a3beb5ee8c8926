//! GET of one resource, lists and searches. RFC 7644 §3.4.1 to §3.4.3, RFC 9865.

use std::sync::Arc;

use scim_core::ResourceType;
use scim_core::list::{Query, Start};

use super::cursor::Position;
use super::membership::{Asked, Links};
use super::resources::{Error, Resource, TenantCx, parse_id};
use super::search::Look;
use super::window::Window;
use crate::store::{Reader, Stored};

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// The resources on it.
    pub resources: Vec<Resource>,
    /// How many there are in all.
    pub total: i64,
    /// The place of the first one, counted from 1, when the page was asked for by it.
    pub start_index: Option<i64>,
    /// Where the following page begins, when this one was asked for by a cursor and is not the last.
    pub next: Option<Position>,
}

/// Reads one resource.
///
/// # Errors
/// 404 for an id this tenant does not have at this type, in whatever spelling.
pub async fn get(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    id: &str,
    asked: &Asked,
) -> Result<Resource, Error> {
    let uuid = parse_id(id)?;
    let (code, marks) = (resource_type.code, asked.marks(resource_type));
    let read = move |tx: &mut Reader<'_>| {
        tx.mark_members(marks);
        tx.get(code, uuid)
    };
    let stored = cx.store.read(read).await?;
    let stored = stored.ok_or_else(|| scim_core::Error::not_found(id))?;
    Ok(found(resource_type, stored))
}

/// A list of one type.
///
/// # Errors
/// 400 `invalidFilter` or `invalidValue` for a query that this type cannot answer, `tooMany` for one that takes too long.
pub async fn list(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    query: &Query,
    start: &Start<Position>,
    asked: &Asked,
) -> Result<Page, Error> {
    let filter = query
        .filter
        .as_ref()
        .map(|filter| filter.bind(resource_type, cx.mode()))
        .transpose()?;
    let sort = query
        .sort
        .as_ref()
        .map(|by| by.bind(resource_type, cx.mode()))
        .transpose()?;
    let mut window = Window::new(query, start);
    let look = Look::new(cx, resource_type, filter.as_ref(), sort.as_ref(), asked);
    look.alone(&mut window).await?;
    window.page(cx, asked).await
}

/// A list over all types of the tenant, at the root. An attribute that a type lacks has no value there (§3.4.2.1).
///
/// # Errors
/// As [`list`].
pub async fn search(
    cx: &TenantCx,
    query: &Query,
    start: &Start<Position>,
    asked: &Asked,
) -> Result<Page, Error> {
    let mut window = Window::new(query, start);
    for resource_type in cx.tenant.registry.types() {
        let filter = query
            .filter
            .as_ref()
            .map(|filter| filter.bind_lenient(resource_type, cx.mode()))
            .transpose()?;
        let sort = query
            .sort
            .as_ref()
            .map(|by| by.bind_lenient(resource_type, cx.mode()))
            .transpose()?;
        let look = Look::new(cx, resource_type, filter.as_ref(), sort.as_ref(), asked);
        look.among_others(&mut window).await?;
    }
    window.page(cx, asked).await
}

pub(super) fn found(resource_type: &Arc<ResourceType>, stored: Stored) -> Resource {
    Resource {
        resource_type: Arc::clone(resource_type),
        stored,
        sent: Vec::new(),
        links: Links::Unread,
    }
}
