//! `replace`. RFC 7644 §3.5.2.3.

use super::{ALL, COMPAT, LAX, LETTER, RFC, STRICT, gadgets, groups, users};

#[test]
fn without_a_path_the_members_are_replaced() {
    users(
        LAX,
        r#"
        {"title":"a","nickName":"n","emails":[{"value":"a"}]} | replace | | {"title":"b","emails":[{"value":"b"}]} | {"title":"b","nickName":"n","emails":[{"value":"b"}]}
        {"active":true} | replace | | {"active":false} | {"active":false}
        {"title":"a"} | replace | | {"title":null} | {}
        {"emails":[{"value":"a"}]} | replace | | {"emails":[]} | {}
        {} | replace | | {} | =
        {} | replace | | | invalidValue
        {} | replace | | null | invalidValue
        "#,
    );
    users(
        STRICT,
        r#"{} | replace | | {"active":false} | invalidSyntax"#,
    );
}

#[test]
fn replace_sets_a_value_or_adds_it() {
    users(
        ALL,
        r#"
        {"title":"a"} | replace | title | "b" | {"title":"b"}
        {} | replace | title | "b" | {"title":"b"}
        {} | replace | userName | "bea" | {"userName":"bea"}
        {} | replace | name.givenName | "A" | {"name":{"givenName":"A"}}
        {"name":{"givenName":"A","familyName":"L"}} | replace | name.givenName | "B" | {"name":{"givenName":"B","familyName":"L"}}
        {} | replace | title | | invalidValue
        {} | replace | title | 7 | invalidValue
        {} | replace | title | ["b"] | invalidValue
        {} | replace | title | {"value":"b"} | invalidValue
        {} | replace | emails | {"value":"b"} | {"emails":[{"value":"b"}]}
        {} | replace | $E:department | "d" | {"$E":{"department":"d"}}
        "#,
    );
}

#[test]
fn replace_of_a_list_replaces_all_of_it() {
    users(
        ALL,
        r#"
        {"emails":[{"value":"a"},{"value":"b"}]} | replace | emails | [{"value":"c"}] | {"emails":[{"value":"c"}]}
        {"emails":[{"value":"a"},{"value":"b"}]} | replace | emails | {"value":"c"} | {"emails":[{"value":"c"}]}
        {"emails":[{"value":"a","primary":true}]} | replace | emails | [{"value":"c","primary":true}] | {"emails":[{"value":"c","primary":true}]}
        "#,
    );
    groups(
        ALL,
        r#"
        {"members":[{"value":"1"},{"value":"2"}]} | replace | members | [{"value":"3"}] | {"members":[{"value":"3"}]}
        {"members":[{"value":"1"}]} | replace | members | [] | {}
        {} | replace | displayName | "new" | {"displayName":"new"}
        "#,
    );
    // Another attribute leaves the members alone.
    groups(
        LAX,
        r#"{"members":[{"value":"1"}]} | replace | | {"id":"1","displayName":"new"} | {"displayName":"new","members":[{"value":"1"}]}"#,
    );
}

