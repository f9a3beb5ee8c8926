//! What a path may look like, and what it may not reach. RFC 7644 §3.5.2 and §3.10.

use super::{ALL, COMPAT, LAX, LETTER, RFC, STRICT, error, gadgets, users};
use scim_core::Mode;
use serde_json::json;

#[test]
fn names_and_urns_are_read_in_any_letter_case() {
    users(
        ALL,
        r#"
        {} | replace | TITLE | "b" | {"title":"b"}
        {} | replace | Name.GIVENname | "b" | {"name":{"givenName":"b"}}
        {} | replace | urn:ietf:params:scim:schemas:core:2.0:User:title | "b" | {"title":"b"}
        {} | replace | URN:IETF:params:scim:schemas:core:2.0:user:Title | "b" | {"title":"b"}
        {} | replace | urn:ietf:params:scim:schemas:core:2.0:User:name.givenName | "b" | {"name":{"givenName":"b"}}
        {} | add | urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq "work"].value | "b" | {"emails":[{"type":"work","value":"b"}]}
        {} | replace | URN:ietf:params:scim:schemas:EXTENSION:enterprise:2.0:user:Department | "b" | {"$E":{"department":"b"}}
        {} | replace | $E:manager.value | "7" | {"$E":{"manager":{"value":"7"}}}
        {"emails":[{"type":"work","value":"a"}]} | replace |   emails[ TYPE  EQ  "work" ].value  | "b" | {"emails":[{"type":"work","value":"b"}]}
        "#,
    );
}

#[test]
fn the_longest_urn_wins() {
    gadgets(
        ALL,
        r#"
        {} | add | $X:must | "m" | {"$X":{"must":"m"}}
        {} | add | URN:example:scim:2.0:gadget:EXTRA:must | "m" | {"$X":{"must":"m"}}
        {} | add | urn:example:scim:2.0:Gadget:code | "c" | {"code":"c"}
        {"$X":{"must":"m"}} | remove | $X | | {}
        {} | add | urn:example:scim:2.0:Gadget:must | "m" | invalidPath
        "#,
    );
}

#[test]
fn a_bare_extension_urn_is_the_whole_extension() {
    users(
        ALL,
        r#"
        {} | add | $E | {"department":"d"} | {"$E":{"department":"d"}}
        {"$E":{"division":"v"}} | add | $E | {"department":"d"} | {"$E":{"division":"v","department":"d"}}
        {"$E":{"department":"c","division":"v"}} | replace | $E | {"department":"d"} | {"$E":{"department":"d","division":"v"}}
        {} | add | $E | {"manager.value":"7"} | {"$E":{"manager":{"value":"7"}}}
        {"$E":{"department":"d"}} | remove | $E | | {}
        {"$E":{"department":"d"}} | add | $E | null | =
        {"$E":{"department":"d"}} | add | $E | {} | =
        {} | add | $E | "d" | invalidValue
        {} | add | $E | ["d"] | invalidValue
        {} | add | $E | {"department":7} | invalidValue
        {} | add | urn:ietf:params:scim:schemas:core:2.0:User | {"title":"b"} | invalidPath
        {} | add | urn:x:y | {"title":"b"} | invalidPath
        {} | remove | urn:x:y | | invalidPath
        "#,
    );
    // Clients copy `schemas` into it, and what else no schema has.
    users(
        LAX,
        r#"
        {} | add | $E | {"schemas":["$E"],"department":"d","nosuch":1} | {"$E":{"department":"d"}}
        {} | replace | | {"$E":{"schemas":["$E"],"department":"d"}} | {"$E":{"department":"d"}}
        {"$E":{"department":"d"}} | replace | | {"$E":null} | {}
        "#,
    );
    users(
        STRICT,
        r#"{} | add | $E | {"schemas":["$E"]} | invalidSyntax"#,
    );
    users(
        COMPAT,
        r#"{} | add | $E | {"manager":"7"} | {"$E":{"manager":{"value":"7"}}}"#,
    );
}

#[test]
fn malformed_paths_are_refused() {
    users(
        ALL,
        r#"
        {} | add | title. | "b" | invalidPath
        {} | add | .title | "b" | invalidPath
        {} | add | name..givenName | "b" | invalidPath
        {} | add | name.givenName.x | "b" | invalidPath
        {} | add | ti tle | "b" | invalidPath
        {} | add | 1title | "b" | invalidPath
        {} | add | title] | "b" | invalidPath
        {} | add | emails.value[type eq "work"] | "b" | invalidPath
        {} | add | emails[type eq "work"]value | "b" | invalidPath
        {} | add | emails[type eq "work"]. | "b" | invalidPath
        {} | add | emails[type eq "work"].value.x | "b" | invalidPath
        {} | add | emails[type eq "work"][type eq "work"] | "b" | invalidPath
        {} | add | /title | "b" | invalidPath
        {} | add | $E[department eq "d"] | "b" | invalidPath
        {} | add | $E: | "b" | invalidPath
        {} | add | title,nickName | "b" | invalidPath
        # a single value has nothing to pick from
        {} | add | title[value eq "a"] | "b" | invalidPath
        {} | add | name[givenName eq "a"].familyName | "b" | invalidPath
        "#,
    );
}

