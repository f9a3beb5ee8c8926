//! Members and groups of resources as answers and filters need them.

use std::collections::HashMap;

use scim_core::ResourceType;
use serde_json::Value;
use uuid::Uuid;

use super::{Asked, Group, Links, element, group_code, group_element, is_unread, member_id};
use crate::service::resources::{Error, Resource, TenantCx, document};
use crate::store::{Member, Reader, StoreError, Stored};

/// So many members are read at once, unless one group has more.
const BATCH: i64 = 100_000;

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
pub(in crate::service) struct Views<'a> {
    pub(in crate::service) cx: &'a TenantCx,
    pub(in crate::service) resource_type: &'a ResourceType,
    /// The keys of members that the filter asks for, when it asks for nothing else; `None` when it may look at all.
    pub(in crate::service) asked: Option<Vec<String>>,
}

impl Views<'_> {
    /// The elements of the links of each of these resources, which are few or small; see [`batch`].
    pub(in crate::service) async fn of(
        &self,
        rows: &[Stored],
    ) -> Result<HashMap<Uuid, Value>, Error> {
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
