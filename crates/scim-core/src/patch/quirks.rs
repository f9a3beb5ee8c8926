//! What identity providers send where the RFC says something else, and what it means. One function per quirk; all of them only in
//! [`Mode::Compat`].

use serde_json::{Map, Value};

use super::{Op, PatchRequest};
use crate::schema::{Attribute, Type};
use crate::{AttrPath, Mode, ResourceType, Result, resource::canon::Canon};

/// A value in the shape its attribute has, where it came in one of the shapes that are known to mean the same.
#[must_use]
pub fn value(attribute: &Attribute, value: Value) -> Value {
    match attribute.kind {
        Type::Boolean => boolean_as_text(value),
        Type::Complex => complex(attribute, value),
        _ => wrapped_simple(attribute, value),
    }
}

/// Entra ID sends booleans as `"True"` and `"False"`.
fn boolean_as_text(value: Value) -> Value {
    match &value {
        Value::String(text) if text.eq_ignore_ascii_case("true") => Value::Bool(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Value::Bool(false),
        _ => value,
    }
}

fn complex(attribute: &Attribute, value: Value) -> Value {
    match value {
        Value::String(text) if text.is_empty() => Value::Null,
        Value::String(text) => match stringified(&text) {
            Some(members) => Value::Object(members),
            None => bare_value(attribute, text),
        },
        Value::Array(mut items) if items.len() == 1 => array_of_one(&mut items),
        Value::Object(members) => Value::Object(stringified_value(&members).unwrap_or(members)),
        other => other,
    }
}

/// The same role as the only member of an element: `{"value": "{\"id\": …}"}`.
#[must_use]
pub fn stringified_value(members: &Map<String, Value>) -> Option<Map<String, Value>> {
    match members.get("value") {
        Some(Value::String(text)) if members.len() == 1 => stringified(text),
        _ => None,
    }
}

/// Entra ID calls the `display` of a role `displayName`.
#[must_use]
pub fn sub_attribute<'a>(attribute: &'a Attribute, name: &str) -> Option<&'a Attribute> {
    let alias = name.eq_ignore_ascii_case("displayName");
    alias.then(|| attribute.sub("display")).flatten()
}

/// What an added element that says no type is known by: Entra ID sends a role with its type when it creates somebody, and without
/// when it patches.
#[must_use]
pub fn value_key(attribute: &Attribute, element: &Value) -> Option<String> {
    crate::key::of(attribute.sub("value")?, element.get("value")?)
}

/// Whether all that an attribute refers to is `""`: OneLogin's templates make `{"value": ""}` of a manager that is not there.
#[must_use]
pub fn is_blank(attribute: &Attribute, members: &Map<String, Value>) -> bool {
    let empty = |value: &Value| value.as_str().is_some_and(str::is_empty);
    !attribute.multi_valued && members.get("value").is_some_and(empty)
}

/// Entra ID sends app roles in a PATCH as an object written into a string.
fn stringified(text: &str) -> Option<Map<String, Value>> {
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let members = crate::json::parse(text.as_bytes()).ok()?;
    // Other text that is JSON is a value as any other.
    let is_element = members
        .keys()
        .any(|name| name.eq_ignore_ascii_case("value"));
    is_element.then_some(members)
}

/// Entra ID sends `manager` as the bare id; the same for any complex attribute that has a `value`.
fn bare_value(attribute: &Attribute, text: String) -> Value {
    if attribute.sub("value").is_none() {
        return Value::String(text);
    }
    let mut members = Map::new();
    members.insert("value".into(), text.into());
    Value::Object(members)
}

/// Entra ID documents `manager` as an array of one object.
fn array_of_one(items: &mut Vec<Value>) -> Value {
    match items.pop() {
        Some(Value::Object(members)) => Value::Object(members),
        Some(other) => Value::Array(vec![other]),
        None => Value::Null,
    }
}

/// Elements of a simple multi-valued attribute come wrapped as `{"value": "1"}`.
fn wrapped_simple(attribute: &Attribute, value: Value) -> Value {
    match value {
        Value::Object(mut members) if attribute.multi_valued && members.len() == 1 => {
            match members.swap_remove("value") {
                Some(inner) => inner,
                None => Value::Object(members),
            }
        }
        other => other,
    }
}

/// Whether a name at the top of a body means an attribute of an extension: `manager` is sent so.
#[must_use]
pub fn is_extension_alias(name: &str) -> bool {
    name.eq_ignore_ascii_case("manager")
}

/// Puts such a value where it belongs, unless the extension itself was sent with one.
///
/// # Errors
/// 400 `invalidValue` when the value does not fit the attribute.
pub fn place_alias(
    canon: &Canon<'_>,
    document: &mut Map<String, Value>,
    name: &str,
    value: Value,
) -> Result<()> {
    let path = AttrPath::new(name, None);
    let Some(found) = canon.resource_type.resolve(&path, Mode::Compat) else {
        return Ok(());
    };
    let (Some(extension), attribute) = (found.extension, found.attribute) else {
        return Ok(());
    };
    if let Some(value) = canon.value(attribute, value, &attribute.name)? {
        let holder = document
            .entry(extension.schema.id.clone())
            .or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(members) = holder {
            members.entry(attribute.name.clone()).or_insert(value);
        }
    }
    Ok(())
}

/// Whether the request sets `active` to false: a leaver must not stay active because of one attribute that no schema has, so
/// operations on such attributes are then left out instead of failing the request.
#[must_use]
pub fn deactivates(resource_type: &ResourceType, request: &PatchRequest) -> bool {
    let is_active = |path: &str| {
        AttrPath::parse(path, &resource_type.urns).is_ok_and(|path| {
            let core = path
                .urn
                .as_ref()
                .is_none_or(|urn| *urn == resource_type.schema.id);
            core && path.sub.is_none() && path.name.eq_ignore_ascii_case("active")
        })
    };
    let is_false = |value: &Value| boolean_as_text(value.clone()) == Value::Bool(false);
    request
        .operations
        .iter()
        .filter(|operation| operation.op != Op::Remove)
        .any(|operation| match (&operation.path, &operation.value) {
            (Some(path), Some(value)) => is_active(path) && is_false(value),
            (None, Some(Value::Object(members))) => members
                .iter()
                .any(|(name, value)| is_active(name) && is_false(value)),
            _ => false,
        })
}
