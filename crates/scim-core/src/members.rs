//! Members of a group: as clients name them, what a request makes of them, and as answers show them. RFC 7643 §4.2.
//!
//! A group may have a hundred thousand members, so they are never part of its document. What a request says about them becomes a
//! [`Change`], as large as the request and not as the group.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::filter::Bound;
use crate::resource::canon::{Canon, merge_duplicates};
use crate::resource::quote;
use crate::schema::Attribute;
use crate::{Error, Result, key};

/// A member as a client names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The id of the member, as sent.
    pub value: String,
    /// Its name for people, as sent.
    pub display: Option<String>,
}

/// What one operation does to the members.
#[derive(Clone, Debug)]
pub enum Op {
    /// These are in it.
    Add(Vec<Member>),
    /// These are not in it any more, by their keys.
    Remove(Vec<String>),
    /// Those that the filter picks are not in it any more.
    RemoveWhere(Bound),
    /// These are in it, and no others.
    Replace(Vec<Member>),
    /// This one, which must be in it, is called so.
    Rename(Member),
}

/// What is to become of a group's members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Whether all go that `add` does not name.
    pub whole: bool,
    /// Those that it is to have, by their keys.
    pub add: HashMap<String, Member>,
    /// The keys of those that it is not to have.
    pub remove: HashSet<String>,
    /// The keys of those that must have been members before.
    pub required: HashSet<String>,
}

/// What an answer shows of a member, or of a group that somebody is in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown<'a> {
    /// `value`.
    pub value: &'a str,
    /// `$ref`.
    pub location: Option<&'a str>,
    /// `display`.
    pub display: Option<&'a str>,
    /// `type`.
    pub kind: Option<&'a str>,
}

impl Member {
    /// What makes a member itself: its id in any letter case, as the schema says.
    ///
    /// ```
    /// let member = scim_core::members::Member { value: "A1".to_owned(), display: None };
    /// assert_eq!(member.key(), "a1");
    /// ```
    #[must_use]
    pub fn key(&self) -> String {
        key::fold(&self.value)
    }

    /// Brings what a client sends as members into canonical form, each once.
    ///
    /// # Errors
    /// 400 `invalidValue` for a value that does not fit, also for one that is empty: what names nobody is a mistake, and must not empty a group.
    pub fn elements(
        canon: &Canon<'_>,
        attribute: &Attribute,
        sent: Vec<Value>,
    ) -> Result<Vec<Value>> {
        let mut elements = Vec::with_capacity(sent.len());
        for (nth, item) in sent.into_iter().enumerate() {
            let at = format!("{}[{nth}]", attribute.name);
            let element = canon.element(attribute, item, &at)?;
            elements.push(element.ok_or_else(|| nobody(&at))?);
        }
        Ok(merge_duplicates(attribute, elements))
    }

    /// Reads elements in canonical form, such as [`Member::elements`] makes.
    ///
    /// An element without `value` is named by the last part of its `$ref`.
    ///
    /// # Errors
    /// 400 `invalidValue` for an element that names nobody.
    pub fn read(elements: Vec<Value>, at: &str) -> Result<Vec<Self>> {
        elements
            .into_iter()
            .enumerate()
            .map(|(nth, element)| {
                let text = |name: &str| element.get(name).and_then(Value::as_str);
                let named = text("value").or_else(|| last_part(text("$ref")?));
                let value = named.filter(|value| !value.trim().is_empty());
                let value = value.ok_or_else(|| nobody(&format!("{at}[{nth}]")))?;
                let display = text("display").filter(|name| !name.is_empty());
                Ok(Self {
                    value: value.to_owned(),
                    display: display.map(str::to_owned),
                })
            })
            .collect()
    }
}

fn nobody(at: &str) -> Error {
    Error::invalid_value(format!("`{at}`: a member needs a `value`, its id"))
}

/// The id in `https://…/Users/{id}`.
fn last_part(location: &str) -> Option<&str> {
    let path = location.split(['?', '#']).next()?;
    path.trim_end_matches('/').rsplit('/').next()
}

impl Change {
    /// Puts operations together in their order, without a look at the group: it must not be needed, see [`need_members`].
    ///
    /// # Errors
    /// 400 `noTarget` when an operation aims at a member that an earlier one took out.
    pub fn of(operations: &[Op]) -> Result<Self> {
        let mut change = Self::default();
        for operation in operations {
            match operation {
                Op::Add(members) => members.iter().for_each(|one| change.add(one)),
                Op::Remove(keys) => keys.iter().for_each(|key| change.remove(key)),
                Op::RemoveWhere(_) => {}
                Op::Replace(members) => {
                    change.whole = true;
                    change.add.clear();
                    change.remove.clear();
                    members.iter().for_each(|one| change.add(one));
                }
                Op::Rename(member) => change.rename(member)?,
            }
        }
        Ok(change)
    }

