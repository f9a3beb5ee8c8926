//! GET of one resource, lists and searches. RFC 7644 §3.4.1 to §3.4.3, RFC 9865.
//!
//! A page of everything comes from the store as it is. A filter is narrowed by an equality that the store keeps keys of, where it has
//! one, and what remains is decided by the filter's own meaning in scim-core; without such an equality every resource is looked at, in
//! chunks, so that memory stays bounded by the page.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

use scim_core::filter::Bound;
use scim_core::list::{BoundSort, Query, Start, compare_keys};
use scim_core::schema::Attribute;
use scim_core::schema::registry::Index;
use scim_core::{AttrPath, ResourceType, key};
use serde_json::Value;
use uuid::Uuid;

use super::cursor::Position;
use super::membership::{self, Asked, Links, Views, member_id};
use super::resources::{Error, Resource, TenantCx, meta, parse_id, view};
use crate::store::{Reader, StoreError, Stored};

/// How many documents are looked at in one go.
const CHUNK: i64 = 500;
/// More resources than this under one key are looked at in chunks of all instead.
const FEW: i64 = 1_000;

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
/// 400 `invalidFilter` or `invalidValue` for a query that this type cannot answer.
pub async fn list(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    query: &Query,
    start: &Start<Position>,
    asked: &Asked,
) -> Result<Page, Error> {
    if query.filter.is_none() && query.sort.is_none() {
        return everything(cx, resource_type, query.count, start, asked).await;
    }
    let filter = query
        .filter
        .as_ref()
        .map(|filter| filter.bind(resource_type, cx.mode()))
        .transpose()?;
    let mut sort = None;
    if let Some(by) = &query.sort {
        by.bind(resource_type, cx.mode())?;
        sort = Some(by.descending);
    }
    let mut window = Window::new(query.count, start, sort);
    look(
        cx,
        resource_type,
        filter.as_ref(),
        query,
        asked,
        &mut window,
    )
    .await?;
    window.page(cx, asked).await
}

/// A list over all types of the tenant, at the root. An attribute that a type lacks has no value there (§3.4.2.1).
///
/// # Errors
/// 400 `invalidFilter` or `invalidValue`.
pub async fn search(
    cx: &TenantCx,
    query: &Query,
    start: &Start<Position>,
    asked: &Asked,
) -> Result<Page, Error> {
    let types = cx.tenant.registry.types();
    let sort = query.sort.as_ref().map(|by| by.descending);
    let mut window = Window::new(query.count, start, sort);
    for resource_type in types {
        let filter = query
            .filter
            .as_ref()
            .map(|filter| filter.bind_lenient(resource_type, cx.mode()))
            .transpose()?;
        if let Some(by) = &query.sort {
            by.bind_lenient(resource_type, cx.mode())?;
        }
        look(
            cx,
            resource_type,
            filter.as_ref(),
            query,
            asked,
            &mut window,
        )
        .await?;
    }
    window.page(cx, asked).await
}

/// A page of all resources of a type, in the order of their creation.
async fn everything(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    count: i64,
    start: &Start<Position>,
    asked: &Asked,
) -> Result<Page, Error> {
    let (code, marks) = (resource_type.code, asked.marks(resource_type));
    let mut window = Window::new(count, start, None);
    let (offset, after) = match start {
        Start::Index(first) => (Some(first - 1), None),
        Start::Cursor(after) => (None, after.as_ref().map(|after| after.id)),
    };
    let read = move |tx: &mut Reader<'_>| {
        tx.mark_members(marks);
        match offset {
            Some(offset) => tx.page(code, offset, count),
            // One more than wanted tells whether there is a following page.
            None => Ok((tx.scan(code, after, count + 1)?, tx.count(code)?)),
        }
    };
    let (rows, total) = cx.store.read(read).await?;
    window.total = total;
    for row in rows {
        window.put(resource_type, row);
    }
    window.page(cx, asked).await
}

