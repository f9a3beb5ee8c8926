//! Documents from clients, brought into canonical form: names in the schema's letter case, values of the declared types, nothing that
//! is unassigned, unknown or readOnly. RFC 7643 §2, RFC 7644 §3.3 and §3.5.1.
//!
//! What identity providers send instead of the declared type is understood in [`Mode::Compat`] only; each such case is one function in
//! [`crate::patch::quirks`].

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use serde_json::{Map, Value};

use crate::json::kind;
use crate::members::Member;
use crate::patch::quirks;
use crate::schema::{Attribute, Type};
use crate::{Error, Mode, ResourceType, Result, key, urn};

/// The message a document came in: they differ in what `schemas` must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// POST, RFC 7644 §3.3.
    Create,
    /// PUT, RFC 7644 §3.5.1.
    Replace,
}

/// Reads values of one resource type.
#[derive(Clone, Copy, Debug)]
pub struct Canon<'a> {
    /// What the resource may hold.
    pub resource_type: &'a ResourceType,
    /// How far the letter is stretched.
    pub mode: Mode,
}

impl Canon<'_> {
    /// Reads the body of a POST or PUT.
    ///
    /// # Errors
    /// 400 `invalidSyntax` for `schemas` that is missing, 400 `invalidValue` for a value that does not fit its attribute; in
    /// [`Mode::Strict`] 400 `invalidSyntax` for an attribute that no schema has.
    pub fn document(
        &self,
        body: Map<String, Value>,
        message: Message,
    ) -> Result<Map<String, Value>> {
        let schemas = body
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case("schemas"));
        self.check_schemas(schemas.map(|(_, value)| value), message)?;
        let mut document = Map::with_capacity(body.len());
        let mut aliased = Vec::new();
        for (name, value) in body {
            if let Some(extension) = self.resource_type.extension(&name) {
                let id = extension.schema.id.clone();
                if let Some(members) = self.extension(&extension.schema, value)? {
                    document.insert(id, Value::Object(members));
                }
            } else if let Some(attribute) = self.resource_type.core(&name) {
                let is_members = self.resource_type.members() == Some(attribute);
                if is_members && let Value::Array(sent) = value {
                    let elements = Member::elements(self, attribute, sent)?;
                    document.insert(attribute.name.clone(), Value::Array(elements));
                } else if attribute.is_writable() && attribute.name != "schemas" {
                    once(&document, attribute, &attribute.name)?;
                    put(
                        &mut document,
                        attribute,
                        self.value(attribute, value, &attribute.name)?,
                    );
                }
            } else if self.mode == Mode::Compat && quirks::is_extension_alias(&name) {
                aliased.push((name, value));
            } else {
                self.unknown(&name)?;
            }
        }
        for (name, value) in aliased {
            quirks::place_alias(self, &mut document, &name, value)?;
        }
        Ok(document)
    }

    /// `schemas` of a body. RFC 7643 §3: the base URN, and of extensions those of the resource type only.
    fn check_schemas(&self, schemas: Option<&Value>, message: Message) -> Result<()> {
        let urns = match schemas {
            Some(Value::Array(urns)) if !urns.is_empty() => urns,
            None | Some(Value::Null)
                if message == Message::Replace && self.mode == Mode::Compat =>
            {
                return Ok(());
            }
            None | Some(Value::Null | Value::Array(_)) => {
                return Err(Error::invalid_syntax(format!(
                    "`schemas`: required, send [\"{}\"]",
                    self.resource_type.schema.id
                )));
            }
            Some(other) => return Err(expected("schemas", "an array of URNs", other)),
        };
        let mut base = false;
        for one in urns {
            let Value::String(text) = one else {
                return Err(expected("schemas", "an array of URNs", one));
            };
            base |= urn::same(text, &self.resource_type.schema.id);
            let known = self
                .resource_type
                .schemas()
                .any(|schema| urn::same(&schema.id, text));
            if !known && self.mode != Mode::Compat {
                return Err(Error::invalid_value(format!(
                    "`schemas`: `{}` is not a schema of {}",
                    crate::error::shorten(text),
                    self.resource_type.name
                )));
            }
        }
        if !base && self.mode != Mode::Compat {
            return Err(Error::invalid_value(format!(
                "`schemas`: must hold \"{}\"",
                self.resource_type.schema.id
            )));
        }
        Ok(())
    }

    fn extension(
        &self,
        schema: &crate::schema::Schema,
        value: Value,
    ) -> Result<Option<Map<String, Value>>> {
        let members = match value {
            Value::Null => return Ok(None),
            Value::Object(members) => members,
            Value::Array(items) if items.is_empty() => return Ok(None),
            other => return Err(expected(&schema.id, "an object", &other)),
        };
        let mut canonical = Map::with_capacity(members.len());
        for (name, value) in members {
            let Some(attribute) = schema.attribute(&name) else {
                self.unknown(&format!("{}:{name}", schema.id))?;
                continue;
            };
            if attribute.is_writable() {
                let at = format!("{}:{}", schema.id, attribute.name);
                once(&canonical, attribute, &at)?;
                put(
                    &mut canonical,
                    attribute,
                    self.value(attribute, value, &at)?,
                );
            }
        }
        Ok((!canonical.is_empty()).then_some(canonical))
    }

    /// An attribute no schema has: dropped, unless the tenant is strict.
    pub(crate) fn unknown(&self, name: &str) -> Result<()> {
        match self.mode {
            Mode::Compat | Mode::Rfc => Ok(()),
            Mode::Strict => Err(Error::invalid_syntax(format!(
                "`{}`: no schema of {} has this attribute",
                crate::error::shorten(name),
                self.resource_type.name
            ))),
        }
    }

    /// The value of an attribute; `None` when it is unassigned (null, `[]`, or an empty reference). RFC 7643 §2.5.
    ///
    /// # Errors
    /// 400 `invalidValue` when it does not fit the attribute; `at` names it.
    pub fn value(&self, attribute: &Attribute, value: Value, at: &str) -> Result<Option<Value>> {
        if !attribute.multi_valued {
            return self.single(attribute, value, at);
        }
        let items = match value {
            Value::Null => return Ok(None),
            Value::Array(items) => items,
            one if self.mode == Mode::Compat => vec![one],
            other => return Err(expected(at, "an array", &other)),
        };
        let items = self.elements(attribute, items, at)?;
        Ok((!items.is_empty()).then_some(Value::Array(items)))
    }

    /// The elements of a multi-valued attribute, duplicates merged.
    ///
    /// # Errors
    /// 400 `invalidValue`, as [`Canon::value`].
    pub fn elements(
        &self,
        attribute: &Attribute,
        items: Vec<Value>,
        at: &str,
    ) -> Result<Vec<Value>> {
        let mut elements = Vec::with_capacity(items.len());
        for (nth, item) in items.into_iter().enumerate() {
            elements.extend(self.single(attribute, item, &format!("{at}[{nth}]"))?);
        }
        Ok(merge_duplicates(attribute, elements))
    }

    /// One element of a multi-valued attribute; `None` when it is unassigned.
    pub(crate) fn element(
        &self,
        attribute: &Attribute,
        value: Value,
        at: &str,
    ) -> Result<Option<Value>> {
        self.single(attribute, value, at)
    }

    fn single(&self, attribute: &Attribute, value: Value, at: &str) -> Result<Option<Value>> {
        let value = match value {
            Value::Array(items) if items.is_empty() => return Ok(None),
            value if self.mode == Mode::Compat => quirks::value(attribute, value),
            value => value,
        };
        match (attribute.kind, value) {
            (_, Value::Null) => Ok(None),
            (Type::Complex, Value::Object(members)) => self.complex(attribute, members, at),
            // RFC 7643 §2.5 says null; clients clear references and complex attributes with "".
            (kind, Value::String(text)) if text.is_empty() && self.clears(kind) => Ok(None),
            (kind, value) if fits(kind, &value) => Ok(Some(value)),
            (kind, value) => Err(expected(at, describe(kind), &value)),
        }
    }

    /// Whether "" takes the value away.
    fn clears(&self, kind: Type) -> bool {
        match kind {
            Type::String => false,
            Type::Reference | Type::Complex => true,
            _ => self.mode == Mode::Compat,
        }
    }

    /// The sub-attribute of that name.
    pub(crate) fn sub<'a>(&self, attribute: &'a Attribute, name: &str) -> Option<&'a Attribute> {
        let compat = || (self.mode == Mode::Compat).then(|| quirks::sub_attribute(attribute, name));
        attribute.sub(name).or_else(|| compat().flatten())
    }

    fn complex(
        &self,
        attribute: &Attribute,
        members: Map<String, Value>,
        at: &str,
    ) -> Result<Option<Value>> {
        let mut canonical = Map::with_capacity(members.len());
        for (name, value) in members {
            let Some(sub) = self.sub(attribute, &name) else {
                self.unknown(&format!("{at}.{name}"))?;
                continue;
            };
            if sub.is_writable() {
                let at = format!("{at}.{}", sub.name);
                once(&canonical, sub, &at)?;
                put(&mut canonical, sub, self.value(sub, value, &at)?);
            }
        }
        self.assigned(attribute, canonical, at)
    }

    /// A complex value, unless nothing is in it. What a change leaves is read as if it had been sent.
    pub(crate) fn assigned(
        &self,
        attribute: &Attribute,
        members: Map<String, Value>,
        at: &str,
    ) -> Result<Option<Value>> {
        if self.mode == Mode::Compat {
            if quirks::is_blank(attribute, &members) {
                return Ok(None);
            }
            if let Some(inner) = quirks::stringified_value(&members) {
                // Each text is shorter than the one it was in.
                return self.complex(attribute, inner, at);
            }
        }
        Ok((!members.is_empty()).then_some(Value::Object(members)))
    }
}

