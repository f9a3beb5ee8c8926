//! What clients may not change, by whatever way. RFC 7644 §3.5.2, RFC 7643 §7.

use super::{
    ALL, COMPAT, ENTERPRISE, LAX, RFC, STRICT, builtin_type, document, gadget, gadgets, patch,
    users,
};
use scim_core::ResourceType;
use serde_json::{Map, Value, json};

#[test]
fn what_is_read_only_is_refused_by_path_and_ignored_without() {
    users(
        ALL,
        r#"
        {} | replace | id | "2" | mutability
        {} | remove | id | | mutability
        {} | add | meta.created | "2011-05-13T04:42:34Z" | mutability
        {} | replace | groups | [{"value":"g"}] | mutability
        {} | add | groups | {"value":"g"} | mutability
        {} | add | groups[value eq "g"].display | "G" | mutability
        {} | remove | groups[value eq "g"] | | mutability
        {} | replace | $E:manager.displayName | "M" | mutability
        # the value it has is no change
        {} | replace | id | "1" | =
        {} | add | ID | "1" | =
        {"groups":[{"value":"g"}]} | replace | groups | [{"value":"g"}] | =
        {"groups":[{"value":"g"}]} | remove | groups | [{"value":"g"}] | mutability
        "#,
    );
    users(
        LAX,
        r#"
        {} | replace | | {"id":"2","meta":{"resourceType":"X"},"groups":[{"value":"g"}],"schemas":["urn:x"],"title":"b"} | {"title":"b"}
        {"groups":[{"value":"g"}]} | replace | | {"groups":[]} | =
        {} | replace | | {"id":null} | =
        "#,
    );
    users(
        ALL,
        r#"{} | add | $E:manager | {"value":"7","displayName":"M"} | {"$E":{"manager":{"value":"7"}}}"#,
    );
}

/// Every way to write a path, or a key of a value without one.
fn spellings(urn: &str, name: &str, sub: Option<&str>, is_list: bool) -> Vec<String> {
    let path = match sub {
        Some(sub) => format!("{name}.{sub}"),
        None => name.to_owned(),
    };
    let mut all = vec![
        path.clone(),
        path.to_uppercase(),
        format!("{urn}:{path}"),
        format!("{}:{}", urn.to_uppercase(), path.to_lowercase()),
    ];
    if is_list {
        let picks = [
            "value eq \"a\"",
            "value pr",
            "not (value eq \"zz\")",
            "type eq \"work\"",
        ];
        for filter in picks {
            let tail = sub.map(|sub| format!(".{sub}")).unwrap_or_default();
            all.push(format!("{name}[{filter}]{tail}"));
            all.push(format!("{urn}:{name}[{filter}]{}", tail.to_uppercase()));
        }
    }
    all
}

fn requests(spelling: &str, holder: &str, sub: Option<&str>) -> Vec<Value> {
    let values = [
        json!("x"),
        json!(null),
        json!(""),
        json!([]),
        json!({}),
        json!({"value": "x", "type": "work"}),
        json!([{"value": "x"}]),
        json!("{\"value\":\"x\"}"),
    ];
    let mut all = vec![json!([{"op": "remove", "path": spelling}])];
    for value in values {
        for op in ["add", "replace", "remove", "Replace"] {
            all.push(json!([{"op": op, "path": spelling, "value": value}]));
            all.push(json!([{"op": op, "value": {spelling: value}}]));
            if let Some(sub) = sub {
                let inside = json!({ sub: value });
                all.push(json!([{"op": op, "path": holder, "value": inside}]));
                all.push(json!([{"op": op, "value": {holder: inside}}]));
                all.push(json!([{"op": op, "value": {holder: {sub.to_uppercase(): value}}}]));
            }
        }
    }
    // Away with the holder and back again with another value.
    if let Some(sub) = sub {
        all.push(json!([
            {"op": "remove", "path": holder},
            {"op": "add", "path": holder, "value": {sub: "x", "colour": "red"}}
        ]));
        all.push(json!([{"op": "replace", "path": holder, "value": null}]));
        all.push(json!([{"op": "replace", "path": holder, "value": ""}]));
        all.push(json!([{"op": "replace", "path": holder, "value": []}]));
    }
    all
}

/// Whatever is sent, what `look` sees stays.
fn stays(
    resource_type: &ResourceType,
    before: &Map<String, Value>,
    requests: &[Value],
    look: impl Fn(&Map<String, Value>) -> Value,
) {
    let seen = look(before);
    assert!(!seen.is_null());
    for mode in ALL {
        for operations in requests {
            if let Ok(after) = patch(resource_type, *mode, before, operations) {
                assert_eq!(look(&after), seen, "{mode:?}: {operations}");
            }
        }
    }
}

