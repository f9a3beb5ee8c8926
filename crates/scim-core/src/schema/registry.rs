//! The schemas and resource types of one tenant, and how a path finds its attribute in them. RFC 7643 §6, RFC 7644 §3.10.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::additions::IndexDefinition;
use super::{
    Attribute, Constraints, OnMissing, ReferenceTarget, Schema, Type, Uniqueness, builtin,
};
use crate::attr::{AttrPath, Urns};
use crate::{Error, Mode, Result, urn};

/// What one tenant knows: its schemas and resource types. Immutable; a change makes a new one.
#[derive(Debug)]
pub struct Registry {
    pub(super) schemas: Vec<Arc<Schema>>,
    pub(super) types: Vec<Arc<ResourceType>>,
    pub(super) urns: Urns,
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
    lookups: Vec<Reference>,
    links: builtin::Links,
    bounded: bool,
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
    /// Whether every resource's keys are there; until then the keys are written, and not searched.
    pub ready: bool,
}

/// A path whose values name users, by a tenant's definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The attribute, in canonical letter case.
    pub path: AttrPath,
    /// What of a user its values repeat.
    pub target: ReferenceTarget,
    /// What becomes of a value that names nobody.
    pub on_missing: OnMissing,
}

/// An attribute that needs keys by a tenant's definition, and what its keys depend on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The number of the resource type.
    pub rtype: i16,
    /// The attribute, in canonical letter case.
    pub path: String,
    /// Whether two resources may not share a key.
    pub unique: bool,
    /// The type of its values.
    pub kind: Type,
    /// Whether letter case counts.
    pub case_exact: bool,
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
        let urns = Urns::of(schemas.iter().map(AsRef::as_ref));
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

    /// Whether keys of an attribute are still being made.
    #[must_use]
    pub fn is_indexing(&self) -> bool {
        self.types
            .iter()
            .any(|one| one.indexes.iter().any(|index| !index.ready))
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
            lookups: Vec::new(),
            links: builtin::links(name),
            bounded: false,
            passthrough: false,
        };
        one.urns = Urns::of(one.schemas().map(AsRef::as_ref));
        one.indexes = one.find_indexes();
        one.lookups = one.find_lookups();
        let bounding =
            |found: Resolved<'_>| found.constraints().is_some_and(Constraints::is_bounding);
        let bounded = one.leaves().any(bounding);
        one.bounded = bounded;
        one.passthrough = one.shows_everything();
        one
    }

    /// Every attribute of the core schema and the extensions, and every sub-attribute.
    fn leaves(&self) -> impl Iterator<Item = Resolved<'_>> {
        let own = self.schema.attributes.iter().map(|one| (None, one));
        let extended = self.extensions.iter().flat_map(|extension| {
            let attributes = extension.schema.attributes.iter();
            attributes.map(move |one| (Some(extension), one))
        });
        own.chain(extended).flat_map(|(extension, attribute)| {
            let subs = attribute.sub_attributes.iter().map(Some);
            std::iter::once(None).chain(subs).map(move |sub| Resolved {
                extension,
                attribute,
                sub,
            })
        })
    }

    /// Checks that every path of the type names its attribute and no other.
    ///
    /// # Errors
    /// 409 naming the attribute whose path reads as something else.
    pub(super) fn check_paths(&self) -> Result<()> {
        for found in self.leaves() {
            let urn = found
                .extension
                .map_or(&self.schema.id, |one| &one.schema.id);
            let short = found.published_path();
            let whole = match found.extension {
                Some(_) => short.clone(),
                None => format!("{urn}:{short}"),
            };
            let wire = AttrPath {
                urn: Some(urn.clone()),
                ..found.path()
            }
            .to_string();
            for text in [short, whole, wire] {
                let read = AttrPath::parse(&text, &self.urns).ok();
                let read = read.and_then(|path| self.resolve(&path, Mode::Rfc));
                if read.is_none_or(|read| read.path() != found.path()) {
                    return Err(Error::plain(
                        409,
                        format!(
                            "`{text}`: this path would mean something else as well; choose another name or URN"
                        ),
                    ));
                }
            }
        }
        Ok(())
    }

    fn find_lookups(&self) -> Vec<Reference> {
        let found = self.leaves().filter_map(|found| {
            let constraints = found.constraints()?;
            Some(Reference {
                path: found.path(),
                target: constraints.references?,
                on_missing: constraints.on_missing.unwrap_or_default(),
            })
        });
        found.collect()
    }

    /// The attributes whose keys a tenant's definitions ask for. A type of its own also has those of `externalId` and of both times.
    #[must_use]
    pub fn wanted(&self) -> Vec<Wanted> {
        let of = |found: &Resolved<'_>| Wanted {
            rtype: self.code,
            path: found.published_path(),
            unique: found.leaf().uniqueness == Uniqueness::Server,
            kind: found.leaf().kind,
            case_exact: found.leaf().compares_exactly(),
        };
        let is_own = builtin::indexes(&self.name).is_none();
        let common = ["externalId", "meta.created", "meta.lastModified"];
        let common = common.iter().filter(|_| is_own).filter_map(|text| {
            let path = AttrPath::parse(text, &self.urns).ok()?;
            self.resolve(&path, Mode::Rfc).map(|found| of(&found))
        });
        let leaves = self.leaves().filter(|found| {
            let schema = found
                .extension
                .map_or(&self.schema.id, |one| &one.schema.id);
            !builtin::is_shipped(schema)
        });
        let leaves = leaves.filter(|found| {
            let asked = found
                .constraints()
                .is_some_and(|one| one.indexed || one.references.is_some());
            (asked && found.leaf().is_readable()) || found.leaf().uniqueness == Uniqueness::Server
        });
        common.chain(leaves.map(|found| of(&found))).collect()
    }

    /// Whether a path names an attribute.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        let path = AttrPath::parse(path, &self.urns);
        path.is_ok_and(|path| self.resolve(&path, Mode::Rfc).is_some())
    }

    /// The index that answers questions about a path.
    #[must_use]
    pub fn index(&self, path: &AttrPath) -> Option<&Index> {
        self.indexes
            .iter()
            .find(|one| one.ready && one.path == *path)
    }

    /// The paths whose values name users by a tenant's definition.
    #[must_use]
    pub fn lookups(&self) -> &[Reference] {
        &self.lookups
    }

    /// Whether an attribute has bounds beyond the RFC.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.bounded
    }

    pub(super) fn add_indexes(&mut self, definitions: &[IndexDefinition]) {
        for one in definitions.iter().filter(|one| one.rtype == self.code) {
            let Ok(path) = AttrPath::parse(&one.path, &self.urns) else {
                continue;
            };
            let Some(found) = self.resolve(&path, Mode::Rfc) else {
                continue;
            };
            let index = Index {
                id: one.id,
                unique: found.leaf().uniqueness == Uniqueness::Server,
                ready: one.ready,
                path: found.path(),
            };
            self.indexes.push(index);
        }
    }

    fn find_indexes(&self) -> Vec<Index> {
        let known = builtin::indexes(&self.name).into_iter().flatten();
        known
            .filter_map(|(text, id)| {
                let path = AttrPath::parse(text, &self.urns).ok()?;
                let leaf = self.resolve(&path, Mode::Rfc)?.leaf();
                let unique = leaf.uniqueness != Uniqueness::None;
                Some(Index {
                    id: *id,
                    path,
                    unique,
                    ready: true,
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
    /// exactly one extension has, or the one that is built in, is found there too, because clients write `manager` and
    /// `employeeNumber` bare.
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
        let found: Vec<_> = self
            .extensions
            .iter()
            .filter_map(|extension| Some((extension, extension.schema.attribute(name)?)))
            .collect();
        let built_in =
            |(extension, _): &&(&Extension, _)| builtin::is_shipped(&extension.schema.id);
        let one = match found.as_slice() {
            [one] => Some(one),
            // A tenant's own `manager` does not hide the one that identity providers mean.
            many => many.iter().find(built_in),
        };
        one.map(|(extension, attribute)| (Some(*extension), *attribute))
    }
}

impl<'a> Resolved<'a> {
    /// The definition at the path's end: the sub-attribute, or the attribute itself.
    #[must_use]
    pub fn leaf(&self) -> &'a Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// What a tenant demands of the leaf.
    #[must_use]
    pub fn constraints(&self) -> Option<&'a Constraints> {
        self.leaf().constraints.as_deref()
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

    /// The path as a text that reads as a path, whatever the name in JSON is.
    #[must_use]
    pub fn published_path(&self) -> String {
        let path = AttrPath {
            urn: self.extension.map(|extension| extension.schema.id.clone()),
            name: self.attribute.published_name().to_owned(),
            sub: self.sub.map(|sub| sub.published_name().to_owned()),
        };
        path.to_string()
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
