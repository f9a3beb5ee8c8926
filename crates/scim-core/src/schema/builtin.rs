//! The schemas and resource types of RFC 7643, from the files in `schemas/`, parsed once.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

use super::registry::{Extension, Registry, ResourceType};
use super::{Attribute, Mutability, Schema};
use crate::urn;

macro_rules! shipped {
    ($file:literal) => {
        parse(include_str!(concat!("../../../../schemas/", $file)))
    };
}

static COMMON: LazyLock<Schema> = LazyLock::new(|| shipped!("common.json"));
static SCHEMAS: LazyLock<Vec<Arc<Schema>>> = LazyLock::new(|| {
    vec![
        Arc::new(shipped!("user.json")),
        Arc::new(shipped!("group.json")),
        Arc::new(shipped!("enterprise-user.json")),
    ]
});
static META: LazyLock<Vec<Schema>> = LazyLock::new(|| {
    vec![
        shipped!("schema.json"),
        shipped!("resource-type.json"),
        shipped!("service-provider-config.json"),
    ]
});
static TYPES: LazyLock<Vec<TypeFile>> = LazyLock::new(|| shipped!("resource-types.json"));
static INDEXES: LazyLock<BTreeMap<String, BTreeMap<String, i32>>> =
    LazyLock::new(|| shipped!("indexes.json"));

static LINKS: LazyLock<BTreeMap<String, Links>> = LazyLock::new(|| shipped!("links.json"));

/// Which attributes of a resource type stand for links between resources.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Links {
    /// The attribute whose elements name other resources, each kept as a link.
    pub(super) members: Option<String>,
    /// The attribute made of the links that name the resource.
    pub(super) groups: Option<String>,
    /// Paths whose values name other resources and are kept in the document.
    pub(super) references: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TypeFile {
    name: String,
    endpoint: String,
    description: String,
    schema: String,
    schema_extensions: Vec<ExtensionFile>,
}

#[derive(Deserialize)]
struct ExtensionFile {
    schema: String,
    required: bool,
}

#[expect(
    clippy::expect_used,
    reason = "the files are part of the program, and a test reads every one"
)]
fn parse<T: for<'de> Deserialize<'de>>(text: &str) -> T {
    serde_json::from_str(text).expect("a shipped schema file")
}

/// The attributes that every resource has: `schemas`, `id`, `externalId`, `meta`. RFC 7643 §3.1.
#[must_use]
pub fn common() -> &'static Schema {
    &COMMON
}

/// The schemas of the discovery documents themselves. RFC 7643 §8.7.2.
#[must_use]
pub fn meta_schemas() -> &'static [Schema] {
    &META
}

/// The paths of a built-in resource type that an index covers, with the fixed number of each.
#[must_use]
pub fn indexes(resource_type: &str) -> Option<&'static BTreeMap<String, i32>> {
    INDEXES.get(resource_type)
}

/// The links of a built-in resource type; a tenant's own type has none.
pub(super) fn links(resource_type: &str) -> Links {
    LINKS.get(resource_type).cloned().unwrap_or_default()
}

/// A registry of the built-in resource types that are named, or of all of them.
///
/// ```
/// let registry = scim_core::schema::builtin::registry(Some(&["User"]));
/// assert!(registry.at_endpoint("users").is_some() && registry.at_endpoint("Groups").is_none());
/// ```
#[must_use]
pub fn registry(only: Option<&[&str]>) -> Registry {
    // The files hold no two types of one name, which is all that can be refused.
    Registry::new(types(only)).unwrap_or_else(|_| Registry::empty())
}

/// The built-in resource types that are named, or all of them.
pub(super) fn types(only: Option<&[&str]>) -> Vec<ResourceType> {
    TYPES
        .iter()
        .zip(1..)
        .filter(|(file, _)| only.is_none_or(|names| names.contains(&file.name.as_str())))
        .map(|(file, code)| resource_type(file, code))
        .collect()
}

/// The built-in schemas of resources.
pub(super) fn schemas() -> impl Iterator<Item = &'static Arc<Schema>> {
    SCHEMAS.iter()
}

fn resource_type(file: &TypeFile, code: i16) -> ResourceType {
    let extensions = file
        .schema_extensions
        .iter()
        .filter_map(|one| {
            Some(Extension {
                schema: schema(&one.schema)?,
                required: one.required,
            })
        })
        .collect();
    let core = schema(&file.schema).unwrap_or_else(|| Arc::new(COMMON.clone()));
    ResourceType::new(
        code,
        &file.name,
        &file.endpoint,
        &file.description,
        core,
        extensions,
    )
}

fn schema(id: &str) -> Option<Arc<Schema>> {
    SCHEMAS
        .iter()
        .find(|schema| urn::same(&schema.id, id))
        .cloned()
}

/// Whether a schema of that URN comes with the program.
#[must_use]
pub fn is_shipped(id: &str) -> bool {
    let shipped = SCHEMAS.iter().map(AsRef::as_ref).chain(META.iter());
    shipped
        .chain(std::iter::once(common()))
        .any(|one| urn::same(&one.id, id))
}

/// Whether that is the core schema of a built-in resource type.
pub(super) fn is_core(id: &str) -> bool {
    TYPES.iter().any(|file| urn::same(&file.schema, id))
}

/// `User.password` and its like: kept apart from the document, hashed.
#[must_use]
pub fn is_password(attribute: &Attribute) -> bool {
    attribute.mutability == Mutability::WriteOnly && attribute.name == "password"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_file_is_whole() {
        let registry = registry(None);
        assert_eq!(registry.types().len(), TYPES.len());
        assert_eq!(meta_schemas().len(), 3);
        assert!(
            LINKS
                .keys()
                .all(|name| registry.resource_type(name).is_some())
        );
        for (file, one) in TYPES.iter().zip(registry.types()) {
            assert!(urn::same(&file.schema, &one.schema.id), "{}", file.name);
            assert_eq!(file.schema_extensions.len(), one.extensions.len());
            assert!(one.is_passthrough(), "{}", one.name);
            for path in indexes(&one.name).into_iter().flat_map(BTreeMap::keys) {
                let path = crate::AttrPath::parse(path, registry.urns()).unwrap();
                let found = one.resolve(&path, crate::Mode::Rfc).unwrap();
                assert_eq!(found.path(), path, "indexes.json");
            }
            let links = links(&one.name);
            assert_eq!(one.references().len(), links.references.len());
            let named = [links.members.is_some(), links.groups.is_some()];
            assert_eq!([one.members().is_some(), one.groups().is_some()], named);
        }
    }
}
