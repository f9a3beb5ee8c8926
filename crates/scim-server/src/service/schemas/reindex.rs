//! Which attributes are found by keys before and after a change of definitions.

use scim_core::schema::additions::IndexDefinition;
use scim_core::schema::registry::Wanted;
use scim_core::{Registry, ResourceType};

use crate::service::administration::AdminError;
use crate::store::{Definitions, IndexRow, IndexState, Writer};

/// The attributes that were there and become unique.
pub(super) fn becoming_unique(old: &ResourceType, new: Option<&ResourceType>) -> Vec<Wanted> {
    let had = old.wanted();
    let new = new.map(ResourceType::wanted).unwrap_or_default();
    new.into_iter()
        .filter(|one| one.unique && !had.contains(one))
        .collect()
}

/// What is indexed before and after.
#[derive(Default)]
pub(super) struct Reindexing {
    kept: Vec<IndexRow>,
    added: Vec<IndexRow>,
    going: Vec<IndexRow>,
}

impl Reindexing {
    pub(super) fn in_force(&self) -> Vec<IndexDefinition> {
        let rows = self.kept.iter().chain(&self.added);
        rows.map(|one| IndexDefinition {
            rtype: one.rtype,
            path: one.path.clone(),
            id: one.id,
            ready: one.state == IndexState::Ready,
        })
        .collect()
    }

    pub(super) fn written(&self) -> impl Iterator<Item = &IndexRow> {
        self.added.iter().chain(&self.going)
    }
}

/// Which keys stay, which are to be made, and which are to go. Keys that mean something else now get another number.
pub(super) fn reindex(
    tx: &mut Writer<'_>,
    rows: &Definitions,
    before: &Registry,
    after: &Registry,
) -> Result<Reindexing, AdminError> {
    let had: Vec<Wanted> = before.types().iter().flat_map(|one| one.wanted()).collect();
    let wanted: Vec<Wanted> = after.types().iter().flat_map(|one| one.wanted()).collect();
    let live = rows
        .indexes
        .iter()
        .filter(|one| one.state != IndexState::Going);
    let same = |row: &IndexRow, one: &Wanted| row.rtype == one.rtype && row.path == one.path;
    let mut found = Reindexing::default();
    for row in live {
        let stays = wanted.iter().any(|one| same(row, one) && had.contains(one));
        if stays {
            found.kept.push(row.clone());
        } else {
            found.going.push(IndexRow {
                state: IndexState::Going,
                ..row.clone()
            });
        }
    }
    let missing: Vec<&Wanted> = wanted
        .iter()
        .filter(|one| !found.kept.iter().any(|row| same(row, one)))
        .collect();
    let count = i32::try_from(missing.len()).unwrap_or(i32::MAX);
    let first = if count > 0 { tx.next_attrs(count)? } else { 0 };
    for (one, id) in missing.into_iter().zip(first..) {
        let existed = before
            .types()
            .iter()
            .any(|of| of.code == one.rtype && of.has(&one.path));
        // What was not there has no values; what becomes unique gets its keys at once.
        let ready = one.unique || !existed || tx.count(one.rtype)? == 0;
        found.added.push(IndexRow {
            id,
            rtype: one.rtype,
            path: one.path.clone(),
            state: if ready {
                IndexState::Ready
            } else {
                IndexState::Building
            },
        });
    }
    Ok(found)
}
