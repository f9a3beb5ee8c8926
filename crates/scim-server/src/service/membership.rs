//! Members of groups between the protocol, which names them by ids of any kind, and the store, which keeps a row for each.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use scim_core::members::{self, Change, Op, Shown};
use scim_core::schema::{Attribute, builtin};
use scim_core::{Registry, ResourceType, resource};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::resources::{Document, Error, Resource, TenantCx, document};
use crate::policy::References;
use crate::store::{Differences, Member, Members, Reader, StoreError, Stored};

/// So many members are read at once, unless one group has more.
const BATCH: i64 = 100_000;

/// What a resource is linked with, as far as it was asked for.
#[derive(Clone, Debug, Default)]
pub enum Links {
    /// They were not read.
    #[default]
    Unread,
    /// Its members, in the order of their ids.
    Members(Vec<Member>),
    /// The groups it is in, in the order of their ids.
    Groups(Vec<Group>),
}

/// The types of which links are asked for.
#[derive(Clone, Debug, Default)]
pub struct Asked(Vec<i16>);

impl Asked {
    /// Those of a tenant's types for which `wants` says so of the attribute that shows the links.
    pub fn of(registry: &Registry, wants: impl Fn(&ResourceType, &Attribute) -> bool) -> Self {
        let types = registry.types();
        // Who is in which group is nobody's business where groups are not offered.
        if !types.iter().any(|of| of.members().is_some()) {
            return Self::default();
        }
        let asked = types.iter().filter(|of| {
            let attribute = of.members().or(of.groups());
            attribute.is_some_and(|attribute| wants(of, attribute))
        });
        Self(asked.map(|of| of.code).collect())
    }

    fn has(&self, of: &ResourceType) -> bool {
        self.0.contains(&of.code)
    }

    /// How many members are to be read of a resource.
    #[must_use]
    pub fn members(&self, resource: &Resource) -> i64 {
        let counts = self.has(&resource.resource_type) && is_unread(resource);
        if counts { resource.stored.members } else { 0 }
    }

    /// Whether it has to be looked up of resources of a type if they are members of a group.
    pub(super) fn marks(&self, of: &ResourceType) -> bool {
        of.groups().is_some() && self.has(of)
    }
}

/// A group that somebody is in.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub display: Option<String>,
    /// Whether somebody is a member of it, not only of a group in it.
    pub direct: bool,
}

impl Group {
    /// `direct` or `indirect`. RFC 7643 §4.1.2.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.direct { "direct" } else { "indirect" }
    }
}

/// The resource type that has members, whatever a tenant offers now.
pub(super) fn group_type() -> Option<&'static Arc<ResourceType>> {
    static TYPE: LazyLock<Option<Arc<ResourceType>>> = LazyLock::new(|| {
        let registry = builtin::registry(None);
        let mut types = registry.types().iter();
        types.find(|one| one.members().is_some()).cloned()
    });
    TYPE.as_ref()
}

/// The number of that type.
pub(super) fn group_code() -> Option<i16> {
    group_type().map(|of| of.code)
}

/// The id under which a member is kept: that of a resource, or one made of a key that can be none.
///
/// Ids that are given out are `UUIDv7` and those made of keys `UUIDv8`, so that they never meet.
pub(super) fn member_id(key: &str) -> Uuid {
    match resource_id(key) {
        Some(id) => id,
        None => {
            let digest = Sha256::digest(key.as_bytes());
            let mut bytes = [0; 16];
            bytes
                .iter_mut()
                .zip(digest)
                .for_each(|(byte, from)| *byte = from);
            uuid::Builder::from_custom_bytes(bytes).into_uuid()
        }
    }
}

/// The id of a resource that a key spells.
fn resource_id(key: &str) -> Option<Uuid> {
    let id = Uuid::try_parse(key).ok()?;
    (id.get_version_num() == 7 && id.to_string() == key).then_some(id)
}

