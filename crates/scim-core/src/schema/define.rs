//! Definitions that a tenant's administrator sends: read, checked as a whole, and given back. RFC 7643 §6 and §7.
//!
//! What is checked here needs nothing but the definition itself; how it goes together with the tenant's other schemas is checked by
//! [`Registry::with`](super::registry::Registry::with).

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Attribute, Constraints, Mutability, Returned, Schema, Type, Uniqueness, builtin};
use crate::{Error, Result, attr, discovery, key, urn};

/// A schema of a tenant, and what it extends.
#[derive(Clone, Debug, PartialEq)]
pub struct SchemaDefinition {
    /// The schema as requests see it.
    pub schema: std::sync::Arc<Schema>,
    /// The names of the resource types it extends, if the definition says so.
    pub resource_types: Option<Vec<String>>,
}

/// A resource type of a tenant. RFC 7643 §6.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeDefinition {
    /// Its name.
    pub name: String,
    /// Its endpoint, with the slash.
    pub endpoint: String,
    /// What it is.
    pub description: String,
    /// The URN of its core schema.
    pub schema: String,
    /// The URNs of its extensions, and whether each is required.
    pub extensions: Vec<(String, bool)>,
}

/// How many attributes and sub-attributes a schema may have together.
pub const MOST_ATTRIBUTES: usize = 1000;
const MOST_NAME: usize = 128;
const MOST_TEXT: usize = 4096;
const MOST_OPTIONS: usize = 10_000;