#[test]
fn nothing_changes_what_is_read_only() {
    let gadget = gadget::resource_type(false);
    let before = document(
        &gadget,
        ("label", "one"),
        &r#"{"stamp":"s","box":{"colour":"red","width":1,"owner":"o"},"log":[{"value":"a","type":"work"}],
             "$X":{"must":"m","owner":"o"}}"#
            .replace("$X", super::EXTRA),
    );
    let core = "urn:example:scim:2.0:Gadget";
    let extra = super::EXTRA;
    for (urn, name, sub, is_list, holder) in [
        (core, "stamp", None, false, ""),
        (core, "box", Some("owner"), false, "box"),
        (core, "log", None, true, ""),
        (core, "log", Some("value"), true, "log"),
        (extra, "owner", None, false, ""),
        (core, "id", None, false, ""),
    ] {
        for spelling in spellings(urn, name, sub, is_list) {
            let requests = requests(&spelling, holder, sub);
            let look = |after: &Map<String, Value>| match (urn == extra, name, sub) {
                (true, ..) => after[extra][name].clone(),
                (_, "box", Some(sub)) => after["box"][sub].clone(),
                _ => after[name].clone(),
            };
            stays(&gadget, &before, &requests, look);
        }
    }
    let extension = [
        json!([{"op": "remove", "path": extra}]),
        json!([{"op": "replace", "path": extra, "value": null}]),
        json!([{"op": "replace", "value": {extra: null}}]),
        json!([{"op": "replace", "path": extra, "value": {"owner": "x", "must": "n"}}]),
    ];
    stays(&gadget, &before, &extension, |after| {
        after[extra]["owner"].clone()
    });
}

#[test]
fn nothing_makes_what_is_read_only() {
    let gadget = gadget::resource_type(false);
    let before = document(
        &gadget,
        ("label", "one"),
        r#"{"parts":[{"value":"a","type":"work"}]}"#,
    );
    for spelling in spellings("urn:example:scim:2.0:Gadget", "parts", Some("made"), true) {
        for mode in ALL {
            for operations in requests(&spelling, "parts", Some("made")) {
                if let Ok(after) = patch(&gadget, *mode, &before, &operations) {
                    let text = Value::Object(after).to_string();
                    assert!(!text.contains("made"), "{mode:?}: {operations}");
                }
            }
        }
    }
    let user = builtin_type("User");
    let before = document(&user, ("userName", "ada"), "{}");
    for path in [
        "groups",
        "groups.value",
        "groups[value eq \"x\"]",
        "groups[value eq \"x\"].type",
    ] {
        for operations in requests(path, "groups", Some("value")) {
            for mode in ALL {
                if let Ok(after) = patch(&user, *mode, &before, &operations) {
                    assert!(!after.contains_key("groups"), "{mode:?}: {operations}");
                }
            }
        }
    }
}