    /// The same for operations that have to look at the members: what the group holds, and how a filter sees a member.
    ///
    /// # Errors
    /// 400 `noTarget` as [`Change::of`].
    pub fn within(
        operations: &[Op],
        has: Vec<Member>,
        element: impl Fn(&Member) -> Value,
    ) -> Result<Self> {
        let before: HashMap<String, Member> = has.into_iter().map(|one| (one.key(), one)).collect();
        let mut now = before.clone();
        for operation in operations {
            match operation {
                Op::Add(members) => members.iter().for_each(|one| put(&mut now, one)),
                Op::Remove(keys) => keys.iter().for_each(|key| drop(now.remove(key))),
                Op::RemoveWhere(filter) => {
                    now.retain(|_, one| !filter.matches_element(&element(one)));
                }
                Op::Replace(members) => {
                    let old = std::mem::take(&mut now);
                    for one in members {
                        let key = one.key();
                        if let Some(there) = old.get(&key).or_else(|| before.get(&key)) {
                            now.entry(key).or_insert_with(|| there.clone());
                        }
                        put(&mut now, one);
                    }
                }
                Op::Rename(member) if now.contains_key(&member.key()) => put(&mut now, member),
                Op::Rename(_) => return Err(no_target()),
            }
        }
        let remove = before.keys().filter(|key| !now.contains_key(*key));
        let remove = remove.cloned().collect();
        now.retain(|key, one| before.get(key) != Some(one));
        Ok(Self {
            add: now,
            remove,
            ..Self::default()
        })
    }

    fn add(&mut self, member: &Member) {
        self.remove.remove(&member.key());
        put(&mut self.add, member);
    }

    fn remove(&mut self, key: &str) {
        self.add.remove(key);
        if !self.whole {
            self.remove.insert(key.to_owned());
        }
    }

    fn rename(&mut self, member: &Member) -> Result<()> {
        let key = member.key();
        if !self.add.contains_key(&key) {
            if self.whole || self.remove.contains(&key) {
                return Err(no_target());
            }
            self.required.insert(key);
        }
        self.add(member);
        Ok(())
    }
}

/// Adds a member; one that is there keeps its name unless another is given.
fn put(members: &mut HashMap<String, Member>, member: &Member) {
    match members.get_mut(&member.key()) {
        Some(have) if member.display.is_some() => have.display.clone_from(&member.display),
        Some(_) => {}
        None => {
            members.insert(member.key(), member.clone());
        }
    }
}

/// An operation aims at a member that is none. RFC 7644 §3.5.2.3.
#[must_use]
pub fn no_target() -> Error {
    Error::no_target("no member matches the path")
}

/// Whether operations can be put together only with a look at what the group holds.
#[must_use]
pub fn need_members(operations: &[Op]) -> bool {
    operations
        .iter()
        .any(|one| matches!(one, Op::RemoveWhere(_)))
}

impl Shown<'_> {
    /// As an element of a view, for filters.
    #[must_use]
    pub fn element(&self) -> Value {
        let mut element = Map::new();
        for (name, text) in self.parts() {
            element.insert(name.to_owned(), text.into());
        }
        Value::Object(element)
    }

    /// Puts it as JSON at the end of `text`, only the sub-attributes that are named.
    ///
    /// ```
    /// use scim_core::members::Shown;
    /// let shown = Shown { value: "1", display: Some("Ada"), ..Shown::default() };
    /// let mut text = String::new();
    /// shown.write(&mut text, &["value", "$ref"]);
    /// assert_eq!(text, r#"{"value":"1"}"#);
    /// ```
    pub fn write(&self, text: &mut String, parts: &[&str]) {
        text.push('{');
        let mut comma = false;
        for (name, value) in self.parts() {
            if parts.contains(&name) {
                if comma {
                    text.push(',');
                }
                comma = true;
                text.push('"');
                text.push_str(name);
                text.push_str("\":");
                quote(text, value);
            }
        }
        text.push('}');
    }

    fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("value", Some(self.value)),
            ("$ref", self.location),
            ("display", self.display),
            ("type", self.kind),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, text?)))
    }
}
