//! `remove`. RFC 7644 §3.5.2.2.

use super::{
    ALL, COMPAT, ENTERPRISE, LETTER, builtin_type, document, gadgets, groups, patch, users,
};
use serde_json::json;

#[test]
fn remove_without_a_path_is_no_target() {
    users(
        ALL,
        r#"
        {"title":"a"} | remove | | | noTarget
        {"title":"a"} | remove | | {"title":"a"} | noTarget
        "#,
    );
}

#[test]
fn remove_unassigns() {
    users(
        ALL,
        r#"
        {"title":"a"} | remove | title | | {}
        {"title":"a"} | remove | title | "b" | {}
        {"name":{"givenName":"A","familyName":"L"}} | remove | name.givenName | | {"name":{"familyName":"L"}}
        {"name":{"givenName":"A"}} | remove | name.givenName | | {}
        {"name":{"givenName":"A"}} | remove | name | | {}
        {"$E":{"department":"d","division":"v"}} | remove | $E:department | | {"$E":{"division":"v"}}
        {"$E":{"department":"d"}} | remove | $E:department | | {}
        {"$E":{"department":"d"},"title":"a"} | remove | $E | | {"title":"a"}
        {} | remove | $E | | =
        {"externalId":"x"} | remove | externalId | | {}
        "#,
    );
}

#[test]
fn what_is_required_cannot_be_removed() {
    users(ALL, "{} | remove | userName | | mutability");
    groups(ALL, "{} | remove | displayName | | mutability");
    gadgets(
        ALL,
        r#"
        {"box":{"colour":"red","width":1}} | remove | box.colour | | mutability
        {"box":{"colour":"red","width":1}} | remove | box | | {}
        {"$X":{"must":"m","free":"f"}} | remove | $X:must | | mutability
        {"$X":{"must":"m","free":"f"}} | remove | $X | | {}
        "#,
    );
}

#[test]
fn remove_takes_all_of_a_list_or_what_the_filter_picks() {
    users(
        ALL,
        r#"
        {"emails":[{"value":"a"},{"value":"b"}]} | remove | emails | | {}
        {"emails":[{"value":"a"},{"value":"b"}]} | remove | emails | null | {}
        {"emails":[{"value":"a"},{"value":"b"}]} | remove | emails[value eq "a"] | | {"emails":[{"value":"b"}]}
        {"emails":[{"value":"a"},{"value":"b"}]} | remove | emails[value sw "a" or value sw "b"] | | {}
        {"emails":[{"value":"a","type":"work"},{"value":"b","type":"work"},{"value":"c"}]} | remove | emails[type eq "WORK"] | | {"emails":[{"value":"c"}]}
        {"emails":[{"value":"a"}]} | remove | emails[type eq "work"] | | =
        {} | remove | emails[type eq "work"] | | =
        {} | remove | emails[type eq "work"].value | | =
        {"emails":[{"value":"a","type":"work","display":"A"}]} | remove | emails[type eq "work"].display | | {"emails":[{"value":"a","type":"work"}]}
        {"emails":[{"type":"work"}]} | remove | emails[type eq "work"].type | | {}
        {"emails":[{"value":"a","display":"A"},{"value":"b"}]} | remove | emails.display | | {"emails":[{"value":"a"},{"value":"b"}]}
        {"emails":[{"display":"A"}]} | remove | emails.display | | {}
        {} | remove | emails.display | | =
        "#,
    );
    gadgets(
        ALL,
        r#"
        {"tags":["a","b"]} | remove | tags[value eq "B"] | | {"tags":["a"]}
        {"counts":[1,2,3]} | remove | counts[value gt 1] | | {"counts":[1]}
        "#,
    );
}

