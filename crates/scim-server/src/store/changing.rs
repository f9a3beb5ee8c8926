//! Changing a tenant's resources: the resource, its keys, its count and the change row, all or nothing.

use std::ops::{Deref, DerefMut};

use uuid::Uuid;

use super::dialect::Dialect;
use super::error::StoreError;
use super::members::changing::MemberText;
use super::model::{Change, Delete, Keys, Moved, NewResource, TenantId, Update};
use super::plan::{Outcome, Plan};
use super::resources::{Reader, json};
use super::sql::Sql;

/// Reads and changes one tenant's rows.
#[derive(Debug)]
pub struct Writer<'c> {
    pub(super) reader: Reader<'c>,
    /// Whether it may make more than one change.
    pub(super) several: bool,
    /// The version of the tenant's definitions that a change was checked by.
    pub(super) schema: Option<i64>,
}

impl<'c> Deref for Writer<'c> {
    type Target = Reader<'c>;

    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

impl<'c> DerefMut for Writer<'c> {
    fn deref_mut(&mut self) -> &mut Reader<'c> {
        &mut self.reader
    }
}

impl Writer<'_> {
    /// Inserts a resource as version 1.
    ///
    /// # Errors
    ///
    /// `Conflict` when another resource has one of its unique keys, `NoTenant` when the tenant was deleted. Nothing is left behind.
    pub fn insert(&mut self, new: &NewResource) -> Result<(), StoreError> {
        let scope = self.scope(new.rtype, new.id);
        let keys = KeyText::new(&new.keys)?;
        let members = MemberText::new(scope.dialect, &new.members)?;
        let change = json(&new.change.attributes)?;
        let guard = Sql::new(
            "INSERT INTO resource (tenant_id, rtype, rid, version, created, modified, doc, secret, members)
             SELECT ?, ?, ?, 1, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM tenant WHERE tenant_id = ?)",
        )
        .bind(scope.tenant)
        .bind(new.rtype)
        .bind(new.id)
        .bind(new.at)
        .bind(new.at)
        .bind(&new.doc)
        .bind(new.secret.as_deref())
        .bind(new.members.more())
        .bind(scope.tenant);
        let mut then = scope.add_keys(&keys);
        then.extend(scope.change_members(&members));
        then.push(scope.count(1));
        then.push(scope.record(&new.change, &change, 1));
        let plan = Plan {
            hold: scope.hold_members(&members),
            taken: scope.taken(&keys),
            guard: scope.in_force(scope.all_held(guard, &members)),
            then,
        };
        match self.change(plan)? {
            // A member may have been deleted after it was looked for; once they are held it can only be the tenant.
            Outcome::Refused if !members.holds() || self.held => {
                self.check_version()?;
                Err(StoreError::NoTenant)
            }
            outcome => self.settle(outcome),
        }
    }

    /// Writes a resource anew, as version `expected + 1`.
    ///
    /// # Errors
    ///
    /// `Stale` when it is gone or has another version, `Conflict` when another resource has one of its new unique keys.
    pub fn update(&mut self, update: &Update) -> Result<(), StoreError> {
        let scope = self.scope(update.rtype, update.id);
        let (removed, added) = (KeyText::new(&update.removed)?, KeyText::new(&update.added)?);
        let members = MemberText::new(scope.dialect, &update.members)?;
        let change = json(&update.change.attributes)?;
        let guard = Sql::new(
            "UPDATE resource SET version = version + 1, modified = ?, doc = ?, secret = ?, members = members + ?
             WHERE tenant_id = ? AND rtype = ? AND rid = ? AND version = ?",
        )
        .bind(update.at)
        .bind(&update.doc)
        .bind(update.secret.as_deref())
        .bind(update.members.more())
        .bind(scope.tenant)
        .bind(update.rtype)
        .bind(update.id)
        .bind(update.expected);
        let mut then = scope.remove_keys(&update.removed, &removed);
        then.extend(scope.add_keys(&added));
        then.extend(scope.change_members(&members));
        then.push(scope.record(&update.change, &change, update.expected.saturating_add(1)));
        let outcome = self.change(Plan {
            hold: scope.hold_members(&members),
            taken: scope.taken(&added),
            guard: scope.in_force(scope.all_held(guard, &members)),
            then,
        })?;
        self.settle(outcome)
    }

    /// Deletes a resource with all its keys.
    ///
    /// # Errors
    ///
    /// `Stale` when it is gone or has another version.
    pub fn delete(&mut self, delete: &Delete) -> Result<(), StoreError> {
        let scope = self.scope(delete.rtype, delete.id);
        let keys = KeyText::new(&delete.keys)?;
        let change = json(&delete.change.attributes)?;
        let guard = Sql::new(
            "DELETE FROM resource WHERE tenant_id = ? AND rtype = ? AND rid = ? AND version = ?",
        )
        .bind(scope.tenant)
        .bind(delete.rtype)
        .bind(delete.id)
        .bind(delete.expected);
        let mut then = scope.remove_keys(&delete.keys, &keys);
        let (list, moved, attributes) = match &delete.holders {
            Some(holders) => (
                pairs(&holders.groups)?,
                moves(&holders.moved)?,
                json(&[&holders.attribute])?,
            ),
            None => Default::default(),
        };
        if let Some(holders) = &delete.holders {
            then.extend(scope.leave(holders, &list, &moved, &delete.change.actor, &attributes));
        }
        then.push(scope.count(-1));
        then.push(scope.record(&delete.change, &change, delete.expected.saturating_add(1)));
        let outcome = self.change(Plan {
            hold: None,
            taken: None,
            guard: scope.in_force(guard),
            then,
        })?;
        self.settle(outcome)
    }

    fn change(&mut self, plan: Plan<'_>) -> Result<Outcome, StoreError> {
        if self.conn.trouble.changed && !self.several {
            return Err(StoreError::internal("a second change needs a transaction"));
        }
        self.conn.change(plan)
    }

    fn settle(&mut self, outcome: Outcome) -> Result<(), StoreError> {
        match outcome {
            Outcome::Done => Ok(()),
            Outcome::Taken(attr) => Err(StoreError::Conflict { attr }),
            Outcome::Refused => {
                self.check_version()?;
                self.conn.trouble.stale = true;
                Err(StoreError::Stale)
            }
        }
    }

    /// Why a change was refused, if it is that the definitions have changed.
    fn check_version(&mut self) -> Result<(), StoreError> {
        let Some(expected) = self.schema else {
            return Ok(());
        };
        match self.schema_version()? {
            Some(version) if version == expected => Ok(()),
            Some(_) => Err(StoreError::SchemaChanged),
            None => Err(StoreError::NoTenant),
        }
    }

    pub(super) fn scope(&self, rtype: i16, id: Uuid) -> Scope {
        Scope {
            dialect: self.conn.dialect(),
            tenant: self.tenant,
            rtype,
            id,
            schema: self.schema,
        }
    }
}