/// An attribute that goes by two names may be sent under one of them.
fn once(map: &Map<String, Value>, attribute: &Attribute, at: &str) -> Result<()> {
    match &attribute.alias {
        Some(alias) if map.contains_key(&attribute.name) => Err(Error::invalid_syntax(format!(
            "`{at}` and `{alias}` are one attribute; send one of them"
        ))),
        _ => Ok(()),
    }
}

fn put(map: &mut Map<String, Value>, attribute: &Attribute, value: Option<Value>) {
    if let Some(value) = value {
        map.insert(attribute.name.clone(), value);
    }
}

/// Whether a JSON value is one of the type, RFC 7643 §2.3.
fn fits(kind: Type, value: &Value) -> bool {
    match (kind, value) {
        (Type::String | Type::Reference, Value::String(_)) => true,
        (Type::Boolean, Value::Bool(_)) => true,
        (Type::Decimal, Value::Number(_)) => true,
        // §2.3.4: no fraction and no exponent; 1.0 is not an integer.
        (Type::Integer, Value::Number(number)) => number.is_i64(),
        (Type::DateTime, Value::String(text)) => key::date_time(text).is_some(),
        (Type::Binary, Value::String(text)) => key::binary(text).is_some(),
        _ => false,
    }
}

fn describe(kind: Type) -> &'static str {
    match kind {
        Type::String => "a string",
        Type::Boolean => "a boolean",
        Type::Decimal => "a number",
        Type::Integer => "an integer without fraction or exponent",
        Type::DateTime => "a dateTime such as \"2026-01-31T09:30:00Z\"",
        Type::Reference => "a reference (a string)",
        Type::Binary => "base64",
        Type::Complex => "an object",
    }
}

