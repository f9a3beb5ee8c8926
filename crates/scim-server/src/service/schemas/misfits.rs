//! Looking through a tenant's resources for what does not fit a definition that is to come.

use std::collections::{HashMap, HashSet};

use scim_core::schema::change::{self, Look, Misfit};
use scim_core::schema::registry::Wanted;
use scim_core::{AttrPath, ResourceType, resource};
use uuid::Uuid;

use super::{Finding, Report};
use crate::service::administration::AdminError;
use crate::service::resources::{Document, document};
use crate::store::{Micros, Reader, StoreError, Stored};

/// So many resources are read at once.
const BATCH: i64 = 500;
/// So many findings are shown.
const SAMPLE: usize = 10;

/// A look through the resources of one type.
pub(super) struct Search<'a> {
    before: &'a ResourceType,
    /// The type as it is to be; `None` when it is to go, and every resource is in the way.
    after: Option<&'a ResourceType>,
    /// The attributes that become unique.
    unique: Vec<(Wanted, AttrPath)>,
    /// Who has which value of these.
    owners: HashMap<(usize, String), Uuid>,
    misfits: HashSet<Uuid>,
}

/// A resource that does not fit.
pub(super) struct Bad {
    pub(super) stored: Stored,
    pub(super) document: Document,
    pub(super) misfits: Vec<Misfit>,
}

impl<'a> Search<'a> {
    pub(super) fn new(
        before: &'a ResourceType,
        after: Option<&'a ResourceType>,
        unique: Vec<Wanted>,
    ) -> Self {
        let path = |wanted: Wanted| {
            let path = AttrPath::parse(&wanted.path, &after?.urns).ok()?;
            Some((wanted, path))
        };
        Self {
            before,
            after,
            unique: unique.into_iter().filter_map(path).collect(),
            owners: HashMap::new(),
            misfits: HashSet::new(),
        }
    }

    fn look(&self) -> Look {
        self.after
            .map_or(Look::Everything, |after| change::look(self.before, after))
    }

    /// Some resources after the one named that may not fit: those that were changed since a moment.
    pub(super) fn read(
        &self,
        tx: &mut Reader<'_>,
        since: Micros,
        after: Option<Uuid>,
    ) -> Result<Vec<Stored>, StoreError> {
        let text = match self.look() {
            Look::Nothing => return Ok(Vec::new()),
            Look::Extensions(urns) if urns.len() == 1 => urns.concat().to_ascii_lowercase(),
            Look::Extensions(_) | Look::Everything => String::new(),
        };
        tx.holding(self.before.code, &text, since, after, BATCH)
    }

    /// Those of them that do not fit.
    pub(super) fn sift(&mut self, rows: Vec<Stored>) -> Result<Vec<Bad>, AdminError> {
        let mut bad = Vec::new();
        for stored in rows {
            let document =
                document(&stored).map_err(|error| AdminError::Internal(error.to_string()))?;
            let misfits = self.misfits_of(&document, stored.id);
            if !misfits.is_empty() {
                self.misfits.insert(stored.id);
                bad.push(Bad {
                    stored,
                    document,
                    misfits,
                });
            }
        }
        Ok(bad)
    }

    fn misfits_of(&mut self, document: &Document, id: Uuid) -> Vec<Misfit> {
        let Some(after) = self.after else {
            return vec![Misfit {
                path: AttrPath::new("", None),
                detail: format!("the resource type `{}` is to be removed", self.before.name),
            }];
        };
        let mut misfits = change::misfits(after, document);
        for (nth, (_, path)) in self.unique.iter().enumerate() {
            for (_, key) in resource::keys_at(after, document, path) {
                let owner = *self.owners.entry((nth, key)).or_insert(id);
                if owner != id {
                    misfits.push(Misfit {
                        path: AttrPath {
                            sub: None,
                            ..path.clone()
                        },
                        detail: format!("`{path}`: resource `{owner}` has the same value"),
                    });
                    break;
                }
            }
        }
        misfits
    }

    /// The keys of the attributes that become unique, of resources that fit: the attribute's path, the key, the resource.
    pub(super) fn unique_keys(self) -> impl Iterator<Item = (String, String, Uuid)> {
        let Self {
            unique,
            owners,
            misfits,
            ..
        } = self;
        owners.into_iter().filter_map(move |((nth, key), id)| {
            let (wanted, _) = unique.get(nth).filter(|_| !misfits.contains(&id))?;
            Some((wanted.path.clone(), key, id))
        })
    }
}

impl Report {
    pub(super) fn add(&mut self, resource_type: &str, bad: &Bad) {
        self.count += 1;
        if self.sample.len() < SAMPLE {
            self.sample.push(Finding {
                resource_type: resource_type.to_owned(),
                id: bad.stored.id.to_string(),
                detail: bad
                    .misfits
                    .first()
                    .map(|one| one.detail.clone())
                    .unwrap_or_default(),
            });
        }
    }
}
