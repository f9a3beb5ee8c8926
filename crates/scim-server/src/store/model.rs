//! The rows of the store as its callers see them.

use uuid::Uuid;

/// Microseconds since 1970, UTC, on both databases.
pub type Micros = i64;

/// The number of a tenant: random, and never used again after the tenant is deleted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TenantId(i64);

impl TenantId {
    /// Takes any 64 random bits; the sign is dropped.
    pub fn new(bits: i64) -> TenantId {
        TenantId(bits & i64::MAX)
    }

    /// The number itself, for logs.
    pub fn get(self) -> i64 {
        self.0
    }
}

/// A resource as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Stored {
    /// The SCIM id, a `UUIDv7`.
    pub id: Uuid,
    /// 1 when created, one more with each change.
    pub version: i64,
    /// When it was created.
    pub created: Micros,
    /// When it was last changed.
    pub modified: Micros,
    /// Canonical JSON.
    pub doc: String,
    /// What never leaves the server, such as the hash of a password.
    pub secret: Option<String>,
    /// How many members it has, if it is a group.
    pub members: i64,
    /// Whether it is a member of a group.
    pub is_member: bool,
}

/// A member of a group.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// The id of the resource; of an id that is none of ours, a `UUIDv8` made of it.
    pub id: Uuid,
    /// The type of the resource; 0 when there is none.
    pub rtype: i16,
    /// Its name, where one was sent.
    pub display: Option<String>,
    /// An id that is none of ours, as sent.
    pub sent: Option<String>,
}

/// How the members of a group change.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Members {
    /// Those that it lacks and is to have.
    pub add: Vec<Member>,
    /// Those that it has and that get another name.
    pub renamed: Vec<Member>,
    /// Those that it has and is not to have.
    pub remove: Vec<Uuid>,
}

impl Members {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.renamed.is_empty() && self.remove.is_empty()
    }

    /// How many more there are afterwards.
    pub fn more(&self) -> i64 {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        number(self.add.len()) - number(self.remove.len())
    }
}

/// The groups that a resource to delete is a member of.
#[derive(Clone, Debug)]
pub struct Holders {
    /// Their type.
    pub rtype: i16,
    /// Each with the id of the change that is recorded for it.
    pub groups: Vec<(Uuid, Uuid)>,
    /// The attribute that changes.
    pub attribute: String,
    /// When.
    pub at: Micros,
    /// How their keys move with the moment of their last change.
    pub moved: Vec<Moved>,
}

/// A key that takes the place of another one of the same resource.
#[derive(Clone, Debug)]
pub struct Moved {
    /// The resource.
    pub id: Uuid,
    /// Number of the attribute, which has one value.
    pub attr: i32,
    /// The key it had.
    pub old: String,
    /// The key it gets.
    pub new: String,
}

impl std::fmt::Debug for Stored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stored")
            .field("id", &self.id)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// A value that only one resource of the tenant may have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Key {
    /// Number of the attribute.
    pub attr: i32,
    /// Comparison key of the value.
    pub skey: String,
}

/// A value by which the resource is found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct IndexKey {
    /// Number of the attribute.
    pub attr: i32,
    /// Which value of a multi-valued attribute, from 0.
    pub elem: i16,
    /// Comparison key of the value.
    pub skey: String,
}

/// All keys of a resource, sorted and each once.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Keys {
    /// Keys that no other resource may have.
    pub unique: Vec<Key>,
    /// Keys to find by.
    pub index: Vec<IndexKey>,
}

impl Keys {
    /// Sorts the keys and drops what is there twice.
    pub fn new(mut unique: Vec<Key>, mut index: Vec<IndexKey>) -> Keys {
        unique.sort_unstable();
        unique.dedup();
        index.sort_unstable();
        index.dedup();
        Keys { unique, index }
    }

    /// What an update takes away and what it adds: `(removed, added)`.
    pub fn diff(old: &Keys, new: &Keys) -> (Keys, Keys) {
        let between = |a: &Keys, b: &Keys| Keys {
            unique: missing(&a.unique, &b.unique),
            index: missing(&a.index, &b.index),
        };
        (between(old, new), between(new, old))
    }
}

/// The items of `from` that sorted `other` does not have.
fn missing<T: Ord + Clone>(from: &[T], other: &[T]) -> Vec<T> {
    from.iter()
        .filter(|item| other.binary_search(item).is_err())
        .cloned()
        .collect()
}

/// What happened to a resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ChangeKind {
    /// It was created.
    Create,
    /// It was changed.
    Update,
    /// It was deleted.
    Delete,
    /// Not a resource: a schema or a resource type was put or removed.
    Define,
}

impl ChangeKind {
    pub(super) fn code(self) -> i16 {
        match self {
            ChangeKind::Create => 1,
            ChangeKind::Update => 2,
            ChangeKind::Delete => 3,
            ChangeKind::Define => 4,
        }
    }

    pub(super) fn from_code(code: i16) -> Option<ChangeKind> {
        match code {
            1 => Some(ChangeKind::Create),
            2 => Some(ChangeKind::Update),
            3 => Some(ChangeKind::Delete),
            4 => Some(ChangeKind::Define),
            _ => None,
        }
    }
}

/// What is written beside a change, in the same transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// A `UUIDv7` of its own.
    pub id: Uuid,
    /// What happened.
    pub kind: ChangeKind,
    /// The attributes that changed.
    pub attributes: Vec<String>,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Micros,
}

/// A resource to insert.
#[derive(Clone, Debug)]
pub struct NewResource {
    /// Resource type.
    pub rtype: i16,
    /// The SCIM id, a `UUIDv7`.
    pub id: Uuid,
    /// When.
    pub at: Micros,
    /// Canonical JSON.
    pub doc: String,
    /// What never leaves the server.
    pub secret: Option<String>,
    /// All its keys.
    pub keys: Keys,
    /// Its members, if it is a group.
    pub members: Members,
    /// The change row.
    pub change: Change,
}

/// A resource to write anew; its version becomes `expected + 1`.
#[derive(Clone, Debug)]
pub struct Update {
    /// Resource type.
    pub rtype: i16,
    /// The SCIM id.
    pub id: Uuid,
    /// The version that was read.
    pub expected: i64,
    /// When.
    pub at: Micros,
    /// Canonical JSON.
    pub doc: String,
    /// What never leaves the server.
    pub secret: Option<String>,
    /// Keys it no longer has; see [`Keys::diff`].
    pub removed: Keys,
    /// Keys it did not have.
    pub added: Keys,
    /// How its members change, if it is a group.
    pub members: Members,
    /// The change row.
    pub change: Change,
}

/// A resource to delete.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Resource type.
    pub rtype: i16,
    /// The SCIM id.
    pub id: Uuid,
    /// The version that was read.
    pub expected: i64,
    /// All its keys.
    pub keys: Keys,
    /// The groups that hold it; see [`Writer::for_deletion`](super::Writer::for_deletion).
    pub holders: Option<Holders>,
    /// The change row; its version is `expected + 1`.
    pub change: Change,
}

/// A place in the tenant's row of changes; later changes have greater positions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Position {
    /// Number of the transaction.
    pub position: i64,
    /// The change's id.
    pub id: Uuid,
}

/// A change as it is read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeRow {
    /// Where it stands; hand it back to read on from here.
    pub position: Position,
    /// Resource type.
    pub rtype: i16,
    /// The resource.
    pub rid: Uuid,
    /// What happened.
    pub kind: ChangeKind,
    /// The version after the change.
    pub version: i64,
    /// The attributes that changed.
    pub attributes: Vec<String>,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Micros,
}
