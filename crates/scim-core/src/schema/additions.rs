//! What a tenant adds to the built-in schemas and resource types, and how all of it goes together.

use std::sync::Arc;

use super::define::{SchemaDefinition, TypeDefinition, is_reserved};
use super::registry::{Extension, Registry, ResourceType};
use super::{ReferenceTarget, Schema, builtin};
use crate::attr::Urns;
use crate::{Error, Result, urn};

/// The keys that a store keeps for a tenant's definitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexDefinition {
    /// The number of the resource type.
    pub rtype: i16,
    /// The attribute.
    pub path: String,
    /// The number under which the keys are kept.
    pub id: i32,
    /// Whether every resource's keys are there.
    pub ready: bool,
}

/// What a tenant adds to the built-in schemas and resource types.
#[derive(Clone, Debug, Default)]
pub struct Additions {
    /// Its schemas.
    pub schemas: Vec<SchemaDefinition>,
    /// Its resource types with the number of each. One that goes by the name of a built-in type says what that one's extensions are.
    pub types: Vec<(i16, TypeDefinition)>,
    /// What is indexed.
    pub indexes: Vec<IndexDefinition>,
}

impl Registry {
    /// The built-in resource types that are named, or all of them, with what a tenant adds.
    ///
    /// # Errors
    /// 400 or 409, naming what does not go together: a name, endpoint or attribute that is taken, a schema that nobody defined.
    pub fn with(only: Option<&[&str]>, additions: &Additions) -> Result<Self> {
        let mut types = builtin::types(None);
        for (code, one) in &additions.types {
            let at = types
                .iter()
                .position(|known| known.name.eq_ignore_ascii_case(&one.name));
            match at.and_then(|at| types.get_mut(at)) {
                Some(known) => *known = additions.changed(known, one)?,
                None => types.push(additions.made(*code, one)?),
            }
        }
        additions.attach(&mut types)?;
        for one in &mut types {
            one.add_indexes(&additions.indexes);
        }
        // Everything was checked together; what the policy leaves out is left out only now.
        let mut registry = Self::new(types)?;
        let built_in = |one: &ResourceType| builtin::indexes(&one.name).is_some();
        let named =
            |one: &ResourceType| only.is_none_or(|names| names.contains(&one.name.as_str()));
        registry.types.retain(|one| named(one) || !built_in(one));
        registry.keep_used_schemas(additions);
        Ok(registry)
    }