#[test]
fn what_is_immutable_is_set_once() {
    gadgets(
        ALL,
        r#"
        {} | add | serial | "1" | {"serial":"1"}
        {} | replace | serial | "1" | {"serial":"1"}
        {"serial":"1"} | replace | serial | "1" | =
        {"serial":"1"} | replace | serial | "2" | mutability
        {"serial":"1"} | add | SERIAL | "2" | mutability
        {"serial":"1"} | remove | serial | | mutability
        {"serial":"1"} | replace | serial | null | mutability
        {} | remove | serial | | =
        {"seals":["a"]} | add | seals | ["a"] | =
        {"seals":["a"]} | add | seals | ["b"] | mutability
        {"seals":["a"]} | remove | seals[value eq "a"] | | mutability
        {"seals":["a"]} | remove | seals | [] | =
        {} | add | fixed.value | "a" | {"fixed":{"value":"a"}}
        {"fixed":{"value":"a"}} | replace | fixed.value | "b" | mutability
        {"fixed":{"value":"a"}} | add | fixed | {"other":"b"} | mutability
        {"box":{"colour":"red","seal":"s"}} | replace | box.seal | "t" | mutability
        {"box":{"colour":"red","seal":"s"}} | remove | box.seal | | mutability
        {"box":{"colour":"red","seal":"s"}} | add | box | {"seal":"t"} | mutability
        {"box":{"colour":"red","seal":"s"}} | add | box | {"seal":"s","width":2} | {"box":{"colour":"red","seal":"s","width":2}}
        {"box":{"colour":"red","seal":"s"}} | remove | box | | mutability
        {"box":{"colour":"red","seal":"s"}} | replace | box | null | mutability
        {"box":{"colour":"red"}} | add | box.seal | "s" | {"box":{"colour":"red","seal":"s"}}
        {"$X":{"must":"m","mark":"a"}} | replace | $X:mark | "b" | mutability
        {"$X":{"must":"m","mark":"a"}} | remove | $X:mark | | mutability
        {"$X":{"must":"m","mark":"a"}} | remove | $X | | mutability
        {"$X":{"must":"m","mark":"a"}} | replace | $X | null | mutability
        {"$X":{"must":"m"}} | add | $X | {"mark":"a"} | {"$X":{"must":"m","mark":"a"}}
        "#,
    );
    gadgets(
        LAX,
        r#"
        {"serial":"1"} | replace | | {"serial":"2"} | mutability
        {"serial":"1"} | replace | | {"serial":"1","code":"c"} | {"serial":"1","code":"c"}
        {"$X":{"must":"m","mark":"a"}} | add | | {"$X":{"mark":"b"}} | mutability
        {"$X":{"must":"m","mark":"a"}} | add | | {"$X:mark":"b"} | mutability
        "#,
    );
    // Strict replaces all of a complex value, but for what cannot be replaced.
    gadgets(
        STRICT,
        r#"{"box":{"colour":"red","width":1,"seal":"s","owner":"o"}} | replace | box | {"colour":"blue"} | {"box":{"colour":"blue","seal":"s","owner":"o"}}"#,
    );
}

#[test]
fn parts_of_elements_are_immutable_and_elements_are_not() {
    let members = r#""members":[{"value":"1","type":"User"},{"value":"2"}]"#;
    let lines = format!(
        r#"
        {{{members}}} | replace | members[value eq "1"].value | "3" | mutability
        {{{members}}} | replace | members[value eq "1"].value | "1" | =
        {{{members}}} | remove | members[value eq "1"].value | | mutability
        {{{members}}} | replace | members.value | "3" | mutability
        {{{members}}} | replace | members[value eq "1"] | {{"value":"3"}} | mutability
        {{{members}}} | add | members[value eq "2"].type | "User" | {{"members":[{{"value":"1","type":"User"}},{{"value":"2","type":"User"}}]}}
        {{{members}}} | remove | members[value eq "1"] | | {{"members":[{{"value":"2"}}]}}
        {{{members}}} | replace | members[value eq "1"] | null | {{"members":[{{"value":"2"}}]}}
        "#
    );
    super::groups(ALL, &lines);
    gadgets(
        RFC,
        r#"
        {"parts":[{"value":"a","serial":"1","made":"m"}]} | replace | parts[value eq "a"] | {"value":"b"} | {"parts":[{"value":"b","serial":"1","made":"m"}]}
        {"parts":[{"value":"a","serial":"1"}]} | replace | parts[value eq "a"] | {"serial":"2"} | mutability
        "#,
    );
    gadgets(
        COMPAT,
        r#"{"parts":[{"value":"a","made":"m"}]} | replace | parts[value eq "a"] | {"made":"x","type":"t"} | {"parts":[{"value":"a","made":"m","type":"t"}]}"#,
    );
}

#[test]
fn a_required_extension_stays() {
    let gadget = gadget::resource_type(true);
    let extra = super::EXTRA;
    let attributes = json!({ extra: {"must": "m"} }).to_string();
    let before = document(&gadget, ("label", "one"), &attributes);
    for mode in ALL {
        for operations in [
            json!([{"op": "remove", "path": extra}]),
            json!([{"op": "replace", "path": extra, "value": null}]),
            json!([{"op": "remove", "path": format!("{extra}:must")}]),
        ] {
            let error = patch(&gadget, *mode, &before, &operations).unwrap_err();
            assert!(error.is(scim_core::ScimType::Mutability), "{operations}");
        }
        let without = document(&gadget, ("label", "one"), "{}");
        let operations = json!([{"op": "add", "path": "code", "value": "c"}]);
        let error = patch(&gadget, *mode, &without, &operations).unwrap_err();
        assert_eq!(
            error.detail,
            format!("`{extra}`: this extension is required")
        );
    }
    // An extension that is there needs what it requires.
    gadgets(ALL, r#"{} | add | $X:free | "f" | invalidValue"#);
    assert_ne!(extra, ENTERPRISE);
}
