//! What the verbs on resources share: whom they act for, what they answer, and how they fail.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use scim_core::resource::canon::Canon;
use scim_core::resource::{self, Meta};
use scim_core::schema::registry::Index;
use scim_core::{AttrPath, Mode, ResourceType, key};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::membership::{Links, require_references};
use super::references;
use super::tenants::Tenant;
use crate::clock::Clock;
use crate::store::{
    Change, ChangeKind, IndexKey, Key, Keys, Members, Micros, Moved, StoreError, Stored,
    TenantStore, Update, Writer,
};

/// All that a use-case may touch: one tenant, its rows, the time, and who asks.
#[derive(Clone, Debug)]
pub struct TenantCx {
    /// The tenant.
    pub tenant: Arc<Tenant>,
    /// Its rows, and no others.
    pub store: TenantStore,
    /// Time and ids.
    pub clock: Clock,
    /// Who asks, for the record of changes.
    pub actor: String,
    /// What locations begin with.
    pub base_url: String,
    /// How long documents may be looked through for one query.
    pub search_time: Duration,
}

/// A resource as a verb answers it.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its type.
    pub resource_type: Arc<ResourceType>,
    /// Its row.
    pub stored: Stored,
    /// The attributes that this very request has set.
    pub sent: Vec<String>,
    /// What it is linked with, as far as that was read.
    pub links: Links,
}

/// Why a verb fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The request is refused.
    #[error(transparent)]
    Refused(#[from] scim_core::Error),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A mistake of ours; the text is for the log.
    #[error("{0}")]
    Internal(String),
}

/// A document, or any JSON object.
pub type Document = Map<String, Value>;

impl TenantCx {
    /// How the tenant reads the RFCs.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.tenant.policy.mode
    }

    pub(super) fn canon<'a>(&self, resource_type: &'a ResourceType) -> Canon<'a> {
        Canon {
            resource_type,
            mode: self.mode(),
        }
    }

    pub(super) fn change(&self, kind: ChangeKind, attributes: Vec<String>, at: Micros) -> Change {
        Change {
            id: self.clock.id(),
            kind,
            attributes,
            actor: self.actor.clone(),
            at,
        }
    }
}

impl Resource {
    /// What the server knows of it beside its document.
    #[must_use]
    pub fn meta(&self, base_url: &str) -> Meta {
        meta(&self.resource_type, &self.stored, base_url)
    }
}

/// The `meta` of a stored resource.
#[must_use]
pub fn meta(resource_type: &ResourceType, stored: &Stored, base_url: &str) -> Meta {
    Meta {
        created: moment(stored.created),
        last_modified: moment(stored.modified),
        version: stored.version,
        location: format!("{base_url}{}/{}", resource_type.endpoint, stored.id),
    }
}

/// The document of a row.
///
/// # Errors
/// [`Error::Internal`] when what is stored is not a JSON object.
pub fn document(stored: &Stored) -> Result<Document, Error> {
    serde_json::from_str(&stored.doc).map_err(|error| {
        Error::Internal(format!("the document of {} is broken: {error}", stored.id))
    })
}

/// The view of a row: its document with `meta`.
///
/// # Errors
/// As [`document`].
pub fn view(resource_type: &ResourceType, stored: &Stored, meta: &Meta) -> Result<Document, Error> {
    let mut view = document(stored)?;
    let meta = meta.to_map(&resource_type.name);
    view.insert("meta".into(), Value::Object(meta));
    Ok(view)
}

/// The text of a document.
///
/// # Errors
/// [`Error::Internal`]: cannot happen with a document of JSON values.
pub(super) fn to_text(document: &Document) -> Result<String, Error> {
    serde_json::to_string(document).map_err(|error| Error::Internal(error.to_string()))
}

/// An id exactly as it was given out; every other spelling names nothing (404).
pub(super) fn parse_id(text: &str) -> Result<Uuid, Error> {
    Uuid::try_parse(text)
        .ok()
        .filter(|id| id.to_string() == text)
        .ok_or_else(|| scim_core::Error::not_found(text).into())
}

/// When a resource was made and last changed.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// `meta.created`
    pub created: Micros,
    /// `meta.lastModified`
    pub modified: Micros,
}

impl Times {
    /// Those of what is made now.
    #[must_use]
    pub fn made(at: Micros) -> Self {
        Self {
            created: at,
            modified: at,
        }
    }

    /// Those of a row.
    #[must_use]
    pub fn of(stored: &Stored) -> Self {
        Self {
            created: stored.created,
            modified: stored.modified,
        }
    }

    /// The moment that a path names.
    fn at(self, path: &AttrPath) -> Option<Micros> {
        match (path.urn.as_deref(), path.name.as_str(), path.sub.as_deref()) {
            (None, "meta", Some("created")) => Some(self.created),
            (None, "meta", Some("lastModified")) => Some(self.modified),
            _ => None,
        }
    }
}