/// Groups with the ids of their changes, as one bound text.
fn pairs(groups: &[(Uuid, Uuid)]) -> Result<String, StoreError> {
    let rows: Vec<_> = groups
        .iter()
        .map(|(group, change)| (group.simple().to_string(), change.simple().to_string()))
        .collect();
    json(&rows)
}

fn moves(moved: &[Moved]) -> Result<String, StoreError> {
    let rows: Vec<_> = moved
        .iter()
        .map(|one| (one.id.simple().to_string(), one.attr, &one.old, &one.new))
        .collect();
    json(&rows)
}

/// Removes the unique keys of a list by their place.
const REMOVE_UNIQUE: &str = "DELETE FROM attr_unique WHERE ctid = ANY (ARRAY(SELECT (SELECT x.ctid FROM attr_unique x
     WHERE x.tenant_id = ? AND x.rid = ? AND x.attr_id = CAST(e.value->>0 AS integer) AND x.skey = e.value->>1) FROM ";

/// The same for the other keys.
const REMOVE_INDEX: &str =
    "DELETE FROM attr_index WHERE ctid = ANY (ARRAY(SELECT (SELECT x.ctid FROM attr_index x
     WHERE x.tenant_id = ? AND x.rid = ? AND x.attr_id = CAST(e.value->>0 AS integer)
     AND x.elem = CAST(e.value->>1 AS smallint) AND x.skey = e.value->>2) FROM ";

/// Which resource a change is about.
#[derive(Clone, Copy)]
pub(super) struct Scope {
    pub(super) dialect: Dialect,
    pub(super) tenant: TenantId,
    rtype: i16,
    pub(super) id: Uuid,
    schema: Option<i64>,
}

/// Keys as the lists that are bound; none when there are no keys.
pub(super) struct KeyText {
    unique: Option<String>,
    index: Option<String>,
}

impl KeyText {
    pub(super) fn new(keys: &Keys) -> Result<KeyText, StoreError> {
        let unique: Vec<_> = keys
            .unique
            .iter()
            .map(|key| (key.attr, &key.skey))
            .collect();
        let index: Vec<_> = keys
            .index
            .iter()
            .map(|key| (key.attr, key.elem, &key.skey))
            .collect();
        Ok(KeyText {
            unique: if unique.is_empty() {
                None
            } else {
                Some(json(&unique)?)
            },
            index: if index.is_empty() {
                None
            } else {
                Some(json(&index)?)
            },
        })
    }
}