/// 400 `invalidValue` in the form every type error has.
pub(crate) fn expected(at: &str, what: &str, found: &Value) -> Error {
    let found = match found {
        Value::String(text) => format!("\"{}\"", crate::error::shorten(text)),
        Value::Number(number) => number.to_string(),
        other => kind(other).to_owned(),
    };
    Error::invalid_value(format!("`{at}`: expected {what}, found {found}"))
}

/// Merges elements of equal `type` and `value` (RFC 7643 §2.4: a pair should not stand twice); of simple values and of elements without
/// `value`, equal ones.
#[must_use]
pub fn merge_duplicates(attribute: &Attribute, elements: Vec<Value>) -> Vec<Value> {
    if elements.len() < 2 {
        return elements;
    }
    let mut merged: Vec<Value> = Vec::with_capacity(elements.len());
    let mut places: HashMap<String, usize> = HashMap::with_capacity(elements.len());
    for element in elements {
        match places.entry(identity(attribute, &element)) {
            Entry::Occupied(place) => {
                if let Some(earlier) = merged.get_mut(*place.get()) {
                    absorb(earlier, element);
                }
            }
            Entry::Vacant(place) => {
                place.insert(merged.len());
                merged.push(element);
            }
        }
    }
    merged
}

/// What makes an element itself among the others.
pub(crate) fn identity(attribute: &Attribute, element: &Value) -> String {
    let part = |name: &str| {
        let sub = attribute.sub(name)?;
        key::of(sub, element.get(name)?)
    };
    match (part("value"), element) {
        (Some(value), _) => format!("{}\0{value}", part("type").unwrap_or_default()),
        (None, Value::Object(members)) => {
            let mut sorted = members.clone();
            sorted.sort_keys();
            Value::Object(sorted).to_string()
        }
        (None, simple) => key::of(attribute, simple).unwrap_or_else(|| simple.to_string()),
    }
}

/// Puts the members of a later element into an earlier one that is the same.
pub(crate) fn absorb(earlier: &mut Value, later: Value) {
    let (Value::Object(earlier), Value::Object(later)) = (earlier, later) else {
        return;
    };
    for (name, value) in later {
        let keeps = name == "primary" && earlier.get("primary") == Some(&Value::Bool(true));
        if !keeps {
            earlier.insert(name, value);
        }
    }
}
