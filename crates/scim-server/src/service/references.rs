//! Values that name users by a tenant's definition: an employee's manager by e-mail, say.
//!
//! The value stays as it was sent. Whether it names somebody is not written down but looked up: a reference waits as long as no user has
//! that name, and no longer than until the moment one has.

use std::collections::HashSet;

use scim_core::schema::registry::Reference;
use scim_core::schema::{OnMissing, ReferenceTarget};
use scim_core::{Registry, ResourceType, key, resource};
use serde::Serialize;
use uuid::Uuid;

use super::administration::{AdminCx, AdminError};
use super::resources::{Document, Error, TenantCx, document};
use super::tenants::{self, Tenant};
use crate::store::{Reader, StoreError};

/// A reference that waits for its user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pending {
    resource_type: String,
    id: String,
    attribute: String,
    references: ReferenceTarget,
    value: String,
    state: &'static str,
}

/// So many values are looked up at once, and so often for one answer: most name somebody.
const BATCH: i64 = 500;
const BATCHES: usize = 40;

/// Refuses a value that names nobody where the definition wants that; one that was there before stays.
///
/// # Errors
/// 400 `invalidValue` naming the attribute and the value.
pub(super) fn require(
    cx: &TenantCx,
    of: &ResourceType,
    tx: &mut Reader<'_>,
    before: &Document,
    after: &Document,
) -> Result<(), Error> {
    let strict = of
        .lookups()
        .iter()
        .filter(|one| one.on_missing == OnMissing::Reject);
    for one in strict {
        let had: HashSet<String> = values(of, before, one).into_iter().collect();
        let mut new = values(of, after, one);
        new.retain(|value| !had.contains(value));
        if new.is_empty() {
            continue;
        }
        let own = own_names(of, after, one.target);
        let missing = missing(&cx.tenant.registry, tx, one.target, new)?;
        if let Some(value) = missing.into_iter().find(|value| !own.contains(value)) {
            let why = format!(
                "`{}`: no user has the {} `{}`; create that user first",
                one.path,
                one.target.path(),
                scim_core::error::shorten(&value)
            );
            return Err(scim_core::Error::invalid_value(why).into());
        }
    }
    Ok(())
}

