//! What of a resource a client sees: `attributes`, `excludedAttributes` and the schema's `returned`. RFC 7644 §3.9, RFC 7643 §7.

use serde_json::{Map, Value};

use crate::schema::{Attribute, Returned};
use crate::{AttrPath, Error, Mode, ResourceType, Result, urn};

/// The part of a resource that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Projection {
    /// What the schema returns by default.
    #[default]
    Default,
    /// `attributes`: these, and what is always returned.
    Only(Vec<AttrPath>),
    /// `excludedAttributes`: the default without these.
    Without(Vec<AttrPath>),
}

/// How much of an attribute was named.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    Not,
    /// Only some sub-attributes.
    Partly,
    Wholly,
}

impl Projection {
    /// Reads the two parameters; names that no schema has are left out, as they name nothing.
    ///
    /// # Errors
    /// 400 `invalidValue` when both are given (RFC 7644 §3.9: they exclude each other).
    pub fn new(
        attributes: Option<&[String]>,
        excluded: Option<&[String]>,
        resource_type: &ResourceType,
        mode: Mode,
    ) -> Result<Self> {
        let paths = |names: &[String]| -> Vec<AttrPath> {
            names
                .iter()
                .filter_map(|name| canonical(name.trim(), resource_type, mode))
                .collect()
        };
        match (attributes, excluded) {
            (Some(_), Some(_)) => Err(Error::invalid_value(
                "`attributes` and `excludedAttributes` exclude each other; send one of them",
            )),
            (Some(names), None) => Ok(Self::Only(paths(names))),
            (None, Some(names)) => Ok(Self::Without(paths(names))),
            (None, None) => Ok(Self::Default),
        }
    }

    /// Whether everything is asked for that is returned by default.
    #[must_use]
    pub fn is_default(&self) -> bool {
        matches!(self, Self::Default)
    }

