//! What identity providers send, and that `rfc` and `strict` read the letter. RFC 7644 §3.5.2 as it is practised.

use super::{
    ALL, COMPAT, ENTERPRISE, LETTER, RFC, STRICT, builtin_type, check, document, error, gadgets,
    outcome, users,
};
use scim_core::{Mode, ScimType};
use serde_json::{Value, json};

#[test]
fn booleans_come_as_text() {
    users(
        COMPAT,
        r#"
        {"active":true} | Replace | active | "False" | {"active":false}
        {"active":false} | Add | active | "TRUE" | {"active":true}
        {"active":true} | replace | | {"active":"false"} | {"active":false}
        {"emails":[{"value":"a"}]} | Add | emails[value eq "a"].primary | "True" | {"emails":[{"value":"a","primary":true}]}
        {} | Add | emails | [{"value":"a","primary":"True"}] | {"emails":[{"value":"a","primary":true}]}
        {} | replace | active | "no" | invalidValue
        {} | replace | active | 0 | invalidValue
        "#,
    );
    users(
        LETTER,
        r#"
        {} | replace | active | "False" | invalidValue
        {} | add | emails | [{"value":"a","primary":"True"}] | invalidValue
        "#,
    );
    gadgets(
        COMPAT,
        r#"{} | add | flags | ["True","false",true] | {"flags":[true,false]}"#,
    );
    let found = error(
        Mode::Rfc,
        "{}",
        &json!([{"op": "add", "path": "active", "value": "False"}]),
    );
    assert_eq!(
        found.detail,
        "`active`: expected a boolean, found \"False\""
    );
}

