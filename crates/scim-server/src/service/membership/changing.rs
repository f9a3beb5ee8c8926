//! What a request does to the members of a group, and references that must name somebody.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use scim_core::members::{self, Change, Op};
use scim_core::{Registry, ResourceType, resource};
use serde_json::Value;
use uuid::Uuid;

use super::{element, member_id, resource_id, value_of};
use crate::policy::References;
use crate::service::resources::{Document, Error, TenantCx};
use crate::store::{Differences, Member, Members, Reader};

/// What a request does to the members of a group. It may be looked at several times, as writes may be repeated; what can be worked out without
/// the store is worked out once.
#[derive(Clone, Debug)]
pub(in crate::service) struct MemberChange {
    operations: Arc<[Op]>,
    /// The operations put together, unless what they do hangs on what the group holds.
    fixed: Option<Arc<Rows>>,
    /// The ids of resources that may be added.
    ids: Arc<[Uuid]>,
    attribute: String,
    registry: Arc<Registry>,
    base_url: String,
    rejects: bool,
}

/// A change of members by the ids under which they are kept.
#[derive(Clone, Debug, Default)]
struct Rows {
    whole: bool,
    add: Vec<Member>,
    remove: Vec<Uuid>,
    /// Those that must be there already.
    required: Vec<Uuid>,
}

/// Of which type the members are that a request adds.
pub(in crate::service) type Kinds = HashMap<Uuid, i16>;

impl Rows {
    fn new(change: Change) -> Self {
        let mut add: Vec<Member> = change
            .add
            .into_iter()
            .map(|(key, member)| row(&key, member))
            .collect();
        add.sort_unstable_by_key(|one| one.id);
        let ids = |keys: HashSet<String>| keys.iter().map(|key| member_id(key)).collect();
        Self {
            whole: change.whole,
            add,
            remove: ids(change.remove),
            required: ids(change.required),
        }
    }
}

/// The row of a member whose type is not known yet.
fn row(key: &str, member: members::Member) -> Member {
    let ours = resource_id(key);
    Member {
        id: ours.unwrap_or_else(|| member_id(key)),
        rtype: 0,
        display: member.display,
        sent: ours.is_none().then_some(member.value),
    }
}

impl MemberChange {
    /// # Errors
    /// 400 `noTarget` for operations that contradict each other.
    pub(in crate::service) fn new(
        cx: &TenantCx,
        of: &ResourceType,
        operations: Vec<Op>,
    ) -> Result<Self, Error> {
        let named = operations.iter().flat_map(|one| match one {
            Op::Add(members) | Op::Replace(members) => members.as_slice(),
            Op::Rename(member) => std::slice::from_ref(member),
            Op::Remove(_) | Op::RemoveWhere(_) => &[],
        });
        let mut ids: Vec<Uuid> = named
            .filter_map(|member| resource_id(&member.key()))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let fixed = if members::need_members(&operations) {
            None
        } else {
            Some(Arc::new(Rows::new(Change::of(&operations)?)))
        };
        Ok(Self {
            operations: operations.into(),
            fixed,
            ids: ids.into(),
            attribute: of
                .members()
                .map(|attribute| attribute.name.clone())
                .unwrap_or_default(),
            registry: Arc::clone(&cx.tenant.registry),
            base_url: cx.base_url.clone(),
            rejects: cx.tenant.policy.references == References::Reject,
        })
    }

    /// Takes the members out of a whole document: those sent are the whole set.
    pub(in crate::service) fn take(
        cx: &TenantCx,
        of: &ResourceType,
        attributes: &mut Document,
    ) -> Result<Self, Error> {
        let Some(attribute) = of.members() else {
            return Self::new(cx, of, Vec::new());
        };
        let elements = match attributes.shift_remove(&attribute.name) {
            Some(Value::Array(elements)) => elements,
            _ => Vec::new(),
        };
        let members = members::Member::read(elements, &attribute.name)?;
        Self::new(cx, of, vec![Op::Replace(members)])
    }

    /// The attribute that a new group has set, if it begins with members.
    pub(in crate::service) fn set(&self) -> Option<&str> {
        let some = |one: &Op| matches!(one, Op::Replace(members) if !members.is_empty());
        let begins = self.operations.iter().any(some);
        begins.then_some(self.attribute.as_str())
    }

    /// Looks for the resources that are added. To be done before the group itself is read: whoever holds rows holds members first.
    pub(in crate::service) fn kinds(&self, tx: &mut Reader<'_>) -> Result<Kinds, Error> {
        if self.ids.is_empty() {
            return Ok(Kinds::new());
        }
        Ok(tx.kinds(&member_types(&self.registry), &self.ids)?)
    }

    /// The members of a group that is created.
    pub(in crate::service) fn of_new(&self, kinds: &Kinds) -> Result<Members, Error> {
        let rows = self.fixed.iter().flat_map(|rows| &rows.add);
        let add = rows
            .map(|row| self.known(row.clone(), kinds))
            .collect::<Result<_, _>>()?;
        Ok(Members {
            add,
            ..Members::default()
        })
    }

