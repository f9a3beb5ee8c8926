//! The schemas and resource types of one tenant, and how a path finds its attribute in them. RFC 7643 §6, RFC 7644 §3.10.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Attribute, Schema, builtin};
use crate::attr::{AttrPath, Urns};
use crate::{Error, Mode, Result, urn};

/// What one tenant knows: its schemas and resource types. Immutable; a change makes a new one.
#[derive(Debug)]
pub struct Registry {
    schemas: Vec<Arc<Schema>>,
    types: Vec<Arc<ResourceType>>,
    urns: Urns,
}

/// A kind of resource with its endpoint. RFC 7643 §6.
#[derive(Debug)]
pub struct ResourceType {
    /// The number under which a store keeps resources of this type.
    pub code: i16,
    /// The name, also its `id`.
    pub name: String,
    /// The endpoint below the base URL, with its slash: `/Users`.
    pub endpoint: String,
    /// What it is.
    pub description: String,
    /// The core schema.
    pub schema: Arc<Schema>,
    /// The extensions a resource may carry.
    pub extensions: Vec<Extension>,
    /// The URNs a path at this type may begin with.
    pub urns: Urns,
    /// The attributes of which a store keeps comparison keys.
    pub indexes: Vec<Index>,
    links: builtin::Links,
    passthrough: bool,
}

/// An attribute of which a store keeps comparison keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The number under which the keys are kept; never given to another attribute.
    pub id: i32,
    /// The attribute, in canonical letter case.
    pub path: AttrPath,
    /// Whether two resources may not share a key.
    pub unique: bool,
}

/// An extension of a resource type. RFC 7643 §6.
#[derive(Clone, Debug)]
pub struct Extension {
    /// Its schema.
    pub schema: Arc<Schema>,
    /// Whether each resource must carry it.
    pub required: bool,
}

/// An attribute that a path names.
#[derive(Clone, Copy, Debug)]
pub struct Resolved<'a> {
    /// The extension it belongs to, if any.
    pub extension: Option<&'a Extension>,
    /// The attribute.
    pub attribute: &'a Attribute,
    /// The sub-attribute, if the path has one.
    pub sub: Option<&'a Attribute>,
}

impl Registry {
    /// Puts resource types together; their schemas are the tenant's schemas.
    ///
    /// # Errors
    /// 409 when two types share a name, an endpoint or a number.
    pub fn new(types: Vec<ResourceType>) -> Result<Self> {
        let mut schemas: Vec<Arc<Schema>> = Vec::new();
        for (nth, one) in types.iter().enumerate() {
            let twice = types.iter().skip(nth + 1).any(|other| {
                one.name.eq_ignore_ascii_case(&other.name)
                    || one.endpoint.eq_ignore_ascii_case(&other.endpoint)
                    || one.code == other.code
            });
            if twice {
                return Err(Error::plain(
                    409,
                    format!("resource type `{}` exists already", one.name),
                ));
            }
            for schema in one.schemas() {
                if !schemas.iter().any(|known| urn::same(&known.id, &schema.id)) {
                    schemas.push(Arc::clone(schema));
                }
            }
        }
        let urns = Urns::new(schemas.iter().map(|schema| schema.id.clone()));
        Ok(Self {
            schemas,
            types: types.into_iter().map(Arc::new).collect(),
            urns,
        })
    }

    pub(crate) fn empty() -> Self {
        Self {
            schemas: Vec::new(),
            types: Vec::new(),
            urns: Urns::default(),
        }
    }

    /// The schemas that resources of this tenant may use, each once.
    #[must_use]
    pub fn schemas(&self) -> &[Arc<Schema>] {
        &self.schemas
    }

    /// The resource types.
    #[must_use]
    pub fn types(&self) -> &[Arc<ResourceType>] {
        &self.types
    }

    /// The schema with that URN, in any letter case.
    #[must_use]
    pub fn schema(&self, urn: &str) -> Option<&Arc<Schema>> {
        self.schemas
            .iter()
            .find(|schema| urn::same(&schema.id, urn))
    }

    /// The resource type of that name, in any letter case.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.types
            .iter()
            .find(|one| one.name.eq_ignore_ascii_case(name))
    }

    /// The resource type at an endpoint, `Users`, in any letter case.
    #[must_use]
    pub fn at_endpoint(&self, segment: &str) -> Option<&Arc<ResourceType>> {
        self.types.iter().find(|one| {
            one.endpoint
                .trim_start_matches('/')
                .eq_ignore_ascii_case(segment)
        })
    }

    /// The URNs that a path may begin with anywhere in this tenant.
    #[must_use]
    pub fn urns(&self) -> &Urns {
        &self.urns
    }
}

impl ResourceType {
    /// Makes a resource type of its parts.
    #[must_use]
    pub fn new(
        code: i16,
        name: &str,
        endpoint: &str,
        description: &str,
        schema: Arc<Schema>,
        extensions: Vec<Extension>,
    ) -> Self {
        let mut one = Self {
            code,
            name: name.to_owned(),
            endpoint: endpoint.to_owned(),
            description: description.to_owned(),
            schema,
            extensions,
            urns: Urns::default(),
            indexes: Vec::new(),
            links: builtin::links(name),
            passthrough: false,
        };
        one.urns = Urns::new(one.schemas().map(|schema| schema.id.clone()));
        one.indexes = one.find_indexes();
        one.passthrough = one.shows_everything();
        one
    }

