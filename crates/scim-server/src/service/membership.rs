//! Members of groups between the protocol, which names them by ids of any kind, and the store, which keeps a row for each.

mod changing;
mod reading;

use std::sync::{Arc, LazyLock};

use scim_core::members::Shown;
use scim_core::schema::{Attribute, builtin};
use scim_core::{Registry, ResourceType};
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

pub(super) use changing::{MemberChange, require_references};
pub(super) use reading::Views;
pub use reading::{batch, load};

use super::resources::Resource;
use crate::store::Member;

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

/// Whether the links of a resource are not known yet.
fn is_unread(resource: &Resource) -> bool {
    matches!(resource.links, Links::Unread)
}
