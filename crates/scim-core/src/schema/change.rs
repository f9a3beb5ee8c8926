//! What becomes of resources when their schemas change: where to look, and what no longer fits.

use serde_json::{Map, Value};

use super::registry::ResourceType;
use super::{Attribute, Constraints, Schema, Uniqueness};
use crate::resource::canon::Canon;
use crate::resource::validate;
use crate::{AttrPath, Mode, urn};

/// Which resources of a type may not fit any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// None.
    Nothing,
    /// Those that carry one of these extensions.
    Extensions(Vec<String>),
    /// Any.
    Everything,
}

/// A part of a document that does not fit the schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfit {
    /// The attribute, or the extension as a whole.
    pub path: AttrPath,
    /// What does not fit.
    pub detail: String,
}

/// Where to look for resources that fit `before` and may not fit `after`. RFC 7643 §7 says what a characteristic allows.
#[must_use]
pub fn look(before: &ResourceType, after: &ResourceType) -> Look {
    if !urn::same(&before.schema.id, &after.schema.id) || narrows(&before.schema, &after.schema) {
        return Look::Everything;
    }
    let mut urns = Vec::new();
    for extension in &after.extensions {
        let was = before.extension(&extension.schema.id);
        if extension.required && was.is_none_or(|was| !was.required) {
            return Look::Everything;
        }
    }
    for extension in &before.extensions {
        let id = &extension.schema.id;
        let now = after.extension(id);
        if now.is_none_or(|now| narrows(&extension.schema, &now.schema)) {
            urns.push(id.clone());
        }
    }
    if urns.is_empty() {
        Look::Nothing
    } else {
        Look::Extensions(urns)
    }
}

fn narrows(before: &Schema, after: &Schema) -> bool {
    any_narrows(&before.attributes, &after.attributes)
}

fn any_narrows(before: &[Attribute], after: &[Attribute]) -> bool {
    let twin = |of: &[Attribute], name: &str| of.iter().find(|one| one.name == name).cloned();
    before
        .iter()
        .any(|old| twin(after, &old.name).is_none_or(|new| attribute_narrows(old, &new)))
        || after
            .iter()
            .any(|new| new.required && twin(before, &new.name).is_none())
}

fn attribute_narrows(old: &Attribute, new: &Attribute) -> bool {
    let none = Constraints::default();
    let was = old.constraints.as_deref().unwrap_or(&none);
    let now = new.constraints.as_deref().unwrap_or(&none);
    let closes = now.closed && old.compares_exactly() != new.compares_exactly();
    let becomes_unique = new.uniqueness == Uniqueness::Server
        && (old.uniqueness != Uniqueness::Server
            || old.compares_exactly() != new.compares_exactly());
    old.kind != new.kind
        || old.multi_valued != new.multi_valued
        || (new.required && new.is_writable() && !(old.required && old.is_writable()))
        || becomes_unique
        || closes
        || (now.is_bounding()
            && (
                now.max_length,
                &now.minimum,
                &now.maximum,
                now.closed,
                &now.options,
            ) != (
                was.max_length,
                &was.minimum,
                &was.maximum,
                was.closed,
                &was.options,
            ))
        || any_narrows(&old.sub_attributes, &new.sub_attributes)
}

/// What of a stored document the schemas do not allow. Only what a tenant can define is looked at: the core schema of a type of its own
/// and the extensions; attributes that every resource has always fit.
#[must_use]
pub fn misfits(of: &ResourceType, document: &Map<String, Value>) -> Vec<Misfit> {
    let mut found = Vec::new();
    let mut core = Vec::new();
    let names = document.get("schemas").and_then(Value::as_array);
    let is_base = |one: &Value| one.as_str().is_some_and(|one| one == of.schema.id);
    if names.is_some_and(|urns| !urns.iter().any(is_base)) {
        found.push(Misfit {
            path: AttrPath::new("schemas", None),
            detail: format!("its core schema is another one than `{}`", of.schema.id),
        });
    }
    for (name, value) in document {
        let is_extension = name.contains(':') && value.is_object() && of.core(name).is_none();
        if let (true, Value::Object(members)) = (is_extension, value) {
            match of.extension(name) {
                Some(extension) => in_section(
                    of,
                    Some(name),
                    &extension.schema,
                    members.iter(),
                    &mut found,
                ),
                None => found.push(Misfit {
                    path: AttrPath {
                        urn: Some(name.clone()),
                        name: String::new(),
                        sub: None,
                    },
                    detail: "no schema of this name extends the resource type any more".to_owned(),
                }),
            }
        } else if super::builtin::common().attribute(name).is_none() {
            core.push((name, value));
        }
    }
    if !super::builtin::is_shipped(&of.schema.id) {
        in_section(of, None, &of.schema, core.into_iter(), &mut found);
    }
    if let Err(error) = validate::document(of, Mode::Compat, document)
        && found.is_empty()
    {
        found.push(Misfit {
            path: AttrPath::new("", None),
            detail: error.detail,
        });
    }
    found
}

fn in_section<'v>(
    of: &ResourceType,
    id: Option<&str>,
    schema: &Schema,
    members: impl Iterator<Item = (&'v String, &'v Value)>,
    found: &mut Vec<Misfit>,
) {
    let canon = Canon {
        resource_type: of,
        mode: Mode::Rfc,
    };
    for (name, value) in members {
        let path = AttrPath {
            urn: id.map(str::to_owned),
            name: name.clone(),
            sub: None,
        };
        let at = path.to_string();
        let attribute = schema.attributes.iter().find(|one| one.name == *name);
        let detail = match attribute {
            None => Some(format!("`{at}`: the schema has no such attribute any more")),
            Some(attribute) => match canon.value(attribute, value.clone(), &at) {
                Err(error) => Some(error.detail),
                Ok(Some(same)) if same == *value => validate::value(attribute, value, &at)
                    .err()
                    .map(|error| error.detail),
                Ok(_) if attribute.is_writable() => {
                    Some(format!("`{at}`: a part of the value would be lost"))
                }
                Ok(_) => None,
            },
        };
        found.extend(detail.map(|detail| Misfit { path, detail }));
    }
}

/// Takes what does not fit out of a document; false when something else is wrong with it that no removal mends.
pub fn remove(of: &ResourceType, document: &mut Map<String, Value>, misfits: &[Misfit]) -> bool {
    for misfit in misfits {
        match (&misfit.path.urn, misfit.path.is_container()) {
            (Some(urn), true) => {
                document.shift_remove(urn);
            }
            (Some(urn), false) => {
                let Some(Value::Object(members)) = document.get_mut(urn) else {
                    continue;
                };
                members.shift_remove(&misfit.path.name);
                if members.is_empty() {
                    document.shift_remove(urn);
                }
            }
            (None, _) if misfit.path.name == "schemas" => {
                document.insert(
                    "schemas".into(),
                    Value::Array(vec![of.schema.id.clone().into()]),
                );
            }
            (None, _) => {
                document.shift_remove(&misfit.path.name);
            }
        }
    }
    self::misfits(of, document).is_empty()
}