#[test]
fn bad_filters_in_paths_are_refused_and_pick_nothing() {
    users(
        ALL,
        r#"
        {"emails":[{"value":"a"}]} | remove | emails[] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[value] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[value eq a] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[value eq 'a'] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[value eq "a" | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[value xx "a"] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[nosuch eq "a"] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[value eq 7] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[primary gt true] | | invalidFilter
        {"emails":[{"value":"a"}]} | remove | emails[value[x eq "a"]] | | invalidFilter
        {} | remove | emails[nosuch eq "a"] | | invalidFilter
        "#,
    );
    gadgets(
        ALL,
        r#"{"parts":[{"value":"a","key":"k"}]} | remove | parts[key eq "k"] | | invalidFilter"#,
    );
}

#[test]
fn paths_no_schema_has_are_refused() {
    users(
        ALL,
        r#"
        {} | add | nosuch | "b" | invalidPath
        {} | remove | nosuch | | invalidPath
        {} | replace | name.nosuch | "b" | invalidPath
        {} | replace | title.value | "b" | invalidPath
        {} | replace | emails[type eq "work"].nosuch | "b" | invalidPath
        {} | replace | urn:x:title | "b" | invalidPath
        {} | replace | $E:title | "b" | invalidPath
        {} | replace | urn:ietf:params:scim:schemas:core:2.0:User:department | "b" | invalidPath
        {} | replace | urn:ietf:params:scim:schemas:core:2.0:Group:displayName | "b" | invalidPath
        "#,
    );
    // Compat finds the attributes of an extension without its URN.
    users(
        COMPAT,
        r#"
        {} | replace | department | "d" | {"$E":{"department":"d"}}
        {} | replace | manager.value | "7" | {"$E":{"manager":{"value":"7"}}}
        "#,
    );
    users(LETTER, r#"{} | replace | department | "d" | invalidPath"#);
    let found = error(
        Mode::Compat,
        "{}",
        &json!([{"op": "remove", "path": "nosuch"}]),
    );
    assert_eq!(
        found.detail,
        "`nosuch`: no schema of User has this attribute"
    );
}

#[test]
fn names_of_other_languages_objects_reach_nothing() {
    for name in [
        "__proto__",
        "__proto__.isAdmin",
        "constructor",
        "constructor.prototype",
        "prototype",
        "toString",
        "valueOf",
        "hasOwnProperty",
        "name.__proto__",
        "name.constructor",
        "name.constructor.prototype",
        "emails[type eq \"work\"].__proto__",
        "emails[type eq \"work\"].constructor",
        "urn:x:__proto__",
        "urn:ietf:params:scim:schemas:core:2.0:User:__proto__",
        "$E:__proto__",
        "$E:constructor",
        "name.",
        ".",
        "[]",
        "schemas.0",
    ] {
        users(
            ALL,
            &format!("{{}} | add | {name} | {{\"isAdmin\":true}} | invalidPath"),
        );
        users(
            ALL,
            &format!("{{}} | replace | {name} | \"x\" | invalidPath"),
        );
        users(ALL, &format!("{{}} | remove | {name} | | invalidPath"));
        let key = json!({ name: {"isAdmin": true} }).to_string();
        users(LAX, &format!("{{}} | add | | {key} | ="));
        users(LAX, &format!("{{}} | replace | | {key} | ="));
        users(LAX, &format!("{{}} | add | | {{\"$E\":{key}}} | ="));
        users(LAX, &format!("{{}} | add | name | {key} | ="));
        users(LAX, &format!("{{}} | add | emails | {key} | ="));
        users(LAX, &format!("{{}} | add | $E | {key} | ="));
        users(
            STRICT,
            &format!("{{}} | add | name | {key} | invalidSyntax"),
        );
    }
}

#[test]
fn keys_of_a_value_without_path_may_be_paths() {
    users(
        LAX,
        r#"
        {"name":{"familyName":"L"}} | Replace | | {"name.givenName":"A","name.familyName":"M"} | {"name":{"familyName":"M","givenName":"A"}}
        {} | Add | | {"$E:department":"d","$E:manager.value":"7"} | {"$E":{"department":"d","manager":{"value":"7"}}}
        {} | Add | | {"urn:ietf:params:scim:schemas:core:2.0:User:title":"b"} | {"title":"b"}
        {} | Add | | {"emails[type eq \"work\"].value":"a","emails[type eq \"home\"].value":"h"} | {"emails":[{"type":"work","value":"a"},{"type":"home","value":"h"}]}
        {"emails":[{"type":"work","value":"a"}]} | Replace | | {"emails[type eq \"work\"].value":"b","active":true} | {"emails":[{"type":"work","value":"b"}],"active":true}
        {"emails":[{"type":"work","value":"a"}]} | Replace | | {"emails[type eq \"work\"].value":null} | {"emails":[{"type":"work"}]}
        # what no schema has does not stop the rest
        {} | Replace | | {"nosuch":1,"a b":2,"name.nosuch":3,"urn:x:y":4,"title":"b"} | {"title":"b"}
        # a value that does not fit does
        {} | Replace | | {"title":7,"nickName":"n"} | invalidValue
        "#,
    );
    users(
        COMPAT,
        r#"{} | Replace | | {"emails[type eq \"work\"].value":"a"} | {"emails":[{"type":"work","value":"a"}]}"#,
    );
    users(
        RFC,
        r#"{} | Replace | | {"emails[type eq \"work\"].value":"a"} | noTarget"#,
    );
}