fn found(resource_type: &Arc<ResourceType>, stored: Stored) -> Resource {
    Resource {
        resource_type: Arc::clone(resource_type),
        stored,
        sent: Vec::new(),
        links: Links::Unread,
    }
}

/// Offers the window every resource of a type that the filter lets through.
async fn look(
    cx: &TenantCx,
    resource_type: &Arc<ResourceType>,
    filter: Option<&Bound>,
    query: &Query,
    asked: &Asked,
    window: &mut Window<'_>,
) -> Result<(), Error> {
    let sort = match &query.sort {
        Some(by) => Some(by.bind_lenient(resource_type, cx.mode())?),
        None => None,
    };
    let views = views(cx, resource_type, filter, sort.as_ref());
    let marks = resource_type.groups().is_some() && (views.is_some() || asked.marks(resource_type));
    let look = Look {
        cx,
        resource_type,
        filter,
        sort: sort.as_ref(),
        views,
        marks,
    };
    if let Some(rows) = look.narrowed().await? {
        if sort.is_none() && filter.is_some_and(Bound::is_one_equality) {
            // Having the key is all that was asked for: no document need be read.
            for row in rows {
                window.take(None, resource_type, row);
            }
            return Ok(());
        }
        return look.offer(rows, window).await;
    }
    let mut after = None;
    loop {
        let code = resource_type.code;
        let read = move |tx: &mut Reader<'_>| {
            tx.mark_members(marks);
            tx.scan(code, after, CHUNK)
        };
        let rows = cx.store.read(read).await?;
        let Some(last) = rows.last() else {
            return Ok(());
        };
        after = Some(last.id);
        look.offer(rows, window).await?;
    }
}

/// The links that a filter or an order looks at, if they look at any.
fn views<'a>(
    cx: &'a TenantCx,
    resource_type: &'a ResourceType,
    filter: Option<&Bound>,
    sort: Option<&BoundSort<'_>>,
) -> Option<(&'a str, Views<'a>)> {
    let links = resource_type.members().or(resource_type.groups())?;
    let sorted = sort.is_some_and(|sort| sort.mentions(&links.name));
    let filtered = filter.is_some_and(|filter| filter.mentions(&links.name));
    if !sorted && !filtered {
        return None;
    }
    let asked = filter.and_then(|filter| filter.values_asked(&links.name));
    let views = Views {
        cx,
        resource_type,
        asked: asked.filter(|_| !sorted),
    };
    Some((&links.name, views))
}

/// One type being searched.
struct Look<'a> {
    cx: &'a TenantCx,
    resource_type: &'a Arc<ResourceType>,
    filter: Option<&'a Bound>,
    sort: Option<&'a BoundSort<'a>>,
    /// The attribute that shows links, where it is looked at.
    views: Option<(&'a str, Views<'a>)>,
    /// Whether it is looked up who is a member of a group.
    marks: bool,
}

