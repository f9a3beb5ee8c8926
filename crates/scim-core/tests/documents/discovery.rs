//! The documents of discovery. RFC 7644 §4, RFC 7643 §5 to §7.

use scim_core::list::Paging;
use scim_core::schema::{Schema, builtin};
use scim_core::{discovery, urn};
use serde_json::{Value, json};

use super::{ENTERPRISE, gadget, user};

const BASE: &str = "https://scim.example/acme/v2";

/// Every object in a document, with what it is in.
fn objects<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match value {
        Value::Null => panic!("a null"),
        Value::Array(items) => items.iter().for_each(|item| objects(item, found)),
        Value::Object(members) => {
            found.push(value);
            members.values().for_each(|member| objects(member, found));
        }
        _ => {}
    }
}

fn all(value: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    objects(value, &mut found);
    found
}

#[test]
fn schemas_are_published_whole_and_without_nulls() {
    let registry = builtin::registry(None);
    let ids: Vec<&str> = discovery::schemas(&registry)
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(
        ids,
        [
            urn::USER,
            urn::ENTERPRISE_USER,
            urn::GROUP,
            urn::SCHEMA,
            urn::RESOURCE_TYPE,
            urn::SERVICE_PROVIDER_CONFIG
        ]
    );
    for schema in discovery::schemas(&registry) {
        let document = discovery::schema(BASE, schema);
        assert_eq!(document["schemas"], json!([urn::SCHEMA]));
        assert_eq!(
            document["meta"]["location"],
            format!("{BASE}/Schemas/{}", schema.id)
        );
        assert_eq!(document["meta"]["resourceType"], "Schema");
        let definitions: Vec<&Value> = all(&document["attributes"])
            .into_iter()
            .filter(|one| one.get("name").is_some())
            .collect();
        assert!(!definitions.is_empty());
        for one in definitions {
            let has = |name: &str| one.get(name).is_some();
            let complex = one["type"] == "complex";
            assert_eq!(has("uniqueness"), !complex, "{one}");
            assert_eq!(has("caseExact"), !complex, "{one}");
            assert_eq!(has("subAttributes"), complex, "{one}");
            for name in [
                "multiValued",
                "description",
                "required",
                "mutability",
                "returned",
            ] {
                assert!(has(name), "{name}: {one}");
            }
            assert!(one["type"] != "reference" || has("referenceTypes"), "{one}");
            let parts = one["subAttributes"].as_array().into_iter().flatten();
            // But in the schema of schemas, of which the RFC itself prints it so.
            let nests = parts.into_iter().any(|part| part["type"] == "complex");
            assert!(!nests || schema.id == urn::SCHEMA);
        }
    }
}

#[test]
fn published_schemas_say_what_is_enforced() {
    let user = user();
    let document = discovery::schema(BASE, &user.schema);
    let read: Schema = serde_json::from_value(document).unwrap();
    assert_eq!(read, *user.schema);
    let gadget = gadget::resource_type(true);
    let read: Schema = serde_json::from_value(discovery::schema(BASE, &gadget.schema)).unwrap();
    assert_eq!(read, *gadget.schema);
}

#[test]
fn resource_types_name_their_schemas() {
    let document = discovery::resource_type(BASE, &user());
    assert_eq!(
        document,
        json!({
            "schemas": [urn::RESOURCE_TYPE],
            "id": "User",
            "name": "User",
            "endpoint": "/Users",
            "description": "A person's account.",
            "schema": urn::USER,
            "schemaExtensions": [{"schema": ENTERPRISE, "required": false}],
            "meta": {"resourceType": "ResourceType", "location": format!("{BASE}/ResourceTypes/User")}
        })
    );
    let gadget = discovery::resource_type(BASE, &gadget::resource_type(true));
    assert_eq!(gadget["schemaExtensions"][0]["required"], true);
}

#[test]
fn the_configuration_is_whole() {
    let document = discovery::service_provider_config(BASE, &Paging::default());
    assert_eq!(document["schemas"], json!([urn::SERVICE_PROVIDER_CONFIG]));
    assert_eq!(
        document["filter"],
        json!({"supported": true, "maxResults": 1000})
    );
    for name in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
        assert!(document[name]["supported"].is_boolean(), "{name}");
    }
    assert!(
        document["bulk"]["maxOperations"].is_i64() && document["bulk"]["maxPayloadSize"].is_i64()
    );
    assert_eq!(
        document["pagination"],
        json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100, "maxPageSize": 1000, "cursorTimeout": 3600
        })
    );
    let scheme = &document["authenticationSchemes"][0];
    for name in ["type", "name", "description"] {
        assert!(scheme[name].is_string(), "{name}");
    }
    assert!(all(&document).len() > 7);
}