/// The values at a reference, as the keys of what they repeat.
fn values(of: &ResourceType, document: &Document, one: &Reference) -> Vec<String> {
    let keys = resource::keys_at(of, document, &one.path);
    let mut keys: Vec<String> = keys.into_iter().map(|(_, key)| key::stored(&key)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// By what the resource itself can be named: people may be their own managers.
fn own_names(of: &ResourceType, document: &Document, target: ReferenceTarget) -> Vec<String> {
    if of.name != ReferenceTarget::TYPE {
        return Vec::new();
    }
    let path = scim_core::AttrPath::parse(target.path(), &of.urns);
    let keys = path
        .map(|path| resource::keys_at(of, document, &path))
        .unwrap_or_default();
    keys.into_iter().map(|(_, key)| key::stored(&key)).collect()
}

/// Which of these values name nobody.
fn missing(
    registry: &Registry,
    tx: &mut Reader<'_>,
    target: ReferenceTarget,
    mut values: Vec<String>,
) -> Result<Vec<String>, StoreError> {
    let builtin;
    // A policy may hide users; they are there all the same.
    let users = match registry.resource_type(ReferenceTarget::TYPE) {
        Some(users) => users,
        None => {
            builtin = scim_core::schema::builtin::registry(Some(&[ReferenceTarget::TYPE]));
            match builtin.resource_type(ReferenceTarget::TYPE) {
                Some(users) => users,
                None => return Ok(values),
            }
        }
    };
    if target == ReferenceTarget::Id {
        let ids: Vec<(String, Uuid)> = values
            .iter()
            .filter_map(|text| Some((text.clone(), Uuid::try_parse(text).ok()?)))
            .filter(|(text, id)| id.to_string() == *text)
            .collect();
        let known = tx.kinds(
            &[users.code],
            &ids.iter().map(|(_, id)| *id).collect::<Vec<_>>(),
        )?;
        let known: HashSet<&String> = ids
            .iter()
            .filter(|(_, id)| known.contains_key(id))
            .map(|(text, _)| text)
            .collect();
        values.retain(|text| !known.contains(text));
        return Ok(values);
    }
    let path = scim_core::AttrPath::parse(target.path(), &users.urns);
    let index = path.ok().and_then(|path| users.index(&path));
    let Some(index) = index else {
        return Ok(values);
    };
    let known = tx.keys_among(index.id, index.unique, &values)?;
    let known: HashSet<String> = known.into_iter().collect();
    values.retain(|value| !known.contains(value));
    Ok(values)
}

/// The references that wait, a page of them, and where the next page begins.
///
/// # Errors
/// Not found when there is no such tenant, invalid when the cursor is none.
pub async fn pending(
    cx: &AdminCx,
    slug: &str,
    cursor: Option<String>,
    count: usize,
) -> Result<(Vec<Pending>, Option<String>), AdminError> {
    let row = tenants::find(cx, slug).await?;
    let tenant = Tenant::new(&row, &cx.directory, &cx.registries).await?;
    let mut place = Place::read(cursor.as_deref())?;
    let registry = tenant.registry;
    let store = cx.directory.tenant(row.id);
    let found = store.read(move |tx| {
        let (mut found, mut batches) = (Vec::new(), 0);
        let waiting = waiting(&registry);
        for (of, one, attr, unique) in waiting {
            if attr < place.attr {
                continue;
            }
            if attr > place.attr {
                place = Place { attr, after: None };
            }
            loop {
                batches += 1;
                if batches > BATCHES {
                    return Ok((found, Some(place)));
                }
                let after = place.after.as_ref().map(|(key, id)| (key.as_str(), *id));
                let keys = tx.keys_after(attr, unique, after, BATCH)?;
                let Some(last) = keys.last().cloned() else {
                    break;
                };
                let mut values: Vec<String> = keys.iter().map(|(key, _)| key.clone()).collect();
                values.dedup();
                let gone: HashSet<String> = missing(&registry, tx, one.target, values)?
                    .into_iter()
                    .collect();
                for (key, id) in keys.into_iter().filter(|(key, _)| gone.contains(key)) {
                    if found.len() == count {
                        return Ok((found, Some(place)));
                    }
                    place.after = Some((key.clone(), id));
                    let value = sent(tx, of, one, id, &key)?.unwrap_or(key);
                    found.push(Pending {
                        resource_type: of.name.clone(),
                        id: id.to_string(),
                        attribute: one.path.to_string(),
                        references: one.target,
                        value,
                        state: "pending",
                    });
                }
                place.after = Some(last);
            }
        }
        Ok((found, None))
    });
    let (items, next) = found.await?;
    Ok((items, next.map(|place| place.to_text())))
}

/// The references that may wait, each with the number of its keys, in the order of these.
fn waiting(registry: &Registry) -> Vec<(&ResourceType, &Reference, i32, bool)> {
    let mut found: Vec<_> = registry
        .types()
        .iter()
        .flat_map(|of| of.lookups().iter().map(move |one| (of.as_ref(), one)))
        .filter(|(_, one)| one.on_missing == OnMissing::Defer)
        .filter_map(|(of, one)| {
            let index = of.index(&one.path)?;
            Some((of, one, index.id, index.unique))
        })
        .collect();
    found.sort_by_key(|(_, _, attr, _)| *attr);
    found
}

/// The value as it was sent.
fn sent(
    tx: &mut Reader<'_>,
    of: &ResourceType,
    one: &Reference,
    id: Uuid,
    skey: &str,
) -> Result<Option<String>, StoreError> {
    let Some(stored) = tx.get(of.code, id)? else {
        return Ok(None);
    };
    let Ok(document) = document(&stored) else {
        return Ok(None);
    };
    let Some(found) = of.resolve(&one.path, scim_core::Mode::Rfc) else {
        return Ok(None);
    };
    let values = resource::primary_first(found.value(&document));
    let texts = values.into_iter().filter_map(|value| match found.sub {
        Some(sub) => value.get(&sub.name)?.as_str(),
        None => value.as_str(),
    });
    let same = |text: &&str| {
        let key = key::of(found.leaf(), &serde_json::Value::from(*text));
        key.is_some_and(|key| key::stored(&key) == skey)
    };
    Ok(texts.into_iter().find(same).map(str::to_owned))
}

/// Where a page begins.
#[derive(Clone, Debug, Default)]
struct Place {
    attr: i32,
    after: Option<(String, Uuid)>,
}

impl Place {
    fn read(text: Option<&str>) -> Result<Self, AdminError> {
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let mut parts = text.splitn(3, '.');
        let read = || {
            let attr = parts.next()?.parse().ok()?;
            let after = match (parts.next(), parts.next()) {
                (None, None) => None,
                (Some(id), Some(key)) => Some((key.to_owned(), Uuid::try_parse(id).ok()?)),
                _ => return None,
            };
            Some(Self { attr, after })
        };
        let mut read = read;
        read().ok_or_else(|| {
            AdminError::invalid("`cursor`: expected the `next` of an earlier answer")
        })
    }

    fn to_text(&self) -> String {
        match &self.after {
            Some((key, id)) => format!("{}.{}.{key}", self.attr, id.simple()),
            None => self.attr.to_string(),
        }
    }
}
