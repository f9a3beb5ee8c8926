//! PATCH on multi-valued attributes: whole lists, single elements, and elements picked by a filter. RFC 7644 §3.5.2.1 to §3.5.2.3.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::{Change, quirks};
use crate::filter::{Filter, Literal};
use crate::patch::Op;
use crate::resource::canon::{absorb, expected, identity, merge_duplicates};
use crate::schema::{Attribute, Mutability, Type};
use crate::{Error, Mode, Result};

impl Change<'_> {
    /// The path ends at a multi-valued attribute.
    pub(super) fn list(
        &self,
        before: Option<Value>,
        value: Option<Value>,
    ) -> Result<Option<Value>> {
        let old = items(before);
        match (self.op, value) {
            // Without a value all go; a list of values takes out just these, and an empty one nothing (Entra ID, JumpCloud).
            (Op::Remove, None | Some(Value::Null)) => Ok(None),
            (Op::Remove, Some(value)) => Ok(list(self.without(old, value)?)),
            (Op::Add, Some(value)) => {
                let new = self.elements(value)?;
                Ok(list(self.append(old, new)))
            }
            (Op::Replace, Some(value)) => Ok(list(self.elements(value)?)),
            (_, None) => Ok(list(old)),
        }
    }

    fn elements(&self, value: Value) -> Result<Vec<Value>> {
        let sent = match value {
            Value::Null => Vec::new(),
            Value::Array(items) => items,
            one => vec![one],
        };
        self.canon.elements(self.attribute, sent, self.at)
    }

    /// §3.5.2.1: values that are there already stay as they are; of a new primary element the old one gives way.
    fn append(&self, old: Vec<Value>, new: Vec<Value>) -> Vec<Value> {
        let mut old = old;
        if new.iter().any(is_primary) {
            old.iter_mut().for_each(demote);
        }
        if self.canon.mode == Mode::Compat {
            old = self.append_by_value(old, new);
        } else {
            old.extend(new);
        }
        merge_duplicates(self.attribute, old)
    }

    /// An element without a type is the first one of its value.
    fn append_by_value(&self, mut old: Vec<Value>, new: Vec<Value>) -> Vec<Value> {
        let mut places: HashMap<String, usize> = HashMap::new();
        for (nth, element) in old.iter().enumerate() {
            if let Some(key) = quirks::value_key(self.attribute, element) {
                places.entry(key).or_insert(nth);
            }
        }
        for element in new {
            let key = quirks::value_key(self.attribute, &element);
            let place = key.as_ref().and_then(|key| places.get(key)).copied();
            let untyped = element.get("type").is_none();
            match place.filter(|_| untyped).and_then(|nth| old.get_mut(nth)) {
                Some(have) => absorb(have, element),
                None => {
                    if let Some(key) = key {
                        places.entry(key).or_insert(old.len());
                    }
                    old.push(element);
                }
            }
        }
        old
    }

    fn without(&self, old: Vec<Value>, value: Value) -> Result<Vec<Value>> {
        let listed = Listed::new(self.attribute, self.elements(value)?);
        let stays = |element: &Value| !listed.holds(element);
        Ok(old.into_iter().filter(stays).collect())
    }

    /// `emails.type`: the sub-attribute of every element.
    pub(super) fn sub_of_each(
        &self,
        before: Option<Value>,
        sub: &Attribute,
        value: Option<&Value>,
    ) -> Result<Option<Value>> {
        let mut elements = items(before);
        if elements.is_empty() && self.op != Op::Remove && !is_unassigned(value) {
            if self.op == Op::Replace {
                return Err(self.no_target());
            }
            elements.push(Value::Object(Map::new()));
        }
        let all: Vec<usize> = (0..elements.len()).collect();
        self.on_sub(&mut elements, &all, sub, value)?;
        Ok(list(merge_duplicates(self.attribute, elements)))
    }

    /// `emails[type eq "work"]`, or a sub-attribute of what it picks.
    pub(super) fn selected(
        &self,
        before: Option<Value>,
        filter: &Filter,
        sub: Option<&Attribute>,
        value: Option<Value>,
    ) -> Result<Option<Value>> {
        let bound = filter.bind_element(self.attribute, self.canon.mode)?;
        let mut elements = items(before);
        let mut picked: Vec<usize> = elements
            .iter()
            .enumerate()
            .filter(|(_, element)| bound.matches_element(element))
            .map(|(nth, _)| nth)
            .collect();
        if picked.is_empty() {
            // §3.5.2.2: a remove that finds nothing has nothing to do.
            if self.op == Op::Remove || is_unassigned(value.as_ref()) {
                return Ok(list(elements));
            }
            let created = self.element_of(filter)?;
            if !bound.matches_element(&created) {
                return Err(self.no_target());
            }
            picked.push(elements.len());
            elements.push(created);
        }
        match (self.op, sub) {
            (_, Some(sub)) => self.on_sub(&mut elements, &picked, sub, value.as_ref())?,
            (Op::Remove, None) => remove_all(&mut elements, &picked),
            (_, None) => {
                let value = value.unwrap_or_default();
                self.on_element(&mut elements, &picked, value)?;
            }
        }
        Ok(list(merge_duplicates(self.attribute, elements)))
    }

    /// The element that a filter describes, where an operation may create it.
    fn element_of(&self, filter: &Filter) -> Result<Value> {
        let terms = filter.eq_terms().ok_or_else(|| self.no_target())?;
        if self.op == Op::Replace && !self.may_create(&terms) {
            return Err(self.no_target());
        }
        let mut element = Map::new();
        for (name, literal) in terms {
            if self.attribute.kind != Type::Complex {
                return Ok(literal_value(literal));
            }
            // A filter may name what only the server sets, and then no client can make the element.
            let sub = self.attribute.sub(name).filter(|sub| sub.is_writable());
            let sub = sub.ok_or_else(|| self.no_target())?;
            let at = format!("{}.{}", self.at, sub.name);
            if let Some(value) = self.canon.value(sub, literal_value(literal), &at)? {
                element.insert(sub.name.clone(), value);
            }
        }
        Ok(Value::Object(element))
    }

    /// §3.5.2.3 says noTarget for a replace that finds nothing. Entra ID replaces `phoneNumbers[type eq "work"].value` of people who
    /// have no phone and stalls on that, so in compat mode a canonical type, or the primary element, is created.
    fn may_create(&self, terms: &[(&str, &Literal)]) -> bool {
        if self.canon.mode != Mode::Compat {
            return false;
        }
        let term = |wanted: &str| {
            terms
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, literal)| literal_value(literal))
        };
        let primary = term("primary").is_some_and(|value| match value {
            Value::String(text) => text.eq_ignore_ascii_case("true"),
            other => other == Value::Bool(true),
        });
        let canonical = term("type").is_some_and(|value| {
            let offered = self.attribute.sub("type").map(|sub| &sub.canonical_values);
            offered.is_none_or(|offered| {
                offered.is_empty()
                    || value.as_str().is_some_and(|text| {
                        offered.iter().any(|one| one.eq_ignore_ascii_case(text))
                    })
            })
        });
        primary || canonical
    }

    fn no_target(&self) -> Error {
        Error::no_target(format!("`{}`: no element matches the path", self.at))
    }

    fn on_sub(
        &self,
        elements: &mut Vec<Value>,
        picked: &[usize],
        sub: &Attribute,
        value: Option<&Value>,
    ) -> Result<()> {
        for &nth in picked {
            let Some(element) = elements.get_mut(nth) else {
                continue;
            };
            let Value::Object(members) = element else {
                continue;
            };
            if self.op == Op::Remove
                && sub.mutability == Mutability::Immutable
                && members.contains_key(&sub.name)
            {
                return Err(super::immutable(&format!("{}.{}", self.at, sub.name)));
            }
            self.set_or_remove(members, sub, value.cloned())?;
            let members = std::mem::take(members);
            let assigned = self.canon.assigned(self.attribute, members, self.at)?;
            *element = assigned.unwrap_or_default();
        }
        self.demote_others(elements, picked);
        elements.retain(|element| !element.is_null());
        Ok(())
    }

    /// An element as a whole: compat merges a part into it (SailPoint, Entra ID's roles), the letter replaces it.
    fn on_element(&self, elements: &mut Vec<Value>, picked: &[usize], value: Value) -> Result<()> {
        let merges = self.op == Op::Add || self.canon.mode == Mode::Compat;
        let value = match self.canon.mode {
            Mode::Compat => quirks::value(self.attribute, value),
            Mode::Rfc | Mode::Strict => value,
        };
        for &nth in picked {
            let Some(element) = elements.get_mut(nth) else {
                continue;
            };
            let new = match (self.attribute.kind, &value) {
                // RFC 7643 §2.5: null is no value, so there is nothing to add, or nothing left.
                (_, Value::Null) if self.op == Op::Add => continue,
                (_, Value::Null) => None,
                (Type::Complex, Value::Object(members)) => {
                    let kept = match element {
                        Value::Object(old) if merges => old.clone(),
                        Value::Object(old) => self.fixed_parts(old.clone()),
                        _ => Map::new(),
                    };
                    self.merge(kept, members.clone())?
                }
                (Type::Complex, other) => return Err(expected(self.at, "an object", other)),
                (_, simple) => {
                    let one = self
                        .canon
                        .elements(self.attribute, vec![simple.clone()], self.at)?;
                    one.into_iter().next()
                }
            };
            *element = new.unwrap_or_default();
        }
        self.demote_others(elements, picked);
        elements.retain(|element| !element.is_null());
        Ok(())
    }

    /// §3.5.2: when an operation makes an element primary, the one that was gives way.
    fn demote_others(&self, elements: &mut [Value], picked: &[usize]) {
        let promoted = picked
            .iter()
            .filter_map(|&nth| elements.get(nth))
            .any(is_primary);
        if !promoted {
            return;
        }
        for (nth, element) in elements.iter_mut().enumerate() {
            if !picked.contains(&nth) {
                demote(element);
            }
        }
    }
}

