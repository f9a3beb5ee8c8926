//! What of a resource outlives a PUT. RFC 7644 §3.5.1.

use scim_core::Mode;
use scim_core::resource::canon::Message;
use scim_core::resource::{arrange, changed, replace};
use serde_json::Value;

use super::{ALL, canonical, gadget, map, rows, user, words};

/// Lines `stored | sent | result`.
fn puts(resource_type: &scim_core::ResourceType, lines: &str) {
    for row in rows(lines) {
        let [stored, sent, result] = &row[..] else {
            panic!("three columns: {row:?}");
        };
        let sent = sent.replacen(
            '{',
            &format!(r#"{{"schemas":["{}"],"#, resource_type.schema.id),
            1,
        );
        let sent = sent.replace(",}", "}");
        for mode in ALL {
            let mut new = canonical(resource_type, *mode, Message::Replace, &sent).unwrap();
            let stored = arrange(resource_type, map(stored), "1");
            let found = match replace::carry_over(resource_type, &stored, &mut new) {
                Ok(()) => Value::Object(arrange(resource_type, new, "1")),
                Err(error) => words(&error).into(),
            };
            let expected = if result.starts_with('{') {
                Value::Object(arrange(resource_type, map(result), "1"))
            } else {
                result.replace("$X", super::EXTRA).into()
            };
            assert_eq!(found, expected, "{mode:?} {row:?}");
        }
    }
}

#[test]
fn what_is_left_out_is_cleared_but_for_access_and_secrets() {
    puts(
        &user(),
        r#"
        {"userName":"ada","title":"a","externalId":"x"} | {"userName":"ada"} | {"userName":"ada"}
        {"userName":"ada","emails":[{"value":"a"}]} | {"userName":"bea","emails":[{"value":"b"}]} | {"userName":"bea","emails":[{"value":"b"}]}
        {"userName":"ada","title":"a"} | {"userName":"ada","title":null} | {"userName":"ada"}
        {"userName":"ada","$E":{"department":"d"}} | {"userName":"ada"} | {"userName":"ada"}
        {"userName":"ada","$E":{"department":"d","division":"v"}} | {"userName":"ada","$E":{"division":"w"}} | {"userName":"ada","$E":{"division":"w"}}
        # nobody is deactivated, or activated, by saying nothing
        {"userName":"ada","active":true} | {"userName":"ada"} | {"userName":"ada","active":true}
        {"userName":"ada","active":false} | {"userName":"ada"} | {"userName":"ada","active":false}
        {"userName":"ada","active":false} | {"userName":"ada","active":null} | {"userName":"ada","active":false}
        {"userName":"ada","active":false} | {"userName":"ada","active":true} | {"userName":"ada","active":true}
        {"userName":"ada","password":"hash"} | {"userName":"ada"} | {"userName":"ada","password":"hash"}
        {"userName":"ada","password":"hash"} | {"userName":"ada","password":"new"} | {"userName":"ada","password":"new"}
        # read back and sent again with what only the server sets
        {"userName":"ada","groups":[{"value":"g"}]} | {"id":"7","meta":{"resourceType":"X"},"groups":[],"userName":"ada"} | {"userName":"ada","groups":[{"value":"g"}]}
        "#,
    );
}

#[test]
fn immutable_values_stay() {
    puts(
        &gadget::resource_type(false),
        r#"
        {"label":"l","serial":"1"} | {"label":"l"} | {"label":"l","serial":"1"}
        {"label":"l","serial":"1"} | {"label":"l","serial":null} | {"label":"l","serial":"1"}
        {"label":"l","serial":"1"} | {"label":"m","serial":"1"} | {"label":"m","serial":"1"}
        {"label":"l","serial":"1"} | {"label":"l","serial":"2"} | mutability: `serial` is immutable and has another value
        {"label":"l"} | {"label":"l","serial":"2"} | {"label":"l","serial":"2"}
        {"label":"l","seals":["a"]} | {"label":"l","seals":["a","b"]} | mutability: `seals` is immutable and has another value
        {"label":"l","fixed":{"value":"a"}} | {"label":"l","fixed":{"value":"b"}} | mutability: `fixed` is immutable and has another value
        {"label":"l","fixed":{"value":"a"}} | {"label":"l"} | {"label":"l","fixed":{"value":"a"}}
        # parts
        {"label":"l","box":{"colour":"red","seal":"s","owner":"o","key":"k"}} | {"label":"l","box":{"colour":"blue","owner":"x"}} | {"label":"l","box":{"colour":"blue","seal":"s","owner":"o","key":"k"}}
        {"label":"l","box":{"colour":"red","seal":"s"}} | {"label":"l","box":{"colour":"red","seal":"t"}} | mutability: `box.seal` is immutable and has another value
        {"label":"l","box":{"colour":"red","seal":"s","width":1}} | {"label":"l"} | {"label":"l","box":{"seal":"s"}}
        {"label":"l","box":{"colour":"red"}} | {"label":"l"} | {"label":"l"}
        # in an extension
        {"label":"l","$X":{"must":"m","mark":"a"}} | {"label":"l","$X":{"must":"m","mark":"b"}} | mutability: `$X:mark` is immutable and has another value
        {"label":"l","$X":{"must":"m","mark":"a","owner":"o"}} | {"label":"l","$X":{"must":"n","owner":"x"}} | {"label":"l","$X":{"must":"n","mark":"a","owner":"o"}}
        {"label":"l","$X":{"must":"m","owner":"o"}} | {"label":"l"} | {"label":"l","$X":{"owner":"o"}}
        # `active` of an extension is an attribute as any other
        {"label":"l","$X":{"must":"m","active":true}} | {"label":"l","$X":{"must":"m"}} | {"label":"l","$X":{"must":"m"}}
        # what no answer shows
        {"label":"l","secret":"s","pin":"p"} | {"label":"l"} | {"label":"l","secret":"s"}
        "#,
    );
}

#[test]
fn the_same_again_changes_nothing() {
    let user = user();
    let text = r#"{"schemas":["$U","$E"],"id":"1","meta":{"version":"x"},"userName":"Ada","active":true,
        "emails":[{"primary":true,"value":"a"}],"$E":{"manager":{"value":"7"}}}"#;
    let stored = canonical(&user, Mode::Compat, Message::Create, text).unwrap();
    let stored = arrange(&user, stored, "1");
    let mut again = canonical(&user, Mode::Compat, Message::Replace, text).unwrap();
    replace::carry_over(&user, &stored, &mut again).unwrap();
    let again = arrange(&user, again, "1");
    assert_eq!(changed(&stored, &again), Vec::<String>::new());
    assert_eq!(
        Value::Object(stored).to_string(),
        Value::Object(again).to_string()
    );
}

#[test]
fn changes_are_named() {
    for row in rows(
        r#"
        {"userName":"a"} | {"userName":"a"}
        {"userName":"a"} | {"userName":"b","title":"t"} | title userName
        {"emails":[{"value":"a"}]} | {} | emails
        {"name":{"givenName":"A"}} | {"name":{"givenName":"B"}} | name
        {"$E":{"department":"d","division":"v"}} | {"$E":{"division":"w"}} | $E:department $E:division
        {"$E":{"department":"d"}} | {} | $E:department
        {} | {"schemas":["$U"],"active":true} | active
        "#,
    ) {
        let names = changed(&map(&row[0]), &map(&row[1])).join(" ");
        let expected = row.get(2).cloned().unwrap_or_default();
        assert_eq!(names, expected.replace("$E", super::ENTERPRISE), "{row:?}");
    }
}