/// What a request does to the members of a group. It may be looked at several times, as writes may be repeated; what can be worked out without
/// the store is worked out once.
#[derive(Clone, Debug)]
pub(super) struct MemberChange {
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
pub(super) type Kinds = HashMap<Uuid, i16>;

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
    pub(super) fn new(
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
    pub(super) fn take(
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
    pub(super) fn set(&self) -> Option<&str> {
        let some = |one: &Op| matches!(one, Op::Replace(members) if !members.is_empty());
        let begins = self.operations.iter().any(some);
        begins.then_some(self.attribute.as_str())
    }

    /// Looks for the resources that are added. To be done before the group itself is read: whoever holds rows holds members first.
    pub(super) fn kinds(&self, tx: &mut Reader<'_>) -> Result<Kinds, Error> {
        if self.ids.is_empty() {
            return Ok(Kinds::new());
        }
        Ok(tx.kinds(&member_types(&self.registry), &self.ids)?)
    }

    /// The members of a group that is created.
    pub(super) fn of_new(&self, kinds: &Kinds) -> Result<Members, Error> {
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
    pub(super) fn of(
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
pub(super) fn require_references(
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

/// The `value` of a member.
pub fn value_of(member: &Member) -> String {
    member.sent.clone().unwrap_or_else(|| member.id.to_string())
}

/// The type of a member, if the tenant has it.
#[must_use]
pub fn type_of(registry: &Registry, rtype: i16) -> Option<&Arc<ResourceType>> {
    registry.types().iter().find(|one| one.code == rtype)
}

/// A member as a filter sees it.
fn element(member: &Member, registry: &Registry, base_url: &str) -> Value {
    let value = value_of(member);
    let of = type_of(registry, member.rtype);
    let location = of.map(|of| format!("{base_url}{}/{value}", of.endpoint));
    Shown {
        value: &value,
        location: location.as_deref(),
        display: member.display.as_deref(),
        kind: of.map(|of| of.name.as_str()),
    }
    .element()
}

/// A group as a filter sees it among those that somebody is in.
fn group_element(group: &Group, registry: &Registry, base_url: &str) -> Value {
    let value = group.id.to_string();
    let of = group_code().and_then(|code| type_of(registry, code));
    let location = of.map(|of| format!("{base_url}{}/{value}", of.endpoint));
    Shown {
        value: &value,
        location: location.as_deref(),
        display: group.display.as_deref(),
        kind: Some(group.kind()),
    }
    .element()
}

/// Whether links of a resource are to be read: it has some, and they are not known yet.
fn is_unread(resource: &Resource) -> bool {
    matches!(resource.links, Links::Unread)
}

/// How many groups with so many members each to take at once, at least one, so that memory stays bounded.
pub fn batch(members: impl Iterator<Item = i64>) -> usize {
    let mut sum = 0_i64;
    let fit = members.take_while(|members| {
        let first = sum == 0;
        sum = sum.saturating_add(*members);
        first || sum <= BATCH
    });
    fit.count().max(1)
}

/// Reads the links that are asked for. A group is read anew with its members, as of one moment; what is gone by now
/// is left out.
///
/// # Errors
/// What the store says.
pub async fn load(
    cx: &TenantCx,
    resources: Vec<Resource>,
    asked: &Asked,
) -> Result<Vec<Resource>, Error> {
    let (mut groups, mut people): (Vec<Uuid>, Vec<Uuid>) = (Vec::new(), Vec::new());
    for one in resources
        .iter()
        .filter(|one| asked.has(&one.resource_type) && is_unread(one))
    {
        if one.resource_type.members().is_some() && one.stored.members > 0 {
            groups.push(one.stored.id);
        } else if one.resource_type.groups().is_some() && one.stored.is_member {
            people.push(one.stored.id);
        }
    }
    let (mut whole, mut of_people) = (HashMap::new(), HashMap::new());
    if let Some(code) = group_code()
        && !(groups.is_empty() && people.is_empty())
    {
        (whole, of_people) = cx
            .store
            .read(move |tx| {
                let whole = if groups.is_empty() {
                    HashMap::new()
                } else {
                    tx.with_members(code, &groups)?
                };
                Ok((whole, groups_of(tx, code, &people)?))
            })
            .await?;
    }
    let mut loaded = Vec::with_capacity(resources.len());
    for mut one in resources {
        if asked.has(&one.resource_type) && is_unread(&one) {
            if one.resource_type.members().is_some() {
                let members = match whole.remove(&one.stored.id) {
                    Some((stored, members)) => {
                        one.stored = stored;
                        members
                    }
                    None if one.stored.members > 0 => continue,
                    None => Vec::new(),
                };
                one.links = Links::Members(members);
            } else if one.resource_type.groups().is_some() {
                let groups = of_people.remove(&one.stored.id).unwrap_or_default();
                one.links = Links::Groups(groups);
            }
        }
        loaded.push(one);
    }
    Ok(loaded)
}

/// The groups that people are in, with the groups' names.
fn groups_of(
    tx: &mut Reader<'_>,
    code: i16,
    people: &[Uuid],
) -> Result<HashMap<Uuid, Vec<Group>>, StoreError> {
    let mut found: HashMap<Uuid, Vec<Group>> = HashMap::new();
    if people.is_empty() {
        return Ok(found);
    }
    let memberships = tx.memberships(people)?;
    let mut ids: Vec<Uuid> = memberships.iter().map(|one| one.group).collect();
    ids.sort_unstable();
    ids.dedup();
    let names: HashMap<Uuid, Option<String>> = tx
        .by_ids(code, &ids)?
        .into_iter()
        .map(|stored| (stored.id, display_name(&stored)))
        .collect();
    for one in memberships {
        // A group that was deleted between the two statements is not shown.
        if let Some(display) = names.get(&one.group) {
            found.entry(one.member).or_default().push(Group {
                id: one.group,
                display: display.clone(),
                direct: one.direct,
            });
        }
    }
    Ok(found)
}

fn display_name(stored: &Stored) -> Option<String> {
    let document = document(stored).ok()?;
    Some(document.get("displayName")?.as_str()?.to_owned())
}

/// Puts into views what a filter or an order looks at of their links.
pub(super) struct Views<'a> {
    pub(super) cx: &'a TenantCx,
    pub(super) resource_type: &'a ResourceType,
    /// The keys of members that the filter asks for, when it asks for nothing else; `None` when it may look at all.
    pub(super) asked: Option<Vec<String>>,
}

impl Views<'_> {
    /// The elements of the links of each of these resources, which are few or small; see [`batch`].
    pub(super) async fn of(&self, rows: &[Stored]) -> Result<HashMap<Uuid, Value>, Error> {
        let (registry, base_url) = (&self.cx.tenant.registry, &self.cx.base_url);
        let ids: Vec<Uuid> = rows
            .iter()
            .filter(|row| row.members > 0 || row.is_member)
            .map(|row| row.id)
            .collect();
        let Some(code) = group_code().filter(|_| !ids.is_empty()) else {
            return Ok(HashMap::new());
        };
        if self.resource_type.members().is_none() {
            let read = move |tx: &mut Reader<'_>| groups_of(tx, code, &ids);
            let found = self.cx.store.read(read).await?;
            let shown = found.into_iter().map(|(id, groups)| {
                let groups = groups.iter();
                let elements = groups.map(|group| group_element(group, registry, base_url));
                (id, Value::Array(elements.collect()))
            });
            return Ok(shown.collect());
        }
        let wanted: Option<Vec<Uuid>> = self
            .asked
            .as_ref()
            .map(|keys| keys.iter().map(|key| member_id(key)).collect());
        let read = move |tx: &mut Reader<'_>| {
            let mut found: Vec<(Uuid, Vec<Member>)> = Vec::with_capacity(ids.len());
            for group in ids {
                let members = match &wanted {
                    Some(wanted) => tx.members_among(group, wanted)?.into_values().collect(),
                    None => tx.members(group)?,
                };
                found.push((group, members));
            }
            Ok(found)
        };
        let found = self.cx.store.read(read).await?;
        let shown = found.into_iter().map(|(id, members)| {
            let elements = members
                .iter()
                .map(|member| element(member, registry, base_url));
            (id, Value::Array(elements.collect()))
        });
        Ok(shown.collect())
    }
}