/// Elements that are to go: found by their value, and where both say one by their type.
struct Listed<'a> {
    attribute: &'a Attribute,
    by_value: HashMap<String, Vec<Option<String>>>,
    others: Vec<Map<String, Value>>,
}

impl<'a> Listed<'a> {
    fn new(attribute: &'a Attribute, elements: Vec<Value>) -> Self {
        let mut listed = Self {
            attribute,
            by_value: HashMap::new(),
            others: Vec::new(),
        };
        for element in elements {
            match (listed.key(&element), element) {
                (Some(key), element) => {
                    let types = listed.by_value.entry(key).or_default();
                    types.push(type_key(attribute, &element));
                }
                (None, Value::Object(members)) => listed.others.push(members),
                (None, _) => {}
            }
        }
        listed
    }

    fn key(&self, element: &Value) -> Option<String> {
        match element {
            Value::Object(_) => quirks::value_key(self.attribute, element),
            simple => Some(identity(self.attribute, simple)),
        }
    }

    fn holds(&self, element: &Value) -> bool {
        let named = self.key(element).and_then(|key| self.by_value.get(&key));
        let has = type_key(self.attribute, element);
        let by_value = named.is_some_and(|types| {
            types
                .iter()
                .any(|one| one.is_none() || has.is_none() || *one == has)
        });
        let is_other = |members: &Map<String, Value>| {
            members
                .iter()
                .all(|(name, value)| element.get(name) == Some(value))
        };
        by_value || self.others.iter().any(is_other)
    }
}

fn type_key(attribute: &Attribute, element: &Value) -> Option<String> {
    crate::key::of(attribute.sub("type")?, element.get("type")?)
}

fn is_primary(element: &Value) -> bool {
    element.get("primary") == Some(&Value::Bool(true))
}

fn demote(element: &mut Value) {
    if is_primary(element)
        && let Value::Object(members) = element
    {
        members.insert("primary".into(), false.into());
    }
}

fn items(value: Option<Value>) -> Vec<Value> {
    match value {
        Some(Value::Array(items)) => items,
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

fn list(elements: Vec<Value>) -> Option<Value> {
    (!elements.is_empty()).then_some(Value::Array(elements))
}

fn remove_all(elements: &mut Vec<Value>, picked: &[usize]) {
    let mut nth = 0;
    elements.retain(|_| {
        let keep = !picked.contains(&nth);
        nth += 1;
        keep
    });
}

/// Nothing to set: null, or the `""` that clients clear values with.
fn is_unassigned(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

fn literal_value(literal: &Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Bool(value) => Value::Bool(*value),
        Literal::Number(value) => Value::Number(value.clone()),
        Literal::String(text) => Value::String(text.clone()),
    }
}
