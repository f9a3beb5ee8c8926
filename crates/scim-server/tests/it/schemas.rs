//! Schemas and resource types that a tenant defines while the server runs. CONTRACT.md §4, RFC 7643 §6 and §7.

use serde_json::{Value, json};

use crate::support::client::{ENTERPRISE, USER, encode};
use crate::support::{Answer, Client, TestApp};

const PEOPLE: &str = "urn:example:params:scim:schemas:extension:people:1.0:User";
const DEVICE: &str = "urn:example:params:scim:schemas:core:1.0:Device";

/// Puts a schema of the tenant `default`.
async fn put(app: &TestApp, urn: &str, attributes: Value) -> Answer {
    let body = json!({"id": urn, "name": "Test", "attributes": attributes});
    app.admin()
        .put(&format!("/tenants/default/schemas/{urn}"), body)
        .await
}

async fn fits(app: &TestApp, urn: &str, attributes: Value) {
    let put = put(app, urn, attributes).await;
    assert!(matches!(put.status, 200 | 201), "{}", put.text);
}

/// Administration answers so.
fn said(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text);
}

fn refused(answer: &Answer, status: u16, code: &str, words: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.body["status"], status, "{}", answer.text);
    assert_eq!(answer.body["error"], code, "{}", answer.text);
    assert!(
        answer.body["detail"].as_str().unwrap().contains(words),
        "{}",
        answer.text
    );
}

async fn found(scim: &Client, filter: &str) -> Vec<String> {
    scim.filter("/Users", filter).await.ok(200).names()
}

fn person(name: &str, extension: impl serde::Serialize) -> Value {
    json!({"schemas": [USER, PEOPLE], "userName": name, PEOPLE: extension})
}

