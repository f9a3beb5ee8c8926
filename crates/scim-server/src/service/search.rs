//! How the hits of a query are found: by the store where keys tell them, else by looking at documents, within a time.

use std::collections::HashMap;
use std::sync::Arc;

use scim_core::filter::Bound;
use scim_core::list::BoundSort;
use scim_core::{AttrPath, ResourceType, key};
use serde_json::Value;
use uuid::Uuid;

use super::membership::{self, Asked, Views};
use super::pushdown::{self, Pushdown};
use super::resources::{Error, TenantCx, meta, view};
use super::window::Window;
use crate::store::query::{Begin, Matches, Order, Set};
use crate::store::{Reader, StoreError, Stored};

/// How many documents are looked at in one go.
const CHUNK: usize = 500;
/// So many resources are looked at one by one sooner than sets are put together.
const FEW: i64 = 1_000;

/// One type being searched.
pub(super) struct Look<'a> {
    cx: &'a TenantCx,
    resource_type: &'a Arc<ResourceType>,
    filter: Option<&'a Bound>,
    sort: Option<&'a BoundSort<'a>>,
    /// The attribute that shows links, where it is looked at.
    views: Option<(&'a str, Views<'a>)>,
    /// Whether it is looked up who is a member of a group.
    marks: bool,
}

/// What the store told.
enum Told {
    /// The page.
    Page(Matches),
    /// All candidates, and whether all of them are hits.
    Rows(Vec<Stored>, bool),
    /// The ids of the candidates, and whether all of them are hits.
    Ids(Vec<Uuid>, bool),
    /// Nothing: each resource is a candidate.
    Nothing,
}

/// What the store is asked.
struct Ask {
    code: i16,
    marks: bool,
    set: Set,
    exact: bool,
    /// The order, where the store can make it.
    order: Option<Order>,
    /// The page, where the store can tell it.
    page: Option<(Begin, i64)>,
}

impl<'a> Look<'a> {
    pub(super) fn new(
        cx: &'a TenantCx,
        resource_type: &'a Arc<ResourceType>,
        filter: Option<&'a Bound>,
        sort: Option<&'a BoundSort<'a>>,
        asked: &Asked,
    ) -> Self {
        let views = views(cx, resource_type, filter, sort);
        let shown = views.is_some() || asked.marks(resource_type);
        Self {
            cx,
            resource_type,
            filter,
            sort,
            views,
            marks: resource_type.groups().is_some() && shown,
        }
    }

    /// Offers the window all hits of a query over this type alone.
    pub(super) async fn alone(&self, window: &mut Window<'_>) -> Result<(), Error> {
        let order = self.sort.zip(window.sort);
        let order = order
            .and_then(|(sort, descending)| pushdown::order(sort, self.resource_type, descending));
        self.look(window, order).await
    }

    /// Offers the window all hits of this type of a query over several.
    pub(super) async fn among_others(&self, window: &mut Window<'_>) -> Result<(), Error> {
        self.look(window, None).await
    }

