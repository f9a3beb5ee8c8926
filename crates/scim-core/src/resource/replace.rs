//! PUT: what of the stored resource outlives a replacement, and what may not be replaced. RFC 7644 §3.5.1.

use serde_json::{Map, Value};

use crate::schema::{Attribute, Mutability, Returned};
use crate::{Error, ResourceType, Result};

/// Completes a replacement with what a client cannot know or may not change: immutable values, attributes that are never returned, and
/// `active`, whose absence must not change whether somebody has access.
///
/// # Errors
/// 400 `mutability` when an immutable attribute has another value than it has now.
pub fn carry_over(
    resource_type: &ResourceType,
    stored: &Map<String, Value>,
    replacement: &mut Map<String, Value>,
) -> Result<()> {
    attributes(&resource_type.schema.attributes, stored, replacement, "")?;
    if let Some(active) = stored.get("active")
        && resource_type.schema.attribute("active").is_some()
        && !replacement.contains_key("active")
    {
        replacement.insert("active".into(), active.clone());
    }
    for extension in &resource_type.extensions {
        let id = &extension.schema.id;
        let Some(Value::Object(old)) = stored.get(id) else {
            continue;
        };
        let mut new = match replacement.shift_remove(id) {
            Some(Value::Object(new)) => new,
            _ => Map::new(),
        };
        attributes(
            &extension.schema.attributes,
            old,
            &mut new,
            &format!("{id}:"),
        )?;
        if !new.is_empty() {
            replacement.insert(id.clone(), Value::Object(new));
        }
    }
    Ok(())
}

fn attributes(
    definitions: &[Attribute],
    stored: &Map<String, Value>,
    replacement: &mut Map<String, Value>,
    prefix: &str,
) -> Result<()> {
    for attribute in definitions {
        let name = &attribute.name;
        let Some(old) = stored.get(name) else {
            continue;
        };
        let at = format!("{prefix}{name}");
        match (replacement.get_mut(name), old) {
            (None, _) if outlives(attribute) => {
                replacement.insert(name.clone(), old.clone());
            }
            // Nor does an attribute that is left out take its immutable parts away.
            (None, Value::Object(old)) => {
                let mut parts = Map::new();
                let subs = &attribute.sub_attributes;
                attributes(subs, old, &mut parts, &format!("{at}."))?;
                if !parts.is_empty() {
                    replacement.insert(name.clone(), Value::Object(parts));
                }
            }
            (Some(new), _) if attribute.mutability == Mutability::Immutable && new != old => {
                return Err(Error::mutability(format!(
                    "`{at}` is immutable and has another value"
                )));
            }
            // Elements of a list have no identity that a sub-attribute could be compared by.
            (Some(Value::Object(new)), Value::Object(old)) => {
                attributes(&attribute.sub_attributes, old, new, &format!("{at}."))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether an attribute that a PUT leaves out keeps its value.
fn outlives(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::Immutable
        || attribute.mutability == Mutability::ReadOnly
        || attribute.returned == Returned::Never
}
