//! The life of a group, and its members in every shape that clients send. RFC 7643 §4.2, RFC 7644 §3.3 to §3.6.

use serde_json::{Value, json};

use crate::support::TestApp;
use crate::support::client::{Answer, Client, ENTERPRISE, GROUP, USER, encode};
use crate::support::database::statement;

/// An id that nobody has.
const NOBODY: &str = "0193e4d2-7c00-7000-8000-000000000000";

/// The ids of some new users.
async fn users(client: &Client, names: &[&str]) -> Vec<String> {
    let mut ids = Vec::new();
    for name in names {
        ids.push(client.create(json!({"userName": name})).await.id());
    }
    ids
}

fn values(ids: &[&String]) -> Value {
    ids.iter().map(|id| json!({"value": id})).collect()
}

async fn group(client: &Client, name: &str, ids: &[&String]) -> Answer {
    let body = json!({"schemas": [GROUP], "displayName": name, "members": values(ids)});
    let answer = client.post("/Groups", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer
}

/// The values of the members, or of the groups, that are shown.
fn shown(body: &Value, attribute: &str) -> Vec<String> {
    let elements = body[attribute].as_array().cloned().unwrap_or_default();
    let value = |one: &Value| one["value"].as_str().unwrap_or_default().to_owned();
    elements.iter().map(value).collect()
}

async fn members(client: &Client, path: &str) -> Vec<String> {
    let answer = client.get(path).await;
    shown(&answer.ok(200).body, "members")
}

stories! {
    async fn a_group_is_created_found_changed_and_deleted(app) {
        let ids = users(&app.scim, &["ada", "bob"]).await;
        let created = app.scim.post("/Groups", json!({
            "schemas": [GROUP], "displayName": "Engines", "externalId": "x-1",
            "members": [{"value": ids[0], "display": "Ada L."}, {"value": ids[1], "type": "Group", "$ref": "https://elsewhere/x"}]
        })).await;
        created.ok(201);
        let base = format!("http://{}/scim/v2", app.address);
        let path = format!("/Groups/{}", created.id());
        assert_eq!(created.body["schemas"], json!([GROUP]));
        assert_eq!(created.body["meta"]["location"], format!("{base}{path}"));
        assert_eq!(created.body["meta"]["version"], "W/\"1\"");
        assert_eq!(created.body["members"], json!([
            {"value": ids[0], "$ref": format!("{base}/Users/{}", ids[0]), "display": "Ada L.", "type": "User"},
            {"value": ids[1], "$ref": format!("{base}/Users/{}", ids[1]), "type": "User"}
        ]));
        assert_eq!(app.scim.get(&path).await.ok(200).body, created.body);
        let listed = app.scim.get("/Groups").await;
        assert_eq!(listed.ok(200).body["Resources"], json!([created.body]));
        for filter in ["displayName eq \"ENGINES\"", "externalId eq \"x-1\""] {
            let found = app.scim.filter("/Groups", filter).await;
            assert_eq!(found.ok(200).body["Resources"], json!([created.body]), "{filter}");
        }

        // Who is in it is told where the user is shown, and the user did not change.
        let ada = app.scim.get(&format!("/Users/{}", ids[0])).await;
        assert_eq!(ada.ok(200).body["groups"], json!([
            {"value": created.id(), "$ref": format!("{base}{path}"), "display": "Engines", "type": "direct"}
        ]));
        assert_eq!(ada.body["meta"]["version"], "W/\"1\"");

        let put = app.scim.put(&path, json!({"schemas": [GROUP], "displayName": "Motors", "members": values(&[&ids[1]])})).await;
        assert_eq!(put.ok(200).body["meta"]["version"], "W/\"2\"");
        assert_eq!((shown(&put.body, "members"), put.body.get("externalId")), (vec![ids[1].clone()], None));
        assert_eq!(app.scim.put(&path, put.body.clone()).await.ok(200).body, put.body, "what was got, put back");

        app.scim.delete(&path).await.ok(204);
        app.scim.get(&path).await.refused(404, None);
        let bob = app.scim.get(&format!("/Users/{}", ids[1])).await;
        assert_eq!(bob.ok(200).body.get("groups"), None);
        group(&app.scim, "Motors", &[]).await;
    }
}

stories! {
    async fn names_of_groups_are_unique_in_any_letter_case(app) {
        let first = group(&app.scim, "Engines", &[]).await;
        let second = group(&app.scim, "Motors", &[]).await;
        let body = json!({"schemas": [GROUP], "displayName": "ENGINES"});
        app.scim.post("/Groups", body.clone()).await.refused(409, Some("uniqueness"));
        let path = format!("/Groups/{}", second.id());
        app.scim.put(&path, body).await.refused(409, Some("uniqueness"));
        let rename = json!([{"op": "replace", "path": "displayName", "value": "engines"}]);
        app.scim.operate(&path, rename).await.refused(409, Some("uniqueness"));
        assert_eq!(app.scim.get(&path).await.ok(200).body, second.body);
        // Its own name in other letters is no conflict.
        let own = json!([{"op": "replace", "path": "displayName", "value": "ENGINES"}]);
        let path = format!("/Groups/{}", first.id());
        assert_eq!(app.scim.operate(&path, own).await.ok(200).body["displayName"], "ENGINES");
        let other = app.tenant("other", json!({})).await;
        group(&other, "Engines", &[]).await;
        let schema = app.scim.get(&format!("/Schemas/{GROUP}")).await;
        assert_eq!(schema.ok(200).body["attributes"][0]["uniqueness"], "server", "what is enforced is published");
    }
}

stories! {
    async fn the_schema_of_groups_says_what_is_enforced(app) {
        let schema = app.scim.get(&format!("/Schemas/{GROUP}")).await;
        let attributes = &schema.ok(200).body["attributes"];
        assert_eq!((&attributes[0]["name"], &attributes[0]["required"], &attributes[0]["uniqueness"]), (&json!("displayName"), &json!(true), &json!("server")));
        let parts = attributes[1]["subAttributes"].as_array().unwrap();
        let names: Vec<&str> = parts.iter().map(|part| part["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["value", "$ref", "type", "display"]);
        assert!(parts.iter().all(|part| part["mutability"] == "immutable"));
        assert_eq!((&parts[1]["caseExact"], &parts[1]["referenceTypes"]), (&json!(true), &json!(["User", "Group"])));
        let types = app.scim.get("/ResourceTypes/Group").await;
        assert_eq!(types.ok(200).body["endpoint"], "/Groups");
        let users_only = app.tenant("people", json!({"resourceTypes": ["User"]})).await;
        users_only.get("/Groups").await.refused(404, None);
        users_only.get(&format!("/Schemas/{GROUP}")).await.refused(404, None);
        // Groups that are not offered any more are not told of.
        let ids = users(&app.scim, &["a"]).await;
        group(&app.scim, "team", &[&ids[0]]).await;
        let policy = json!({"policy": {"resourceTypes": ["User"]}});
        let changed = app.admin().patch("/tenants/default", policy).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        let user = app.scim.get(&format!("/Users/{}", ids[0])).await;
        assert_eq!(user.ok(200).body.get("groups"), None);
        app.scim.delete(&format!("/Users/{}", ids[0])).await.ok(204);
    }
}

stories! {
    async fn members_come_and_go_in_every_shape(app) {
        let ids = users(&app.scim, &["a", "b", "c", "d"]).await;
        let [a, b, c, d] = [&ids[0], &ids[1], &ids[2], &ids[3]];
        let made = group(&app.scim, "team", &[a]).await;
        let path = format!("/Groups/{}", made.id());
        let filter = |id: &str| format!("members[value eq \"{id}\"]");
        let mut version = 1;
        // Each with the members afterwards.
        for (operations, expected) in [
            (json!([{"op": "add", "path": "members", "value": values(&[b, c])}]), vec![a, b, c]),
            (json!([{"op": "Add", "path": "members", "value": [{"$ref": null, "value": d}]}]), vec![a, b, c, d]),
            (json!([{"op": "Remove", "path": "members", "value": values(&[b])}]), vec![a, c, d]),
            (json!([{"op": "remove", "path": filter(c)}]), vec![a, d]),
            (json!([{"op": "add", "path": "Members", "value": {"value": b}}]), vec![a, b, d]),
            (json!([{"op": "add", "path": "members", "value": c}]), vec![a, b, c, d]),
            (json!([{"op": "remove", "path": format!("members[value eq \"{a}\" or value eq \"{b}\"]")}]), vec![c, d]),
            (json!([{"op": "replace", "path": "members", "value": values(&[a])}]), vec![a]),
            (json!([{"op": "add", "value": {"displayName": "Team", "members": values(&[b])}}]), vec![a, b]),
            (json!([{"op": "replace", "value": {"id": made.id(), "displayName": "team"}}, {"op": "remove", "path": filter(a)}, {"op": "add", "path": "members", "value": values(&[c])}]), vec![b, c]),
            (json!([{"op": "add", "path": format!("{GROUP}:members"), "value": values(&[a])}]), vec![a, b, c]),
            (json!([{"op": "add", "path": "members", "value": [{"$ref": format!("https://x/scim/v2/Users/{d}")}]}]), vec![a, b, c, d]),
            (json!([{"op": "remove", "path": "members", "value": [{"value": a.to_uppercase()}]}]), vec![b, c, d]),
            (json!([{"op": "remove", "path": "members[type eq \"User\"]"}, {"op": "add", "path": "members", "value": values(&[a])}]), vec![a]),
            (json!([{"op": "add", "path": filter(b), "value": {"display": "Bob"}}]), vec![a, b]),
            (json!([{"op": "replace", "path": filter(b), "value": {"display": "Rob"}}]), vec![a, b]),
            (json!([{"op": "remove", "path": "members[display sw \"Ro\"]"}]), vec![a]),
            (json!([{"op": "replace", "value": {"members": values(&[c, d])}}]), vec![c, d]),
            (json!([{"op": "remove", "path": "members", "value": null}]), vec![]),
            (json!([{"op": "add", "path": "members", "value": values(&[a, b])}]), vec![a, b]),
            (json!([{"op": "remove", "path": "members"}]), vec![]),
            (json!([{"op": "add", "path": "members", "value": values(&[a, b])}]), vec![a, b]),
            (json!([{"op": "replace", "path": "members", "value": []}]), vec![]),
        ] {
            let answer = app.scim.operate(&path, operations.clone()).await;
            let expected: Vec<String> = expected.into_iter().cloned().collect();
            assert_eq!(shown(&answer.ok(200).body, "members"), expected, "{operations}");
            assert_eq!(members(&app.scim, &path).await, expected, "{operations}");
            version += 1;
            assert_eq!(answer.body["meta"]["version"], format!("W/\"{version}\""), "{operations}");
        }
    }
}

stories! {
    async fn what_changes_no_member_changes_nothing(app) {
        let ids = users(&app.scim, &["a", "b"]).await;
        let made = group(&app.scim, "team", &[&ids[0]]).await;
        let path = format!("/Groups/{}", made.id());
        for operations in [
            json!([{"op": "add", "path": "members", "value": values(&[&ids[0]])}]),
            json!([{"op": "add", "path": "members", "value": [{"value": ids[0].to_uppercase()}, {"value": ids[0]}]}]),
            json!([{"op": "add", "path": "members", "value": []}]),
            json!([{"op": "add", "path": "members", "value": null}]),
            json!([{"op": "remove", "path": "members", "value": []}]),
            json!([{"op": "remove", "path": "members", "value": values(&[&ids[1]])}]),
            json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", ids[1])}]),
            json!([{"op": "remove", "path": "members[type eq \"Group\"]"}]),
            json!([{"op": "replace", "path": "members", "value": values(&[&ids[0]])}]),
            json!([{"op": "add", "path": "members", "value": values(&[&ids[1]])}, {"op": "remove", "path": "members", "value": values(&[&ids[1]])}]),
            json!([{"op": "remove", "path": "members"}, {"op": "add", "path": "members", "value": values(&[&ids[0]])}]),
        ] {
            let answer = app.scim.operate(&path, operations.clone()).await;
            assert_eq!(answer.ok(200).body, made.body, "{operations}");
        }
    }
}

stories! {
    async fn what_does_not_fit_is_refused_and_changes_nothing(app) {
        let ids = users(&app.scim, &["a", "b"]).await;
        let made = group(&app.scim, "team", &[&ids[0]]).await;
        let path = format!("/Groups/{}", made.id());
        let add = json!({"op": "add", "path": "members", "value": values(&[&ids[1]])});
        let own = format!("members[value eq \"{}\"]", ids[0]);
        for (bad, kind) in [
            (json!({"op": "remove"}), "noTarget"),
            (json!({"op": "remove", "value": {"members": []}}), "noTarget"),
            (json!({"op": "replace", "path": format!("{own}.value"), "value": ids[1]}), "mutability"),
            (json!({"op": "remove", "path": format!("{own}.display")}), "mutability"),
            (json!({"op": "replace", "path": "members.display", "value": "x"}), "mutability"),
            (json!({"op": "replace", "path": own, "value": {"value": ids[1]}}), "mutability"),
            (json!({"op": "replace", "path": format!("members[value eq \"{NOBODY}\"]"), "value": {"display": "x"}}), "noTarget"),
            (json!({"op": "add", "path": "members[type eq \"User\"]", "value": {"display": "x"}}), "noTarget"),
            (json!({"op": "add", "path": "members", "value": [{"display": "x"}]}), "invalidValue"),
            (json!({"op": "add", "path": "members", "value": [{"value": " "}]}), "invalidValue"),
            (json!({"op": "add", "path": "members", "value": [7]}), "invalidValue"),
            (json!({"op": "add", "path": "members"}), "invalidValue"),
            (json!({"op": "replace", "path": "members", "value": [null]}), "invalidValue"),
            (json!({"op": "replace", "path": "members", "value": [{"$ref": null}]}), "invalidValue"),
            (json!({"op": "replace", "path": "members", "value": {}}), "invalidValue"),
            (json!({"op": "replace", "value": {"members": [[]]}}), "invalidValue"),
            (json!({"op": "add", "path": "members", "value": [{"value": made.id()}]}), "invalidValue"),
            (json!({"op": "remove", "path": "members[value eq]"}), "invalidFilter"),
            (json!({"op": "remove", "path": "members[nosuch eq \"x\"]"}), "invalidFilter"),
            (json!({"op": "remove", "path": "members[value eq \"x\"].nosuch"}), "invalidPath"),
            (json!({"op": "replace", "path": "nosuch", "value": "x"}), "invalidPath"),
            (json!({"op": "remove", "path": "displayName"}), "mutability"),
        ] {
            for operations in [json!([add, bad]), json!([bad, add])] {
                app.scim.operate(&path, operations).await.refused(400, Some(kind));
                assert_eq!(app.scim.get(&path).await.ok(200).body, made.body, "{bad}");
            }
        }
        app.scim.post("/Groups", json!({"schemas": [GROUP], "displayName": "x", "members": [{}, {"display": "x"}]})).await.refused(400, Some("invalidValue"));
        let emptied = json!({"schemas": [GROUP], "displayName": "team", "members": [{}]});
        app.scim.put(&path, emptied).await.refused(400, Some("invalidValue"));
        app.scim.post("/Groups", json!({"schemas": [GROUP], "members": []})).await.refused(400, Some("invalidValue"));
        app.scim.with("If-Match", "W/\"7\"").operate(&path, json!([add])).await.refused(412, None);
        app.scim.with("If-Match", "W/\"1\"").operate(&path, json!([add])).await.ok(200);
        let gone = format!("/Groups/{NOBODY}");
        app.scim.operate(&gone, json!([add])).await.refused(404, None);
    }
}

stories! {
    async fn each_operation_sees_what_those_before_it_did(app) {
        let ids = users(&app.scim, &["a", "b"]).await;
        let [a, b] = [&ids[0], &ids[1]];
        let own = |id: &str| format!("members[value eq \"{id}\"]");
        let rename = |id: &str| json!({"op": "replace", "path": own(id), "value": {"display": "x"}});
        let all = json!({"op": "remove", "path": "members"});
        let add = |id: &str, name: &str| json!({"op": "add", "path": "members", "value": [{"value": id, "display": name}]});
        for (nth, (operations, expected)) in [
            (json!([rename(b), all]), None),
            (json!([rename(b), {"op": "remove", "path": own(b)}]), None),
            (json!([{"op": "remove", "path": own(a)}, rename(a)]), None),
            (json!([all, rename(a)]), None),
            (json!([{"op": "remove", "path": "members[type eq \"User\"]"}, rename(a)]), None),
            (json!([add(b, "Bob"), rename(b)]), Some(vec![a, b])),
            (json!([rename(a), all]), Some(vec![])),
            (json!([add(b, "Bob"), {"op": "remove", "path": "members[type eq \"User\"]"}]), Some(vec![])),
            (json!([add(a, "Ada"), {"op": "remove", "path": "members[display sw \"A\"]"}]), Some(vec![])),
            (json!([add(a, "Ada"), {"op": "replace", "path": "members", "value": [{"value": a, "display": "Bob"}]}, {"op": "remove", "path": "members[display eq \"Ada\"]"}]), Some(vec![a])),
        ].into_iter().enumerate() {
            let made = group(&app.scim, &format!("team {nth}"), &[a]).await;
            let path = format!("/Groups/{}", made.id());
            let answer = app.scim.operate(&path, operations.clone()).await;
            match expected {
                None => {
                    answer.refused(400, Some("noTarget"));
                    assert_eq!(app.scim.get(&path).await.ok(200).body, made.body, "{operations}");
                }
                Some(expected) => {
                    let expected: Vec<String> = expected.into_iter().cloned().collect();
                    assert_eq!(shown(&answer.ok(200).body, "members"), expected, "{operations}");
                }
            }
        }
    }
}

stories! {
    async fn an_id_that_nobody_has_is_kept_as_sent(app) {
        let made = app.scim.post("/Groups", json!({"schemas": [GROUP], "displayName": "team",
            "members": [{"value": NOBODY}, {"value": "not-an-id"}, {"value": "Not-An-Id", "display": "who?"}]})).await;
        assert_eq!(made.ok(201).body["members"], json!([{"value": NOBODY}, {"value": "Not-An-Id", "display": "who?"}]));
        let path = format!("/Groups/{}", made.id());
        assert_eq!(app.scim.get(&path).await.ok(200).body, made.body);
        for filter in [format!("members eq \"{NOBODY}\""), "members[value eq \"NOT-an-id\"]".to_owned()] {
            assert_eq!(app.scim.filter("/Groups", &filter).await.ok(200).body["totalResults"], 1, "{filter}");
        }
        let removed = app.scim.operate(&path, json!([{"op": "remove", "path": "members[value eq \"NOT-AN-ID\"]"}])).await;
        assert_eq!(removed.ok(200).body["members"], json!([{"value": NOBODY}]));
    }
}

stories! {
    async fn a_tenant_may_refuse_ids_that_nobody_has(app) {
        let acme = app.tenant("acme", json!({"references": "reject"})).await;
        let ids = users(&acme, &["a"]).await;
        let body = |value: &str| json!({"schemas": [GROUP], "displayName": "team", "members": [{"value": ids[0]}, {"value": value}]});
        for value in [NOBODY, "x"] {
            acme.post("/Groups", body(value)).await.refused(400, Some("invalidValue"));
        }
        let made = group(&acme, "team", &[&ids[0]]).await;
        let path = format!("/Groups/{}", made.id());
        acme.put(&path, body(NOBODY)).await.refused(400, Some("invalidValue"));
        let add = json!([{"op": "add", "path": "members", "value": [{"value": NOBODY}]}]);
        acme.operate(&path, add).await.refused(400, Some("invalidValue"));
        // Another tenant's user is nobody here.
        let theirs = users(&app.scim, &["b"]).await;
        let add = json!([{"op": "add", "path": "members", "value": [{"value": theirs[0]}]}]);
        acme.operate(&path, add).await.refused(400, Some("invalidValue"));
        assert_eq!(acme.get(&path).await.ok(200).body, made.body);
        // So with managers.
        let manager = |id: &str| json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager.value"), "value": id}]);
        let at = format!("/Users/{}", ids[0]);
        acme.operate(&at, manager(NOBODY)).await.refused(400, Some("invalidValue"));
        acme.post("/Users", json!({"schemas": [USER, ENTERPRISE], "userName": "x", ENTERPRISE: {"manager": "boss"}})).await.refused(400, Some("invalidValue"));
        acme.operate(&at, manager(&ids[0])).await.ok(200);
        app.scim.operate(&format!("/Users/{}", theirs[0]), manager(NOBODY)).await.ok(200);
        let inner = group(&acme, "inner", &[]).await;
        acme.operate(&path, json!([{"op": "add", "path": "members", "value": [{"value": inner.id()}]}])).await.ok(200);
    }
}

stories! {
    async fn groups_in_groups_end_also_in_a_circle(app) {
        let ids = users(&app.scim, &["a", "b"]).await;
        let inner = group(&app.scim, "inner", &[&ids[0]]).await;
        let middle = group(&app.scim, "middle", &[&inner.id()]).await;
        let outer = group(&app.scim, "outer", &[&middle.id(), &ids[0], &ids[1]]).await;
        let of = |answer: &Answer| -> Vec<(String, String)> {
            let groups = answer.body["groups"].as_array().cloned().unwrap_or_default();
            let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
            groups.iter().map(|one| (text(one, "display"), text(one, "type"))).collect()
        };
        let is = |pairs: &[(&str, &str)]| -> Vec<(String, String)> {
            pairs.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect()
        };
        let a = app.scim.get(&format!("/Users/{}", ids[0])).await;
        assert_eq!(of(a.ok(200)), is(&[("inner", "direct"), ("middle", "indirect"), ("outer", "direct")]));
        assert_eq!(middle.body["members"][0]["type"], "Group");
        let circle = json!([{"op": "add", "path": "members", "value": [{"value": outer.id()}]}]);
        app.scim.operate(&format!("/Groups/{}", inner.id()), circle).await.ok(200);
        let listed = app.scim.get("/Users").await;
        assert_eq!(of(&Answer { body: listed.ok(200).body["Resources"][1].clone(), ..listed.clone() }),
            is(&[("inner", "indirect"), ("middle", "indirect"), ("outer", "direct")]));
        for (filter, found) in [
            (format!("groups.value eq \"{}\"", inner.id()), 2),
            (format!("groups[value eq \"{}\" and type eq \"direct\"]", inner.id()), 1),
            ("groups.display eq \"MIDDLE\"".to_owned(), 2),
            ("not (groups pr)".to_owned(), 0),
        ] {
            assert_eq!(app.scim.filter("/Users", &filter).await.ok(200).body["totalResults"], found, "{filter}");
        }
        app.scim.delete(&format!("/Groups/{}", outer.id())).await.ok(204);
        let b = app.scim.get(&format!("/Users/{}", ids[1])).await;
        assert_eq!(of(b.ok(200)), is(&[]));
    }
}

stories! {
    async fn who_is_deleted_leaves_every_group(app) {
        let ids = users(&app.scim, &["a", "b"]).await;
        let one = group(&app.scim, "one", &[&ids[0], &ids[1]]).await;
        let two = group(&app.scim, "two", &[&ids[0], &one.id()]).await;
        let apart = group(&app.scim, "apart", &[&ids[1]]).await;
        app.scim.delete(&format!("/Users/{}", ids[0])).await.ok(204);
        for (group, left, version) in [(&one, vec![ids[1].clone()], 2), (&two, vec![one.id()], 2), (&apart, vec![ids[1].clone()], 1)] {
            let now = app.scim.get(&format!("/Groups/{}", group.id())).await;
            assert_eq!(shown(&now.ok(200).body, "members"), left);
            assert_eq!(now.body["meta"]["version"], format!("W/\"{version}\""));
        }
        app.scim.delete(&format!("/Groups/{}", one.id())).await.ok(204);
        let two = app.scim.get(&format!("/Groups/{}", two.id())).await;
        assert_eq!(two.ok(200).body["members"], json!([]));
        assert_eq!(two.body["meta"]["version"], "W/\"3\"");
        let b = app.scim.get(&format!("/Users/{}", ids[1])).await;
        assert_eq!(shown(&b.ok(200).body, "groups"), [apart.id()]);
        assert_eq!(b.body["meta"]["version"], "W/\"1\"");
    }
}

stories! {
    async fn filters_find_groups_by_their_members(app) {
        let ids = users(&app.scim, &["a", "b", "c"]).await;
        let [a, b, c] = [&ids[0], &ids[1], &ids[2]];
        let one = group(&app.scim, "one", &[a, b]).await;
        group(&app.scim, "two", &[b, &one.id()]).await;
        group(&app.scim, "three", &[]).await;
        for (filter, found) in [
            (format!("members eq \"{a}\""), vec!["one"]),
            (format!("members.value eq \"{}\"", b.to_uppercase()), vec!["one", "two"]),
            (format!("members[value eq \"{b}\"]"), vec!["one", "two"]),
            (format!("id eq \"{}\" and members eq \"{a}\"", one.id()), vec!["one"]),
            (format!("id eq \"{}\" and members eq \"{c}\"", one.id()), vec![]),
            (format!("members eq \"{a}\" or displayName eq \"three\""), vec!["one", "three"]),
            (format!("not (members eq \"{a}\")"), vec!["two", "three"]),
            (format!("members[value eq \"{a}\" and type eq \"Group\"]"), vec![]),
            ("members[type eq \"group\"]".to_owned(), vec!["two"]),
            ("members pr".to_owned(), vec!["one", "two"]),
            ("not (members pr)".to_owned(), vec!["three"]),
            (format!("members.value ne \"{b}\""), vec!["one", "two", "three"]),
            ("members.$ref co \"/Groups/\"".to_owned(), vec!["two"]),
        ] {
            let answer = app.scim.filter("/Groups", &filter).await;
            let names: Vec<&str> = answer.ok(200).body["Resources"].as_array().unwrap().iter().map(|one| one["displayName"].as_str().unwrap()).collect();
            assert_eq!(names, found, "{filter}");
            assert_eq!(answer.body["totalResults"], found.len());
        }
        let sorted = app.scim.get("/Groups?sortBy=members&attributes=displayName").await;
        assert_eq!(sorted.ok(200).body["totalResults"], 3);
    }
}

stories! {
    async fn members_are_shown_as_far_as_they_are_asked_for(app) {
        let ids = users(&app.scim, &["a", "b"]).await;
        let made = group(&app.scim, "team", &[&ids[0], &ids[1]]).await;
        let path = format!("/Groups/{}", made.id());
        for (query, expected) in [
            ("excludedAttributes=members", None),
            ("attributes=displayName", None),
            ("attributes=members.value", Some(json!([{"value": ids[0]}, {"value": ids[1]}]))),
            ("attributes=MEMBERS.type", Some(json!([{"type": "User"}, {"type": "User"}]))),
            ("excludedAttributes=members.$ref,members.type", Some(json!([{"value": ids[0]}, {"value": ids[1]}]))),
            ("attributes=members", Some(made.body["members"].clone())),
        ] {
            for at in [format!("{path}?{query}"), format!("/Groups?{query}"), format!("/?{query}&filter={}", encode("displayName eq \"team\""))] {
                let answer = app.scim.get(&at).await;
                let body = &answer.ok(200).body;
                let one = body.get("Resources").map_or(body, |found| &found[0]);
                assert_eq!(one.get("members"), expected.as_ref(), "{at}");
                assert_eq!(one["id"], made.id());
            }
        }
        let user = app.scim.get(&format!("/Users/{}?attributes=groups.display", ids[0])).await;
        assert_eq!(user.ok(200).body["groups"], json!([{"display": "team"}]));
        let user = app.scim.get(&format!("/Users/{}?excludedAttributes=groups", ids[0])).await;
        assert_eq!(user.ok(200).body.get("groups"), None);
        let empty = group(&app.scim, "empty", &[]).await;
        assert_eq!(empty.body["members"], json!([]));
    }
}

stories! {
    async fn who_does_not_ask_for_members_does_not_touch_them(app) {
        let ids = users(&app.scim, &["a"]).await;
        let made = group(&app.scim, "team", &[&ids[0]]).await;
        let path = format!("/Groups/{}", made.id());
        let without = [
            format!("{path}?excludedAttributes=members"),
            format!("{path}?attributes=displayName"),
            "/Groups?excludedAttributes=members".to_owned(),
            format!("/Groups?excludedAttributes=members&filter={}", encode("displayName eq \"team\"")),
            "/Groups?attributes=displayName&sortBy=displayName".to_owned(),
            "/Users?excludedAttributes=groups".to_owned(),
            format!("/Users/{}?attributes=userName", ids[0]),
        ];
        // Without the table they are answered all the same.
        statement(&app.database, "ALTER TABLE group_member RENAME TO elsewhere");
        for at in &without {
            app.scim.get(at).await.ok(200);
        }
        let rename = json!([{"op": "replace", "path": "displayName", "value": "Team"}]);
        app.scim.operate(&format!("{path}?excludedAttributes=members"), rename).await.ok(200);
        // The search finds what it looks for.
        app.scim.get(&path).await.refused(500, None);
        statement(&app.database, "ALTER TABLE elsewhere RENAME TO group_member");
        assert_eq!(members(&app.scim, &path).await, ids);
    }
}

/// As many members that nobody knows, `from` on.
fn crowd(from: usize, count: usize) -> Value {
    let member =
        |nth| json!({"value": format!("member-{nth:07}"), "display": format!("{nth:0>240}")});
    (from..from + count).map(member).collect()
}

stories! {
    async fn a_large_group_is_answered_in_pieces(app) {
        let body = json!({"schemas": [GROUP], "displayName": "crowd", "members": crowd(0, 20_000)});
        let made = app.scim.post("/Groups", body).await;
        assert_eq!(made.ok(201).body["members"].as_array().unwrap().len(), 20_000);
        assert!(made.text.len() > 4 * 1024 * 1024, "too short to be sent in pieces");
        let path = format!("/Groups/{}", made.id());
        let whole = app.scim.get(&path).await;
        assert_eq!(whole.ok(200).header("transfer-encoding"), Some("chunked"));
        assert_eq!(whole.header("etag"), Some("W/\"1\""));
        assert_eq!(whole.body, made.body);
        let small = group(&app.scim, "small", &[]).await;
        let listed = app.scim.get("/Groups").await;
        assert_eq!(listed.ok(200).body["Resources"], json!([made.body, small.body]));
        assert_eq!((&listed.body["totalResults"], &listed.body["itemsPerPage"]), (&json!(2), &json!(2)));

        // One more and one less: no list of members is sent back unless it is asked for.
        let add = json!([{"op": "add", "path": "members", "value": crowd(20_000, 1)}]);
        let answer = app.scim.operate(&path, add).await;
        assert_eq!((answer.ok(204).text.as_str(), answer.header("etag")), ("", Some("W/\"2\"")));
        let remove = json!([{"op": "remove", "path": "members[value eq \"member-0000007\"]"}]);
        let answer = app.scim.operate(&format!("{path}?attributes=members.value"), remove).await;
        assert_eq!(answer.ok(200).body["members"].as_array().unwrap().len(), 20_000);
        let mut put = app.scim.get(&path).await.ok(200).body.clone();
        put["members"].as_array_mut().unwrap().truncate(19_000);
        let expected = put["members"].clone();
        let answer = app.scim.put(&path, put).await;
        assert_eq!(answer.ok(200).header("etag"), Some("W/\"4\""));
        assert_eq!(answer.body["members"], expected);
        app.scim.delete(&path).await.ok(204);
        assert_eq!(app.scim.filter("/Groups", "members eq \"member-0000001\"").await.ok(200).body["totalResults"], 0);
    }
}

stories! {
    async fn a_patch_of_more_than_a_thousand_members_is_answered_without_them(app) {
        let answer_of = |size: usize, app: &TestApp| {
            let scim = app.scim.clone();
            async move {
                let body = json!({"schemas": [GROUP], "displayName": format!("of {size}"), "members": crowd(0, size)});
                let made = scim.post("/Groups", body).await;
                let add = json!([{"op": "add", "path": "members", "value": crowd(size, 1)}]);
                (made.id(), scim.operate(&format!("/Groups/{}", made.id()), add).await)
            }
        };
        let (_, answer) = answer_of(999, &app).await;
        assert_eq!(answer.ok(200).body["members"].as_array().unwrap().len(), 1_000);
        let (id, answer) = answer_of(1_000, &app).await;
        answer.ok(204);
        let path = format!("/Groups/{id}?excludedAttributes=members");
        let rename = json!([{"op": "replace", "path": "displayName", "value": "renamed"}]);
        assert_eq!(app.scim.operate(&path, rename).await.ok(200).body["displayName"], "renamed");
    }
}