#[test]
fn replace_of_a_complex_value_merges_unless_strict() {
    let line =
        r#"{"name":{"givenName":"A","familyName":"L"}} | replace | name | {"givenName":"B"} |"#;
    users(
        LAX,
        &format!(r#"{line} {{"name":{{"givenName":"B","familyName":"L"}}}}"#),
    );
    users(STRICT, &format!(r#"{line} {{"name":{{"givenName":"B"}}}}"#));
    users(
        ALL,
        r#"
        {"name":{"givenName":"A","familyName":"L"}} | add | name | {"givenName":"B"} | {"name":{"givenName":"B","familyName":"L"}}
        {"name":{"givenName":"A"}} | replace | name | "A" | invalidValue
        "#,
    );
    users(
        LAX,
        r#"{"name":{"givenName":"A","familyName":"L"}} | replace | name | {"givenName":null} | {"name":{"familyName":"L"}}"#,
    );
}

#[test]
fn null_and_nothing_unassign() {
    users(
        ALL,
        r#"
        {"title":"a"} | replace | title | null | {}
        {"name":{"givenName":"A"}} | replace | name | null | {}
        {"name":{"givenName":"A"}} | replace | name | [] | {}
        {"name":{"givenName":"A"}} | replace | name.givenName | null | {}
        {"emails":[{"value":"a"}]} | replace | emails | null | {}
        {"emails":[{"value":"a"}]} | replace | emails | [] | {}
        {"emails":[{"value":"a","display":"A"}]} | replace | emails[value eq "a"].display | null | {"emails":[{"value":"a"}]}
        {"emails":[{"value":"a"},{"value":"b"}]} | replace | emails[value eq "a"] | null | {"emails":[{"value":"b"}]}
        {"emails":[{"value":"a"}]} | replace | emails[value eq "a"] | null | {}
        {} | replace | emails[value eq "a"] | null | =
        {} | replace | emails[type eq "x"].value | null | =
        {} | replace | emails.display | null | =
        {"$E":{"department":"d"}} | replace | $E | null | {}
        {"$E":{"manager":{"value":"7"}}} | replace | $E:manager | null | {}
        {"profileUrl":"https://x"} | replace | profileUrl | "" | {}
        # a required attribute cannot be unassigned, nor be blank
        {} | replace | userName | null | mutability
        {} | replace | userName | [] | mutability
        {} | replace | userName | "" | invalidValue
        {} | replace | userName | "  " | invalidValue
        "#,
    );
    users(
        COMPAT,
        r#"
        {"$E":{"manager":{"value":"7"}}} | replace | $E:manager | "" | {}
        {"emails":[{"value":"a"},{"value":"b"}]} | replace | emails[value eq "a"] | "" | {"emails":[{"value":"b"}]}
        {} | replace | emails[type eq "work"].value | "" | =
        "#,
    );
    gadgets(
        ALL,
        r#"
        {"box":{"colour":"red"}} | replace | box.colour | null | mutability
        {"box":{"colour":"red"}} | add | box | {"colour":null} | mutability
        {"tags":["a","b"]} | replace | tags[value eq "a"] | null | {"tags":["b"]}
        "#,
    );
}

#[test]
fn replace_through_a_filter_replaces_what_it_picks() {
    users(
        ALL,
        r#"
        {"emails":[{"type":"work","value":"a"},{"type":"home","value":"h"}]} | replace | emails[type eq "work"].value | "b" | {"emails":[{"type":"work","value":"b"},{"type":"home","value":"h"}]}
        {"emails":[{"type":"work","value":"a"},{"type":"work","value":"b"}]} | replace | emails[type eq "work"].display | "d" | {"emails":[{"type":"work","value":"a","display":"d"},{"type":"work","value":"b","display":"d"}]}
        {"emails":[{"type":"work","value":"a"}]} | replace | emails[type eq "work"] | {"type":"home","value":"b"} | {"emails":[{"type":"home","value":"b"}]}
        {"emails":[{"value":"a","primary":true},{"value":"b"}]} | replace | emails[value eq "b"].primary | true | {"emails":[{"value":"a","primary":false},{"value":"b","primary":true}]}
        {"emails":[{"type":"work","value":"a"}]} | replace | emails[type eq "work"].value | 7 | invalidValue
        {"emails":[{"type":"work","value":"a"}]} | replace | emails[type eq "work"].value | | invalidValue
        {"emails":[{"type":"work","value":"a"}]} | replace | emails[type eq "work"] | [{"value":"b"},{"value":"c"}] | invalidValue
        "#,
    );
    gadgets(
        ALL,
        r#"{"tags":["a","b"]} | replace | tags[value eq "a"] | "c" | {"tags":["c","b"]}"#,
    );
}

#[test]
fn a_partial_element_is_merged_in_compat_and_replaces_in_the_letter() {
    let line = r#"{"emails":[{"type":"work","value":"a","display":"A"}]} | replace | emails[type eq "work"] | {"value":"b"} |"#;
    users(
        COMPAT,
        &format!(r#"{line} {{"emails":[{{"type":"work","value":"b","display":"A"}}]}}"#),
    );
    users(LETTER, &format!(r#"{line} {{"emails":[{{"value":"b"}}]}}"#));
    // An element of nothing is no element.
    users(
        LETTER,
        r#"{"emails":[{"type":"work","value":"a"}]} | replace | emails[type eq "work"] | {} | {}"#,
    );
    users(
        COMPAT,
        r#"{"emails":[{"type":"work","value":"a"}]} | replace | emails[type eq "work"] | {} | ="#,
    );
}

#[test]
fn replace_that_picks_nothing_is_no_target_in_the_letter() {
    users(
        LETTER,
        r#"
        {} | replace | phoneNumbers[type eq "work"].value | "1" | noTarget
        {} | replace | emails[type eq "work"] | {"value":"1"} | noTarget
        {} | replace | emails[primary eq true].value | "1" | noTarget
        {"emails":[{"type":"home"}]} | replace | emails[type eq "nonexistent"].value | "1" | noTarget
        "#,
    );
    gadgets(
        RFC,
        r#"{"tags":["a"]} | replace | tags[value eq "b"] | "c" | noTarget"#,
    );
}

#[test]
fn replace_that_picks_nothing_creates_a_canonical_element_in_compat() {
    users(
        COMPAT,
        r#"
        {} | Replace | phoneNumbers[type eq "work"].value | "1" | {"phoneNumbers":[{"type":"work","value":"1"}]}
        {} | Replace | phoneNumbers[TYPE Eq "Mobile"].VALUE | "1" | {"phoneNumbers":[{"type":"Mobile","value":"1"}]}
        {} | replace | emails[type eq "work"] | {"value":"1"} | {"emails":[{"type":"work","value":"1"}]}
        {} | replace | emails[primary eq true].value | "1" | {"emails":[{"primary":true,"value":"1"}]}
        {} | replace | emails[primary eq "True"].value | "1" | {"emails":[{"primary":true,"value":"1"}]}
        {"emails":[{"type":"home","value":"h","primary":true}]} | replace | emails[type eq "work" and primary eq true].value | "1" | {"emails":[{"type":"home","value":"h","primary":false},{"type":"work","primary":true,"value":"1"}]}
        {"emails":[{"type":"home","value":"h","primary":true}]} | replace | emails[type eq "work"].value | "1" | {"emails":[{"type":"home","value":"h","primary":true},{"type":"work","value":"1"}]}
        {} | replace | roles[type eq "anything"].value | "1" | {"roles":[{"type":"anything","value":"1"}]}
        # not canonical, not by type, not an and-chain of eq
        {} | replace | emails[type eq "nonexistent"].value | "1" | noTarget
        {} | replace | emails[value eq "x"].display | "1" | noTarget
        {} | replace | emails[primary eq false].value | "1" | noTarget
        {} | replace | emails[type eq null].value | "1" | noTarget
        {} | replace | emails[type eq "work" or primary eq true].value | "1" | noTarget
        {} | replace | emails[type ne "work"].value | "1" | noTarget
        {} | replace | emails[type eq "work" and type eq "home"].value | "1" | noTarget
        {} | replace | emails.display | "1" | noTarget
        "#,
    );
    gadgets(
        COMPAT,
        r#"
        {} | replace | parts[type eq "any"].value | "1" | {"parts":[{"type":"any","value":"1"}]}
        {} | replace | parts[type eq "any" and made eq "x"].value | "1" | noTarget
        {} | replace | tags[value eq "a"] | "b" | noTarget
        "#,
    );
}
