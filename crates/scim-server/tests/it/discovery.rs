//! What a server says of itself. RFC 7644 §4, RFC 7643 §5 to §7.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::client::{ENTERPRISE, USER};
use crate::support::{Answer, Client};

const SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";
const RESOURCE_TYPE: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const CONFIG: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

/// The members of a list, which is one in every respect.
#[track_caller]
fn members(answer: &Answer) -> Vec<Value> {
    answer.ok(200);
    assert_eq!(answer.body["schemas"], json!([LIST]), "{}", answer.text);
    let members = answer.body["Resources"].as_array().unwrap().clone();
    assert_eq!(answer.body["totalResults"], members.len());
    assert_eq!(answer.body["itemsPerPage"], members.len());
    assert_eq!(answer.body["startIndex"], 1);
    members
}

fn nulls(value: &Value) -> usize {
    match value {
        Value::Null => 1,
        Value::Array(items) => items.iter().map(nulls).sum(),
        Value::Object(members) => members.values().map(nulls).sum(),
        _ => 0,
    }
}

/// An attribute says all that RFC 7643 §7 wants, and nothing else than it may.
fn check_attribute(schema: &str, attribute: &Value) {
    let name = attribute["name"].as_str().unwrap();
    let at = format!("{schema} {name}");
    let kind = attribute["type"].as_str().unwrap();
    let kinds = [
        "string",
        "boolean",
        "decimal",
        "integer",
        "dateTime",
        "reference",
        "complex",
        "binary",
    ];
    assert!(kinds.contains(&kind), "{at}: {kind}");
    for flag in ["multiValued", "required"] {
        assert!(attribute[flag].is_boolean(), "{at}: {flag}");
    }
    assert!(
        !attribute["description"].as_str().unwrap().is_empty(),
        "{at}"
    );
    let one_of = |member: &str, words: &[&str]| {
        let word = attribute[member].as_str().unwrap_or_default();
        assert!(words.contains(&word), "{at}: {member} {word}");
    };
    one_of(
        "mutability",
        &["readOnly", "readWrite", "immutable", "writeOnly"],
    );
    one_of("returned", &["always", "never", "default", "request"]);
    if kind == "complex" {
        assert!(attribute.get("uniqueness").is_none(), "{at}");
        for part in attribute["subAttributes"].as_array().unwrap() {
            // Schema.attributes.subAttributes is the one exception (RFC 7643 §7).
            assert!(part["type"] != "complex" || schema == SCHEMA, "{at}");
            check_attribute(schema, part);
        }
    } else {
        assert!(attribute["caseExact"].is_boolean(), "{at}");
        one_of("uniqueness", &["none", "server", "global"]);
        assert!(attribute.get("subAttributes").is_none(), "{at}");
    }
    if kind == "reference" {
        assert_eq!(attribute["caseExact"], true, "{at}");
        assert!(attribute["referenceTypes"].is_array(), "{at}");
    }
}

/// The path in a URL, to be asked for as it is.
fn path_of(location: &Value) -> String {
    let location = location.as_str().unwrap();
    let (_, rest) = location
        .strip_prefix("http://")
        .unwrap()
        .split_once('/')
        .unwrap();
    format!("@/{rest}")
}

async fn same_as(client: &Client, path: &str, expected: &Value) {
    let answer = client.get(path).await;
    assert_eq!(answer.ok(200).body, *expected, "{path}");
}