    /// What changes of the members of a group that is there.
    pub(in crate::service) fn of(
        &self,
        tx: &mut Reader<'_>,
        group: Uuid,
        kinds: &Kinds,
    ) -> Result<Members, Error> {
        if self.operations.is_empty() {
            return Ok(Members::default());
        }
        let rows = match &self.fixed {
            Some(rows) => Arc::clone(rows),
            None => Arc::new(self.looked_up(&tx.members(group)?, kinds)?),
        };
        if rows.add.iter().any(|row| row.id == group) {
            return Err(self.refusal("a group cannot be a member of itself"));
        }
        if tx.members_among(group, &rows.required)?.len() < rows.required.len() {
            return Err(members::no_target().into());
        }
        let differences = if rows.whole {
            let set: Vec<(Uuid, Option<&str>)> = rows
                .add
                .iter()
                .map(|row| (row.id, row.display.as_deref()))
                .collect();
            tx.differences(group, &set)?
        } else {
            some(tx, group, &rows)?
        };
        let mut members = Members {
            remove: differences.beside,
            ..Members::default()
        };
        for row in &rows.add {
            let known = self.known(row.clone(), kinds)?;
            if differences.absent.contains(&row.id) {
                members.add.push(known);
            } else if differences.renamed.contains(&row.id) {
                members.renamed.push(known);
            }
        }
        Ok(members)
    }

    /// The operations put together with a look at what the group holds.
    fn looked_up(&self, has: &[Member], kinds: &Kinds) -> Result<Rows, Error> {
        let types: HashMap<Uuid, i16> = has.iter().map(|one| (one.id, one.rtype)).collect();
        let named = has.iter().map(|one| members::Member {
            value: value_of(one),
            display: one.display.clone(),
        });
        let shown = |member: &members::Member| {
            let mut row = row(&member.key(), member.clone());
            let rtype = types.get(&row.id).or_else(|| kinds.get(&row.id));
            row.rtype = rtype.copied().unwrap_or_default();
            element(&row, &self.registry, &self.base_url)
        };
        let change = Change::within(&self.operations, named.collect(), shown)?;
        Ok(Rows::new(change))
    }

    /// A member with its type.
    fn known(&self, mut row: Member, kinds: &Kinds) -> Result<Member, Error> {
        row.rtype = kinds.get(&row.id).copied().unwrap_or_default();
        if row.rtype == 0 && self.rejects {
            let value = scim_core::error::shorten(&value_of(&row));
            return Err(self.refusal(&format!("no resource has the id `{value}`")));
        }
        Ok(row)
    }

    fn refusal(&self, why: &str) -> Error {
        scim_core::Error::invalid_value(format!("`{}`: {why}", self.attribute)).into()
    }
}

/// How a group differs from having those that are added and not having those that are removed.
fn some(tx: &mut Reader<'_>, group: Uuid, rows: &Rows) -> Result<Differences, Error> {
    let added = rows.add.iter().map(|row| row.id);
    let ids: Vec<Uuid> = added.chain(rows.remove.iter().copied()).collect();
    let has = tx.members_among(group, &ids)?;
    let mut found = Differences::default();
    for row in &rows.add {
        match has.get(&row.id) {
            None => {
                found.absent.insert(row.id);
            }
            Some(there) if row.display.is_some() && there.display != row.display => {
                found.renamed.insert(row.id);
            }
            Some(_) => {}
        }
    }
    let gone = rows.remove.iter().copied();
    found.beside = gone.filter(|id| has.contains_key(id)).collect();
    Ok(found)
}

/// Refuses a reference to nobody where the tenant wants that; one that was there before stays.
pub(in crate::service) fn require_references(
    cx: &TenantCx,
    of: &ResourceType,
    tx: &mut Reader<'_>,
    before: &Document,
    after: &Document,
) -> Result<(), Error> {
    if cx.tenant.policy.references != References::Reject {
        return Ok(());
    }
    for (path, types) in of.references() {
        let old = resource::keys_at(of, before, &path);
        for (_, key) in resource::keys_at(of, after, &path) {
            if old.iter().any(|(_, other)| *other == key) {
                continue;
            }
            let codes = codes(&cx.tenant.registry, types);
            let found = match resource_id(&key) {
                Some(id) => !tx.kinds(&codes, &[id])?.is_empty(),
                None => false,
            };
            if !found {
                let key = scim_core::error::shorten(&key);
                let why = format!("`{path}`: no resource has the id `{key}`");
                return Err(scim_core::Error::invalid_value(why).into());
            }
        }
    }
    Ok(())
}

/// The numbers of the types that may be members, those of users first: most members are users.
fn member_types(registry: &Registry) -> Vec<i16> {
    let named = |of: &ResourceType| {
        let attribute = of.members()?;
        let reference = attribute.sub("$ref")?;
        Some(reference.reference_types.clone())
    };
    let names: Vec<String> = registry
        .types()
        .iter()
        .filter_map(|of| named(of))
        .flatten()
        .collect();
    codes(registry, &names)
}

fn codes(registry: &Registry, names: &[String]) -> Vec<i16> {
    let types = registry.types().iter();
    types
        .filter(|one| names.contains(&one.name))
        .map(|one| one.code)
        .collect()
}
