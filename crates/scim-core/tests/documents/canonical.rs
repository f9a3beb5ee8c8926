//! The canonical form of a body. RFC 7643 §2, RFC 7644 §3.3.

use scim_core::resource::arrange;
use scim_core::resource::canon::{Canon, Message};
use scim_core::{Mode, ResourceType};
use serde_json::{Value, json};

use super::{
    ALL, COMPAT, ENTERPRISE, LAX, LETTER, RFC, STRICT, canonical, gadget, map, rows, user, words,
};

/// Lines `attributes sent | attributes kept`, or `| scimType: detail`.
fn check(resource_type: &ResourceType, modes: &[Mode], lines: &str) {
    let schema = &resource_type.schema.id;
    for row in rows(lines) {
        let [sent, kept] = &row[..] else {
            panic!("two columns: {row:?}");
        };
        let schemas = format!(r#"{{"schemas":["{schema}"]"#);
        let rest = sent.strip_prefix('{').unwrap();
        let comma = if rest.starts_with('}') { "" } else { "," };
        let body = format!("{schemas}{comma}{rest}");
        for mode in modes {
            for message in [Message::Create, Message::Replace] {
                let found = match canonical(resource_type, *mode, message, &body) {
                    Ok(document) => Value::Object(document).to_string(),
                    Err(error) => words(&error),
                };
                let kept = kept.replace("$E", ENTERPRISE).replace("$X", super::EXTRA);
                assert_eq!(found, kept, "{mode:?}: {sent}");
            }
        }
    }
}

fn users(modes: &[Mode], lines: &str) {
    check(&user(), modes, lines);
}

fn gadgets(modes: &[Mode], lines: &str) {
    check(&gadget::resource_type(false), modes, lines);
}

#[test]
fn names_take_the_letter_case_of_the_schema() {
    users(
        ALL,
        r#"
        {"USERNAME":"ada"} | {"userName":"ada"}
        {"Name":{"GIVENname":"A"},"EMAILS":[{"VALUE":"a","Type":"work"}]} | {"name":{"givenName":"A"},"emails":[{"value":"a","type":"work"}]}
        {"URN:ietf:params:scim:schemas:EXTENSION:enterprise:2.0:user":{"DEPARTMENT":"d"}} | {"$E":{"department":"d"}}
        "#,
    );
}

#[test]
fn what_is_unassigned_is_not_there() {
    users(
        ALL,
        r#"
        {"title":null} | {}
        {"title":[]} | {}
        {"emails":null} | {}
        {"emails":[]} | {}
        {"emails":[null]} | {}
        {"emails":[{}]} | {}
        {"emails":[{"value":null}]} | {}
        {"name":null} | {}
        {"name":{}} | {}
        {"name":{"givenName":null,"familyName":[]}} | {}
        {"active":null} | {}
        {"profileUrl":""} | {}
        {"$E":null} | {}
        {"$E":{}} | {}
        {"$E":[]} | {}
        {"$E":{"department":null}} | {}
        {"$E":{"manager":null}} | {}
        {"$E":{"manager":{"value":null}}} | {}
        # text may be empty
        {"title":""} | {"title":""}
        "#,
    );
    users(
        COMPAT,
        r#"
        {"$E":{"manager":""}} | {}
        {"$E":{"manager":{"value":""}}} | {}
        {"$E":{"department":"d","manager":{"value":""}}} | {"$E":{"department":"d"}}
        {"emails":""} | {}
        "#,
    );
}

#[test]
fn what_clients_may_not_set_is_ignored() {
    users(
        ALL,
        r#"
        {"id":"7"} | {}
        {"ID":{"x":1}} | {}
        {"meta":{"created":"yesterday"},"groups":[{"value":"g"}],"externalId":"x"} | {"externalId":"x"}
        {"groups":"none"} | {}
        {"$E":{"manager":{"value":"7","displayName":"M"}}} | {"$E":{"manager":{"value":"7"}}}
        "#,
    );
    gadgets(
        ALL,
        r#"
        {"stamp":"s","log":[{"value":"a"}],"box":{"owner":"o","colour":"red"}} | {"box":{"colour":"red"}}
        {"parts":[{"made":"m"}]} | {}
        {"serial":"1","secret":"2","fixed":{"value":"a"}} | {"serial":"1","secret":"2","fixed":{"value":"a"}}
        {"$X":{"owner":"o"}} | {}
        "#,
    );
}

#[test]
fn values_of_another_type_are_named() {
    gadgets(
        ALL,
        r#"
        {"label":7} | invalidValue: `label`: expected a string, found 7
        {"label":true} | invalidValue: `label`: expected a string, found a boolean
        {"label":["a"]} | invalidValue: `label`: expected a string, found an array
        {"label":{"a":1}} | invalidValue: `label`: expected a string, found an object
        {"on":1} | invalidValue: `on`: expected a boolean, found 1
        {"on":"yes"} | invalidValue: `on`: expected a boolean, found "yes"
        {"size":"1"} | invalidValue: `size`: expected a number, found "1"
        {"size":1} | {"size":1}
        {"size":1.5} | {"size":1.5}
        {"count":1} | {"count":1}
        {"count":-9223372036854775808} | {"count":-9223372036854775808}
        {"count":1.0} | invalidValue: `count`: expected an integer without fraction or exponent, found 1.0
        {"count":1e3} | invalidValue: `count`: expected an integer without fraction or exponent, found 1000.0
        {"count":9223372036854775808} | invalidValue: `count`: expected an integer without fraction or exponent, found 9223372036854775808
        {"count":"1"} | invalidValue: `count`: expected an integer without fraction or exponent, found "1"
        {"since":"2026-01-31T09:30:00Z"} | {"since":"2026-01-31T09:30:00Z"}
        {"since":"2026-01-31T09:30:00.123+01:00"} | {"since":"2026-01-31T09:30:00.123+01:00"}
        {"since":"2026-01-31"} | invalidValue: `since`: expected a dateTime such as "2026-01-31T09:30:00Z", found "2026-01-31"
        {"since":7} | invalidValue: `since`: expected a dateTime such as "2026-01-31T09:30:00Z", found 7
        {"link":7} | invalidValue: `link`: expected a reference (a string), found 7
        {"blob":"AAEC"} | {"blob":"AAEC"}
        {"blob":"-_8"} | {"blob":"-_8"}
        {"blob":"not base64!"} | invalidValue: `blob`: expected base64, found "not base64!"
        {"tags":[7]} | invalidValue: `tags[0]`: expected a string, found 7
        {"counts":[1,2.5]} | invalidValue: `counts[1]`: expected an integer without fraction or exponent, found 2.5
        {"box":{"width":"1"}} | invalidValue: `box.width`: expected an integer without fraction or exponent, found "1"
        {"box":7} | invalidValue: `box`: expected an object, found 7
        {"parts":[{"value":"a"},{"value":7}]} | invalidValue: `parts[1].value`: expected a string, found 7
        {"parts":[7]} | invalidValue: `parts[0]`: expected an object, found 7
        {"$X":7} | invalidValue: `$X`: expected an object, found 7
        {"$X":"m"} | invalidValue: `$X`: expected an object, found "m"
        {"$X":{"must":7}} | invalidValue: `$X:must`: expected a string, found 7
        "#,
    );
    gadgets(
        LETTER,
        r#"
        {"on":"true"} | invalidValue: `on`: expected a boolean, found "true"
        {"tags":"a"} | invalidValue: `tags`: expected an array, found "a"
        {"parts":{"value":"a"}} | invalidValue: `parts`: expected an array, found an object
        {"tags":[{"value":"a"}]} | invalidValue: `tags[0]`: expected a string, found an object
        "#,
    );
    let long = "x".repeat(200);
    let body = format!(r#"{{"schemas":["urn:example:scim:2.0:Gadget"],"on":"{long}"}}"#);
    let error = canonical(
        &gadget::resource_type(false),
        Mode::Rfc,
        Message::Create,
        &body,
    )
    .unwrap_err();
    assert!(error.detail.len() < 130, "{}", error.detail);
}

#[test]
fn compat_understands_what_clients_mean() {
    gadgets(
        COMPAT,
        r#"
        {"on":"True"} | {"on":true}
        {"on":"FALSE"} | {"on":false}
        {"on":""} | {}
        {"tags":"a"} | {"tags":["a"]}
        {"tags":[{"value":"a"}]} | {"tags":["a"]}
        {"parts":{"value":"a"}} | {"parts":[{"value":"a"}]}
        {"parts":"a"} | {"parts":[{"value":"a"}]}
        {"parts":["a",{"value":"b"}]} | {"parts":[{"value":"a"},{"value":"b"}]}
        {"fixed":"a"} | {"fixed":{"value":"a"}}
        {"fixed":[{"value":"a"}]} | {"fixed":{"value":"a"}}
        {"box":"a"} | invalidValue: `box`: expected an object, found "a"
        "#,
    );
    users(
        COMPAT,
        r#"
        {"manager":"7"} | {"$E":{"manager":{"value":"7"}}}
        {"manager":""} | {}
        {"Manager":{"value":"7"},"$E":{"department":"d"}} | {"$E":{"department":"d","manager":{"value":"7"}}}
        {"manager":"6","$E":{"manager":"7"}} | {"$E":{"manager":{"value":"7"}}}
        {"manager":7} | invalidValue: `manager`: expected an object, found 7
        {"roles":[{"primary":"False","type":"T","displayName":"A","value":"Admin"}]} | {"roles":[{"primary":false,"type":"T","display":"A","value":"Admin"}]}
        {"roles":["{\"value\":\"Admin\",\"displayName\":\"A\"}"]} | {"roles":[{"value":"Admin","display":"A"}]}
        {"roles":[]} | {}
        "#,
    );
    users(RFC, r#"{"manager":"7"} | {}"#);
    users(
        STRICT,
        r#"{"manager":"7"} | invalidSyntax: `manager`: no schema of User has this attribute"#,
    );
}

#[test]
fn equal_elements_are_one() {
    users(
        ALL,
        r#"
        {"emails":[{"value":"a","type":"work"},{"value":"a","type":"work"}]} | {"emails":[{"value":"a","type":"work"}]}
        {"emails":[{"value":"a","type":"work"},{"type":"WORK","value":"a","display":"A"}]} | {"emails":[{"value":"a","type":"WORK","display":"A"}]}
        {"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]} | {"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}
        {"emails":[{"value":"a","primary":true},{"value":"a","primary":false}]} | {"emails":[{"value":"a","primary":true}]}
        {"emails":[{"value":"a"},{"value":"a","primary":true}]} | {"emails":[{"value":"a","primary":true}]}
        {"addresses":[{"type":"work","locality":"X"},{"locality":"X","type":"work"}]} | {"addresses":[{"type":"work","locality":"X"}]}
        {"addresses":[{"type":"work","locality":"X"},{"type":"work","locality":"Y"}]} | {"addresses":[{"type":"work","locality":"X"},{"type":"work","locality":"Y"}]}
        "#,
    );
    gadgets(
        ALL,
        r#"
        {"tags":["a","b","A"]} | {"tags":["a","b"]}
        {"counts":[1,2,1]} | {"counts":[1,2]}
        "#,
    );
}

#[test]
fn unknown_attributes_are_dropped_unless_strict() {
    users(
        LAX,
        r#"
        {"nosuch":1,"title":"a"} | {"title":"a"}
        {"name":{"nosuch":1}} | {}
        {"emails":[{"nosuch":1,"value":"a"}]} | {"emails":[{"value":"a"}]}
        {"$E":{"nosuch":1}} | {}
        {"urn:x:y":{"a":1}} | {}
        {"__proto__":{"isAdmin":true},"constructor":1,"toString":null} | {}
        {"name.givenName":"A"} | {}
        "#,
    );
    users(
        STRICT,
        r#"
        {"nosuch":1} | invalidSyntax: `nosuch`: no schema of User has this attribute
        {"name":{"nosuch":1}} | invalidSyntax: `name.nosuch`: no schema of User has this attribute
        {"emails":[{"nosuch":1}]} | invalidSyntax: `emails[0].nosuch`: no schema of User has this attribute
        {"$E":{"nosuch":1}} | invalidSyntax: `$E:nosuch`: no schema of User has this attribute
        {"urn:x:y":{"a":1}} | invalidSyntax: `urn:x:y`: no schema of User has this attribute
        {"__proto__":{}} | invalidSyntax: `__proto__`: no schema of User has this attribute
        "#,
    );
}

#[test]
fn schemas_of_a_body() {
    // body | compat POST | compat PUT | rfc and strict
    for row in rows(
        r#"
        {"schemas":["$U"]} | ok | ok | ok
        {"SCHEMAS":["URN:ietf:params:scim:schemas:core:2.0:USER"]} | ok | ok | ok
        {"schemas":["$U","$E"]} | ok | ok | ok
        {"schemas":["$U","$U"]} | ok | ok | ok
        {} | invalidSyntax | ok | invalidSyntax
        {"schemas":null} | invalidSyntax | ok | invalidSyntax
        {"schemas":[]} | invalidSyntax | invalidSyntax | invalidSyntax
        {"schemas":"$U"} | invalidValue | invalidValue | invalidValue
        {"schemas":{}} | invalidValue | invalidValue | invalidValue
        {"schemas":[7]} | invalidValue | invalidValue | invalidValue
        {"schemas":["$U","urn:scim:schemas:core:1.0"]} | ok | ok | invalidValue
        {"schemas":["urn:scim:schemas:core:2.0"]} | ok | ok | invalidValue
        {"schemas":["$E"]} | ok | ok | invalidValue
        {"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]} | ok | ok | invalidValue
        "#,
    ) {
        let user = user();
        let kind = |mode, message| match canonical(&user, mode, message, &row[0]) {
            Ok(_) => "ok",
            Err(error) => error.scim_type.unwrap().as_str(),
        };
        assert_eq!(kind(Mode::Compat, Message::Create), row[1], "{row:?}");
        assert_eq!(kind(Mode::Compat, Message::Replace), row[2], "{row:?}");
        for mode in LETTER {
            assert_eq!(kind(*mode, Message::Create), row[3], "{row:?}");
            assert_eq!(kind(*mode, Message::Replace), row[3], "{row:?}");
        }
    }
}

#[test]
fn schemas_of_a_document_follow_its_data() {
    let user = user();
    for (sent, urns) in [
        (r#"{"schemas":["$U"]}"#, json!([scim_core::urn::USER])),
        (r#"{"schemas":["$U","$E"]}"#, json!([scim_core::urn::USER])),
        (
            r#"{"schemas":["$U"],"$E":{"department":"d"}}"#,
            json!([scim_core::urn::USER, ENTERPRISE]),
        ),
        (
            r#"{"schemas":["$U","$E"],"$E":{"department":null}}"#,
            json!([scim_core::urn::USER]),
        ),
    ] {
        let document = canonical(&user, Mode::Rfc, Message::Create, sent).unwrap();
        assert_eq!(arrange(&user, document, "1")["schemas"], urns, "{sent}");
    }
}

#[test]
fn documents_stand_in_the_order_of_the_schemas() {
    let sent = r#"{"$E":{"department":"d"},"emails":[{"value":"a"}],"name":{"givenName":"A"},
        "externalId":"x","userName":"ada","schemas":["$U"]}"#;
    let user = user();
    let document = canonical(&user, Mode::Rfc, Message::Create, sent).unwrap();
    let document = arrange(&user, document, "1");
    let names: Vec<&str> = document.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "schemas",
            "id",
            "externalId",
            "userName",
            "name",
            "emails",
            ENTERPRISE
        ]
    );
    // Canonical form is its own canonical form.
    let canon = Canon {
        resource_type: &user,
        mode: Mode::Strict,
    };
    let again = canon.document(document.clone(), Message::Replace).unwrap();
    assert_eq!(arrange(&user, again, "1"), document);
    assert_eq!(map("{}").len(), 0);
}
