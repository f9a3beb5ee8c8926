//! `add`. RFC 7644 §3.5.2.1.

use super::{ALL, COMPAT, LAX, LETTER, STRICT, check, gadgets, groups, users};
use serde_json::json;

#[test]
fn add_needs_a_value() {
    users(
        ALL,
        r#"
        {} | add | title | | invalidValue
        {} | add | emails | | invalidValue
        {} | add | name.givenName | | invalidValue
        {} | add | emails[type eq "work"].value | | invalidValue
        {} | add | $E | | invalidValue
        "#,
    );
    users(LAX, "{} | add | | | invalidValue");
    users(LAX, "{} | add | | null | invalidValue");
    users(LAX, "{} | add | | [] | invalidValue");
    users(LAX, r#"{} | add | | "title" | invalidValue"#);
}

#[test]
fn without_a_path_each_member_is_added() {
    users(
        LAX,
        r#"
        {"title":"a","emails":[{"value":"a"}]} | add | | {"title":"b","nickName":"n","emails":[{"value":"b"}]} | {"title":"b","nickName":"n","emails":[{"value":"a"},{"value":"b"}]}
        {} | add | | {"TITLE":"b"} | {"title":"b"}
        {} | add | | {} | =
        {} | add | | {"$E":{"department":"d"},"title":"b"} | {"title":"b","$E":{"department":"d"}}
        "#,
    );
    users(STRICT, r#"{} | add | | {"title":"b"} | invalidSyntax"#);
}

#[test]
fn add_replaces_a_single_value_and_merges_a_complex_one() {
    users(
        ALL,
        r#"
        {} | add | title | "b" | {"title":"b"}
        {"title":"a"} | add | title | "b" | {"title":"b"}
        {"name":{"givenName":"A"}} | add | name | {"familyName":"L"} | {"name":{"givenName":"A","familyName":"L"}}
        {"name":{"givenName":"A"}} | add | name | {"givenName":"B"} | {"name":{"givenName":"B"}}
        {} | add | name | {"GIVENNAME":"A"} | {"name":{"givenName":"A"}}
        {} | add | name.givenName | "A" | {"name":{"givenName":"A"}}
        {"name":{"givenName":"A"}} | add | name | {"givenName":null} | {}
        {} | add | name | "Ada" | invalidValue
        {} | add | name | [{"givenName":"A"},{"givenName":"B"}] | invalidValue
        {} | add | externalId | "x" | {"externalId":"x"}
        "#,
    );
}

#[test]
fn add_appends_to_a_list() {
    users(
        ALL,
        r#"
        {} | add | emails | {"value":"a"} | {"emails":[{"value":"a"}]}
        {"emails":[{"value":"a"}]} | add | emails | {"value":"b"} | {"emails":[{"value":"a"},{"value":"b"}]}
        {"emails":[{"value":"a"}]} | add | emails | [{"value":"b"},{"value":"c"}] | {"emails":[{"value":"a"},{"value":"b"},{"value":"c"}]}
        {"emails":[{"value":"a"}]} | add | emails | [] | =
        {"emails":[{"value":"a"}]} | add | emails | null | =
        {"emails":[{"value":"a"}]} | add | emails | [null,{}] | =
        # the same type and value is the same element
        {"emails":[{"value":"a","type":"work"}]} | add | emails | {"value":"a","type":"work","display":"A"} | {"emails":[{"value":"a","type":"work","display":"A"}]}
        {"emails":[{"value":"a","type":"work"}]} | add | emails | {"value":"a","type":"home"} | {"emails":[{"value":"a","type":"work"},{"value":"a","type":"home"}]}
        {} | add | emails | [{"value":"a","type":"work"},{"value":"a","type":"work"}] | {"emails":[{"value":"a","type":"work"}]}
        {} | add | emails | {"value":1} | invalidValue
        "#,
    );
    gadgets(
        ALL,
        r#"
        {} | add | tags | ["a","b","A"] | {"tags":["a","b"]}
        {"tags":["a"]} | add | tags | "b" | {"tags":["a","b"]}
        {"tags":["a"]} | add | tags | ["A"] | =
        {"counts":[1]} | add | counts | [2,1] | {"counts":[1,2]}
        {} | add | counts | [1.5] | invalidValue
        {} | add | counts | ["1"] | invalidValue
        "#,
    );
}

#[test]
fn a_new_primary_element_takes_it_from_the_old_one() {
    users(
        ALL,
        r#"
        {"emails":[{"value":"a","primary":true}]} | add | emails | {"value":"b","primary":true} | {"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}
        {"emails":[{"value":"a","primary":true}]} | add | emails | {"value":"b","primary":false} | {"emails":[{"value":"a","primary":true},{"value":"b","primary":false}]}
        {"emails":[{"value":"a","primary":true},{"value":"b"}]} | add | emails[value eq "b"].primary | true | {"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}
        {"emails":[{"value":"a","primary":true},{"value":"b"}]} | add | emails[value eq "b"] | {"primary":true} | {"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}
        {"emails":[{"value":"a","primary":true},{"value":"b"}]} | add | emails[value eq "a"].display | "A" | {"emails":[{"value":"a","primary":true,"display":"A"},{"value":"b"}]}
        {"addresses":[{"type":"work","primary":true},{"type":"work","primary":false}]} | add | addresses | {"type":"home","primary":true} | {"addresses":[{"type":"work","primary":false},{"type":"home","primary":true}]}
        {} | add | emails | [{"value":"a","primary":true},{"value":"b","primary":true}] | invalidValue
        "#,
    );
    gadgets(
        ALL,
        r#"{"parts":[{"value":"a","primary":true}]} | add | parts | [{"value":"b","primary":true}] | {"parts":[{"value":"a","primary":false},{"value":"b","primary":true}]}"#,
    );
}

#[test]
fn add_through_a_filter_sets_what_it_picks() {
    users(
        ALL,
        r#"
        {"emails":[{"type":"work","value":"a"},{"type":"home","value":"h"}]} | add | emails[type eq "work"].value | "b" | {"emails":[{"type":"work","value":"b"},{"type":"home","value":"h"}]}
        {"emails":[{"type":"work","value":"a"}]} | add | emails[type eq "work"] | {"display":"A"} | {"emails":[{"type":"work","value":"a","display":"A"}]}
        {"emails":[{"type":"work","value":"a"},{"type":"work","value":"b"}]} | add | emails[type eq "work"].display | "d" | {"emails":[{"type":"work","value":"a","display":"d"},{"type":"work","value":"b","display":"d"}]}
        # two that become one
        {"emails":[{"type":"work","value":"a"},{"type":"work","value":"b"}]} | add | emails[type eq "work"].value | "c" | {"emails":[{"type":"work","value":"c"}]}
        {"emails":[{"type":"work","value":"a"}]} | add | emails[type eq "work"] | null | =
        "#,
    );
}

#[test]
fn a_bare_value_for_an_element_is_its_value_in_compat() {
    let line = r#"{"emails":[{"type":"work","value":"a"}]} | add | emails[type eq "work"] | "b" |"#;
    users(
        COMPAT,
        &format!(r#"{line} {{"emails":[{{"type":"work","value":"b"}}]}}"#),
    );
    users(LETTER, &format!("{line} invalidValue"));
}

#[test]
fn add_through_a_filter_that_picks_nothing_makes_the_element() {
    users(
        ALL,
        r#"
        {} | add | emails[type eq "work"].value | "a" | {"emails":[{"type":"work","value":"a"}]}
        {} | add | emails[type eq "nonexistent"].value | "a" | {"emails":[{"type":"nonexistent","value":"a"}]}
        {} | add | emails[type eq "work"] | {"value":"a"} | {"emails":[{"type":"work","value":"a"}]}
        {"emails":[{"type":"home","value":"h","primary":true}]} | add | emails[type eq "work"].value | "a" | {"emails":[{"type":"home","value":"h","primary":true},{"type":"work","value":"a"}]}
        {"emails":[{"type":"home","value":"h","primary":true}]} | add | emails[type eq "work" and primary eq true].value | "a" | {"emails":[{"type":"home","value":"h","primary":false},{"type":"work","primary":true,"value":"a"}]}
        {} | add | emails[value eq "a"].type | "work" | {"emails":[{"value":"a","type":"work"}]}
        {} | add | addresses[type eq "work"].formatted | "1 Street" | {"addresses":[{"type":"work","formatted":"1 Street"}]}
        # nothing to make
        {} | add | emails[type eq "work"].value | null | =
        # not an and-chain of eq, or one that nothing can satisfy
        {} | add | emails[type ne "work"].value | "a" | noTarget
        {} | add | emails[type eq "work" or type eq "home"].value | "a" | noTarget
        {} | add | emails[not (type eq "work")].value | "a" | noTarget
        {} | add | emails[type sw "w"].value | "a" | noTarget
        {} | add | emails[type eq "work" and type eq "home"].value | "a" | noTarget
        "#,
    );
    users(
        COMPAT,
        r#"
        {} | Add | roles[primary eq "True"].value | "Admin" | {"roles":[{"primary":true,"value":"Admin"}]}
        {} | Add | roles[primary eq "True"] | {"value":"Admin"} | {"roles":[{"primary":true,"value":"Admin"}]}
        "#,
    );
    users(
        LETTER,
        r#"{} | add | roles[primary eq "True"].value | "Admin" | invalidFilter"#,
    );
    gadgets(
        ALL,
        r#"
        {} | add | tags[value eq "a"] | "b" | {"tags":["b"]}
        {"tags":["a"]} | add | tags[value eq "A"] | "b" | {"tags":["b"]}
        {"tags":["a","b"]} | add | tags[value eq "a"] | "b" | {"tags":["b"]}
        {"parts":[{"value":"a","serial":"1"}]} | add | parts[value eq "a"].serial | "2" | mutability
        {"parts":[{"value":"a"}]} | add | parts[value eq "a"].serial | "2" | {"parts":[{"value":"a","serial":"2"}]}
        # the server alone says when a part was made
        {} | add | parts[made eq "x"].value | "a" | noTarget
        "#,
    );
}

#[test]
fn several_adds_through_one_filter_make_one_element() {
    let add = |sub: &str, value: &str| json!({"op": "Add", "path": format!("addresses[type eq \"work\"].{sub}"), "value": value});
    check(
        ALL,
        "{}",
        &json!([
            add("locality", "X"),
            add("country", "NL"),
            add("formatted", "1\nX")
        ]),
        &json!({"addresses": [{"type": "work", "locality": "X", "country": "NL", "formatted": "1\nX"}]}),
    );
}

#[test]
fn add_to_a_sub_attribute_of_a_list_goes_to_every_element() {
    users(
        ALL,
        r#"
        {"emails":[{"value":"a"},{"value":"b","type":"home"}]} | add | emails.type | "work" | {"emails":[{"value":"a","type":"work"},{"value":"b","type":"work"}]}
        {} | add | emails.value | "a" | {"emails":[{"value":"a"}]}
        {} | add | emails.value | null | =
        {"emails":[{"value":"a"},{"value":"b"}]} | add | emails.value | "c" | {"emails":[{"value":"c"}]}
        {"emails":[{"value":"a"},{"value":"b"}]} | add | emails.primary | true | invalidValue
        "#,
    );
}

#[test]
fn members_are_added_by_the_thousand_and_only_once() {
    groups(
        ALL,
        r#"
        {} | add | members | [{"value":"1"},{"value":"2"}] | {"members":[{"value":"1"},{"value":"2"}]}
        {"members":[{"value":"1"}]} | add | members | [{"value":"1"},{"value":"2"}] | {"members":[{"value":"1"},{"value":"2"}]}
        {"members":[{"value":"1"}]} | Add | members | [{"$ref":null,"value":"1"}] | =
        "#,
    );
    groups(
        COMPAT,
        r#"{"members":[{"value":"1","type":"User"}]} | Add | members | [{"value":"1"}] | ="#,
    );
    let members: Vec<_> = (0..5000)
        .map(|n| json!({"value": format!("m{n}")}))
        .collect();
    let group = super::builtin_type("Group");
    let before = super::document(&group, ("displayName", "all"), "{}");
    for mode in ALL {
        let add = json!([{"op": "add", "path": "members", "value": members}]);
        let all = super::patch(&group, *mode, &before, &add).unwrap();
        assert_eq!(all["members"].as_array().unwrap().len(), 5000);
        let again = super::patch(&group, *mode, &all, &add).unwrap();
        assert_eq!(again, all);
        let remove = json!([{"op": "remove", "path": "members", "value": members[1..]}]);
        let one = super::patch(&group, *mode, &all, &remove).unwrap();
        assert_eq!(one["members"], json!([{"value": "m0"}]));
    }
}
