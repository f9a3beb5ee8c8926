//! The message around the operations, their order, and all or nothing. RFC 7644 §3.5.2.

use super::{ALL, COMPAT, LETTER, builtin_type, check, document, error, patch, users};
use scim_core::patch::{Op, PatchRequest};
use scim_core::{Mode, ScimType, json};
use serde_json::json;

fn read(mode: Mode, body: &str) -> Result<PatchRequest, ScimType> {
    let body = json::parse(body.as_bytes()).unwrap();
    PatchRequest::read(body, mode).map_err(|error| error.scim_type.unwrap())
}

const REMOVE: &str = r#""Operations":[{"op":"remove","path":"title"}]"#;
const URN: &str = r#""schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]"#;

#[test]
fn the_message_names_its_schema() {
    for mode in ALL {
        for good in [
            r#""schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]"#,
            r#""Schemas":["URN:IETF:params:scim:api:messages:2.0:patchop"]"#,
            r#""schemas":["urn:x","urn:ietf:params:scim:api:messages:2.0:PatchOp"]"#,
        ] {
            assert!(
                read(*mode, &format!("{{{good},{REMOVE}}}")).is_ok(),
                "{good}"
            );
        }
        for bad in [
            r#""schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]"#,
            r#""schemas":[]"#,
            r#""schemas":"urn:ietf:params:scim:api:messages:2.0:PatchOp""#,
            r#""schemas":[1]"#,
            r#""schemas":{}"#,
        ] {
            let found = read(*mode, &format!("{{{bad},{REMOVE}}}"));
            assert_eq!(found, Err(ScimType::InvalidSyntax), "{mode:?} {bad}");
        }
    }
}

#[test]
fn a_message_without_schemas_is_taken_in_compat_only() {
    for body in [
        format!("{{{REMOVE}}}"),
        format!("{{\"schemas\":null,{REMOVE}}}"),
    ] {
        assert!(read(Mode::Compat, &body).is_ok());
        for mode in LETTER {
            assert_eq!(read(*mode, &body), Err(ScimType::InvalidSyntax));
        }
    }
}

#[test]
fn there_is_at_least_one_operation() {
    for mode in ALL {
        for bad in [
            r#""x":1"#,
            r#""Operations":[]"#,
            r#""Operations":null"#,
            r#""Operations":{"op":"remove","path":"title"}"#,
            r#""Operations":["remove"]"#,
            r#""Operations":[null]"#,
            r#""Operations":[{"op":"remove","path":"title"},7]"#,
        ] {
            let found = read(*mode, &format!("{{{URN},{bad}}}"));
            assert_eq!(found, Err(ScimType::InvalidSyntax), "{bad}");
        }
        let lower = r#"{"OP":"remove","PATH":"title","VALUE":1}"#;
        let request = read(*mode, &format!("{{{URN},\"operations\":[{lower}]}}")).unwrap();
        assert_eq!(request.operations[0].path.as_deref(), Some("title"));
        assert_eq!(request.operations[0].value, Some(json!(1)));
    }
}

