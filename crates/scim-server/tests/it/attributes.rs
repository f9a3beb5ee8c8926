//! What a client may not write or see, whatever words it finds for it. RFC 7643 §2.2 and §7, RFC 7644 §3.5.

use serde_json::{Value, json};

use crate::support::client::{ENTERPRISE, USER, encode};
use crate::support::{Answer, Client, TestApp};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const FOREIGN: &str = "01890000-0000-7000-8000-00000000beef";

async fn ada(app: &TestApp) -> Answer {
    app.scim.create(json!({
        "userName": "ada", "name": {"givenName": "Ada"}, "emails": [{"value": "ada@example.com", "type": "work", "primary": true}], "password": "correct horse battery",
        ENTERPRISE: {"department": "Engines", "manager": {"value": "boss"}}
    })).await
}

/// Every way of saying "set this attribute": as a path in several spellings, and without a path.
fn ways(urn: &str, path: &str, value: &Value) -> Vec<Value> {
    let mut ways = Vec::new();
    let (first, rest) = path
        .split_once('.')
        .map_or((path, None), |(first, rest)| (first, Some(rest)));
    let inner = rest.map_or_else(|| value.clone(), |rest| json!({rest: value}));
    for op in ["add", "replace", "Add", "REPLACE"] {
        for spelling in [
            path.to_owned(),
            path.to_uppercase(),
            format!("{urn}:{path}"),
            format!("{}:{path}", urn.to_uppercase()),
        ] {
            ways.push(json!([{"op": op, "path": spelling, "value": value}]));
        }
        ways.push(json!([{"op": op, "path": first, "value": inner}]));
        ways.push(json!([{"op": op, "value": {first: inner}}]));
        ways.push(json!([{"op": op, "value": {first.to_uppercase(): inner}}]));
        ways.push(json!([{"op": op, "value": {path: value}}]));
        ways.push(json!([{"op": op, "value": {format!("{urn}:{path}"): value}}]));
        // The URN of the core schema is no container: its attributes stand at the top.
        if urn == ENTERPRISE {
            ways.push(json!([{"op": op, "value": {urn: {first: inner}}}]));
        }
        // Whatever comes after a change that is fine is refused with it.
        ways.push(json!([{"op": "replace", "path": "title", "value": "changed"}, {"op": op, "path": path, "value": value}]));
    }
    for spelling in [path.to_owned(), format!("{urn}:{path}")] {
        ways.push(json!([{"op": "remove", "path": spelling}]));
    }
    ways
}

/// A value that would fit the attribute, if it could be written.
fn fitting(attribute: &Value) -> Value {
    let one = match attribute["type"].as_str().unwrap() {
        "boolean" => json!(true),
        "integer" | "decimal" => json!(7),
        "dateTime" => json!("2001-01-01T00:00:00Z"),
        "complex" => json!({"value": "intruder", "display": "intruder"}),
        _ => json!("intruder"),
    };
    if attribute["multiValued"] == true {
        json!([one])
    } else {
        one
    }
}

/// The paths of all attributes that a schema publishes as read-only, sub-attributes too.
fn read_only(schema: &Value) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for attribute in schema["attributes"].as_array().unwrap() {
        let name = attribute["name"].as_str().unwrap();
        if attribute["mutability"] == "readOnly" {
            found.push((name.to_owned(), fitting(attribute)));
        }
        for part in attribute["subAttributes"].as_array().into_iter().flatten() {
            if part["mutability"] == "readOnly" && attribute["multiValued"] != true {
                found.push((
                    format!("{name}.{}", part["name"].as_str().unwrap()),
                    fitting(part),
                ));
            }
        }
    }
    found
}

/// What a filter answers, without what is of the request.
fn verdict(answer: &Answer) -> (u16, Option<String>, Value) {
    (
        answer.status,
        answer.body["scimType"].as_str().map(str::to_owned),
        answer.body.get("Resources").cloned().unwrap_or_default(),
    )
}

async fn ask_all(client: &Client, filter: &str) -> Vec<(u16, Option<String>, Value)> {
    let mut all = Vec::new();
    for path in ["/Users", ""] {
        all.push(verdict(&client.filter(path, filter).await));
        all.push(verdict(
            &client
                .post(
                    &format!("{path}/.search"),
                    json!({"schemas": [SEARCH], "filter": filter}),
                )
                .await,
        ));
    }
    all
}