impl Look<'_> {
    /// The resources among which all hits are, in order of their ids; `None` when the store keeps no key that tells.
    async fn narrowed(&self) -> Result<Option<Vec<Stored>>, Error> {
        let Some(filter) = self.filter else {
            return Ok(None);
        };
        let mut ways: Vec<Way> = filter
            .eq_candidates()
            .into_iter()
            .filter_map(|(path, key)| Way::of(self.resource_type, path, key))
            .collect();
        ways.sort_by_key(Way::cost);
        let (code, marks) = (self.resource_type.code, self.marks);
        let rows = self.cx.store.read(move |tx| {
            tx.mark_members(marks);
            for way in &ways {
                if let Some(rows) = way.follow(code, tx)? {
                    return Ok(Some(rows));
                }
            }
            Ok(None)
        });
        Ok(rows.await?)
    }

    async fn offer(&self, rows: Vec<Stored>, window: &mut Window<'_>) -> Result<(), Error> {
        let Some((_, views)) = &self.views else {
            return self.offer_with(rows, HashMap::new(), window);
        };
        let mut rows = rows;
        while !rows.is_empty() {
            let later = rows.split_off(membership::batch(rows.iter().map(|row| row.members)));
            let links = views.of(&rows).await?;
            self.offer_with(std::mem::replace(&mut rows, later), links, window)?;
        }
        Ok(())
    }

    fn offer_with(
        &self,
        rows: Vec<Stored>,
        mut links: HashMap<Uuid, Value>,
        window: &mut Window<'_>,
    ) -> Result<(), Error> {
        for row in rows {
            let meta = meta(self.resource_type, &row, &self.cx.base_url);
            let mut view = view(self.resource_type, &row, &meta)?;
            if let Some((name, _)) = self.views
                && let Some(elements) = links.remove(&row.id)
            {
                view.insert(name.to_owned(), elements);
            }
            if self.filter.is_none_or(|filter| filter.matches(&view)) {
                let key = self.sort.and_then(|sort| sort.key(&view));
                // As an index would keep it: so a cursor has room for it.
                let key = key.map(|key| key::stored(&key));
                window.take(key, self.resource_type, row);
            }
        }
        Ok(())
    }
}

/// A way to a few resources by a key.
enum Way {
    Nowhere,
    Id(Uuid),
    Unique(i32, String),
    Index(i32, String),
    /// Groups that hold somebody.
    Holding(Uuid),
    /// People in a group, or in a group in it.
    Below(Uuid),
}

impl Way {
    fn of(resource_type: &ResourceType, path: &AttrPath, wanted: &str) -> Option<Self> {
        if path.urn.is_none() && path.name == "id" {
            return Some(parse_id(wanted).map_or(Self::Nowhere, Self::Id));
        }
        if path.urn.is_none() && path.sub.as_deref() == Some("value") {
            let is =
                |attribute: Option<&Attribute>| attribute.is_some_and(|one| one.name == path.name);
            if is(resource_type.members()) {
                return Some(Self::Holding(member_id(wanted)));
            }
            if is(resource_type.groups()) {
                return Some(parse_id(wanted).map_or(Self::Nowhere, Self::Below));
            }
        }
        let skey = key::stored(wanted);
        let Index { id, unique, .. } =
            resource_type.indexes.iter().find(|one| one.path == *path)?;
        Some(if *unique {
            Self::Unique(*id, skey)
        } else {
            Self::Index(*id, skey)
        })
    }

    fn cost(&self) -> u8 {
        match self {
            Self::Nowhere => 0,
            Self::Id(_) => 1,
            Self::Unique(..) => 2,
            Self::Index(..) | Self::Holding(_) => 3,
            Self::Below(_) => 4,
        }
    }

    /// The resources there; `None` when there are too many.
    fn follow(&self, code: i16, tx: &mut Reader<'_>) -> Result<Option<Vec<Stored>>, StoreError> {
        match self {
            Self::Nowhere => Ok(Some(Vec::new())),
            Self::Id(id) => Ok(Some(tx.get(code, *id)?.into_iter().collect())),
            Self::Unique(attr, skey) => {
                Ok(Some(tx.by_unique(code, *attr, skey)?.into_iter().collect()))
            }
            Self::Index(attr, skey) => tx.by_index(code, *attr, skey, FEW).map(few),
            Self::Holding(member) => tx.holding(code, *member, FEW).map(few),
            Self::Below(group) => tx.below(code, *group, FEW).map(few),
        }
    }
}

/// The resources found, in the order of their ids, unless there may be more.
fn few(mut rows: Vec<Stored>) -> Option<Vec<Stored>> {
    if i64::try_from(rows.len()).is_ok_and(|found| found >= FEW) {
        return None;
    }
    rows.sort_by_key(|row| row.id);
    Some(rows)
}