/// Endpoints that are taken, in small letters: those of the protocol, and those of the server beside it.
const RESERVED: [&str; 17] = [
    "users",
    "groups",
    "me",
    "bulk",
    "schemas",
    "resourcetypes",
    "serviceproviderconfig",
    "scim",
    "v2",
    "t",
    "admin",
    "oauth",
    "console",
    "health",
    "metrics",
    "docs",
    "openapi",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawSchema {
    id: Option<String>,
    name: Option<String>,
    description: Option<String>,
    attributes: Value,
    resource_types: Option<Vec<String>>,
    #[serde(rename = "schemas")]
    _schemas: Option<Value>,
    #[serde(rename = "meta")]
    _meta: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawAttribute {
    name: String,
    #[serde(rename = "type")]
    kind: Option<Type>,
    multi_valued: Option<bool>,
    description: Option<String>,
    required: Option<bool>,
    case_exact: Option<bool>,
    canonical_values: Option<Vec<String>>,
    mutability: Option<Mutability>,
    returned: Option<Returned>,
    uniqueness: Option<Uniqueness>,
    reference_types: Option<Vec<String>>,
    sub_attributes: Option<Vec<Value>>,
    constraints: Option<Constraints>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RawType {
    id: Option<String>,
    name: Option<String>,
    endpoint: String,
    description: Option<String>,
    schema: String,
    schema_extensions: Option<Vec<RawExtension>>,
    #[serde(rename = "schemas")]
    _schemas: Option<Value>,
    #[serde(rename = "meta")]
    _meta: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawExtension {
    schema: String,
    required: Option<bool>,
}

impl SchemaDefinition {
    /// Reads the body of a PUT of the schema `id`.
    ///
    /// ```
    /// use scim_core::schema::define::SchemaDefinition;
    /// let body = serde_json::json!({"attributes": [
    ///     {"name": "businessUnit", "type": "string", "constraints": {"wireName": "Business Unit"}}
    /// ]});
    /// let definition = SchemaDefinition::read("urn:example:Person", body.as_object().unwrap().clone())?;
    /// assert!(definition.schema.attribute("business unit").is_some());
    /// # Ok::<(), scim_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// 400 naming the attribute and what to mend; 409 for the URN of a schema that is built in.
    pub fn read(id: &str, body: Map<String, Value>) -> Result<Self> {
        check_urn(id)?;
        let raw: RawSchema = read(Value::Object(body), "")?;
        let named = raw.id.as_deref().unwrap_or(id);
        if !urn::same(named, id) {
            return Err(invalid(
                "id",
                &format!("expected `{id}` as in the path, found `{}`", shorten(named)),
            ));
        }
        // The body's letter case is the one that is published.
        check_urn(named)?;
        let named = named.to_owned();
        let Value::Array(sent) = raw.attributes else {
            return Err(invalid("attributes", "expected an array"));
        };
        if sent.is_empty() {
            return Err(invalid("attributes", "expected at least one attribute"));
        }
        let mut count = 0;
        let attributes = attributes(sent, "attributes", None, &mut count)?;
        for attribute in &attributes {
            let mut common = builtin::common().attributes.iter();
            if let Some(one) = common.find(|one| attribute.is_called(&one.name)) {
                return Err(taken(format!(
                    "`{}`: every resource has an attribute `{}`; choose another name",
                    attribute.published_name(),
                    one.name
                )));
            }
        }
        if let Some(types) = &raw.resource_types {
            distinct(types, "resourceTypes")?;
        }
        let last = named.rsplit(':').next().unwrap_or_default().to_owned();
        let schema = Schema {
            name: text(raw.name, "name")?.unwrap_or(last),
            description: text(raw.description, "description")?.unwrap_or_default(),
            id: named,
            attributes,
        };
        Ok(Self {
            schema: std::sync::Arc::new(schema),
            resource_types: raw.resource_types,
        })
    }

    /// The definition as it is kept and given back: what [`SchemaDefinition::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let attributes: Vec<Value> = self.schema.attributes.iter().map(definition).collect();
        let mut body = json!({
            "schemas": [urn::SCHEMA],
            "id": self.schema.id,
            "name": self.schema.name,
            "description": self.schema.description,
            "attributes": attributes,
        });
        if let (Some(types), Some(members)) = (&self.resource_types, body.as_object_mut()) {
            members.insert("resourceTypes".into(), json!(types));
        }
        body
    }
}

impl TypeDefinition {
    /// Reads the body of a PUT of the resource type `name`.
    ///
    /// # Errors
    /// 400 naming the member and what to mend.
    pub fn read(name: &str, body: Map<String, Value>) -> Result<Self> {
        let raw: RawType = read(Value::Object(body), "")?;
        let named = raw.name.as_deref().unwrap_or(name);
        for (member, found) in [("name", Some(named)), ("id", raw.id.as_deref())] {
            if found.is_some_and(|found| !found.eq_ignore_ascii_case(name)) {
                return Err(invalid(
                    member,
                    &format!("expected `{}` as in the path", shorten(name)),
                ));
            }
        }
        if !attr::is_name(named) || named.len() > MOST_NAME || named.starts_with('$') {
            return Err(invalid(
                "name",
                "expected a letter, then letters, digits, `-` and `_`",
            ));
        }
        let extensions = raw.schema_extensions.unwrap_or_default();
        let urns: Vec<String> = extensions.iter().map(|one| one.schema.clone()).collect();
        distinct(&urns, "schemaExtensions")?;
        if urns.iter().any(|one| urn::same(one, &raw.schema)) {
            return Err(invalid(
                "schemaExtensions",
                "the core schema cannot extend itself",
            ));
        }
        Ok(Self {
            name: named.to_owned(),
            endpoint: endpoint(&raw.endpoint)?,
            description: text(raw.description, "description")?.unwrap_or_default(),
            schema: raw.schema,
            extensions: extensions
                .into_iter()
                .map(|one| (one.schema, one.required.unwrap_or(false)))
                .collect(),
        })
    }

    /// The definition as it is kept and given back: what [`TypeDefinition::read`] reads.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let extensions: Vec<Value> = self
            .extensions
            .iter()
            .map(|(schema, required)| json!({"schema": schema, "required": required}))
            .collect();
        json!({
            "schemas": [urn::RESOURCE_TYPE],
            "id": self.name,
            "name": self.name,
            "endpoint": self.endpoint,
            "description": self.description,
            "schema": self.schema,
            "schemaExtensions": extensions,
        })
    }
}

/// The endpoint in the form `/Devices`.
fn endpoint(sent: &str) -> Result<String> {
    let segment = sent.strip_prefix('/').unwrap_or(sent);
    if !attr::is_name(segment) || segment.len() > MOST_NAME || segment.starts_with('$') {
        return Err(invalid(
            "endpoint",
            "expected one segment such as `/Devices`: a letter, then letters, digits, `-` and `_`",
        ));
    }
    Ok(format!("/{segment}"))
}

/// Whether an endpoint belongs to the server itself.
#[must_use]
pub fn is_reserved(endpoint: &str) -> bool {
    let segment = endpoint.trim_start_matches('/').to_ascii_lowercase();
    RESERVED.contains(&segment.as_str())
}

fn check_urn(id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let parts: Vec<&str> = id.split(':').collect();
    let is_urn = parts
        .first()
        .is_some_and(|part| part.eq_ignore_ascii_case("urn"));
    if !is_urn
        || parts.len() < 3
        || parts.iter().any(|part| part.is_empty())
        || !id.chars().all(plain)
        || id.len() > 256
    {
        return Err(invalid(
            "id",
            "expected a URN such as `urn:example:2.0:User`: `urn:`, then parts of letters, digits, `-`, `_` and `.` with `:` between them, at most 256 characters",
        ));
    }
    if builtin::is_shipped(id) || id.to_ascii_lowercase().starts_with(MESSAGES) {
        return Err(taken(format!(
            "`{id}` is built in and cannot be changed; choose another URN"
        )));
    }
    Ok(())
}

const MESSAGES: &str = "urn:ietf:params:scim:api:";

fn attributes(
    sent: Vec<Value>,
    at: &str,
    of: Option<&str>,
    count: &mut usize,
) -> Result<Vec<Attribute>> {
    let mut seen = HashSet::new();
    let mut all = Vec::with_capacity(sent.len());
    for (nth, one) in sent.into_iter().enumerate() {
        *count += 1;
        if *count > MOST_ATTRIBUTES {
            return Err(invalid(
                "attributes",
                &format!("expected at most {MOST_ATTRIBUTES} attributes and sub-attributes"),
            ));
        }
        let attribute = attribute(one, &format!("{at}[{nth}]"), of, count)?;
        let mut names: Vec<String> = std::iter::once(&attribute.name)
            .chain(&attribute.alias)
            .map(|name| key::fold(name))
            .collect();
        // A name on the wire may differ by letter case alone.
        names.dedup();
        for name in names {
            if !seen.insert(name.clone()) {
                return Err(taken(format!(
                    "`{at}[{nth}]`: there is another attribute `{}` here; names and wireNames differ by more than letter case",
                    shorten(&name)
                )));
            }
        }
        all.push(attribute);
    }
    Ok(all)
}

fn attribute(sent: Value, at: &str, of: Option<&str>, count: &mut usize) -> Result<Attribute> {
    let raw: RawAttribute = read(sent, at)?;
    let at = match of {
        Some(of) => format!("{of}.{}", shorten(&raw.name)),
        None => shorten(&raw.name),
    };
    if !attr::is_name(&raw.name) || raw.name.len() > MOST_NAME {
        return Err(invalid(
            &at,
            "expected a name of a letter, then letters, digits, `-`, `_` and `$`; say other names on the wire with `constraints.wireName`",
        ));
    }
    let kind = raw.kind.unwrap_or(Type::String);
    let subs = raw.sub_attributes.unwrap_or_default();
    if kind == Type::Complex {
        if of.is_some() {
            return Err(invalid(
                &at,
                "a complex attribute cannot hold another complex one (RFC 7643 §2.3.8)",
            ));
        }
        if subs.is_empty() {
            return Err(invalid(&at, "expected `subAttributes`, as it is complex"));
        }
    } else if !subs.is_empty() {
        return Err(invalid(
            &at,
            "`subAttributes` belong to the type complex only",
        ));
    }
    let sub_attributes = attributes(subs, &format!("{at}.subAttributes"), Some(&at), count)?;
    let mut constraints = raw.constraints.unwrap_or_default();
    let wire = constraints
        .wire_name
        .take()
        .filter(|wire| *wire != raw.name);
    let (name, alias) = match wire {
        Some(wire) => {
            check_wire_name(&wire, &at)?;
            (wire, Some(raw.name))
        }
        None => (raw.name, None),
    };
    let attribute = Attribute {
        name,
        alias,
        kind,
        multi_valued: raw.multi_valued.unwrap_or(false),
        description: text(raw.description, &format!("{at}.description"))?.unwrap_or_default(),
        required: raw.required.unwrap_or(false),
        case_exact: match constraints.references {
            // What repeats a value is compared as that value is.
            Some(target) => target.is_exact(),
            // References and binary values compare as they are, whatever was sent.
            None => {
                raw.case_exact.unwrap_or(false) || matches!(kind, Type::Reference | Type::Binary)
            }
        },
        canonical_values: raw.canonical_values.unwrap_or_default(),
        mutability: raw.mutability.unwrap_or_default(),
        // What only clients know is in no answer, whether that is said or not.
        returned: match raw.mutability {
            Some(Mutability::WriteOnly) => raw.returned.unwrap_or(Returned::Never),
            _ => raw.returned.unwrap_or_default(),
        },
        uniqueness: raw.uniqueness.unwrap_or_default(),
        reference_types: raw.reference_types.unwrap_or_default(),
        sub_attributes,
        constraints: None,
    };
    check_characteristics(&attribute, &at)?;
    check_constraints(&attribute, &constraints, &at)?;
    let constraints = (constraints != Constraints::default()).then(|| Box::new(constraints));
    Ok(offering(Attribute {
        constraints,
        ..attribute
    }))
}

/// What is on offer is published, as `canonicalValues`.
fn offering(mut attribute: Attribute) -> Attribute {
    if attribute.constraints.as_ref().is_some_and(|one| one.closed) {
        attribute.canonical_values.clear();
    }
    let options = attribute
        .constraints
        .as_ref()
        .map(|one| one.options.as_slice());
    for option in options.unwrap_or_default() {
        if !attribute.canonical_values.contains(option) {
            attribute.canonical_values.push(option.clone());
        }
    }
    attribute
}

fn check_wire_name(wire: &str, at: &str) -> Result<()> {
    let bad = |c: char| c.is_control() || "\"[](),\\".contains(c);
    if wire.is_empty()
        || wire.trim() != wire
        || wire.chars().any(bad)
        || wire.chars().count() > MOST_NAME
    {
        return Err(invalid(
            &format!("{at}.constraints.wireName"),
            "expected 1 to 128 characters, none of them a control character or one of `\"[](),\\`, and no blank at either end",
        ));
    }
    Ok(())
}

fn check_characteristics(one: &Attribute, at: &str) -> Result<()> {
    let is_text = matches!(one.kind, Type::String | Type::Reference);
    let never = matches!(one.returned, Returned::Never);
    let complaint = if one.mutability == Mutability::WriteOnly && !never {
        "what is writeOnly must have `returned` never"
    } else if one.uniqueness == Uniqueness::Global {
        "uniqueness is none or server here; another tenant's values are none of this one's business"
    } else if one.uniqueness == Uniqueness::Server
        && matches!(one.kind, Type::Complex | Type::Boolean)
    {
        "a complex or boolean attribute cannot be unique"
    } else if !one.canonical_values.is_empty() && !is_text {
        "`canonicalValues` belong to strings and references"
    } else if !one.reference_types.is_empty() && one.kind != Type::Reference {
        "`referenceTypes` belong to the type reference"
    } else if one.is_called("password") {
        "the server keeps a `password` of User only, and hashed; choose another name"
    } else {
        return Ok(());
    };
    Err(invalid(at, complaint))
}

fn check_constraints(one: &Attribute, constraints: &Constraints, at: &str) -> Result<()> {
    let is_text = matches!(one.kind, Type::String | Type::Reference);
    let is_number = matches!(one.kind, Type::Integer | Type::Decimal);
    let bounds = [&constraints.minimum, &constraints.maximum];
    let bound_keys: Vec<Option<String>> = bounds
        .iter()
        .filter_map(|bound| bound.as_ref())
        .map(|bound| key::of(one, &Value::Number(bound.clone())))
        .collect();
    let options: HashSet<String> = constraints
        .options
        .iter()
        .map(|text| key::string(text, one.case_exact))
        .collect();
    let fits = |text: &String| {
        let most = constraints.max_length.unwrap_or(u32::MAX);
        !text.is_empty() && u32::try_from(text.chars().count()).is_ok_and(|length| length <= most)
    };
    let (member, complaint) = if constraints.max_length.is_some() && !is_text {
        ("maxLength", "belongs to strings and references")
    } else if constraints.max_length == Some(0) {
        ("maxLength", "expected at least 1")
    } else if !bound_keys.is_empty() && !is_number {
        ("minimum", "and `maximum` belong to integers and decimals")
    } else if bound_keys.contains(&None) {
        ("minimum", "and `maximum` of an integer are integers")
    } else if bounds.iter().all(|bound| bound.is_some()) && bound_keys.first() > bound_keys.last() {
        ("minimum", "must not be greater than `maximum`")
    } else if !constraints.options.is_empty() && one.kind != Type::String {
        ("options", "belong to strings")
    } else if constraints.closed && options.is_empty() {
        ("closed", "needs `options`")
    } else if options.len() != constraints.options.len() {
        ("options", "must differ from each other")
    } else if options.len() > MOST_OPTIONS {
        ("options", "expected at most 10000")
    } else if !constraints.options.iter().all(fits) {
        ("options", "must not be empty, nor longer than `maxLength`")
    } else if constraints.references.is_some() && !is_text {
        ("references", "belongs to strings and references")
    } else if one.kind == Type::Reference
        && constraints
            .references
            .is_some_and(|target| !target.is_exact())
    {
        (
            "references",
            "of an attribute of the type reference is `User.id` or `User.externalId`; choose the type string",
        )
    } else if constraints.references.is_some() && !one.is_readable() {
        (
            "references",
            "what is never returned cannot refer to anybody",
        )
    } else if constraints.on_missing.is_some() && constraints.references.is_none() {
        ("onMissing", "needs `references`")
    } else if constraints.indexed && one.kind == Type::Complex {
        (
            "indexed",
            "belongs to the sub-attributes of a complex attribute",
        )
    } else if constraints.indexed && !one.is_readable() {
        ("indexed", "what is never returned cannot be filtered")
    } else {
        return Ok(());
    };
    Err(invalid(&format!("{at}.constraints.{member}"), complaint))
}

/// An attribute with its constraints, as an administrator defines it.
fn definition(one: &Attribute) -> Value {
    let mut body = discovery::attribute(one);
    let mut constraints = one.constraints.as_deref().cloned().unwrap_or_default();
    constraints.wire_name = one.alias.as_ref().map(|_| one.name.clone());
    if let Some(members) = body.as_object_mut() {
        if constraints != Constraints::default() {
            members.insert(
                "constraints".into(),
                serde_json::to_value(constraints).unwrap_or_default(),
            );
        }
        if one.kind == Type::Complex {
            let parts: Vec<Value> = one.sub_attributes.iter().map(definition).collect();
            members.insert("subAttributes".into(), parts.into());
        }
    }
    body
}

fn text(sent: Option<String>, at: &str) -> Result<Option<String>> {
    match sent {
        Some(text) if text.chars().count() > MOST_TEXT => Err(invalid(
            at,
            &format!("expected at most {MOST_TEXT} characters"),
        )),
        other => Ok(other),
    }
}

fn distinct(names: &[String], at: &str) -> Result<()> {
    let mut seen = HashSet::new();
    match names
        .iter()
        .find(|name| !seen.insert(name.to_ascii_lowercase()))
    {
        Some(twice) => Err(invalid(
            at,
            &format!("`{}` stands there twice", shorten(twice)),
        )),
        None => Ok(()),
    }
}

fn read<T: for<'de> Deserialize<'de>>(value: Value, at: &str) -> Result<T> {
    serde_json::from_value(value).map_err(|error| match at {
        "" => Error::invalid_value(error.to_string()),
        at => invalid(at, &error.to_string()),
    })
}

fn invalid(at: &str, complaint: &str) -> Error {
    Error::invalid_value(format!("`{at}`: {complaint}"))
}

fn taken(detail: String) -> Error {
    Error::plain(409, detail)
}

fn shorten(text: &str) -> String {
    crate::error::shorten(text)
}
