//! The page of a result, filled as hits come by.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use scim_core::ResourceType;
use scim_core::list::{Query, Start, compare};
use uuid::Uuid;

use super::cursor::Position;
use super::membership::Asked;
use super::read::{Page, found};
use super::resources::{Error, Resource, TenantCx};
use crate::store::query::{Begin, Matches};
use crate::store::{Reader, Stored};

/// The part of a result that is asked for, filled as hits come by.
pub(super) struct Window<'a> {
    start: &'a Start<Position>,
    count: usize,
    total: i64,
    /// Whether there is more behind the page.
    more: bool,
    /// Whether the order is descending; `None` without an order.
    pub(super) sort: Option<bool>,
    page: Vec<(Option<String>, Resource)>,
    /// Hits that are not in their order yet.
    keyed: Vec<(Option<String>, Uuid, Arc<ResourceType>)>,
    /// When the search began.
    pub(super) begun: Instant,
}

impl<'a> Window<'a> {
    pub(super) fn new(query: &Query, start: &'a Start<Position>) -> Self {
        Self {
            start,
            count: usize::try_from(query.count).unwrap_or_default(),
            total: 0,
            more: false,
            sort: query.sort.as_ref().map(|sort| sort.descending),
            page: Vec::new(),
            keyed: Vec::new(),
            begun: Instant::now(),
        }
    }

    /// What is wanted of the hits of a type that comes behind those offered: from where on, and how many.
    pub(super) fn wanted(&self, code: i16) -> (Begin, i64) {
        let room = self.count.saturating_sub(self.page.len());
        let room = i64::try_from(room).unwrap_or(i64::MAX);
        // One more tells whether there is a following page.
        let and_one = if self.more || self.count == 0 {
            0
        } else {
            room.saturating_add(1)
        };
        match self.start {
            Start::Index(first) => {
                let behind = (first - 1).saturating_sub(self.total).max(0);
                (Begin::Offset(behind), room)
            }
            Start::Cursor(None) => (Begin::Offset(0), and_one),
            Start::Cursor(Some(after)) => match code.cmp(&after.rtype) {
                Ordering::Less => (Begin::Offset(0), 0),
                Ordering::Equal => (Begin::After(after.key.clone(), after.id), and_one),
                Ordering::Greater => (Begin::Offset(0), and_one),
            },
        }
    }

    pub(super) fn take(
        &mut self,
        key: Option<String>,
        resource_type: &Arc<ResourceType>,
        row: Stored,
    ) {
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
            self.put(None, resource_type, row);
        }
    }

    /// Puts a resource on the page, if there is room.
    fn put(&mut self, key: Option<String>, resource_type: &Arc<ResourceType>, row: Stored) {
        if self.page.len() < self.count {
            self.page.push((key, found(resource_type, row)));
        } else {
            self.more = true;
        }
    }

    pub(super) fn put_all(&mut self, resource_type: &Arc<ResourceType>, matches: Matches) {
        self.total += matches.total;
        for (key, row) in matches.rows {
            self.put(key, resource_type, row);
        }
    }

    /// Puts in order what is not yet, and takes the page out of it.
    async fn arrange(&mut self, cx: &TenantCx, asked: &Asked) -> Result<(), Error> {
        let descending = self.sort.unwrap_or_default();
        self.keyed.sort_by(|(a, x, _), (b, y, _)| {
            compare((a.as_deref(), x), (b.as_deref(), y), descending)
        });
        let skip = match self.start {
            Start::Index(first) => usize::try_from(first - 1).unwrap_or(usize::MAX),
            Start::Cursor(None) => 0,
            Start::Cursor(Some(after)) => self.keyed.partition_point(|(key, id, _)| {
                let after = (after.key.as_deref(), &after.id);
                compare((key.as_deref(), id), after, descending).is_le()
            }),
        };
        self.more = self.keyed.len().saturating_sub(skip) > self.count;
        let wanted = std::mem::take(&mut self.keyed).into_iter();
        let wanted: Vec<_> = wanted.skip(skip).take(self.count).collect();
        self.page = fetch(cx, wanted, asked).await?;
        Ok(())
    }

    pub(super) async fn page(mut self, cx: &TenantCx, asked: &Asked) -> Result<Page, Error> {
        if !self.keyed.is_empty() {
            self.arrange(cx, asked).await?;
        }
        let next = self.page.last().map(|(key, last)| Position {
            key: key.clone(),
            rtype: last.resource_type.code,
            id: last.stored.id,
        });
        let start_index = match self.start {
            Start::Index(first) => Some(*first),
            Start::Cursor(_) => None,
        };
        Ok(Page {
            resources: self.page.into_iter().map(|(_, one)| one).collect(),
            total: self.total,
            start_index,
            next: next.filter(|_| self.more && start_index.is_none()),
        })
    }
}

/// Reads a page whose order is known. What was deleted meanwhile is missing.
async fn fetch(
    cx: &TenantCx,
    wanted: Vec<(Option<String>, Uuid, Arc<ResourceType>)>,
    asked: &Asked,
) -> Result<Vec<(Option<String>, Resource)>, Error> {
    let mut by_type: HashMap<i16, (bool, Vec<Uuid>)> = HashMap::new();
    for (_, id, of) in &wanted {
        let (_, ids) = by_type
            .entry(of.code)
            .or_insert_with(|| (asked.marks(of), Vec::new()));
        ids.push(*id);
    }
    let read = move |tx: &mut Reader<'_>| {
        let mut rows = HashMap::new();
        for (code, (marks, ids)) in by_type {
            tx.mark_members(marks);
            let found = tx.by_ids(code, &ids)?.into_iter();
            rows.extend(found.map(|row| (row.id, row)));
        }
        Ok(rows)
    };
    let mut rows: HashMap<Uuid, Stored> = cx.store.read(read).await?;
    let page = wanted.into_iter().filter_map(|(key, id, of)| {
        let row = rows.remove(&id)?;
        Some((key, found(&of, row)))
    });
    Ok(page.collect())
}