/// The part of a result that is asked for, filled as hits come by.
struct Window<'a> {
    start: &'a Start<Position>,
    count: usize,
    total: i64,
    /// Whether there is more behind the page.
    more: bool,
    /// Whether the order is descending; `None` without an order.
    sort: Option<bool>,
    page: Vec<Resource>,
    keyed: Vec<(Option<String>, Uuid, Arc<ResourceType>)>,
}

impl<'a> Window<'a> {
    fn new(count: i64, start: &'a Start<Position>, sort: Option<bool>) -> Self {
        Self {
            start,
            count: usize::try_from(count).unwrap_or_default(),
            total: 0,
            more: false,
            sort,
            page: Vec::new(),
            keyed: Vec::new(),
        }
    }

    fn take(&mut self, key: Option<String>, resource_type: &Arc<ResourceType>, row: Stored) {
        self.total += 1;
        if self.sort.is_some() {
            self.keyed.push((key, row.id, Arc::clone(resource_type)));
            return;
        }
        let begun = match self.start {
            Start::Index(first) => self.total >= *first,
            Start::Cursor(None) => true,
            Start::Cursor(Some(after)) => (resource_type.code, row.id) > (after.rtype, after.id),
        };
        if begun {
            self.put(resource_type, row);
        }
    }

    /// Puts a resource on the page, if there is room.
    fn put(&mut self, resource_type: &Arc<ResourceType>, row: Stored) {
        if self.page.len() < self.count {
            self.page.push(found(resource_type, row));
        } else {
            self.more = true;
        }
    }

    async fn page(mut self, cx: &TenantCx, asked: &Asked) -> Result<Page, Error> {
        let mut next = self.page.last().map(|last| Position {
            key: None,
            rtype: last.resource_type.code,
            id: last.stored.id,
        });
        if let Some(descending) = self.sort {
            let order = |a: (&Option<String>, Uuid), b: (&Option<String>, Uuid)| -> Ordering {
                compare_keys(a.0.as_deref(), b.0.as_deref(), descending).then(a.1.cmp(&b.1))
            };
            self.keyed
                .sort_by(|(a, x, _), (b, y, _)| order((a, *x), (b, *y)));
            let skip = match self.start {
                Start::Index(first) => usize::try_from(first - 1).unwrap_or(usize::MAX),
                Start::Cursor(None) => 0,
                Start::Cursor(Some(after)) => self.keyed.partition_point(|(key, id, _)| {
                    order((key, *id), (&after.key, after.id)).is_le()
                }),
            };
            self.more = self.keyed.len().saturating_sub(skip) > self.count;
            let wanted = std::mem::take(&mut self.keyed).into_iter();
            let wanted: Vec<_> = wanted.skip(skip).take(self.count).collect();
            next = wanted.last().map(|(key, id, of)| Position {
                key: key.clone(),
                rtype: of.code,
                id: *id,
            });
            self.page = fetch(cx, wanted, asked).await?;
        }
        let start_index = match self.start {
            Start::Index(first) => Some(*first),
            Start::Cursor(_) => None,
        };
        Ok(Page {
            resources: self.page,
            total: self.total,
            start_index,
            next: next.filter(|_| self.more && start_index.is_none()),
        })
    }
}

/// The resources with these ids, in this order; one that was deleted meanwhile is left out.
async fn fetch(
    cx: &TenantCx,
    wanted: Vec<(Option<String>, Uuid, Arc<ResourceType>)>,
    asked: &Asked,
) -> Result<Vec<Resource>, Error> {
    let ids: Vec<(i16, bool, Uuid)> = wanted
        .iter()
        .map(|(_, id, of)| (of.code, asked.marks(of), *id))
        .collect();
    let rows = cx.store.read(move |tx| {
        ids.iter()
            .map(|(code, marks, id)| {
                tx.mark_members(*marks);
                tx.get(*code, *id)
            })
            .collect::<Result<Vec<_>, _>>()
    });
    let rows = rows.await?;
    Ok(wanted
        .iter()
        .zip(rows)
        .filter_map(|((_, _, of), row)| Some(found(of, row?)))
        .collect())
}