stories! {
    async fn an_attribute_is_there_from_the_next_request_on(app) {
        let scim = &app.scim;
        let before = scim.create(json!({"userName": "early", PEOPLE: {"businessUnit": "Sales"}})).await;
        assert_eq!(before.ok(201).body.get(PEOPLE), None, "unknown attributes are dropped");
        let made = put(&app, PEOPLE, json!([
            {"name": "businessUnit", "type": "string", "constraints": {"wireName": "Business Unit", "maxLength": 13, "indexed": true}},
            {"name": "level", "type": "integer", "constraints": {"minimum": 1, "maximum": 9}},
            {"name": "shift", "type": "string", "constraints": {"options": ["early", "late"], "closed": true}}
        ])).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let ada = scim.post("/Users", person("ada", json!({"Business Unit": "Sales", "level": 3, "shift": "EARLY"}))).await;
        assert_eq!(ada.ok(201).body[PEOPLE], json!({"Business Unit": "Sales", "level": 3, "shift": "EARLY"}));
        assert!(ada.body["schemas"].as_array().unwrap().contains(&PEOPLE.into()));
        // The name in paths is taken in bodies too; the one on the wire is written.
        let bob = scim.post("/Users", person("bob", json!({"businessUnit": "IT", "level": 9}))).await;
        assert_eq!(bob.ok(201).body[PEOPLE], json!({"Business Unit": "IT", "level": 9}));

        for (filter, names) in [
            (format!("{PEOPLE}:businessUnit eq \"sales\""), vec!["ada"]),
            (format!("{PEOPLE}:Business Unit eq \"Sales\""), vec!["ada"]),
            (format!("{PEOPLE}:business unit sw \"i\" or userName eq \"early\""), vec!["early", "bob"]),
            (format!("not ({PEOPLE}:Business Unit pr)"), vec!["early"]),
            (format!("{PEOPLE}:level gt 3"), vec!["bob"]),
            (format!("{PEOPLE}:shift eq \"early\" and {PEOPLE}:Business Unit pr"), vec!["ada"]),
        ] {
            assert_eq!(found(scim, &filter).await, names, "{filter}");
        }
        for sort in ["businessUnit", "Business Unit"] {
            let by = encode(&format!("{PEOPLE}:{sort}"));
            let list = scim.get(&format!("/Users?sortBy={by}&sortOrder=descending")).await;
            assert_eq!(list.ok(200).names(), ["early", "ada", "bob"]);
            let only = scim.get(&format!("/Users/{}?attributes={by}", ada.id())).await;
            assert_eq!(only.ok(200).body[PEOPLE], json!({"Business Unit": "Sales"}));
            assert_eq!(only.body.get("userName"), None);
            let path = format!("{PEOPLE}:{sort}");
            let patched = scim.operate(&format!("/Users/{}", bob.id()), json!([{"op": "replace", "path": path, "value": sort}])).await;
            assert_eq!(patched.ok(200).body[PEOPLE]["Business Unit"], sort);
        }
        let patched = scim.operate(&format!("/Users/{}", bob.id()), json!([
            {"op": "add", "value": {PEOPLE: {"Business Unit": "HR"}}}, {"op": "remove", "path": format!("{PEOPLE}:level")}
        ])).await;
        assert_eq!(patched.ok(200).body[PEOPLE], json!({"Business Unit": "HR"}));

        for (extension, words) in [
            (json!({"Business Unit": "Sälesxäöüßéäöü"}), "at most 13 characters"),
            (json!({"level": 0}), "from 1 to 9"),
            (json!({"level": "3"}), "an integer"),
            (json!({"shift": "noon"}), "\"early\", \"late\""),
            (json!({"businessUnit": "a", "Business Unit": "b"}), "one attribute"),
        ] {
            let refused = scim.post("/Users", person("eve", extension)).await;
            assert_eq!(refused.status, 400, "{}", refused.text);
            assert!(refused.body["detail"].as_str().unwrap().contains(words), "{}", refused.text);
        }
        scim.post("/Users", person("ünï", json!({"Business Unit": "äöüßéäöüßéäöü"}))).await.ok(201);

        let schema = scim.get(&format!("/Schemas/{PEOPLE}")).await;
        let attributes = schema.ok(200).body["attributes"].as_array().unwrap();
        assert_eq!(attributes[0]["name"], "businessUnit");
        assert_eq!(attributes[2]["canonicalValues"], json!(["early", "late"]));
        assert!(!schema.text.contains("constraints") && !schema.text.contains("null"), "{}", schema.text);
        let user = scim.get("/ResourceTypes/User").await;
        assert!(user.ok(200).body["schemaExtensions"].as_array().unwrap().contains(&json!({"schema": PEOPLE, "required": false})));

        let own = app.admin().get(&format!("/tenants/default/schemas/{PEOPLE}")).await;
        assert_eq!(own.status, 200);
        assert_eq!(own.body["attributes"][0]["constraints"], json!({"wireName": "Business Unit", "maxLength": 13, "indexed": true}));
        // What was given back is a definition again.
        let again = app.admin().put(&format!("/tenants/default/schemas/{PEOPLE}"), own.body.clone()).await;
        assert_eq!((again.status, &again.body), (200, &own.body));
    }

    async fn no_other_tenant_sees_a_schema(app) {
        let other = app.tenant("other", json!({})).await;
        fits(&app, PEOPLE, json!([{"name": "unit"}])).await;
        app.scim.get(&format!("/Schemas/{PEOPLE}")).await.ok(200);
        let absent = other.get(&format!("/Schemas/{PEOPLE}")).await;
        assert_eq!(absent.status, 404);
        assert!(!other.get("/Schemas").await.ok(200).text.contains(PEOPLE));
        assert!(!other.get("/ResourceTypes").await.ok(200).text.contains(PEOPLE));
        let dropped = other.post("/Users", person("ada", json!({"unit": "x"}))).await;
        assert_eq!(dropped.ok(201).body.get(PEOPLE), None);
        let unknown = other.filter("/Users", &format!("{PEOPLE}:unit eq \"x\"")).await;
        assert!(matches!(unknown.status, 200 | 400), "{}", unknown.text);
        assert_eq!(app.admin().get(&format!("/tenants/other/schemas/{PEOPLE}")).await.status, 404);
    }

    async fn a_resource_type_of_a_tenant_is_one_like_any(app) {
        let scim = &app.scim;
        let extension = "urn:example:params:scim:schemas:extension:rack:1.0:Device";
        fits(&app, DEVICE, json!([
            {"name": "displayName", "type": "string", "required": true, "constraints": {"indexed": true}},
            {"name": "serial", "type": "string", "caseExact": true, "uniqueness": "server", "mutability": "immutable"},
            {"name": "active", "type": "boolean"},
            {"name": "weight", "type": "decimal", "constraints": {"indexed": true}},
            {"name": "bought", "type": "dateTime"},
            {"name": "secret", "type": "string", "mutability": "writeOnly", "returned": "never"},
            {"name": "ports", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string"}, {"name": "type", "type": "string"}, {"name": "primary", "type": "boolean"}, {"name": "speed", "type": "integer"}
            ]}
        ])).await;
        fits(&app, extension, json!([{"name": "slot", "type": "integer", "required": true}])).await;
        // Neither extends users once the type names it.
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "name": "Device", "endpoint": "/Devices", "schema": DEVICE,
            "schemaExtensions": [{"schema": extension, "required": true}]});
        let made = app.admin().put("/tenants/default/resource-types/Device", body.clone()).await;
        assert_eq!(made.status, 201, "{}", made.text);
        let device = |name: &str, serial: &str| json!({"schemas": [DEVICE, extension], "displayName": name, "serial": serial, "active": true, "weight": 1.5,
            "bought": "2026-01-31T09:30:00Z", "secret": "x", "externalId": format!("e-{serial}"), extension: {"slot": 1},
            "ports": [{"value": "eth0", "type": "lan", "primary": true, "speed": 10}, {"value": "eth1", "type": "wan"}]});
        let one = scim.post("/Devices", device("One", "S1")).await;
        one.ok(201);
        assert_eq!(one.body["meta"]["resourceType"], "Device");
        assert!(one.header("location").unwrap().ends_with(&format!("/Devices/{}", one.id())));
        assert_eq!(one.body.get("secret"), None);
        let two = scim.post("/Devices", device("Two", "S2")).await.ok(201).id();
        scim.post("/Devices", device("Three", "S1")).await.refused(409, Some("uniqueness"));
        let mut bare = device("Four", "S4");
        bare.as_object_mut().unwrap().remove(extension);
        bare["schemas"] = json!([DEVICE]);
        scim.post("/Devices", bare).await.refused(400, Some("invalidValue"));
        for (filter, count) in [
            ("displayName eq \"one\"", 1), ("serial eq \"S2\"", 1), ("serial eq \"s2\"", 0), ("weight gt 1.4", 2), ("ports[type eq \"lan\" and speed gt 9]", 2),
            ("ports[type eq \"wan\" and speed gt 9]", 0), ("externalId eq \"e-S1\"", 1), ("bought lt \"2027-01-01T00:00:00Z\"", 2),
            ("meta.lastModified gt \"2020-01-01T00:00:00Z\"", 2), ("urn:example:params:scim:schemas:extension:rack:1.0:Device:slot eq 1", 2),
        ] {
            let list = scim.filter("/Devices", filter).await;
            assert_eq!(list.ok(200).body["totalResults"], count, "{filter}");
        }
        let at = format!("/Devices/{two}");
        scim.operate(&at, json!([{"op": "replace", "path": "serial", "value": "S9"}])).await.refused(400, Some("mutability"));
        let patched = scim.operate(&at, json!([
            {"op": "replace", "path": "ports[type eq \"wan\"].speed", "value": 7}, {"op": "replace", "path": "displayName", "value": "Zwei"}
        ])).await;
        assert_eq!(patched.ok(200).body["ports"][1]["speed"], 7);
        let sorted = scim.get("/Devices?sortBy=displayName&sortOrder=descending").await;
        assert_eq!(sorted.ok(200).body["Resources"][0]["displayName"], "Zwei");
        let everything = scim.get("/?filter=displayName%20eq%20%22zwei%22").await;
        assert_eq!(everything.ok(200).body["totalResults"], 1);
        let page = scim.get("/devices?cursor&count=1").await;
        assert!(page.ok(200).body["nextCursor"].is_string());
        let users = scim.get("/ResourceTypes/User").await;
        assert!(!users.text.contains("Device"), "{}", users.text);

        let taken = app.admin().delete("/tenants/default/resource-types/Device").await;
        refused(&taken, 409, "data-in-the-way", "2 of the tenant's resources");
        assert_eq!(taken.body["count"], 2);
        let named = app.admin().delete(&format!("/tenants/default/schemas/{DEVICE}")).await;
        refused(&named, 409, "schema-in-use", "Device");
        scim.delete(&at).await.ok(204);
        let gone = app.admin().delete("/tenants/default/resource-types/Device?purge=true").await;
        assert_eq!(gone.status, 204, "{}", gone.text);
        scim.get("/Devices").await.refused(404, None);
        // Its number is not used again: nothing of the old ones comes back.
        said(&app.admin().put("/tenants/default/resource-types/Device", body).await, 201);
        assert_eq!(scim.get("/Devices").await.ok(200).body["totalResults"], 0);
        scim.post("/Devices", device("One", "S1")).await.ok(201);
    }

    async fn a_definition_that_is_none_is_refused_by_name(app) {
        let attribute = |one: Value| json!([one]);
        let long = "x".repeat(300);
        for (attributes, status, words) in [
            (json!([]), 400, "at least one"),
            (attribute(json!({"name": "a", "type": "text"})), 400, "attributes[0]"),
            (attribute(json!({"name": "a b"})), 400, "wireName"),
            (attribute(json!({"name": "a", "colour": 1})), 400, "colour"),
            (attribute(json!({"name": "a", "type": "complex"})), 400, "subAttributes"),
            (attribute(json!({"name": "a", "type": "complex", "subAttributes": [{"name": "b", "type": "complex", "subAttributes": [{"name": "c"}]}]})), 400, "a.b"),
            (json!([{"name": "a"}, {"name": "A"}]), 409, "another attribute"),
            (json!([{"name": "a"}, {"name": "b", "constraints": {"wireName": "A"}}]), 409, "another attribute"),
            (attribute(json!({"name": "meta"})), 409, "every resource"),
            (attribute(json!({"name": "USERNAME"})), 409, "core attribute `userName`"),
            (attribute(json!({"name": "x", "constraints": {"wireName": "Emails"}})), 409, "core attribute `emails`"),
            (attribute(json!({"name": "a", "uniqueness": "global"})), 400, "none or server"),
            (attribute(json!({"name": "a", "mutability": "writeOnly", "returned": "default"})), 400, "never"),
            (attribute(json!({"name": "a", "constraints": {"wireName": "a,b"}})), 400, "wireName"),
            (attribute(json!({"name": "a", "constraints": {"maxLength": 0}})), 400, "maxLength"),
            (attribute(json!({"name": "a", "constraints": {"maxLength": -1}})), 400, "attributes[0]"),
            (attribute(json!({"name": "a", "constraints": {"minimum": 1}})), 400, "minimum"),
            (attribute(json!({"name": "a", "type": "integer", "constraints": {"minimum": 2, "maximum": 1}})), 400, "minimum"),
            (attribute(json!({"name": "a", "constraints": {"closed": true}})), 400, "options"),
            (attribute(json!({"name": "a", "constraints": {"options": ["x", "X"]}})), 400, "differ"),
            (attribute(json!({"name": "a", "constraints": {"references": "Group.id"}})), 400, "attributes[0]"),
            (attribute(json!({"name": "a", "constraints": {"onMissing": "reject"}})), 400, "references"),
            (attribute(json!({"name": &long})), 400, "expected a name"),
        ] {
            let answer = put(&app, PEOPLE, attributes.clone()).await;
            assert_eq!(answer.status, status, "{attributes} {}", answer.text);
            assert!(answer.body["detail"].as_str().unwrap().contains(words), "{attributes} {}", answer.text);
        }
        for (urn, status) in [
            (USER, 409), (&*ENTERPRISE.to_ascii_lowercase(), 409), ("urn:ietf:params:scim:api:messages:2.0:Mine", 409), ("urn:x", 400), ("people", 400), ("urn:a%20b:c", 400),
        ] {
            let answer = put(&app, urn, json!([{"name": "a"}])).await;
            assert_eq!(answer.status, status, "{urn} {}", answer.text);
        }
        let other = json!({"id": "urn:example:other:1.0", "attributes": [{"name": "a"}]});
        let path = format!("/tenants/default/schemas/{PEOPLE}");
        refused(&app.admin().put(&path, other).await, 400, "invalid-definition", "as in the path");
        let nobody = json!({"attributes": [{"name": "a"}], "resourceTypes": ["Robot"]});
        refused(&app.admin().put(&path, nobody).await, 400, "invalid-definition", "Robot");
        assert_eq!(app.admin().get(&path).await.status, 404, "nothing was kept");

        fits(&app, DEVICE, json!([{"name": "a"}])).await;
        let kind = |name: &str, endpoint: &str, schema: &str| json!({"name": name, "endpoint": endpoint, "schema": schema});
        for (name, body, status, words) in [
            ("Device", kind("Device", "/Users", DEVICE), 409, "exists already"),
            ("Device", kind("Device", "/schemas", DEVICE), 409, "belongs to the server"),
            ("Device", kind("Device", "/a/b", DEVICE), 400, "endpoint"),
            ("Device", kind("Device", "/Devices", "urn:example:none:1.0"), 400, "put the schema first"),
            ("Device", kind("Device", "/Devices", USER), 400, "built in"),
            ("Device", kind("Gadget", "/Devices", DEVICE), 400, "as in the path"),
            ("User", kind("User", "/People", USER), 409, "built in"),
            ("a.b", kind("a.b", "/Devices", DEVICE), 400, "name"),
        ] {
            let answer = app.admin().put(&format!("/tenants/default/resource-types/{name}"), body.clone()).await;
            assert_eq!(answer.status, status, "{body} {}", answer.text);
            assert!(answer.body["detail"].as_str().unwrap().contains(words), "{body} {}", answer.text);
        }
    }

    async fn a_definition_that_data_breaks_is_refused_told_or_purged(app) {
        let scim = &app.scim;
        fits(&app, PEOPLE, json!([{"name": "unit"}, {"name": "level", "type": "integer"}])).await;
        let mut ids = Vec::new();
        for (name, unit) in [("ada", "Sales"), ("bob", "sales"), ("eve", "IT")] {
            ids.push(scim.post("/Users", person(name, json!({"unit": unit, "level": 5}))).await.ok(201).id());
        }
        scim.create(json!({"userName": "without"})).await.ok(201);
        let path = format!("/tenants/default/schemas/{PEOPLE}");
        let body = |attributes: Value| json!({"attributes": attributes});
        for (attributes, count, words) in [
            (json!([{"name": "level", "type": "integer"}]), 3, "no such attribute"),
            (json!([{"name": "unit"}, {"name": "level", "type": "string"}]), 3, "a string"),
            (json!([{"name": "unit", "multiValued": true}, {"name": "level", "type": "integer"}]), 3, "an array"),
            (json!([{"name": "unit", "constraints": {"maxLength": 4}}, {"name": "level", "type": "integer"}]), 2, "at most 4"),
            (json!([{"name": "unit", "constraints": {"options": ["Sales"], "closed": true}}, {"name": "level", "type": "integer"}]), 1, "one of"),
            (json!([{"name": "unit"}, {"name": "level", "type": "integer", "constraints": {"maximum": 4}}]), 3, "at most 4"),
            (json!([{"name": "unit"}, {"name": "level", "type": "integer"}, {"name": "new", "required": true}]), 3, "required"),
            (json!([{"name": "unit", "uniqueness": "server"}, {"name": "level", "type": "integer"}]), 1, "the same value"),
        ] {
            let told = app.admin().put(&format!("{path}?dryRun=true"), body(attributes.clone())).await;
            assert_eq!((told.status, &told.body["count"], &told.body["fits"]), (200, &json!(count), &json!(false)), "{attributes} {}", told.text);
            let answer = app.admin().put(&path, body(attributes.clone())).await;
            refused(&answer, 409, "data-in-the-way", "would not fit");
            assert_eq!(answer.body["count"], count, "{attributes} {}", answer.text);
            let first = &answer.body["sample"][0];
            assert!(first["detail"].as_str().unwrap().contains(words), "{attributes} {}", answer.text);
            assert!(ids.contains(&first["id"].as_str().unwrap().to_owned()));
        }
        let kept = scim.get(&format!("/Users/{}", ids[0])).await;
        assert_eq!((&kept.body[PEOPLE], kept.header("etag")), (&json!({"unit": "Sales", "level": 5}), Some("W/\"1\"")));
        // What widens is always fine.
        let wider = body(json!([{"name": "unit", "constraints": {"indexed": true}}, {"name": "level", "type": "integer"}, {"name": "more"}]));
        let told = app.admin().put(&format!("{path}?dryRun=true"), wider.clone()).await;
        assert_eq!((&told.body["fits"], told.status), (&json!(true), 200));
        said(&app.admin().put(&path, wider).await, 200);

        // Nothing can be purged into having what is required.
        let demanding = body(json!([{"name": "unit"}, {"name": "level", "type": "integer"}, {"name": "new", "required": true}]));
        refused(&app.admin().put(&format!("{path}?purge=true"), demanding).await, 409, "data-in-the-way", "1 of");
        let unique = body(json!([{"name": "unit", "uniqueness": "server"}, {"name": "level", "type": "integer"}]));
        said(&app.admin().put(&format!("{path}?purge=true"), unique).await, 200);
        let bob = scim.get(&format!("/Users/{}", ids[1])).await;
        assert_eq!((&bob.body[PEOPLE], bob.header("etag")), (&json!({"level": 5}), Some("W/\"2\"")));
        assert_eq!(found(scim, &format!("{PEOPLE}:unit eq \"SALES\"")).await, ["ada"]);
        scim.post("/Users", person("zoe", json!({"unit": "it"}))).await.refused(409, Some("uniqueness"));

        let gone = app.admin().delete(&path).await;
        refused(&gone, 409, "data-in-the-way", "3 of");
        assert_eq!(app.admin().delete(&format!("{path}?purge=true")).await.status, 204);
        let ada = scim.get(&format!("/Users/{}", ids[0])).await;
        assert_eq!(ada.ok(200).body.get(PEOPLE), None);
        assert!(!ada.text.contains("people"), "{}", ada.text);
        scim.get(&format!("/Schemas/{PEOPLE}")).await.refused(404, None);
        assert_eq!(app.admin().delete(&path).await.status, 404);
        // Unique no more: the old keys are in nobody's way.
        fits(&app, PEOPLE, json!([{"name": "unit", "uniqueness": "server"}])).await;
        scim.post("/Users", person("zoe", json!({"unit": "Sales"}))).await.ok(201);
    }

    async fn an_index_is_made_while_people_write(app) {
        let scim = &app.scim;
        fits(&app, PEOPLE, json!([{"name": "unit"}])).await;
        for n in 0..450 {
            scim.post("/Users", person(&format!("u{n}"), json!({"unit": format!("unit {}", n % 9)}))).await.ok(201);
        }
        fits(&app, PEOPLE, json!([{"name": "unit", "constraints": {"indexed": true}}])).await;
        let unfinished = app.state.admin.directory.unfinished(10).await.unwrap();
        assert_eq!(unfinished.len(), 1, "{unfinished:?}");
        let filter = format!("{PEOPLE}:unit eq \"Unit 3\"");
        // Right before it is ready, and after writes in the middle.
        assert_eq!(scim.filter("/Users", &filter).await.ok(200).body["totalResults"], 50);
        let late = scim.post("/Users", person("late", json!({"unit": "unit 3"}))).await.ok(201).id();
        let ready = scim_server::service::indexing::finish(&app.state.admin);
        let moved = async {
            let list = scim.filter("/Users", "userName eq \"u3\" or userName eq \"u12\"").await;
            for one in list.ok(200).body["Resources"].as_array().unwrap() {
                let at = format!("/Users/{}", one["id"].as_str().unwrap());
                scim.operate(&at, json!([{"op": "replace", "path": format!("{PEOPLE}:unit"), "value": "elsewhere"}])).await.ok(200);
            }
            scim.delete(&format!("/Users/{late}")).await.ok(204);
        };
        let (ready, ()) = tokio::join!(ready, moved);
        ready.unwrap();
        assert!(app.state.admin.directory.unfinished(10).await.unwrap().is_empty());
        assert_eq!(scim.filter("/Users", &filter).await.ok(200).body["totalResults"], 48);
        assert_eq!(found(scim, &format!("{PEOPLE}:unit eq \"elsewhere\"")).await.len(), 2);
        let sorted = scim.get(&format!("/Users?count=1&sortBy={}", encode(&format!("{PEOPLE}:unit")))).await;
        assert_eq!(sorted.ok(200).body["Resources"][0][PEOPLE]["unit"], "elsewhere");
    }

    async fn employees_are_named_by_what_the_definition_says(app) {
        let scim = &app.scim;
        let attribute = |name: &str, target: &str, missing: &str| json!({"name": name, "constraints": {"references": target, "onMissing": missing}});
        fits(&app, PEOPLE, json!([
            attribute("boss", "User.emails", "reject"), attribute("mentor", "User.userName", "defer"), attribute("buddy", "User.id", "defer"), attribute("friend", "User.externalId", "keep"),
            {"name": "peer", "constraints": {"references": "User.emails"}}
        ])).await;
        let ada = scim.create(json!({"userName": "ada", "externalId": "A", "emails": [{"value": "Ada@Example.com"}]})).await.ok(201).id();
        for (extension, words) in [
            (json!({"boss": "eve@example.com"}), Some("no user has the emails.value `eve@example.com`")),
            (json!({"peer": "eve@example.com"}), Some("no user")),
            (json!({"boss": "ada@example.COM"}), None),
            (json!({"mentor": "eve"}), None),
            (json!({"buddy": ada}), None),
            (json!({"friend": "nobody"}), None),
        ] {
            let made = scim.post("/Users", person(&extension.to_string(), extension.clone())).await;
            match words {
                Some(words) => assert!(made.refused(400, Some("invalidValue")).body["detail"].as_str().unwrap().contains(words), "{}", made.text),
                None => assert_eq!(made.ok(201).body[PEOPLE], extension),
            }
        }
        scim.post("/Users", person("late", json!({"mentor": "EVE", "buddy": "11111111-1111-7111-8111-111111111111"}))).await.ok(201);
        let waiting = async || {
            let list = app.admin().get("/tenants/default/references?state=pending").await;
            assert_eq!(list.status, 200, "{}", list.text);
            let mut values: Vec<String> = list.body["items"].as_array().unwrap().iter().map(|one| one["value"].as_str().unwrap().to_owned()).collect();
            values.sort();
            values
        };
        assert_eq!(waiting().await, ["11111111-1111-7111-8111-111111111111", "EVE", "eve"]);
        let first = app.admin().get("/tenants/default/references?count=1").await;
        let next = app.admin().get(&format!("/tenants/default/references?count=5&cursor={}", encode(first.body["next"].as_str().unwrap()))).await;
        assert_eq!((first.body["items"].as_array().unwrap().len(), next.body["items"].as_array().unwrap().len()), (1, 2), "{}", next.text);
        assert_eq!(first.body["items"][0]["references"], "User.userName");
        // Whoever gets the name is the one who was meant.
        scim.operate(&format!("/Users/{ada}"), json!([{"op": "replace", "path": "userName", "value": "Eve"}])).await.ok(200);
        assert_eq!(waiting().await, ["11111111-1111-7111-8111-111111111111"]);
        assert_eq!(found(scim, &format!("{PEOPLE}:mentor eq \"eve\"")).await.len(), 2);
    }

    async fn a_write_under_way_obeys_the_schema_that_is_in_force(app) {
        fits(&app, PEOPLE, json!([{"name": "unit"}])).await;
        // A request that came before the change, as another node would still have it.
        let row = app.state.admin.directory.tenant_by_slug("default").await.unwrap().unwrap();
        let old = app.state.store.tenant(row.id).at_version(row.schema_version);
        fits(&app, PEOPLE, json!([{"name": "unit", "constraints": {"maxLength": 3}}])).await;
        let id = app.scim.create(json!({"userName": "ada"})).await.ok(201).id();
        let (rtype, id) = (1, id.parse().unwrap());
        let gone = old.write("test", move |tx| {
            let stored = tx.get(rtype, id)?.unwrap();
            tx.delete(&scim_server::store::Delete {
                rtype, id, expected: stored.version, keys: scim_server::store::Keys::default(), holders: None,
                change: scim_server::store::Change { id, kind: scim_server::store::ChangeKind::Delete, attributes: Vec::new(), actor: "test".to_owned(), at: 1 },
            })
        }).await;
        assert_eq!(gone, Err(scim_server::store::StoreError::SchemaChanged));
        assert_eq!(app.scim.get("/Users").await.ok(200).body["totalResults"], 1);
    }

    async fn a_urn_keeps_the_letters_of_its_first_definition(app) {
        fits(&app, PEOPLE, json!([{"name": "unit", "uniqueness": "server"}])).await;
        let ada = app.scim.post("/Users", person("ada", json!({"unit": "a"}))).await.ok(201).id();
        let path = format!("/tenants/default/schemas/{}", PEOPLE.to_ascii_uppercase());
        let again = app.admin().put(&path, json!({"attributes": [{"name": "unit", "uniqueness": "server"}, {"name": "more"}]})).await;
        assert_eq!((again.status, &again.body["id"]), (200, &json!(PEOPLE)), "{}", again.text);
        app.scim.operate(&format!("/Users/{ada}"), json!([{"op": "replace", "path": format!("{PEOPLE}:more"), "value": "m"}])).await.ok(200);
        let shown = app.scim.get(&format!("/Users/{ada}")).await;
        assert_eq!(shown.ok(200).body[PEOPLE], json!({"unit": "a", "more": "m"}));
        app.scim.post("/Users", person("bob", json!({"unit": "A"}))).await.refused(409, Some("uniqueness"));
    }

    async fn names_on_the_wire_go_everywhere(app) {
        let scim = &app.scim;
        fits(&app, DEVICE, json!([
            {"name": "assetTag", "uniqueness": "server", "constraints": {"wireName": "Asset Tag"}},
            {"name": "phones", "type": "complex", "multiValued": true, "constraints": {"wireName": "Phone Numbers"}, "subAttributes": [
                {"name": "number", "constraints": {"wireName": "Phone Number"}}, {"name": "type"}
            ]}
        ])).await;
        said(&app.admin().put("/tenants/default/resource-types/Device", json!({"endpoint": "/Devices", "schema": DEVICE})).await, 201);
        let made = scim.post("/Devices", json!({"schemas": [DEVICE], "Asset Tag": "T1", "phones": [{"Phone Number": "1", "type": "a"}, {"number": "2", "type": "b"}]})).await;
        assert_eq!(made.ok(201).body["Phone Numbers"][1], json!({"Phone Number": "2", "type": "b"}), "{}", made.text);
        scim.post("/Devices", json!({"schemas": [DEVICE], "assetTag": "t1"})).await.refused(409, Some("uniqueness"));
        for filter in [
            "assetTag eq \"t1\"".to_owned(),
            format!("{DEVICE}:Asset Tag eq \"t1\""),
            format!("{DEVICE}:Phone Numbers.Phone Number eq \"2\""),
            format!("{DEVICE}:Phone Numbers[Phone Number eq \"2\" and type eq \"b\"]"),
            "phones[number eq \"1\"]".to_owned(),
        ] {
            let list = scim.filter("/Devices", &filter).await;
            assert_eq!(list.ok(200).body["totalResults"], 1, "{filter}");
        }
        let at = format!("/Devices/{}", made.id());
        for (path, value) in [
            (format!("{DEVICE}:Asset Tag"), "T2"),
            (format!("{DEVICE}:Phone Numbers[type eq \"a\"].Phone Number"), "3"),
            (format!("{DEVICE}:Phone Numbers[Phone Number eq \"2\"].type"), "c"),
        ] {
            scim.operate(&at, json!([{"op": "replace", "path": path, "value": value}])).await.ok(200);
        }
        let patched = scim.operate(&at, json!([{"op": "replace", "value": {"Asset Tag": "T3"}}])).await;
        let mut body = patched.ok(200).body.clone();
        for other in ["schemas", "id", "meta"] {
            body.as_object_mut().unwrap().remove(other);
        }
        assert_eq!(body, json!({"Asset Tag": "T3", "Phone Numbers": [{"Phone Number": "3", "type": "a"}, {"Phone Number": "2", "type": "c"}]}));
    }

    async fn what_is_unique_and_has_many_values_counts_once(app) {
        let scim = &app.scim;
        fits(&app, PEOPLE, json!([{"name": "tags", "multiValued": true, "uniqueness": "server"}, {"name": "level", "type": "integer", "required": true, "constraints": {"indexed": true}}])).await;
        scim.post("/Users", person("ada", json!({"tags": ["a1", "a2", "A1"], "level": 1}))).await.ok(201);
        scim.post("/Users", person("bob", json!({"tags": ["b1", "a2"], "level": 2}))).await.refused(409, Some("uniqueness"));
        scim.post("/Users", person("bob", json!({"tags": ["b1"], "level": 2}))).await.ok(201);
        scim.create(json!({"userName": "zoe"})).await.ok(201);
        for (filter, names) in [("tags sw \"a\"", vec!["ada"]), ("tags pr", vec!["ada", "bob"]), ("tags eq \"A2\"", vec!["ada"])] {
            let list = scim.filter("/Users", &format!("{PEOPLE}:{filter}")).await;
            assert_eq!((list.ok(200).names(), &list.body["totalResults"]), (names.iter().map(|name| (*name).to_owned()).collect(), &json!(names.len())), "{filter}");
        }
        for (sort, expected) in [("tags", ["ada", "bob", "zoe"]), ("level", ["ada", "bob", "zoe"])] {
            for (order, reversed) in [("ascending", false), ("descending", true)] {
                let mut walked = Vec::new();
                for first in 1..=3 {
                    let page = scim.get(&format!("/Users?count=1&startIndex={first}&sortOrder={order}&sortBy={PEOPLE}:{sort}")).await;
                    walked.extend(page.ok(200).names());
                }
                if reversed {
                    walked.reverse();
                }
                assert_eq!(walked, expected, "{sort} {order}");
            }
        }
    }

    async fn definitions_do_not_trip_over_each_other(app) {
        let other = "urn:example:other:1.0:User";
        let admin = app.admin();
        let put = async |urn: &str, body: Value| admin.put(&format!("/tenants/default/schemas/{urn}"), body).await;
        // An attribute whose path would be another schema's URN.
        said(&put("urn:example:a", json!({"attributes": [{"name": "User"}]})).await, 201);
        refused(&put("urn:example:a:User", json!({"attributes": [{"name": "x"}]})).await, 409, "conflict", "something else");
        for (attributes, status, words) in [
            (json!([{"name": "password"}]), 400, "hashed"),
            (json!([{"name": "a", "type": "complex", "subAttributes": [{"name": "b"}]}, {"name": "c", "constraints": {"wireName": "a.b"}}]), 409, "something else"),
        ] {
            let answer = put(other, json!({"attributes": attributes})).await;
            assert_eq!(answer.status, status, "{}", answer.text);
            assert!(answer.body["detail"].as_str().unwrap().contains(words), "{}", answer.text);
        }
        // A type may not name what collides, nor what belongs to people.
        said(&put(other, json!({"resourceTypes": [], "attributes": [{"name": "displayName"}]})).await, 201);
        let user = |extensions: Value| json!({"endpoint": "/Users", "schema": USER, "schemaExtensions": extensions});
        refused(&admin.put("/tenants/default/resource-types/User", user(json!([{"schema": other}]))).await, 409, "conflict", "displayName");
        let group = json!({"endpoint": "/Groups", "schema": "urn:ietf:params:scim:schemas:core:2.0:Group", "schemaExtensions": [{"schema": USER}]});
        refused(&admin.put("/tenants/default/resource-types/Group", group).await, 400, "invalid-definition", "of its own");
        // What cannot mean users waits for its type, and the answer says so.
        let alone = put("urn:example:chair:1.0", json!({"attributes": [{"name": "displayName"}]})).await;
        assert_eq!((alone.status, &alone.body["resourceTypes"]), (201, &json!([])), "{}", alone.text);
        said(&admin.put("/tenants/default/resource-types/Chair", json!({"endpoint": "/Chairs", "schema": "urn:example:chair:1.0"})).await, 201);
        app.scim.post("/Chairs", json!({"schemas": ["urn:example:chair:1.0"], "displayName": "c"})).await.ok(201);
        // A type that is named stays; one that goes leaves its schema extending nobody.
        said(&put("urn:example:desk:1.0", json!({"attributes": [{"name": "label"}]})).await, 201);
        said(&admin.put("/tenants/default/resource-types/Desk", json!({"endpoint": "/Desks", "schema": "urn:example:desk:1.0"})).await, 201);
        said(&put("urn:example:more:1.0", json!({"resourceTypes": ["Desk"], "attributes": [{"name": "more"}]})).await, 201);
        refused(&admin.delete("/tenants/default/resource-types/Desk").await, 409, "resource-type-in-use", "urn:example:more:1.0");
        said(&admin.delete("/tenants/default/schemas/urn:example:more:1.0").await, 204);
        said(&admin.delete("/tenants/default/resource-types/Desk").await, 204);
        assert_eq!(admin.get("/tenants/default/schemas/urn:example:desk:1.0").await.body["resourceTypes"], json!([]));
        assert!(!app.scim.get("/ResourceTypes/User").await.ok(200).text.contains("desk"));
        // A closed list offers what it takes, and a list that begins to count letters is another one.
        let closed = |exact: bool| json!([{"name": "unit", "caseExact": exact, "canonicalValues": ["HR"], "constraints": {"options": ["IT"], "closed": true}}]);
        fits(&app, PEOPLE, closed(false)).await;
        let shown = app.scim.get(&format!("/Schemas/{PEOPLE}")).await;
        assert_eq!(shown.ok(200).body["attributes"][0]["canonicalValues"], json!(["IT"]));
        app.scim.post("/Users", person("ada", json!({"unit": "it"}))).await.ok(201);
        refused(&super::schemas::put(&app, PEOPLE, closed(true)).await, 409, "data-in-the-way", "1 of");
    }

    async fn a_definition_comes_through_while_many_write(app) {
        fits(&app, PEOPLE, json!([{"name": "unit"}])).await;
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let writers: Vec<_> = (0..12).map(|nth| {
            let (scim, ended) = (app.scim.clone(), ended.clone());
            actix_web::rt::spawn(async move {
                let id = scim.create(json!({"userName": format!("user{nth}")})).await.ok(201).id();
                let mut written = 0;
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    let operations = json!([{"op": "replace", "path": format!("{PEOPLE}:unit"), "value": format!("{written}")}]);
                    scim.operate(&format!("/Users/{id}"), operations).await.ok(200);
                    written += 1;
                }
                written
            })
        }).collect();
        for round in 0..8 {
            let attributes = json!([{"name": "unit", "constraints": {"indexed": round % 2 == 0}}, {"name": format!("more{round}")}]);
            fits(&app, PEOPLE, attributes).await;
            scim_server::service::indexing::finish(&app.state.admin).await.unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        for writer in writers {
            assert!(writer.await.unwrap() > 0);
        }
        fits(&app, PEOPLE, json!([{"name": "unit", "constraints": {"indexed": true}}])).await;
        scim_server::service::indexing::finish(&app.state.admin).await.unwrap();
        let list = app.scim.filter("/Users", &format!("{PEOPLE}:unit pr")).await;
        assert_eq!(list.ok(200).body["totalResults"], 12);
    }

    async fn the_four_kinds_of_peakon_take_what_their_document_says(app) {
        let scim = &app.scim;
        let peakon = "urn:ietf:params:scim:schemas:extension:peakon:2.0:User";
        let template: Value = serde_json::from_str(include_str!("../../../../schemas/templates/peakon-user.json")).unwrap();
        said(&app.admin().put(&format!("/tenants/default/schemas/{peakon}"), template).await, 201);
        scim.create(json!({"userName": "boss@example.com", "emails": [{"value": "boss@example.com"}]})).await.ok(201);
        let fields = |fields: Value| json!({"schemas": [USER], "userName": format!("{fields}@example.com"), peakon: fields, ENTERPRISE: {"department": "IT", "employeeNumber": "7"}});
        for good in [
            json!({"Business Unit": "Engineering", "Department": "IT"}),
            json!({"Department": "x".repeat(256)}),
            json!({"Date of Birth": "1980-12-31T00:00:00Z"}),
            json!({"Salary": 50_000}),
            json!({"Manager": "Boss@Example.com"}),
        ] {
            let made = scim.post("/Users", fields(good.clone())).await;
            assert_eq!((&made.ok(201).body[peakon], &made.body[ENTERPRISE]["department"]), (&good, &json!("IT")), "{}", made.text);
        }
        for (bad, words) in [
            (json!({"Department": "x".repeat(257)}), "at most 256"),
            (json!({"Department": 7}), "a string"),
            (json!({"Date of Birth": "31.12.1980"}), "a dateTime"),
            (json!({"Date of Birth": "1980-12-31"}), "a dateTime"),
            (json!({"Salary": 50_000.5}), "an integer"),
            (json!({"Salary": "50000"}), "an integer"),
            (json!({"Manager": "nobody@example.com"}), "create that user first"),
            (json!({"Manager": {"value": "boss@example.com"}}), "a string"),
        ] {
            let made = scim.post("/Users", fields(bad.clone())).await;
            made.refused(400, Some("invalidValue"));
            assert!(made.body["detail"].as_str().unwrap().contains(words), "{}", made.text);
        }
        // 4me: what is sent under its URN is kept, named in `schemas` or not.
        let fourme = "urn:ietf:params:scim:schemas:extension:4me:1.0:custom_fields";
        let template: Value = serde_json::from_str(include_str!("../../../../schemas/templates/4me-custom-fields.json")).unwrap();
        let name = template["attributes"][0]["name"].as_str().unwrap().to_owned();
        said(&app.admin().put(&format!("/tenants/default/schemas/{fourme}"), template).await, 201);
        let made = scim.post("/Users", json!({"schemas": [USER], "userName": "4me", fourme: {&name: "P7"}})).await;
        assert_eq!(made.ok(201).body[fourme], json!({name: "P7"}), "{}", made.text);
    }
}