    /// The sub-attributes that a client sees of a complex attribute of the core schema; `None` when it sees nothing of it.
    ///
    /// For what is not part of a view because it is kept apart, as members are.
    ///
    /// ```
    /// use scim_core::{Mode, resource::project::Projection, schema::builtin};
    /// let registry = builtin::registry(None);
    /// let group = registry.resource_type("Group").unwrap();
    /// let members = group.members().unwrap();
    /// let seen = |names: &[&str]| {
    ///     let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    ///     Projection::new(Some(&names), None, group, Mode::Rfc).unwrap().parts_of(members)
    /// };
    /// assert_eq!(seen(&["displayName"]), None);
    /// assert_eq!(seen(&["members.display"]).unwrap(), ["display"]);
    /// assert_eq!(seen(&["members"]).unwrap().len(), 4);
    /// ```
    #[must_use]
    pub fn parts_of<'a>(&self, attribute: &'a Attribute) -> Option<Vec<&'a str>> {
        let named = self.named(None, &attribute.name);
        if !self.keeps(attribute, named) {
            return None;
        }
        let parts: Vec<&str> = attribute
            .sub_attributes
            .iter()
            .filter(|sub| self.keeps_sub(None, attribute, named, sub))
            .map(|sub| sub.name.as_str())
            .collect();
        (!parts.is_empty()).then_some(parts)
    }

    /// Whether an attribute that no request has set is seen.
    fn keeps(&self, attribute: &Attribute, named: Named) -> bool {
        let asked = named != Named::Not && matches!(self, Self::Only(_));
        let keep = match attribute.returned {
            Returned::Never => false,
            Returned::Always => true,
            Returned::Request => asked,
            Returned::Default => match self {
                Self::Default => true,
                Self::Only(_) => asked,
                Self::Without(_) => named != Named::Wholly,
            },
        };
        keep && attribute.is_readable()
    }

    /// Leaves of a view what the client sees. `sent` names the attributes that this very request has set: they count as asked for
    /// where the schema says `returned: request`.
    #[must_use]
    pub fn apply(
        &self,
        resource_type: &ResourceType,
        view: Map<String, Value>,
        sent: &[String],
    ) -> Map<String, Value> {
        let mut seen = Map::with_capacity(view.len());
        for (name, value) in view {
            if let Some(extension) = resource_type.extension(&name) {
                let id = extension.schema.id.as_str();
                let Value::Object(members) = value else {
                    continue;
                };
                let mut kept = Map::new();
                for (name, value) in members {
                    let Some(attribute) = extension.schema.attribute(&name) else {
                        continue;
                    };
                    if let Some(value) = self.attribute(Some(id), attribute, value, sent) {
                        kept.insert(name, value);
                    }
                }
                if !kept.is_empty() {
                    seen.insert(name, Value::Object(kept));
                }
            } else if let Some(attribute) = resource_type.core(&name)
                && let Some(value) = self.attribute(None, attribute, value, sent)
            {
                seen.insert(name, value);
            }
        }
        seen
    }

    fn attribute(
        &self,
        extension: Option<&str>,
        attribute: &Attribute,
        value: Value,
        sent: &[String],
    ) -> Option<Value> {
        let named = self.named(extension, &attribute.name);
        let set = || {
            let name = match extension {
                Some(urn) => format!("{urn}:{}", attribute.name),
                None => attribute.name.clone(),
            };
            matches!(self, Self::Default)
                && attribute.returned == Returned::Request
                && attribute.is_readable()
                && sent.contains(&name)
        };
        // `always` also covers what only sub-attributes of which were named.
        if !self.keeps(attribute, named) && !set() {
            return None;
        }
        self.parts(extension, attribute, named, value)
    }

    fn parts(
        &self,
        extension: Option<&str>,
        attribute: &Attribute,
        named: Named,
        value: Value,
    ) -> Option<Value> {
        match value {
            Value::Array(items) => {
                let items: Vec<Value> = items
                    .into_iter()
                    .filter_map(|item| self.parts(extension, attribute, named, item))
                    .collect();
                (!items.is_empty()).then_some(Value::Array(items))
            }
            Value::Object(members) => {
                let kept: Map<String, Value> = members
                    .into_iter()
                    .filter(|(name, _)| {
                        attribute
                            .sub(name)
                            .is_some_and(|sub| self.keeps_sub(extension, attribute, named, sub))
                    })
                    .collect();
                (!kept.is_empty()).then_some(Value::Object(kept))
            }
            simple => Some(simple),
        }
    }

    fn keeps_sub(
        &self,
        extension: Option<&str>,
        attribute: &Attribute,
        named: Named,
        sub: &Attribute,
    ) -> bool {
        let this = self.paths().iter().any(|path| {
            same_attribute(path, extension, &attribute.name)
                && path.sub.as_deref() == Some(sub.name.as_str())
        });
        if !sub.is_readable() {
            return false;
        }
        match sub.returned {
            Returned::Never => false,
            Returned::Always => true,
            Returned::Request => this && matches!(self, Self::Only(_)),
            Returned::Default => match self {
                Self::Default => true,
                Self::Only(_) => this || named != Named::Partly,
                Self::Without(_) => !this,
            },
        }
    }

    fn named(&self, extension: Option<&str>, name: &str) -> Named {
        let mut named = Named::Not;
        for path in self.paths() {
            if path.is_container() {
                if path.urn.as_deref() == extension {
                    return Named::Wholly;
                }
            } else if same_attribute(path, extension, name) {
                if path.sub.is_none() {
                    return Named::Wholly;
                }
                named = Named::Partly;
            }
        }
        named
    }

    fn paths(&self) -> &[AttrPath] {
        match self {
            Self::Default => &[],
            Self::Only(paths) | Self::Without(paths) => paths,
        }
    }
}

fn same_attribute(path: &AttrPath, extension: Option<&str>, name: &str) -> bool {
    path.urn.as_deref() == extension && path.name == name
}

/// The path in canonical letter case; a bare URN of an extension stands for all of it, that of the core schema for nothing special.
fn canonical(name: &str, resource_type: &ResourceType, mode: Mode) -> Option<AttrPath> {
    let path = AttrPath::parse(name, &resource_type.urns).ok()?;
    if path.is_container() {
        let named = path.urn.as_deref()?;
        let known = resource_type
            .extensions
            .iter()
            .any(|one| urn::same(&one.schema.id, named));
        return known.then_some(path);
    }
    Some(resource_type.resolve(&path, mode)?.path())
}