#[test]
fn the_verb_is_one_of_three_in_any_letter_case() {
    for (word, op) in [
        ("add", Op::Add),
        ("Add", Op::Add),
        ("REMOVE", Op::Remove),
        ("Remove", Op::Remove),
        ("replace", Op::Replace),
        ("rePlace", Op::Replace),
    ] {
        let body =
            format!(r#"{{{URN},"Operations":[{{"op":"{word}","path":"title","value":1}}]}}"#);
        assert_eq!(read(Mode::Rfc, &body).unwrap().operations[0].op, op);
    }
    for bad in [
        r#"{"path":"title"}"#,
        r#"{"op":null}"#,
        r#"{"op":1}"#,
        r#"{"op":""}"#,
        r#"{"op":"delete","path":"title"}"#,
        r#"{"op":"move"}"#,
        r#"{"op":" add"}"#,
    ] {
        let found = read(Mode::Compat, &format!(r#"{{{URN},"Operations":[{bad}]}}"#));
        assert_eq!(found, Err(ScimType::InvalidSyntax), "{bad}");
    }
}

#[test]
fn an_empty_path_is_no_path_and_another_type_is_invalid_path() {
    for path in ["null", "\"\"", "\"  \""] {
        let body = format!(r#"{{{URN},"Operations":[{{"op":"add","path":{path},"value":{{}}}}]}}"#);
        assert_eq!(read(Mode::Rfc, &body).unwrap().operations[0].path, None);
    }
    for path in ["1", "[]", "{}", "true", "[\"title\"]"] {
        let body = format!(r#"{{{URN},"Operations":[{{"op":"remove","path":{path}}}]}}"#);
        assert_eq!(read(Mode::Rfc, &body), Err(ScimType::InvalidPath), "{path}");
    }
}

#[test]
fn each_operation_sees_what_the_one_before_left() {
    check(
        ALL,
        r#"{"title":"a"}"#,
        &json!([
            {"op": "replace", "path": "title", "value": "b"},
            {"op": "remove", "path": "title"},
            {"op": "add", "path": "emails", "value": [{"type": "work", "value": "a@x"}]},
            {"op": "replace", "path": "emails[value eq \"a@x\"].type", "value": "home"},
            {"op": "add", "path": "emails[type eq \"home\"].display", "value": "Ada"}
        ]),
        &json!({"emails": [{"type": "home", "value": "a@x", "display": "Ada"}]}),
    );
}

#[test]
fn one_operation_that_fails_fails_all() {
    let operations = json!([
        {"op": "replace", "path": "title", "value": "b"},
        {"op": "replace", "path": "nosuch", "value": "b"}
    ]);
    let user = builtin_type("User");
    let before = document(&user, ("userName", "ada"), r#"{"title":"a"}"#);
    let kept = before.clone();
    for mode in ALL {
        let error = patch(&user, *mode, &before, &operations).unwrap_err();
        assert!(error.is(ScimType::InvalidPath));
        assert_eq!(before, kept);
    }
}

#[test]
fn the_result_as_a_whole_is_looked_at() {
    // Two operations that are each fine, and no userName at the end of them.
    let blank = json!([{"op": "replace", "path": "userName", "value": "  "}]);
    assert!(error(Mode::Compat, "{}", &blank).is(ScimType::InvalidValue));
    // A required attribute may be away between two operations only if neither takes it away.
    let twice = json!([{"op": "add", "path": "emails", "value": [
        {"value": "a", "primary": true}, {"value": "b", "primary": true}]}]);
    for mode in ALL {
        let error = error(*mode, "{}", &twice);
        assert!(error.is(ScimType::InvalidValue));
        assert_eq!(
            error.detail,
            "`emails`: only one element may have `primary` true"
        );
    }
}

#[test]
fn what_changes_nothing_is_seen_to_change_nothing() {
    users(
        ALL,
        r#"
        {"title":"a"} | replace | title | "a" | =
        {"title":"a"} | add | title | "a" | =
        {} | remove | title | | =
        {"name":{"givenName":"A","familyName":"L"}} | replace | name | {"familyName":"L","givenName":"A"} | =
        {"emails":[{"type":"work","value":"a"}]} | add | emails | {"value":"a","type":"work"} | =
        {"emails":[{"type":"work","value":"a","primary":true}]} | add | emails | [{"primary":true,"value":"a","type":"work"}] | =
        {"emails":[{"type":"work","value":"a"}]} | replace | emails | [{"value":"a","type":"work"}] | =
        {"emails":[{"type":"work","value":"a"}]} | remove | emails[type eq "home"] | | =
        {"addresses":[{"type":"work","locality":"X"}]} | add | addresses | {"locality":"X","type":"work"} | =
        {"active":true} | replace | active | true | =
        {"$E":{"department":"d"}} | replace | $E:department | "d" | =
        "#,
    );
    users(
        COMPAT,
        r#"
        {"active":true} | Replace | active | "True" | =
        {"active":false} | replace | | {"active":"false","id":"1","nosuch":1} | =
        {"roles":[{"type":"T","value":"Admin","display":"Admin"}]} | Add | roles | [{"value":"{\"id\":\"7\",\"value\":\"Admin\",\"displayName\":\"Admin\"}"}] | =
        {"$E":{"manager":{"value":"7"}}} | Add | manager | "7" | =
        "#,
    );
}

#[test]
fn passwords_are_found_wherever_they_stand() {
    let user = builtin_type("User");
    let mut request = read(
        Mode::Compat,
        &format!(
            r#"{{{URN},"Operations":[
            {{"op":"replace","path":"PASSWORD","value":"1"}},
            {{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:user:password","value":"2"}},
            {{"op":"replace","value":{{"password":"3","title":"x"}}}},
            {{"op":"replace","value":{{"URN:ietf:params:scim:schemas:core:2.0:User:Password":"4"}}}},
            {{"op":"replace","path":"title","value":"password"}},
            {{"op":"remove","path":"password"}}]}}"#
        ),
    )
    .unwrap();
    let found: Vec<String> = request
        .passwords_mut(&user)
        .into_iter()
        .map(|value| value.to_string())
        .collect();
    assert_eq!(found, [r#""1""#, r#""2""#, r#""3""#, r#""4""#]);
}