    /// Whether all of it goes together; [`Registry::with`] needs no more than what makes it readable.
    ///
    /// # Errors
    /// 409 for a type that stands where the server stands, an extension with an attribute by the name of a core one, and a path that could
    /// mean two things.
    pub fn check(&self) -> Result<()> {
        for one in &self.types {
            for extension in &one.extensions {
                if !builtin::is_shipped(&extension.schema.id) {
                    no_core_name(one, &extension.schema)?;
                }
            }
            one.check_paths()?;
        }
        let own = self
            .types
            .iter()
            .filter(|one| builtin::indexes(&one.name).is_none());
        for one in own {
            if is_reserved(&one.endpoint) {
                return Err(Error::plain(
                    409,
                    format!(
                        "`endpoint`: `{}` belongs to the server; choose another",
                        one.endpoint
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Schemas of types that are left out go, unless they are the tenant's own.
    fn keep_used_schemas(&mut self, additions: &Additions) {
        let types = &self.types;
        let used = |schema: &Arc<Schema>| {
            types
                .iter()
                .any(|one| one.schemas().any(|of| urn::same(&of.id, &schema.id)))
        };
        self.schemas.retain(used);
        let own = additions.schemas.iter().map(|one| &one.schema);
        for schema in own {
            if !self
                .schemas
                .iter()
                .any(|known| urn::same(&known.id, &schema.id))
            {
                self.schemas.push(Arc::clone(schema));
            }
        }
        self.urns = Urns::of(self.schemas.iter().map(AsRef::as_ref));
    }
}

impl Additions {
    fn schema(&self, id: &str, at: &str) -> Result<Arc<Schema>> {
        let own = self.schemas.iter().map(|one| Arc::clone(&one.schema));
        let mut all = own.chain(builtin::schemas().cloned());
        all.find(|schema| urn::same(&schema.id, id)).ok_or_else(|| {
            Error::invalid_value(format!(
                "`{at}`: there is no schema `{}`; put the schema first",
                crate::error::shorten(id)
            ))
        })
    }

    fn extensions(&self, one: &TypeDefinition) -> Result<Vec<Extension>> {
        let extensions = one.extensions.iter().map(|(id, required)| {
            let schema = self.schema(id, "schemaExtensions")?;
            if builtin::is_core(&schema.id) {
                return Err(Error::invalid_value(format!(
                    "`schemaExtensions`: `{}` is the schema of a resource type of its own",
                    schema.id
                )));
            }
            Ok(Extension {
                schema,
                required: *required,
            })
        });
        extensions.collect()
    }

    fn made(&self, code: i16, one: &TypeDefinition) -> Result<ResourceType> {
        let schema = self.schema(&one.schema, "schema")?;
        if builtin::is_shipped(&schema.id) {
            return Err(Error::invalid_value(format!(
                "`schema`: `{}` is the schema of a resource type that is built in; put a schema for this one",
                schema.id
            )));
        }
        let extensions = self.extensions(one)?;
        Ok(ResourceType::new(
            code,
            &one.name,
            &one.endpoint,
            &one.description,
            schema,
            extensions,
        ))
    }

    /// A built-in resource type with the extensions that a tenant names.
    fn changed(&self, known: &ResourceType, one: &TypeDefinition) -> Result<ResourceType> {
        let same = urn::same(&known.schema.id, &one.schema)
            && known.endpoint.eq_ignore_ascii_case(&one.endpoint);
        if !same {
            return Err(Error::plain(
                409,
                format!(
                    "`{}` is built in: its schema is `{}` and its endpoint `{}`; only its extensions can be changed",
                    known.name, known.schema.id, known.endpoint
                ),
            ));
        }
        let extensions = self.extensions(one)?;
        let schema = Arc::clone(&known.schema);
        Ok(ResourceType::new(
            known.code,
            &known.name,
            &known.endpoint,
            &known.description,
            schema,
            extensions,
        ))
    }

    /// Extends the types with the schemas that name them, or that nobody names: those extend users.
    fn attach(&self, types: &mut Vec<ResourceType>) -> Result<()> {
        let mut added: Vec<(usize, Extension)> = Vec::new();
        for definition in &self.schemas {
            for name in self.extended(definition) {
                let at = types
                    .iter()
                    .position(|one| one.name.eq_ignore_ascii_case(name));
                let Some((at, of)) = at.and_then(|at| Some((at, types.get(at)?))) else {
                    return Err(Error::invalid_value(format!(
                        "`resourceTypes`: there is no resource type `{}`",
                        crate::error::shorten(name)
                    )));
                };
                if of
                    .schemas()
                    .all(|known| !urn::same(&known.id, &definition.schema.id))
                {
                    let schema = Arc::clone(&definition.schema);
                    added.push((
                        at,
                        Extension {
                            schema,
                            required: false,
                        },
                    ));
                }
            }
        }
        *types = std::mem::take(types)
            .into_iter()
            .enumerate()
            .map(|(nth, one)| {
                let more = added
                    .iter()
                    .filter(|(at, _)| *at == nth)
                    .map(|(_, extension)| extension.clone());
                let more: Vec<Extension> = more.collect();
                if more.is_empty() {
                    one
                } else {
                    one.extended(more)
                }
            })
            .collect();
        Ok(())
    }

    /// The names of the resource types that a schema extends without their naming it.
    fn extended<'a>(&self, definition: &'a SchemaDefinition) -> Vec<&'a str> {
        let id = &definition.schema.id;
        let is_named = self.types.iter().any(|(_, one)| {
            urn::same(&one.schema, id) || one.extensions.iter().any(|(urn, _)| urn::same(urn, id))
        });
        match &definition.resource_types {
            Some(names) => names.iter().map(String::as_str).collect(),
            None if is_named => Vec::new(),
            None => vec![ReferenceTarget::TYPE],
        }
    }
}

/// Whether a schema that says nothing of resource types is one for a type of its own, and does not extend User: its URN has a part `core`, as
/// `urn:ietf:params:scim:schemas:core:2.0:Device` does, or it has names that User has, and its URN is not that of an extension of User.
///
/// ```
/// use scim_core::schema::additions::stands_alone;
/// use scim_core::schema::define::SchemaDefinition;
/// let of = |urn: &str, name: &str| {
///     let body = serde_json::json!({"attributes": [{"name": name}]});
///     let body = body.as_object().unwrap().clone();
///     stands_alone(&SchemaDefinition::read(urn, body).unwrap().schema)
/// };
/// assert!(of("urn:example:core:1.0:Desk", "label") && of("urn:example:1.0:Desk", "displayName"));
/// assert!(!of("urn:example:1.0:Desk", "label") && !of("urn:example:1.0:User", "displayName"));
/// ```
#[must_use]
pub fn stands_alone(schema: &Schema) -> bool {
    let has = |part: &str| {
        schema
            .id
            .split(':')
            .any(|one| one.eq_ignore_ascii_case(part))
    };
    let last = schema.id.rsplit(':').next().unwrap_or_default();
    let extends = has("extension") || last.eq_ignore_ascii_case(ReferenceTarget::TYPE);
    let users = builtin::types(Some(&[ReferenceTarget::TYPE]));
    let collides = users.iter().any(|user| no_core_name(user, schema).is_err());
    has("core") || (collides && !extends)
}

/// An extension's attribute by the name of a core one would be taken for it.
fn no_core_name(of: &ResourceType, schema: &Schema) -> Result<()> {
    for attribute in &schema.attributes {
        let twin = of.schema.attributes.iter().find(|core| {
            attribute.is_called(&core.name)
                || attribute
                    .alias
                    .as_ref()
                    .is_some_and(|alias| core.is_called(alias))
        });
        if let Some(twin) = twin {
            return Err(Error::plain(
                409,
                format!(
                    "`{}`: {} has a core attribute `{}`; choose another name, or send `\"resourceTypes\": []` if the schema is for a \
                     resource type of its own",
                    attribute.published_name(),
                    of.name,
                    twin.name
                ),
            ));
        }
    }
    Ok(())
}

impl ResourceType {
    /// The same type with more extensions.
    fn extended(self, more: Vec<Extension>) -> Self {
        let mut extensions = self.extensions;
        extensions.extend(more);
        Self::new(
            self.code,
            &self.name,
            &self.endpoint,
            &self.description,
            self.schema,
            extensions,
        )
    }
}