stories! {
    async fn the_id_in_the_path_wins_over_any_in_the_body(app) {
        let victim = app.scim.create(json!({"userName": "victim"})).await;
        let made = ada(&app).await;
        let (at, there) = (format!("/Users/{}", made.id()), format!("/Users/{}", victim.id()));
        let meta = json!({"resourceType": "Group", "created": "2001-01-01T00:00:00Z", "lastModified": "2001-01-01T00:00:00Z", "version": "W/\"77\"", "location": "http://evil/Users/1"});
        for id in [json!(victim.id()), json!(FOREIGN), json!(""), json!(7), Value::Null, json!(["a"]), json!({"a": 1})] {
            let body = json!({"schemas": [USER], "id": id, "ID2": 1, "userName": "ada", "meta": meta, "groups": [{"value": FOREIGN}]});
            let put = app.scim.put(&at, body).await;
            assert_eq!(put.ok(200).id(), made.id());
            assert_eq!(put.body["meta"]["created"], made.body["meta"]["created"]);
            assert_eq!(put.body["meta"]["location"], made.body["meta"]["location"]);
            assert_eq!(put.body["meta"]["resourceType"], "User");
            assert!(put.body.get("groups").is_none());
            let post = app.scim.post("/Users", json!({"schemas": [USER], "id": id, "userName": "new", "meta": meta, "groups": [{"value": FOREIGN}]})).await;
            assert!(post.ok(201).id() != victim.id() && post.id() != FOREIGN);
            assert_ne!(post.body["meta"]["created"], meta["created"]);
            assert!(post.body.get("groups").is_none());
            app.scim.delete(&format!("/Users/{}", post.id())).await.ok(204);
        }
        let seen = app.scim.get(&there).await;
        assert_eq!((seen.ok(200).text.as_str(), seen.header("etag")), (victim.text.as_str(), victim.header("etag")));
        // The victim's version does grow when it is the one that is written.
        app.scim.operate(&there, json!([{"op": "replace", "path": "title", "value": "x"}])).await.ok(200);
        assert_ne!(app.scim.get(&there).await.header("etag"), victim.header("etag"));
    }

    async fn what_is_published_as_read_only_cannot_be_written_in_any_words(app) {
        let made = ada(&app).await;
        let at = format!("/Users/{}", made.id());
        let before = app.scim.get(&at).await;
        let mut attributes = vec![
            (USER.to_owned(), "id".to_owned(), json!(FOREIGN)), (USER.to_owned(), "meta".to_owned(), json!({"version": "W/\"9\"", "created": "2001-01-01T00:00:00Z"})),
            (USER.to_owned(), "meta.created".to_owned(), json!("2001-01-01T00:00:00Z")), (USER.to_owned(), "meta.version".to_owned(), json!("W/\"9\"")),
        ];
        for urn in [USER, ENTERPRISE] {
            let schema = app.scim.get(&format!("/Schemas/{urn}")).await;
            attributes.extend(read_only(&schema.ok(200).body).into_iter().map(|(path, value)| (urn.to_owned(), path, value)));
        }
        assert!(attributes.iter().any(|(_, path, _)| path == "groups"), "{attributes:?}");
        for (urn, path, value) in &attributes {
            for operations in ways(urn, path, value) {
                let bare = urn == ENTERPRISE && !operations.to_string().to_lowercase().contains(&urn.to_lowercase());
                let named = |one: &Value| one["path"].as_str().is_some_and(|said| said.to_lowercase().ends_with(&path.to_lowercase()));
                let names_it = operations.as_array().unwrap().iter().any(named);
                let answer = app.scim.operate(&at, operations.clone()).await;
                if answer.status == 200 {
                    // In a value, what cannot be written is left out; what is beside it may be written.
                    assert!(!names_it, "{operations}: {}", answer.text);
                } else {
                    let kind = answer.body["scimType"].as_str().unwrap_or_default().to_owned();
                    answer.refused(400, Some(&kind));
                    let expected: &[&str] = if bare { &["mutability", "invalidPath", "invalidSyntax", "noTarget"] } else { &["mutability", "invalidSyntax", "invalidPath"] };
                    assert!(expected.contains(&kind.as_str()), "{operations}: {}", answer.text);
                }
                let now = app.scim.get(&at).await;
                assert_eq!(now.ok(200).text, before.text, "{operations}");
            }
        }
        // The same words do change what may be written.
        for operations in ways(USER, "nickName", &json!("Countess")) {
            let changed = app.scim.operate(&at, operations.clone()).await;
            let removes = operations[0]["op"] == "remove";
            assert_eq!(changed.ok(200).body.get("nickName").is_none(), removes, "{operations}: {}", changed.text);
        }
    }

    async fn six_ways_to_say_the_same_meet_the_same_verdict(app) {
        let made = ada(&app).await;
        let at = format!("/Users/{}", made.id());
        for (urn, path, value, kinds) in [
            (USER, "active", json!("perhaps"), &["invalidValue"][..]), (USER, "userName", json!(""), &["invalidValue", "mutability"]), (USER, "userName", json!(7), &["invalidValue"]),
            (USER, "name.givenName", json!(7), &["invalidValue"]), (USER, "emails", json!([{"value": 7}]), &["invalidValue"]), (ENTERPRISE, "department", json!(7), &["invalidValue"]),
            (USER, "profileUrl", json!({"a": 1}), &["invalidValue"]),
        ] {
            for operations in ways(urn, path, &value) {
                let text = operations.to_string().to_lowercase();
                // Without its URN an extension's attribute is another one; a removal has no value.
                if text.contains("remove") || (urn == ENTERPRISE && !text.contains(&urn.to_lowercase())) {
                    continue;
                }
                let answer = app.scim.operate(&at, operations.clone()).await;
                let kind = answer.body["scimType"].as_str().unwrap_or_default().to_owned();
                assert!(kinds.contains(&kind.as_str()), "{operations}: {}", answer.text);
                answer.refused(400, Some(&kind));
            }
        }
        assert_eq!(app.scim.get(&at).await.ok(200).body, made.body);
    }

    async fn a_password_is_never_seen_and_no_filter_tells(app) {
        let made = ada(&app).await;
        let at = format!("/Users/{}", made.id());
        let plain = app.scim.create(json!({"userName": "no password"})).await;
        let seen = |answer: &Answer| assert!(!answer.text.to_lowercase().contains("password\"") && !answer.text.contains("correct horse") && !answer.text.contains("$argon2"), "{}", answer.text);
        seen(&made);
        for answer in [
            app.scim.get(&at).await, app.scim.get(&format!("{at}?attributes=password")).await, app.scim.get(&format!("{at}?attributes=userName,PASSWORD,{USER}:password")).await, app.scim.get("/Users?attributes=password").await,
            app.scim.get("/Users?excludedAttributes=userName").await, app.scim.post("/Users/.search", json!({"schemas": [SEARCH], "attributes": ["password"]})).await,
            app.scim.operate(&at, json!([{"op": "replace", "path": "password", "value": "correct horse staple"}])).await,
            app.scim.operate(&format!("{at}?attributes=password"), json!([{"op": "add", "value": {"password": "correct horse again"}}])).await,
            app.scim.put(&format!("{at}?attributes=password"), json!({"schemas": [USER], "userName": "ada", "password": "correct horse thrice"})).await,
            app.scim.post("/Users?attributes=password", json!({"schemas": [USER], "userName": "third", "password": "correct horse"})).await,
        ] {
            assert!([200, 201].contains(&answer.status), "{}", answer.text);
            seen(&answer);
        }
        let (own, other) = (json!("correct horse thrice"), json!("another"));
        for operator in ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"] {
            for shape in ["password OP V", "PASSWORD OP V", "not (password OP V)", "userName pr and password OP V", "userName pr or password OP V", "urn:ietf:params:scim:schemas:core:2.0:User:password OP V"] {
                let filter = |value: &Value| shape.replace("OP", operator).replace('V', &value.to_string());
                let (right, wrong) = (ask_all(&app.scim, &filter(&own)).await, ask_all(&app.scim, &filter(&other)).await);
                assert_eq!(right, wrong, "{shape} {operator}");
                assert!(right.iter().all(|(status, ..)| *status == 400), "{shape} {operator}: {right:?}");
            }
        }
        for filter in ["password pr", "not (password pr)", "password eq null", "password.value pr", "password[value pr]"] {
            // At the root, an attribute that no type has is one without a value (RFC 7644 §3.4.2.1).
            let [users, by_search, ..] = &*ask_all(&app.scim, filter).await else { panic!() };
            assert_eq!((users.0, by_search.0), (400, 400), "{filter}");
        }
        for order in ["password", "PASSWORD", &format!("{USER}:password")] {
            app.scim.get(&format!("/Users?sortBy={}", encode(order))).await.refused(400, Some("invalidFilter"));
        }
        for path in ["emails[password eq \"x\"]", "password[value eq \"x\"]", "password.x"] {
            assert_eq!(app.scim.operate(&at, json!([{"op": "replace", "path": path, "value": "x"}])).await.status, 400, "{path}");
        }
        app.scim.get(&format!("/Users/{}", plain.id())).await.ok(200);
    }
}