#[test]
fn remove_with_a_list_of_values_takes_only_these() {
    groups(
        ALL,
        r#"
        {"members":[{"value":"1"},{"value":"2"}]} | Remove | members | [{"value":"1"}] | {"members":[{"value":"2"}]}
        {"members":[{"value":"1"},{"value":"2"}]} | Remove | members | {"value":"1"} | {"members":[{"value":"2"}]}
        {"members":[{"value":"1"},{"value":"2"}]} | Remove | members | [{"value":"1"},{"value":"2"}] | {}
        {"members":[{"value":"1"}]} | Remove | members | [{"value":"3"}] | =
        {"members":[{"value":"1"}]} | Remove | members | [] | =
        {"members":[{"value":"1"}]} | Remove | members | [{}] | =
        {"members":[{"value":"1"}]} | Remove | members | [null] | =
        {"members":[{"value":"1","type":"User"}]} | Remove | members | [{"$ref":null,"value":"1"}] | {}
        {"members":[{"value":"1"}]} | Remove | members | [{"value":"1","type":"User"}] | {}
        {"members":[{"value":"1"},{"value":"2"}]} | remove | members | null | {}
        {"members":[{"value":"1"},{"value":"2"}]} | remove | members | | {}
        {"members":[{"value":"1"},{"value":"2"}]} | remove | members[value eq "1"] | | {"members":[{"value":"2"}]}
        {"members":[{"value":"1"}]} | Remove | members | [{"value":1}] | invalidValue
        "#,
    );
    groups(
        COMPAT,
        r#"{"members":[{"value":"1"},{"value":"2"}]} | Remove | members | "1" | {"members":[{"value":"2"}]}"#,
    );
    groups(
        LETTER,
        r#"{"members":[{"value":"1"}]} | Remove | members | "1" | invalidValue"#,
    );
    users(
        ALL,
        r#"
        # a type that is named counts
        {"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]} | remove | emails | [{"value":"a","type":"work"}] | {"emails":[{"value":"a","type":"home"}]}
        {"addresses":[{"type":"work","locality":"X"},{"type":"home"}]} | remove | addresses | [{"type":"work"}] | {"addresses":[{"type":"home"}]}
        "#,
    );
    gadgets(
        ALL,
        r#"
        {"tags":["a","b"]} | remove | tags | ["B"] | {"tags":["a"]}
        {"tags":["a","b"]} | remove | tags | "a" | {"tags":["b"]}
        {"counts":[1,2]} | remove | counts | [1,3] | {"counts":[2]}
        "#,
    );
}

#[test]
fn a_stray_value_beside_a_typed_sub_attribute_is_ignored() {
    users(
        ALL,
        r#"
        {"emails":[{"type":"work","value":"a"}]} | Remove | emails[type eq "work"].value | "a" | {"emails":[{"type":"work"}]}
        {"emails":[{"type":"work","value":"a"}]} | Remove | emails[type eq "work"].value | "other" | {"emails":[{"type":"work"}]}
        {"emails":[{"type":"work","value":"a"}]} | Remove | emails[type eq "work"].value | {"x":1} | {"emails":[{"type":"work"}]}
        {"emails":[{"type":"work","value":"a"}]} | Remove | emails[type eq "work"] | "a" | {}
        "#,
    );
}

#[test]
fn schemas_follows_the_extensions() {
    let user = builtin_type("User");
    let before = document(&user, ("userName", "ada"), "{}");
    let core = scim_core::urn::USER;
    for mode in ALL {
        let path = format!("{ENTERPRISE}:department");
        let add = json!([{"op": "add", "path": path, "value": "d"}]);
        let with = patch(&user, *mode, &before, &add).unwrap();
        assert_eq!(with["schemas"], json!([core, ENTERPRISE]));
        let remove = json!([{"op": "remove", "path": path}]);
        let without = patch(&user, *mode, &with, &remove).unwrap();
        assert_eq!(without, before);
        assert_eq!(without["schemas"], json!([core]));
    }
}

#[test]
fn schemas_itself_is_not_changed() {
    users(
        ALL,
        r#"
        {} | add | schemas | ["$E"] | =
        {} | replace | schemas | ["urn:ietf:params:scim:schemas:core:2.0:User"] | =
        {"$E":{"department":"d"}} | replace | schemas | ["urn:ietf:params:scim:schemas:core:2.0:User"] | =
        {} | remove | schemas | | mutability
        {} | remove | schemas | ["$E"] | mutability
        {} | add | schemas | ["urn:x"] | mutability
        {} | replace | schemas | 7 | mutability
        "#,
    );
}
