//! The documents by which a client finds out what the server does. RFC 7644 §4, RFC 7643 §5 to §7.

use serde_json::{Map, Value, json};

use crate::list::{CURSOR_TIMEOUT, Paging};
use crate::schema::{Attribute, Schema, Type, builtin};
use crate::{Registry, ResourceType, urn};

/// `ServiceProviderConfig`: what is served and within which limits. RFC 7643 §5, RFC 9865 §4.
#[must_use]
pub fn service_provider_config(base: &str, paging: &Paging) -> Value {
    json!({
        "schemas": [urn::SERVICE_PROVIDER_CONFIG],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": paging.max_count},
        "changePassword": {"supported": true},
        "sort": {"supported": true},
        "etag": {"supported": true},
        "pagination": {
            "cursor": true,
            "index": true,
            "defaultPaginationMethod": "index",
            "defaultPageSize": paging.default_count,
            "maxPageSize": paging.max_count,
            "cursorTimeout": CURSOR_TIMEOUT
        },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "Bearer token",
            "description": "A token of the tenant in the Authorization header",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{base}/ServiceProviderConfig")
        }
    })
}

/// The document of one resource type. RFC 7643 §6.
#[must_use]
pub fn resource_type(base: &str, one: &ResourceType) -> Value {
    let extensions: Vec<Value> = one
        .extensions
        .iter()
        .map(|extension| json!({"schema": extension.schema.id, "required": extension.required}))
        .collect();
    json!({
        "schemas": [urn::RESOURCE_TYPE],
        "id": one.name,
        "name": one.name,
        "endpoint": one.endpoint,
        "description": one.description,
        "schema": one.schema.id,
        "schemaExtensions": extensions,
        "meta": {
            "resourceType": "ResourceType",
            "location": format!("{base}/ResourceTypes/{}", one.name)
        }
    })
}

/// The schemas that `/Schemas` lists: the tenant's, then those of the discovery documents.
pub fn schemas(registry: &Registry) -> impl Iterator<Item = &Schema> {
    registry
        .schemas()
        .iter()
        .map(AsRef::as_ref)
        .chain(builtin::meta_schemas())
}

/// The document of one schema, as it is enforced. RFC 7643 §7.
#[must_use]
pub fn schema(base: &str, schema: &Schema) -> Value {
    let attributes: Vec<Value> = schema.attributes.iter().map(attribute).collect();
    json!({
        "schemas": [urn::SCHEMA],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": attributes,
        "meta": {
            "resourceType": "Schema",
            "location": format!("{base}/Schemas/{}", schema.id)
        }
    })
}

/// One attribute, without nulls; `caseExact` and `uniqueness` mean nothing on a complex one (erratum 6004).
pub(crate) fn attribute(one: &Attribute) -> Value {
    let mut definition = match serde_json::to_value(one) {
        Ok(Value::Object(definition)) => definition,
        _ => Map::new(),
    };
    definition.insert("name".into(), one.published_name().into());
    if one.kind == Type::Complex {
        definition.shift_remove("caseExact");
        definition.shift_remove("uniqueness");
        let parts: Vec<Value> = one.sub_attributes.iter().map(attribute).collect();
        definition.insert("subAttributes".into(), parts.into());
    }
    Value::Object(definition)
}