    async fn look(&self, window: &mut Window<'_>, order: Option<Order>) -> Result<(), Error> {
        let pushdown = self.filter.map_or_else(Pushdown::all, |filter| {
            Pushdown::new(filter, self.resource_type)
        });
        let Some(set) = pushdown.set else {
            return Ok(());
        };
        let code = self.resource_type.code;
        let ask = Ask {
            code,
            marks: self.marks,
            set,
            exact: pushdown.exact,
            order,
            page: (window.sort.is_none() || order.is_some()).then(|| window.wanted(code)),
        };
        let long = pushdown.long;
        let read = move |tx: &mut Reader<'_>| {
            tx.mark_members(ask.marks);
            for (attr, path) in long {
                if tx.has_long(attr)? {
                    return Ok((Told::Nothing, Some(path)));
                }
            }
            Ok((ask.tell(tx)?, None))
        };
        let (told, long) = self.cx.store.read(read).await?;
        let open = || {
            long.or(pushdown.open)
                .or_else(|| Some(self.sort?.path()?.0))
        };
        match told {
            Told::Page(matches) => window.put_all(self.resource_type, matches),
            Told::Rows(rows, exact) => self.offer(rows, exact, window).await?,
            Told::Ids(ids, exact) => self.through(&ids, exact, window, open()).await?,
            Told::Nothing => self.scan(window, open()).await?,
        }
        Ok(())
    }

    /// Looks at candidates, in chunks, so that memory stays bounded by the page.
    async fn through(
        &self,
        ids: &[Uuid],
        exact: bool,
        window: &mut Window<'_>,
        open: Option<AttrPath>,
    ) -> Result<(), Error> {
        let (code, marks) = (self.resource_type.code, self.marks);
        for (nth, chunk) in ids.chunks(CHUNK).enumerate() {
            if nth > 0 {
                self.in_time(window, open.as_ref())?;
            }
            let chunk = chunk.to_vec();
            let read = move |tx: &mut Reader<'_>| {
                tx.mark_members(marks);
                tx.by_ids(code, &chunk)
            };
            let rows = self.cx.store.read(read).await?;
            self.offer(rows, exact, window).await?;
        }
        Ok(())
    }

    /// Looks at all resources of the type.
    async fn scan(&self, window: &mut Window<'_>, open: Option<AttrPath>) -> Result<(), Error> {
        let (code, marks) = (self.resource_type.code, self.marks);
        let limit = i64::try_from(CHUNK).unwrap_or(i64::MAX);
        let mut after = None;
        loop {
            let read = move |tx: &mut Reader<'_>| {
                tx.mark_members(marks);
                tx.scan(code, after, limit)
            };
            let rows = self.cx.store.read(read).await?;
            after = rows.last().map(|last| last.id);
            let is_last = rows.len() < CHUNK;
            self.offer(rows, self.filter.is_none(), window).await?;
            if is_last {
                return Ok(());
            }
            self.in_time(window, open.as_ref())?;
        }
    }

    fn in_time(&self, window: &Window<'_>, open: Option<&AttrPath>) -> Result<(), Error> {
        let limit = self.cx.search_time;
        if window.begun.elapsed() <= limit {
            return Ok(());
        }
        let name = open.map_or_else(|| "id".to_owned(), ToString::to_string);
        Err(scim_core::Error::too_many(format!(
            "`{name}`: without an index on it this takes longer than {} ms; ask for an indexed attribute as well, \
             or have `{name}` marked `indexed` in the tenant's schemas",
            limit.as_millis()
        ))
        .into())
    }

    async fn offer(
        &self,
        rows: Vec<Stored>,
        exact: bool,
        window: &mut Window<'_>,
    ) -> Result<(), Error> {
        if exact && self.sort.is_none() {
            // No document need be read.
            for row in rows {
                window.take(None, self.resource_type, row);
            }
            return Ok(());
        }
        let filter = self.filter.filter(|_| !exact);
        let Some((_, views)) = &self.views else {
            return self.offer_with(rows, HashMap::new(), filter, window);
        };
        let mut rows = rows;
        while !rows.is_empty() {
            let later = rows.split_off(membership::batch(rows.iter().map(|row| row.members)));
            let links = views.of(&rows).await?;
            self.offer_with(std::mem::replace(&mut rows, later), links, filter, window)?;
        }
        Ok(())
    }

    fn offer_with(
        &self,
        rows: Vec<Stored>,
        mut links: HashMap<Uuid, Value>,
        filter: Option<&Bound>,
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
            if filter.is_none_or(|filter| filter.matches(&view)) {
                let key = self.sort.and_then(|sort| sort.key(&view));
                // As an index keeps it, so that both make one order.
                let key = key.map(|key| key::stored(&key));
                window.take(key, self.resource_type, row);
            }
        }
        Ok(())
    }
}

impl Ask {
    fn tell(self, tx: &mut Reader<'_>) -> Result<Told, StoreError> {
        if let Some(ids) = self.narrowest(tx)? {
            return Ok(Told::Rows(tx.by_ids(self.code, &ids)?, false));
        }
        if self.exact
            && let Some((from, limit)) = &self.page
        {
            let Some(order) = self.order else {
                let page = tx.matching(self.code, &self.set, from, *limit)?;
                return Ok(Told::Page(page));
            };
            if self.set != Set::All
                && let Some(ids) = tx.ids(self.code, &self.set, FEW)?
            {
                return Ok(Told::Rows(tx.by_ids(self.code, &ids)?, true));
            }
            let page = tx.sorted(self.code, &self.set, order, from, *limit)?;
            return Ok(Told::Page(page));
        }
        if self.set == Set::All {
            return Ok(Told::Nothing);
        }
        Ok(match tx.ids(self.code, &self.set, FEW)? {
            Some(ids) => Told::Rows(tx.by_ids(self.code, &ids)?, self.exact),
            None => {
                let ids = tx.ids(self.code, &self.set, i64::MAX - 1)?;
                Told::Ids(ids.unwrap_or_default(), self.exact)
            }
        })
    }

    /// The smallest of the sets that all hits are in, if it is small.
    fn narrowest(&self, tx: &mut Reader<'_>) -> Result<Option<Vec<Uuid>>, StoreError> {
        let mut least = FEW + 1;
        let mut smallest = None;
        for part in self.set.conjuncts() {
            let size = tx.size(self.code, &part, FEW + 1)?;
            if size < least {
                least = size;
                smallest = Some(part);
            }
            if size <= 1 {
                break;
            }
        }
        match smallest {
            Some(part) => tx.ids(self.code, &part, FEW),
            None => Ok(None),
        }
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