stories! {
    async fn the_service_provider_config_is_one_object_with_all_its_members(app) {
        let answer = app.nobody().get("/ServiceProviderConfig").await;
        let config = &answer.ok(200).body;
        assert_eq!(config["schemas"], json!([CONFIG]));
        assert!(config.get("totalResults").is_none());
        for flag in ["patch", "bulk", "filter", "changePassword", "sort", "etag"] {
            assert!(config[flag]["supported"].is_boolean(), "{flag}");
        }
        for number in [&config["bulk"]["maxOperations"], &config["bulk"]["maxPayloadSize"], &config["filter"]["maxResults"]] {
            assert!(number.is_u64(), "{number}");
        }
        assert_eq!(config["pagination"], json!({
            "cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 100, "maxPageSize": 1000, "cursorTimeout": 3600
        }));
        let schemes = config["authenticationSchemes"].as_array().unwrap();
        assert!(!schemes.is_empty());
        for scheme in schemes {
            let kind = scheme["type"].as_str().unwrap();
            assert!(["oauth", "oauth2", "oauthbearertoken", "httpbasic", "httpdigest"].contains(&kind), "{kind}");
            for member in ["name", "description"] {
                assert!(!scheme[member].as_str().unwrap().is_empty(), "{member}");
            }
        }
        assert_eq!(config["meta"]["resourceType"], "ServiceProviderConfig");
        same_as(&app.nobody(), &path_of(&config["meta"]["location"]), config).await;
        same_as(&app.scim, "/ServiceProviderConfig", config).await;
    }

    async fn what_is_shown_without_a_token_is_the_tenants_choice(app) {
        app.tenant("shut", json!({"publicDiscovery": []})).await;
        app.tenant("open", json!({"publicDiscovery": ["ServiceProviderConfig", "ResourceTypes", "Schemas"]})).await;
        let documents = ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"];
        for path in documents {
            let shown = path == "/ServiceProviderConfig";
            let status = if shown { 200 } else { 401 };
            assert_eq!(app.nobody().get(path).await.status, status, "{path}");
            assert_eq!(app.nobody().get(&format!("@/t/default/scim/v2{path}")).await.status, status, "{path}");
            app.nobody().get(&format!("@/t/open/scim/v2{path}")).await.ok(200);
            app.nobody().get(&format!("@/t/shut/scim/v2{path}")).await.refused(401, None);
            app.nobody().get(&format!("@/t/nosuch/scim/v2{path}")).await.refused(401, None);
        }
        app.nobody().get("@/t/open/scim/v2/Users").await.refused(401, None);
    }

    async fn every_resource_type_names_schemas_that_are_there(app) {
        let types = members(&app.scim.get("/ResourceTypes").await);
        let schemas = members(&app.scim.get("/Schemas").await);
        let ids: BTreeSet<&str> = schemas.iter().map(|schema| schema["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), schemas.len());
        assert!(!types.is_empty());
        for one in &types {
            assert_eq!(one["schemas"], json!([RESOURCE_TYPE]));
            assert_eq!(one["id"], one["name"]);
            assert!(one["endpoint"].as_str().unwrap().starts_with('/'));
            assert_eq!(one["meta"]["resourceType"], "ResourceType");
            let mut urns = vec![one["schema"].as_str().unwrap()];
            for extension in one["schemaExtensions"].as_array().unwrap() {
                assert!(extension["required"].is_boolean());
                urns.push(extension["schema"].as_str().unwrap());
            }
            assert!(urns.iter().all(|urn| ids.contains(urn)), "{urns:?} {ids:?}");
            let name = one["name"].as_str().unwrap();
            same_as(&app.scim, &format!("/ResourceTypes/{name}"), one).await;
            same_as(&app.scim, &path_of(&one["meta"]["location"]), one).await;
            app.scim.get(one["endpoint"].as_str().unwrap()).await.ok(200);
        }
        let user = types.iter().find(|one| one["name"] == "User").unwrap();
        assert_eq!(user["endpoint"], "/Users");
        assert_eq!(user["schema"], USER);
        assert_eq!(user["schemaExtensions"], json!([{"schema": ENTERPRISE, "required": false}]));
    }

    async fn every_schema_is_complete_and_found_by_its_urn(app) {
        let schemas = members(&app.scim.get("/Schemas").await);
        for schema in &schemas {
            let urn = schema["id"].as_str().unwrap();
            assert!(!urn.starts_with("urn:ietf:params:scim:api:messages"), "{urn}");
            assert_eq!(schema["schemas"], json!([SCHEMA]));
            assert_eq!(nulls(schema), 0, "{urn}");
            let attributes = schema["attributes"].as_array().unwrap();
            assert!(!attributes.is_empty(), "{urn}");
            for attribute in attributes {
                check_attribute(urn, attribute);
            }
            for spelling in [urn.to_owned(), urn.to_uppercase(), urn.to_lowercase(), urn.replace(':', "%3A")] {
                same_as(&app.scim, &format!("/Schemas/{spelling}"), schema).await;
            }
            assert_eq!(schema["meta"]["resourceType"], "Schema");
            same_as(&app.scim, &path_of(&schema["meta"]["location"]), schema).await;
        }
        // The walk does see a null where there is one.
        assert_eq!(nulls(&json!({"a": [{"b": null}]})), 1);
    }

    async fn the_errata_of_the_core_schemas_are_published(app) {
        let part = |schema: &Value, path: [&str; 2]| {
            let named = |list: &Value, name: &str| list.as_array().unwrap().iter().find(|one| one["name"] == name).unwrap().clone();
            named(&named(&schema["attributes"], path[0])["subAttributes"], path[1])
        };
        let user = app.scim.get(&format!("/Schemas/{USER}")).await.body;
        assert_eq!(part(&user, ["groups", "$ref"])["referenceTypes"], json!(["Group"]));
        let enterprise = app.scim.get(&format!("/Schemas/{ENTERPRISE}")).await.body;
        assert_eq!(part(&enterprise, ["manager", "value"])["caseExact"], true);
        let types = app.scim.get(&format!("/Schemas/{RESOURCE_TYPE}")).await;
        if types.status == 200 {
            let extensions = types.body["attributes"].as_array().unwrap().iter().find(|one| one["name"] == "schemaExtensions").unwrap();
            assert_eq!(extensions["multiValued"], true);
        }
    }

    async fn what_is_not_there_is_404(app) {
        for path in [
            "/Schemas/urn:nobody:has:this", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:Usr", "/Schemas/x",
            "/Schemas/urn:ietf:params:scim:api:messages:2.0:Error", "/ResourceTypes/Nobody", "/ResourceTypes/Users",
            "/ServiceProviderConfig/1", "/Schemas/a/b", "/ResourceTypes/User/x", "/Schemas/%00", "/Schemas/%ff",
        ] {
            app.scim.get(path).await.refused(404, None);
        }
    }

    async fn a_query_is_ignored_but_a_filter_is_forbidden(app) {
        let plain = ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"];
        for path in plain {
            let expected = app.scim.get(path).await.body;
            for query in [
                "sortBy=id&sortOrder=descending&startIndex=999&count=0", "attributes=id", "excludedAttributes=meta", "count=x",
                "startIndex=-1&startIndex=2", "unknown=1", "a=%ff", "%ff=1", "=", "&&",
            ] {
                same_as(&app.scim, &format!("{path}?{query}"), &expected).await;
            }
        }
        for filter in ["filter=x", "sortBy=id&filter=name%20eq%20%22User%22", "FILTER=x", "filter=", "filter"] {
            for path in ["/ResourceTypes", "/Schemas"] {
                app.scim.get(&format!("{path}?{filter}")).await.refused(403, None);
            }
            app.scim.get(&format!("/ServiceProviderConfig?{filter}")).await.ok(200);
        }
    }

    async fn discovery_is_read_only(app) {
        for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User", "/Schemas/urn:ietf:params:scim:schemas:core:2.0:User"] {
            for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
                let answer = app.scim.send(method, path, b"").await;
                assert_eq!(answer.refused(405, None).header("allow"), Some("GET"), "{method} {path}");
                app.nobody().send(method, path, b"").await.refused(401, None);
            }
        }
    }

    async fn discovery_speaks_for_the_tenant_in_the_request(app) {
        let acme = app.tenant("acme", json!({"pagination": {"maxCount": 7}})).await;
        let there = |path: &str| format!("@/t/acme/scim/v2{path}");
        let config = acme.get(&there("/ServiceProviderConfig")).await;
        assert_eq!(config.ok(200).body["filter"]["maxResults"], 7);
        assert_eq!(config.body["pagination"]["maxPageSize"], 7);
        assert_eq!(config.body["pagination"]["defaultPageSize"], 7);
        assert_eq!(app.nobody().get(&there("/ServiceProviderConfig")).await.body["filter"]["maxResults"], 7);
        assert_eq!(acme.get("/ServiceProviderConfig").await.body["filter"]["maxResults"], 7);
        assert_eq!(app.scim.get("/ServiceProviderConfig").await.body["filter"]["maxResults"], 1000);
        for schema in members(&acme.get(&there("/Schemas")).await) {
            let location = schema["meta"]["location"].as_str().unwrap();
            assert!(location.starts_with(&format!("http://{}/t/acme/scim/v2/Schemas/", app.address)), "{location}");
        }
    }

    async fn a_url_that_is_nothing_is_a_scim_error(app) {
        for path in [
            "/Nobody", "/Nobody/1", "/Users/1/2", "/Users/.search/x", "/.searchx", "@/scim/v2/Users/a/b/c", "@/t/default/scim/v2/Nobody",
            "@/t/default/Nobody", "@/favicon.ico", "@/robots.txt", "@/a/b/c/d/e/f", "@/t", "@/index.html", "@/Users.json", "@/console/x", "@/metrics/x",
        ] {
            app.scim.get(path).await.refused(404, None);
            let hidden = app.nobody().get(path).await;
            hidden.refused(401, None);
        }
    }
}
