//! Schemas: what attributes a resource may have, and their characteristics. RFC 7643 §2 and §7.

pub mod additions;
pub mod builtin;
pub mod change;
pub mod constraints;
pub mod define;
pub mod registry;

use serde::{Deserialize, Serialize};

pub use constraints::{Constraints, OnMissing, ReferenceTarget};

/// A schema: a URN and its attributes. RFC 7643 §7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Schema {
    /// The schema's URN.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// What it describes.
    #[serde(default)]
    pub description: String,
    /// Its attributes, in the order of publication.
    pub attributes: Vec<Attribute>,
}

/// The definition of an attribute or sub-attribute. RFC 7643 §7.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The name in JSON, in the letter case that answers use.
    pub name: String,
    /// The name in paths and in `/Schemas`, where `name` cannot be one: `businessUnit` for `Business Unit`.
    #[serde(skip)]
    pub alias: Option<String>,
    /// The data type of one value.
    #[serde(rename = "type")]
    pub kind: Type,
    /// Whether the value is a list.
    #[serde(default)]
    pub multi_valued: bool,
    /// What it means.
    #[serde(default)]
    pub description: String,
    /// Whether a resource must have it.
    #[serde(default)]
    pub required: bool,
    /// Whether letter case counts when strings are compared.
    #[serde(default)]
    pub case_exact: bool,
    /// Values on offer; suggestions unless a tenant closes the list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<String>,
    /// Who may change it, and when.
    #[serde(default)]
    pub mutability: Mutability,
    /// When it stands in an answer.
    #[serde(default)]
    pub returned: Returned,
    /// Whether two resources may have the same value.
    #[serde(default)]
    pub uniqueness: Uniqueness,
    /// What a reference may point at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<String>,
    /// The parts of a complex attribute.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
    /// What a tenant demands beyond the RFC.
    #[serde(skip)]
    pub constraints: Option<Box<Constraints>>,
}

/// The data type of a value. RFC 7643 §2.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Type {
    /// Unicode text.
    String,
    /// `true` or `false`.
    Boolean,
    /// A number that may have a fraction.
    Decimal,
    /// A number without fraction or exponent.
    Integer,
    /// An xsd:dateTime.
    DateTime,
    /// A URI, or the id of a resource.
    Reference,
    /// Base64.
    Binary,
    /// Sub-attributes.
    Complex,
}

/// Who may change an attribute. RFC 7643 §7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the server.
    ReadOnly,
    /// Clients, at any time.
    #[default]
    ReadWrite,
    /// Clients, once.
    Immutable,
    /// Clients; it is never read.
    WriteOnly,
}

/// When an attribute stands in an answer. RFC 7643 §7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// Whatever was asked for.
    Always,
    /// In no answer.
    Never,
    /// Unless something else was asked for.
    #[default]
    Default,
    /// Only when it was asked for.
    Request,
}

/// Whether values are unique, and among what. RFC 7643 §7.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Any number of resources may share a value.
    #[default]
    None,
    /// Unique within the tenant.
    Server,
    /// Unique everywhere.
    Global,
}

impl Schema {
    /// The attribute of that name, in any letter case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        find(&self.attributes, name)
    }
}

impl Attribute {
    /// The sub-attribute of that name, in any letter case.
    #[must_use]
    pub fn sub(&self, name: &str) -> Option<&Attribute> {
        find(&self.sub_attributes, name)
    }

    /// The name that `/Schemas` shows.
    #[must_use]
    pub fn published_name(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.name)
    }

    /// Whether it goes by that name, in any letter case.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let alias = self.alias.as_ref();
        self.name.eq_ignore_ascii_case(name)
            || alias.is_some_and(|one| one.eq_ignore_ascii_case(name))
    }

    /// Whether a value is text, whatever the text means.
    #[must_use]
    pub fn is_textual(&self) -> bool {
        matches!(self.kind, Type::String | Type::Reference)
    }

    /// Whether letter case counts: references, binary and moments always compare as they are (RFC 7643 §2.3).
    #[must_use]
    pub fn compares_exactly(&self) -> bool {
        self.case_exact || self.kind != Type::String
    }

    /// What of a user its values repeat, by a tenant's definition.
    #[must_use]
    pub fn reference_target(&self) -> Option<ReferenceTarget> {
        self.constraints.as_ref()?.references
    }

    /// Whether it can have been set by a client.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        self.mutability != Mutability::ReadOnly
    }

    /// Whether answers ever show it.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.returned != Returned::Never && self.mutability != Mutability::WriteOnly
    }
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a Attribute> {
    attributes
        .iter()
        .find(|attribute| attribute.is_called(name))
}