    fn find_indexes(&self) -> Vec<Index> {
        let known = builtin::indexes(&self.name).into_iter().flatten();
        known
            .filter_map(|(text, id)| {
                let path = AttrPath::parse(text, &self.urns).ok()?;
                let leaf = self.resolve(&path, Mode::Rfc)?.leaf();
                let unique = leaf.uniqueness != super::Uniqueness::None;
                Some(Index {
                    id: *id,
                    path,
                    unique,
                })
            })
            .collect()
    }

    fn shows_everything(&self) -> bool {
        use super::Returned::{Always, Default};
        self.schemas()
            .flat_map(|schema| &schema.attributes)
            .filter(|attribute| !builtin::is_password(attribute))
            .flat_map(|attribute| std::iter::once(attribute).chain(&attribute.sub_attributes))
            .all(|one| matches!(one.returned, Always | Default) && one.is_readable())
    }

    /// Whether the stored document is what a client sees by default, so that it need not be looked through.
    #[must_use]
    pub fn is_passthrough(&self) -> bool {
        self.passthrough
    }

    /// The attribute whose elements name other resources, `members` of a group: a store keeps each as a link of its own, not in the
    /// document. RFC 7643 §4.2.
    ///
    /// ```
    /// let registry = scim_core::schema::builtin::registry(None);
    /// let group = registry.resource_type("Group").unwrap();
    /// assert_eq!(group.members().unwrap().name, "members");
    /// ```
    #[must_use]
    pub fn members(&self) -> Option<&Attribute> {
        self.schema.attribute(self.links.members.as_deref()?)
    }

    /// The attribute made of the links that name the resource, `groups` of a user. RFC 7643 §4.1.2.
    #[must_use]
    pub fn groups(&self) -> Option<&Attribute> {
        self.schema.attribute(self.links.groups.as_deref()?)
    }

    /// The paths whose values are ids of other resources, `manager.value` of a user, each with the types these may have.
    #[must_use]
    pub fn references(&self) -> Vec<(AttrPath, &[String])> {
        let paths = self.links.references.iter();
        paths
            .filter_map(|text| {
                let path = AttrPath::parse(text, &self.urns).ok()?;
                let found = self.resolve(&path, Mode::Rfc)?;
                let types = &found.attribute.sub("$ref")?.reference_types;
                Some((found.path(), types.as_slice()))
            })
            .collect()
    }

    /// The core schema, then those of the extensions.
    pub fn schemas(&self) -> impl Iterator<Item = &Arc<Schema>> {
        std::iter::once(&self.schema).chain(self.extensions.iter().map(|one| &one.schema))
    }

    /// The extension with that URN, in any letter case.
    #[must_use]
    pub fn extension(&self, urn: &str) -> Option<&Extension> {
        self.extensions
            .iter()
            .find(|one| urn::same(&one.schema.id, urn))
    }

    /// Finds the attribute that a path names.
    ///
    /// Without a URN that is a common attribute or one of the core schema. In [`Mode::Compat`] a name that the core lacks and
    /// exactly one extension has is found there too, because clients write `manager` and `employeeNumber` bare.
    #[must_use]
    pub fn resolve(&self, path: &AttrPath, mode: Mode) -> Option<Resolved<'_>> {
        if path.is_container() {
            return None;
        }
        let (extension, attribute) = match &path.urn {
            Some(urn) if urn::same(urn, &self.schema.id) => (None, self.core(&path.name)?),
            Some(urn) => {
                let extension = self.extension(urn)?;
                (Some(extension), extension.schema.attribute(&path.name)?)
            }
            None => match self.core(&path.name) {
                Some(attribute) => (None, attribute),
                None if mode == Mode::Compat => self.in_one_extension(&path.name)?,
                None => return None,
            },
        };
        let sub = match &path.sub {
            Some(name) => Some(attribute.sub(name)?),
            None => None,
        };
        Some(Resolved {
            extension,
            attribute,
            sub,
        })
    }

    /// A common attribute or one of the core schema, in any letter case.
    #[must_use]
    pub fn core(&self, name: &str) -> Option<&Attribute> {
        self.schema
            .attribute(name)
            .or_else(|| builtin::common().attribute(name))
    }

    fn in_one_extension(&self, name: &str) -> Option<(Option<&Extension>, &Attribute)> {
        let mut found = self.extensions.iter().filter_map(|extension| {
            let attribute = extension.schema.attribute(name)?;
            Some((Some(extension), attribute))
        });
        let first = found.next();
        if found.next().is_some() { None } else { first }
    }
}

impl<'a> Resolved<'a> {
    /// The definition at the path's end: the sub-attribute, or the attribute itself.
    #[must_use]
    pub fn leaf(&self) -> &'a Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// The object that holds the attribute: the resource, or its extension.
    #[must_use]
    pub fn holder<'v>(&self, resource: &'v Map<String, Value>) -> Option<&'v Map<String, Value>> {
        match self.extension {
            None => Some(resource),
            Some(extension) => resource.get(&extension.schema.id)?.as_object(),
        }
    }

    /// The attribute's value in a resource with canonical names.
    #[must_use]
    pub fn value<'v>(&self, resource: &'v Map<String, Value>) -> Option<&'v Value> {
        self.holder(resource)?.get(&self.attribute.name)
    }

    /// The path in canonical letter case, with the URN of an extension.
    #[must_use]
    pub fn path(&self) -> AttrPath {
        AttrPath {
            urn: self.extension.map(|extension| extension.schema.id.clone()),
            name: self.attribute.name.clone(),
            sub: self.sub.map(|sub| sub.name.clone()),
        }
    }
}
