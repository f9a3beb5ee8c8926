//! A resource as this crate handles it: one JSON object with canonical names. RFC 7643 §3.
//!
//! A *document* holds `schemas`, `id`, the attributes and the extensions, arranged in the order of the schemas: it is what a store keeps
//! as text. A *view* is a document with `meta`: what filters look at and answers are made of.

pub mod canon;
pub mod project;
pub mod replace;
pub mod validate;

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};

use crate::schema::builtin;
use crate::{AttrPath, Mode, ResourceType, key};

/// What the server knows of a resource beside its document. RFC 7643 §3.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// When it was created.
    pub created: DateTime<Utc>,
    /// When its state last changed.
    pub last_modified: DateTime<Utc>,
    /// How often its state has changed, counted from 1.
    pub version: i64,
    /// Its absolute URL.
    pub location: String,
}

impl Meta {
    /// The `meta` attribute of a resource of that type.
    #[must_use]
    pub fn to_map(&self, resource_type: &str) -> Map<String, Value> {
        let mut meta = Map::with_capacity(5);
        meta.insert("resourceType".into(), resource_type.into());
        meta.insert("created".into(), date_time(self.created).into());
        meta.insert("lastModified".into(), date_time(self.last_modified).into());
        meta.insert("location".into(), self.location.clone().into());
        meta.insert("version".into(), etag(self.version).into());
        meta
    }

    /// The same as JSON text, put at the end of `text`: for answers that are made of text.
    ///
    /// ```
    /// use scim_core::resource::Meta;
    /// let meta = Meta {
    ///     created: chrono::DateTime::UNIX_EPOCH,
    ///     last_modified: chrono::DateTime::UNIX_EPOCH,
    ///     version: 3,
    ///     location: "https://scim.example.com/\"Users\"/1".to_owned(),
    /// };
    /// let mut text = String::new();
    /// meta.write(&mut text, "User");
    /// assert_eq!(text, serde_json::Value::Object(meta.to_map("User")).to_string());
    /// ```
    pub fn write(&self, text: &mut String, resource_type: &str) {
        text.push_str("{\"resourceType\":");
        quote(text, resource_type);
        // Moments and versions hold nothing that JSON escapes but the quotes of the version. Writing to a String cannot fail.
        let _ = write!(
            text,
            ",\"created\":\"{}\",\"lastModified\":\"{}\",\"location\":",
            date_time(self.created),
            date_time(self.last_modified)
        );
        quote(text, &self.location);
        let _ = write!(text, ",\"version\":\"W/\\\"{}\\\"\"}}", self.version);
    }
}

/// Puts a string in JSON at the end of `text`.
pub(crate) fn quote(text: &mut String, string: &str) {
    let special = |byte: u8| (byte < b' ') | (byte == b'"') | (byte == b'\\');
    // Without a way out, so that it goes by many bytes at once.
    if !string.bytes().fold(false, |any, byte| any | special(byte)) {
        text.push('"');
        text.push_str(string);
        text.push('"');
    } else {
        text.push_str(&Value::from(string).to_string());
    }
}

/// The entity tag of a version: weak, because answers differ by projection and compression. RFC 7644 §3.14.
///
/// ```
/// assert_eq!(scim_core::resource::etag(3), "W/\"3\"");
/// ```
#[must_use]
pub fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// A moment as answers write it: UTC, to the millisecond at least.
#[must_use]
pub fn date_time(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// Arranges attributes as a document: `schemas` of what is there, `id`, then the order of the schemas.
#[must_use]
pub fn arrange(
    resource_type: &ResourceType,
    mut attributes: Map<String, Value>,
    id: &str,
) -> Map<String, Value> {
    let mut document = Map::with_capacity(attributes.len() + 2);
    // RFC 7643 §3: the URNs of what the resource holds, the base schema first, and no others.
    let schemas = resource_type
        .schemas()
        .enumerate()
        .filter(|(nth, schema)| *nth == 0 || attributes.contains_key(&schema.id))
        .map(|(_, schema)| Value::from(schema.id.clone()))
        .collect();
    document.insert("schemas".into(), Value::Array(schemas));
    document.insert("id".into(), id.into());
    let names = builtin::common()
        .attributes
        .iter()
        .chain(&resource_type.schema.attributes)
        .map(|attribute| &attribute.name)
        .chain(resource_type.extensions.iter().map(|one| &one.schema.id));
    for name in names {
        if document.contains_key(name) || name == "meta" {
            continue;
        }
        if let Some(value) = attributes.swap_remove(name) {
            document.insert(name.clone(), value);
        }
    }
    document
}

/// The names of the attributes in which two documents differ, those of extensions with their URN.
#[must_use]
pub fn changed(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<String> {
    let mut names = Vec::new();
    differences("", before, after, &mut names);
    names.sort();
    names
}

fn differences(
    prefix: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    names: &mut Vec<String>,
) {
    let empty = Map::new();
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    for name in after.keys().chain(removed) {
        let (old, new) = (before.get(name), after.get(name));
        if old == new || name == "schemas" {
            continue;
        }
        let is_object = |side: Option<&Value>| side.is_some_and(Value::is_object);
        if name.contains(':') && (is_object(old) || is_object(new)) {
            let side = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
            let (old, new) = (side(old), side(new));
            let prefix = format!("{name}:");
            differences(
                &prefix,
                old.as_ref().unwrap_or(&empty),
                new.as_ref().unwrap_or(&empty),
                names,
            );
        } else {
            names.push(format!("{prefix}{name}"));
        }
    }
}

/// The comparison keys of the values at a path, with the ordinal of the element each belongs to; the primary element is first.
#[must_use]
pub fn keys_at(
    resource_type: &ResourceType,
    document: &Map<String, Value>,
    path: &AttrPath,
) -> Vec<(i16, String)> {
    let Some(found) = resource_type.resolve(path, Mode::Rfc) else {
        return Vec::new();
    };
    let leaf = found.leaf();
    let mut keys = Vec::new();
    for (element, nth) in primary_first(found.value(document)).into_iter().zip(0..) {
        let value = match found.sub {
            Some(sub) => element.get(&sub.name),
            None => Some(element),
        };
        let values = match value {
            Some(Value::Array(values)) => values.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => &[],
        };
        let values = values.iter().filter_map(|value| key::of(leaf, value));
        keys.extend(values.map(|key| (nth, key)));
    }
    keys
}

/// The elements of a value, the primary one first; a single value is one element.
#[must_use]
pub fn primary_first(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(items)) => {
            let mut items: Vec<&Value> = items.iter().collect();
            items.sort_by_key(|item| item.get("primary") != Some(&Value::Bool(true)));
            items
        }
        Some(one) => vec![one],
    }
}