#[test]
fn a_manager_has_many_shapes() {
    for path in [
        "manager",
        "$E:manager",
        "urn:IETF:params:scim:schemas:extension:enterprise:2.0:user:MANAGER",
    ] {
        for op in ["Add", "Replace"] {
            for value in [r#""7""#, r#"{"value":"7"}"#, r#"[{"value":"7"}]"#] {
                let after = r#"{"$E":{"manager":{"value":"7"}}}"#;
                users(COMPAT, &format!("{{}} | {op} | {path} | {value} | {after}"));
                users(COMPAT, &format!("{after} | {op} | {path} | {value} | ="));
                let old = r#"{"$E":{"manager":{"value":"6"}}}"#;
                users(
                    COMPAT,
                    &format!("{old} | {op} | {path} | {value} | {after}"),
                );
            }
            for value in [r#""""#, "null", r#"{"value":""}"#, "[]"] {
                let old = r#"{"$E":{"manager":{"value":"6"}}}"#;
                users(COMPAT, &format!("{old} | {op} | {path} | {value} | {{}}"));
                users(COMPAT, &format!("{{}} | {op} | {path} | {value} | ="));
            }
        }
    }
    users(
        COMPAT,
        r#"
        {} | Add | manager | [{"$ref":"../Users/7","value":"7"}] | {"$E":{"manager":{"$ref":"../Users/7","value":"7"}}}
        {} | replace | | {"manager":"7"} | {"$E":{"manager":{"value":"7"}}}
        {} | replace | | {"manager":{"value":"7"}} | {"$E":{"manager":{"value":"7"}}}
        {} | replace | | {"$E:manager":"7"} | {"$E":{"manager":{"value":"7"}}}
        {} | replace | | {"$E":{"manager":"7"}} | {"$E":{"manager":{"value":"7"}}}
        {} | replace | | {"$E:manager.value":"7"} | {"$E":{"manager":{"value":"7"}}}
        {"$E":{"manager":{"value":"7"}}} | replace | | {"manager":""} | {}
        {"$E":{"manager":{"value":"7"}}} | replace | $E:manager.value | "" | {}
        {"$E":{"manager":{"value":"7"}}} | Remove | manager | | {}
        {"$E":{"manager":{"value":"7"}}} | Remove | $E:manager | | {}
        {"$E":{"manager":{"value":"7"}}} | Remove | $E:manager.value | | {}
        {} | Add | manager | ["7"] | invalidValue
        {} | Add | manager | 7 | invalidValue
        {} | Add | manager | [{"value":"7"},{"value":"8"}] | invalidValue
        {} | Add | name | "Ada" | invalidValue
        "#,
    );
    users(
        LETTER,
        r#"
        {} | add | $E:manager | "7" | invalidValue
        {} | add | $E:manager | [{"value":"7"}] | invalidValue
        {} | add | manager | {"value":"7"} | invalidPath
        "#,
    );
    users(RFC, r#"{} | add | | {"manager":{"value":"7"}} | ="#);
}

#[test]
fn roles_come_as_json_inside_a_string() {
    let role = r#""{\"id\":\"06b0\",\"value\":\"Admin\",\"displayName\":\"The Admin\"}""#;
    let unpacked = r#"{"roles":[{"value":"Admin","display":"The Admin"}]}"#;
    for value in [
        role.to_owned(),
        format!("[{role}]"),
        format!(r#"{{"value":{role}}}"#),
        format!(r#"[{{"value":{role}}}]"#),
    ] {
        users(
            COMPAT,
            &format!("{{}} | Add | roles | {value} | {unpacked}"),
        );
        users(COMPAT, &format!("{unpacked} | Add | roles | {value} | ="));
        users(
            COMPAT,
            &format!("{unpacked} | Replace | roles | {value} | ="),
        );
        // What POST has made of it.
        let posted = r#"{"roles":[{"type":"WindowsAzureActiveDirectoryRole","value":"Admin","display":"The Admin","primary":false}]}"#;
        users(COMPAT, &format!("{posted} | Add | roles | {value} | ="));
    }
    users(
        COMPAT,
        r#"
        {"roles":[{"value":"User","primary":true}]} | Add | roles[primary eq "True"].value | "Admin" | {"roles":[{"value":"Admin","primary":true}]}
        {"roles":[{"value":"User","primary":true}]} | Replace | roles[primary eq "True"] | {"value":"Admin","displayName":"A"} | {"roles":[{"value":"Admin","primary":true,"display":"A"}]}
        # text that is JSON without being an element is a value as any other
        {} | Add | roles | [{"value":"{\"a\":1}"}] | {"roles":[{"value":"{\"a\":1}"}]}
        {} | Add | roles | "{not json}" | {"roles":[{"value":"{not json}"}]}
        "#,
    );
    users(
        LETTER,
        r#"
        {} | add | roles | [{"value":"{\"value\":\"Admin\"}"}] | {"roles":[{"value":"{\"value\":\"Admin\"}"}]}
        {} | add | roles | "Admin" | invalidValue
        "#,
    );
    users(
        RFC,
        r#"{} | add | roles | [{"value":"A","displayName":"x"}] | {"roles":[{"value":"A"}]}"#,
    );
    users(
        STRICT,
        r#"{} | add | roles | [{"value":"A","displayName":"x"}] | invalidSyntax"#,
    );
}

#[test]
fn elements_of_a_simple_list_come_wrapped() {
    gadgets(
        COMPAT,
        r#"
        {} | Add | tags | [{"value":"1"}] | {"tags":["1"]}
        {"tags":["1"]} | Add | tags | [{"value":"1"}] | =
        {"tags":["1"]} | Replace | tags | [{"value":"1"},{"value":"2"}] | {"tags":["1","2"]}
        {"tags":["1","2"]} | Remove | tags | [{"value":"1"}] | {"tags":["2"]}
        {"tags":["1"]} | Add | tags | [{"value":null}] | =
        {} | Add | counts | [{"value":1}] | {"counts":[1]}
        {} | Add | tags | [{"value":"1","type":"x"}] | invalidValue
        {} | Add | $X | {"must":"m","words":[{"value":"1"}]} | {"$X":{"must":"m","words":["1"]}}
        "#,
    );
    gadgets(
        LETTER,
        r#"{} | add | tags | [{"value":"1"}] | invalidValue"#,
    );
}

#[test]
fn emails_come_as_text_or_as_one_object() {
    users(
        COMPAT,
        r#"
        {} | replace | emails | "a@x" | {"emails":[{"value":"a@x"}]}
        {} | replace | emails | ["a@x","b@x"] | {"emails":[{"value":"a@x"},{"value":"b@x"}]}
        {"emails":[{"value":"a"}]} | replace | emails | "" | {}
        {} | replace | addresses | "1 Street" | invalidValue
        "#,
    );
    users(
        ALL,
        r#"{} | replace | emails | {"value":"a@x"} | {"emails":[{"value":"a@x"}]}"#,
    );
    users(LETTER, r#"{} | replace | emails | "a@x" | invalidValue"#);
}

#[test]
fn a_leaver_leaves_whatever_else_is_sent() {
    let user = builtin_type("User");
    let before = document(&user, ("userName", "ada"), r#"{"active":true,"title":"a"}"#);
    let unknown = [
        json!({"op": "Replace", "path": "nosuch", "value": "x"}),
        json!({"op": "Add", "path": "urn:contoso:2.0:User:badge.no", "value": "x"}),
        json!({"op": "Remove", "path": "emails[type eq \"work\"].nosuch"}),
        json!({"op": "Replace", "path": "title", "value": "b"}),
    ];
    for leave in [
        json!({"op": "Replace", "path": "active", "value": "False"}),
        json!({"op": "Add", "path": "ACTIVE", "value": false}),
        json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:core:2.0:User:active", "value": false}),
        json!({"op": "replace", "value": {"active": false}}),
        json!({"op": "replace", "value": {"urn:ietf:params:scim:schemas:core:2.0:User:active": "false", "x": 1}}),
    ] {
        for first in [true, false] {
            let mut operations = unknown.to_vec();
            operations.insert(if first { 0 } else { operations.len() }, leave.clone());
            let operations = Value::Array(operations);
            let found = outcome(&user, Mode::Compat, &before, &operations).unwrap();
            assert_eq!(found.document["active"], false);
            assert_eq!(found.document["title"], "b");
            assert_eq!(
                found.skipped,
                ["nosuch", "urn:contoso:2.0:User:badge.no", "emails.nosuch"]
            );
            let found = outcome(&user, Mode::Rfc, &before, &operations).unwrap_err();
            assert!(
                [ScimType::InvalidPath, ScimType::InvalidValue].contains(&found.scim_type.unwrap())
            );
        }
    }
}

#[test]
fn only_who_leaves_may_be_unknown_beside() {
    for beside in [
        json!({"op": "replace", "path": "active", "value": true}),
        json!({"op": "remove", "path": "active", "value": false}),
        json!({"op": "replace", "path": "title", "value": "false"}),
        json!({"op": "replace", "value": {"title": "x"}}),
        json!({"op": "replace", "path": "urn:x:active", "value": false}),
    ] {
        check(
            ALL,
            r#"{"active":false}"#,
            &json!([{"op": "replace", "path": "nosuch", "value": "x"}, beside]),
            &json!("invalidPath"),
        );
    }
    // What is wrong with a known attribute stays wrong.
    let leave = json!({"op": "replace", "path": "active", "value": false});
    for (wrong, kind) in [
        (
            json!({"op": "replace", "path": "title", "value": 7}),
            "invalidValue",
        ),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (
            json!({"op": "replace", "path": "id", "value": "2"}),
            "mutability",
        ),
        (json!({"op": "remove", "path": "title."}), "invalidPath"),
    ] {
        check(ALL, "{}", &json!([leave, wrong]), &json!(kind));
    }
    for mode in LETTER {
        let operations = json!([leave, {"op": "replace", "path": "nosuch", "value": "x"}]);
        assert!(error(*mode, "{}", &operations).is(ScimType::InvalidPath));
    }
}

#[test]
fn many_attributes_at_once_as_entra_sends_them() {
    check(
        COMPAT,
        r#"{"active":true,"name":{"givenName":"A"},"emails":[{"type":"work","value":"a@x","primary":true}]}"#,
        &json!([
            {"op": "Replace", "path": "displayName", "value": "Bea"},
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "b@x"},
            {"op": "Add", "path": "phoneNumbers[type eq \"mobile\"].value", "value": "+1 (2) 3"},
            {"op": "Add", "path": format!("{ENTERPRISE}:manager"), "value": "7"},
            {"op": "replace", "value": {
                "name.givenName": "Bea",
                "name.familyName": "B",
                format!("{ENTERPRISE}:employeeNumber"): "42",
                "addresses[type eq \"work\"].formatted": "1 Street",
                "active": "True",
                "schemas": ["urn:contoso"]
            }}
        ]),
        &json!({
            "active": true,
            "displayName": "Bea",
            "name": {"givenName": "Bea", "familyName": "B"},
            "emails": [{"type": "work", "value": "b@x", "primary": true}],
            "phoneNumbers": [{"type": "mobile", "value": "+1 (2) 3"}],
            "addresses": [{"type": "work", "formatted": "1 Street"}],
            ENTERPRISE: {"manager": {"value": "7"}, "employeeNumber": "42"}
        }),
    );
}

#[test]
fn what_was_sent_is_kept_letter_by_letter() {
    users(
        ALL,
        r#"
        {"emails":[{"value":"A@X.org","type":"work"}]} | replace | emails[type eq "work"].value | "a@x.ORG" | {"emails":[{"value":"a@x.ORG","type":"work"}]}
        {} | add | phoneNumbers | {"value":"(030) 12 / 3"} | {"phoneNumbers":[{"value":"(030) 12 / 3"}]}
        {} | replace | title | " x " | {"title":" x "}
        {} | replace | title | "" | {"title":""}
        {} | replace | userName | "ADA" | {"userName":"ADA"}
        {} | replace | externalId | "a#EXT#'+/b" | {"externalId":"a#EXT#'+/b"}
        "#,
    );
}