/// The keys that a store keeps of a document. Of a key that is too long to be kept whole there is a second row, under the negative number of
/// the attribute: where there is none of these, what is kept tells everything.
#[must_use]
pub fn keys(resource_type: &ResourceType, document: &Document, times: Times) -> Keys {
    let mut unique = Vec::new();
    let mut index = Vec::new();
    for one in &resource_type.indexes {
        let keys = index_keys(resource_type, document, times, one);
        if one.unique {
            let (marks, keys): (Vec<_>, Vec<_>) = keys.into_iter().partition(|key| key.attr < 0);
            index.extend(marks);
            unique.extend(keys.into_iter().map(|key| Key {
                attr: key.attr,
                skey: key.skey,
            }));
        } else {
            index.extend(keys);
        }
    }
    Keys::new(unique, index)
}

/// The keys of one attribute.
pub(super) fn index_keys(
    resource_type: &ResourceType,
    document: &Document,
    times: Times,
    one: &Index,
) -> Vec<IndexKey> {
    let keys = match times.at(&one.path) {
        Some(at) => vec![(0, key::moment(moment(at)))],
        None => resource::keys_at(resource_type, document, &one.path),
    };
    let mut rows = Vec::with_capacity(keys.len());
    for (elem, key) in keys {
        let skey = key::stored(&key);
        if key.len() > key::MAX_STORED {
            rows.push(IndexKey {
                attr: -one.id,
                elem,
                skey: skey.clone(),
            });
        }
        rows.push(IndexKey {
            attr: one.id,
            elem,
            skey,
        });
    }
    rows
}

/// How the keys of a resource move when it changes at a later moment, and nothing else of it does.
pub(super) fn moved(resource_type: &ResourceType, stored: &Stored, at: Micros) -> Vec<Moved> {
    let old = Times::of(stored);
    let new = Times {
        modified: at.max(stored.modified),
        ..old
    };
    let moves = |one: &Index| {
        let (old, new) = (old.at(&one.path)?, new.at(&one.path)?);
        (old != new).then(|| Moved {
            id: stored.id,
            attr: one.id,
            old: key::moment(moment(old)),
            new: key::moment(moment(new)),
        })
    };
    resource_type.indexes.iter().filter_map(moves).collect()
}

/// A conflict of keys in the client's words.
pub(super) fn name_conflict(resource_type: &ResourceType, error: Error) -> Error {
    let Error::Store(StoreError::Conflict { attr }) = error else {
        return error;
    };
    let path = resource_type
        .indexes
        .iter()
        .find(|one| one.id == attr)
        .map_or_else(|| AttrPath::new("userName", None), |one| one.path.clone());
    scim_core::Error::uniqueness(&path.to_string()).into()
}

/// What became of a stored resource: its new document and secret.
pub(super) struct Rewrite<'a> {
    pub(super) cx: &'a TenantCx,
    pub(super) resource_type: &'a ResourceType,
    pub(super) stored: Stored,
    pub(super) before: &'a Document,
    pub(super) after: Document,
    pub(super) secret: Option<String>,
    pub(super) members: Members,
}

impl Rewrite<'_> {
    /// Writes the change, unless there is none: then version and `lastModified` stay (RFC 7644 §3.5.1 and §3.5.2).
    pub(super) fn write(self, tx: &mut Writer<'_>) -> Result<(Stored, Vec<String>), Error> {
        let mut changed = resource::changed(self.before, &self.after);
        if self.secret != self.stored.secret {
            changed.push("password".to_owned());
        }
        if !self.members.is_empty() {
            let attribute = self.resource_type.members();
            changed.extend(attribute.map(|attribute| attribute.name.clone()));
        }
        if changed.is_empty() {
            return Ok((self.stored, changed));
        }
        require_references(self.cx, self.resource_type, tx, self.before, &self.after)?;
        references::require(self.cx, self.resource_type, tx, self.before, &self.after)?;
        // A clock that was set back must not make a resource younger than it was.
        let at = self.cx.clock.now().max(self.stored.modified);
        let times = Times::of(&self.stored);
        let old = keys(self.resource_type, self.before, times);
        let times = Times {
            modified: at,
            ..times
        };
        let (removed, added) = Keys::diff(&old, &keys(self.resource_type, &self.after, times));
        let update = Update {
            rtype: self.resource_type.code,
            id: self.stored.id,
            expected: self.stored.version,
            at,
            doc: to_text(&self.after)?,
            secret: self.secret,
            removed,
            added,
            members: self.members,
            change: self.cx.change(ChangeKind::Update, changed.clone(), at),
        };
        tx.update(&update)?;
        let stored = Stored {
            version: update.expected + 1,
            modified: at,
            members: self.stored.members + update.members.more(),
            doc: update.doc,
            secret: update.secret,
            ..self.stored
        };
        Ok((stored, changed))
    }
}

fn moment(at: Micros) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(at).unwrap_or_default()
}