impl Scope {
    /// A guard that also finds the tenant's definitions as they were when the change was checked, and keeps them so until it is committed.
    fn in_force<'a>(&self, guard: Sql<'a>) -> Sql<'a> {
        let Some(version) = self.schema else {
            return guard;
        };
        guard
            .then(" AND EXISTS (SELECT 1 FROM tenant x WHERE x.tenant_id = ? AND x.schema_version = ?")
            .bind(self.tenant)
            .bind(version)
            .then(self.dialect.hold_reference())
            .then(")")
    }

    /// Which of the new unique keys belong to another resource. Each is one probe of the primary key, whatever the planner thinks.
    pub(super) fn taken<'a>(&self, keys: &'a KeyText) -> Option<Sql<'a>> {
        keys.unique.as_ref().map(|list| {
            Sql::new("SELECT CAST(e.value->>0 AS integer) AS attr FROM ")
                .then(self.dialect.list())
                .bind(list)
                .then(
                    " WHERE (SELECT x.rid FROM attr_unique x WHERE x.tenant_id = ?
                     AND x.attr_id = CAST(e.value->>0 AS integer) AND x.skey = e.value->>1) <> ? LIMIT 1",
                )
                .bind(self.tenant)
                .bind(self.id)
        })
    }

    fn add_keys<'a>(&self, keys: &'a KeyText) -> Vec<Sql<'a>> {
        let unique = keys.unique.as_ref().map(|list| {
            let head = Sql::new(
                "INSERT INTO attr_unique (tenant_id, attr_id, skey, rid)
                 SELECT ?, CAST(e.value->>0 AS integer), e.value->>1, ? FROM ",
            );
            self.with_list(head, list)
        });
        let index = keys.index.as_ref().map(|list| {
            let head = Sql::new(
                "INSERT INTO attr_index (tenant_id, attr_id, elem, skey, rid)
                 SELECT ?, CAST(e.value->>0 AS integer), CAST(e.value->>1 AS smallint), e.value->>2, ? FROM ",
            );
            self.with_list(head, list)
        });
        unique.into_iter().chain(index).collect()
    }

    fn with_list<'a>(&self, head: Sql<'a>, list: &'a String) -> Sql<'a> {
        head.bind(self.tenant)
            .bind(self.id)
            .then(self.dialect.list())
            .bind(list)
            .then(" WHERE ")
            .then(self.dialect.guarded())
    }

    /// Each key is found by one probe of the primary key, whatever the planner thinks: `SQLite` is told each key by itself (a list would
    /// make it read every value of the attribute), `PostgreSQL` the rows' places.
    pub(super) fn remove_keys<'a>(&self, keys: &'a Keys, text: &'a KeyText) -> Vec<Sql<'a>> {
        if self.dialect.joins_statements() {
            let unique = text
                .unique
                .as_ref()
                .map(|list| self.remove_listed(REMOVE_UNIQUE, list));
            let index = text
                .index
                .as_ref()
                .map(|list| self.remove_listed(REMOVE_INDEX, list));
            return unique.into_iter().chain(index).collect();
        }
        let one = |words, attr, skey: &'a String| {
            Sql::new(words)
                .bind(self.tenant)
                .bind(attr)
                .bind(skey)
                .bind(self.id)
        };
        let unique = keys.unique.iter().map(|key| {
            let words = "DELETE FROM attr_unique WHERE tenant_id = ? AND attr_id = ? AND skey = ? AND rid = ?";
            one(words, key.attr, &key.skey)
        });
        let index = keys.index.iter().map(|key| {
            let words = "DELETE FROM attr_index WHERE tenant_id = ? AND attr_id = ? AND skey = ? AND rid = ? AND elem = ?";
            one(words, key.attr, &key.skey).bind(key.elem)
        });
        unique.chain(index).collect()
    }

    fn remove_listed<'a>(&self, words: &'static str, list: &'a String) -> Sql<'a> {
        Sql::new(words)
            .bind(self.tenant)
            .bind(self.id)
            .then(self.dialect.list())
            .bind(list)
            .then(")) AND ")
            .then(self.dialect.guarded())
    }

    fn count<'a>(&self, more: i64) -> Sql<'a> {
        Sql::new("INSERT INTO resource_count (tenant_id, rtype, slot, n) SELECT ?, ?, ?, ? WHERE ")
            .bind(self.tenant)
            .bind(self.rtype)
            .bind(self.dialect.slot(self.id))
            .bind(more)
            .then(self.dialect.guarded())
            .then(" ON CONFLICT (tenant_id, rtype, slot) DO UPDATE SET n = resource_count.n + excluded.n")
    }

    fn record<'a>(&self, change: &'a Change, attributes: &'a String, version: i64) -> Sql<'a> {
        Sql::new(
            "INSERT INTO change (tenant_id, position, change_id, rtype, rid, kind, version, attributes, actor, at)
             SELECT ?, ",
        )
        .bind(self.tenant)
        .append(self.dialect.position(self.tenant))
        .then(", ?, ?, ?, ?, ?, ?, ?, ? WHERE ")
        .bind(change.id)
        .bind(self.rtype)
        .bind(self.id)
        .bind(change.kind.code())
        .bind(version)
        .bind(attributes)
        .bind(&change.actor)
        .bind(change.at)
        .then(self.dialect.guarded())
    }
}
