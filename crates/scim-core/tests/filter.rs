//! What filters mean, which are refused, and what they cost. RFC 7644 §3.4.2.2.
#![cfg(test)]

#[path = "filter/cost.rs"]
mod cost;
#[path = "filter/refused.rs"]
mod refused;
#[path = "filter/tree.rs"]
mod tree;

use std::sync::{Arc, LazyLock};

use scim_core::filter::{Bound, Filter, Limits};
use scim_core::schema::{Schema, builtin};
use scim_core::{Mode, Registry, ResourceType, Result, urn};
use serde_json::{Map, Value, json};

static BUILTIN: LazyLock<Registry> = LazyLock::new(|| builtin::registry(None));

fn user() -> &'static ResourceType {
    BUILTIN.resource_type("User").unwrap()
}

fn group() -> &'static ResourceType {
    BUILTIN.resource_type("Group").unwrap()
}

/// A type with an attribute of every data type.
static THING: LazyLock<ResourceType> = LazyLock::new(|| {
    let schema: Schema = serde_json::from_value(json!({
        "id": "urn:example:2.0:Thing", "name": "Thing", "attributes": [
            {"name": "count", "type": "integer"},
            {"name": "ratio", "type": "decimal"},
            {"name": "on", "type": "boolean"},
            {"name": "when", "type": "dateTime"},
            {"name": "key", "type": "binary", "caseExact": true},
            {"name": "exact", "type": "string", "caseExact": true},
            {"name": "loose", "type": "string"},
            {"name": "link", "type": "reference"},
            {"name": "tags", "type": "string", "multiValued": true},
            {"name": "sizes", "type": "integer", "multiValued": true},
            {"name": "secrets", "type": "complex", "multiValued": true, "subAttributes": [
                {"name": "value", "type": "string", "returned": "never"},
                {"name": "label", "type": "string"}]},
            {"name": "owner", "type": "complex", "subAttributes": [
                {"name": "value", "type": "string", "caseExact": true},
                {"name": "tags", "type": "string", "multiValued": true}]},
            {"name": "primary", "type": "boolean"},
            {"name": "pin", "type": "string", "multiValued": true, "returned": "never"}
        ]
    }))
    .unwrap();
    ResourceType::new(99, "Thing", "/Things", "", Arc::new(schema), Vec::new())
});

fn parse(text: &str) -> Result<Filter> {
    Filter::parse(text, BUILTIN.urns(), &Limits::default())
}

fn bind(of: &ResourceType, text: &str, mode: Mode) -> Result<Bound> {
    Filter::parse(text, &of.urns, &Limits::default())?.bind(of, mode)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is not an object"),
    }
}

/// A table has a line for each filter: `yes` or `no`, and the filter.
fn check_in(of: &ResourceType, resource: &Value, modes: &[Mode], table: &str) {
    let resource = object(resource.clone());
    let lines = table
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("//"));
    for line in lines {
        let (expected, text) = line.split_once(' ').unwrap();
        for mode in modes {
            let bound = bind(of, text, *mode).unwrap_or_else(|error| panic!("{text}: {error}"));
            let found = if bound.matches(&resource) {
                "yes"
            } else {
                "no"
            };
            assert_eq!(found, expected, "{mode:?}: {text}");
        }
    }
}

fn check(of: &ResourceType, resource: &Value, table: &str) {
    check_in(of, resource, &EVERY, table);
}

const EVERY: [Mode; 3] = [Mode::Compat, Mode::Rfc, Mode::Strict];

fn ada() -> Value {
    json!({
        "schemas": [urn::USER, urn::ENTERPRISE_USER],
        "id": "2819c223-7f76-453a-919d-413861904646",
        "externalId": "Ext-1",
        "userName": "Ada",
        "name": {"familyName": "O'Malley", "givenName": ""},
        "title": "Countess",
        "userType": "Employee",
        "active": true,
        "profileUrl": "https://example.com/Ada",
        "emails": [
            {"value": "ada@example.com", "type": "work", "primary": true},
            {"value": "Ada@home.example", "type": "home"}
        ],
        "ims": [],
        "nickName": "",
        urn::ENTERPRISE_USER: {"department": "Röntgen", "manager": {"value": "M-1", "displayName": "Annabella"}},
        "meta": {
            "resourceType": "User", "created": "2010-01-23T04:56:22Z", "lastModified": "2011-05-13T04:42:34.5Z",
            "location": "https://example.com/v2/Users/2819", "version": "W/\"a1\""
        }
    })
}

#[test]
fn every_example_of_the_rfc_works() {
    check(
        user(),
        &ada(),
        r#"
            no  userName Eq "john"
            yes Username eq "ada"
            no  userName eq "bjensen"
            yes name.familyName co "O'Malley"
            yes userName sw "A"
            no  urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"
            yes urn:ietf:params:scim:schemas:core:2.0:User:userName sw "a"
            yes title pr
            yes meta.lastModified gt "2011-05-13T04:42:34Z"
            yes meta.lastModified ge "2011-05-13T04:42:34Z"
            no  meta.lastModified lt "2011-05-13T04:42:34Z"
            no  meta.lastModified le "2011-05-13T04:42:34Z"
            yes title pr and userType eq "Employee"
            yes title pr or userType eq "Intern"
            yes schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
            yes userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")
            no  userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")
            yes userType eq "Employee" and (emails.type eq "work")
            yes userType eq "Employee" and emails[type eq "work" and value co "@example.com"]
            yes emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]
        "#,
    );
}

#[test]
fn grouping_binds_before_not_before_and_before_or() {
    check(
        user(),
        &json!({"userName": "a"}),
        r#"
            // t = `userName pr`, f = `title pr`
            yes userName pr or title pr and title pr
            no  (userName pr or title pr) and title pr
            yes title pr and title pr or userName pr
            no  title pr and (title pr or userName pr)
            no  not (title pr) and title pr
            yes not (title pr and title pr)
            yes not (userName pr) or userName pr
            no  not (userName pr or userName pr)
            yes not(not(userName pr))
            yes title pr or title pr or userName pr
            no  userName pr and userName pr and title pr
        "#,
    );
}

#[test]
fn spaces_and_letter_case_are_free() {
    check(
        user(),
        &ada(),
        r#"
            yes USERNAME EQ "ADA"
            yes not(title eq "x")and(userName pr)
            yes NOT  ( title eq "x" ) AND ( userName Pr )
            yes ( ( userName pr ) )
            yes emails[ type eq "work" ]
            yes emails[type eq "work"]or title pr
            yes Emails[(TYPE Eq "Work") Or not(VALUE Pr)]
            yes URN:IETF:PARAMS:SCIM:SCHEMAS:CORE:2.0:USER:username eq "ada"
        "#,
    );
    let spaced = parse(" \t userName\teq  \"ada\" \t").unwrap();
    assert_eq!(spaced, parse("userName eq \"ada\"").unwrap());
}

#[test]
fn strings_compare_by_case_exact() {
    check(
        &THING,
        &json!({"exact": "Straße", "loose": "Straße", "link": "urn:X"}),
        r#"
            yes loose eq "STRASSE"
            no  loose ne "strasse"
            yes loose co "ASS"
            yes loose sw "sTR"
            yes loose ew "SSE"
            yes loose gt "STRA"
            yes loose le "strasse"
            yes exact eq "Straße"
            no  exact eq "straße"
            no  exact co "ss"
            yes exact lt "a"
            yes exact ge "Straße"
            no  exact gt "Straße"
            yes link eq "urn:X"
            no  link eq "urn:x"
            yes link sw "urn"
            yes loose eq "\u0053tra\u00dfe"
            yes loose co ""
        "#,
    );
    check(
        user(),
        &ada(),
        r#"
            yes userName eq "aDA"
            no  id eq "2819C223-7F76-453A-919D-413861904646"
            yes externalId eq "Ext-1"
            no  externalId eq "ext-1"
            yes meta.resourceType eq "User"
            no  meta.resourceType eq "user"
            yes meta.version eq "W/\"a1\""
            no  meta.version eq "W/\"A1\""
            yes meta.location sw "https://example.com/v2"
            yes schemas eq "URN:ietf:params:scim:schemas:core:2.0:user"
            no  schemas eq "urn:ietf:params:scim:schemas:core:2.0:Group"
            no  profileUrl eq "https://example.com/ada"
        "#,
    );
}

#[test]
fn wildcards_of_databases_are_letters() {
    check(
        &THING,
        &json!({"loose": "50% a_b\\c'\""}),
        r#"
            yes loose co "%"
            no  loose co "0_ "
            no  loose sw "%"
            yes loose co "a_b"
            no  loose co "a%b"
            yes loose ew "\\c'\""
            no  loose co "*"
        "#,
    );
}

#[test]
fn numbers_compare_by_value() {
    check(
        &THING,
        &json!({"count": 5, "ratio": 2.5, "sizes": [1, 20]}),
        r#"
            yes count eq 5
            yes count eq 5.0
            yes count eq 5e0
            no  count eq 5.5
            yes count ne 5.5
            no  count ne 5.0
            yes count gt 4.5
            no  count ge 5.5
            no  count gt 5.5
            yes count lt 5.5
            no  count le 4.5
            no  count gt 10
            yes count lt 10
            yes count gt -10
            yes count lt 1e300
            no  count gt 1e300
            yes count gt -1e300
            no  count lt -1e300
            no  count eq 18446744073709551615
            yes count lt 18446744073709551615
            yes ratio eq 2.50
            yes ratio gt 2
            yes ratio lt 10
            yes ratio gt -3
            no  ratio eq 2
            yes sizes gt 10
            yes sizes lt 10
            no  sizes eq 10
            yes sizes[value gt 10]
            no  sizes[value gt 10 and value lt 15]
            yes sizes gt 10 and sizes lt 15
        "#,
    );
    check(
        &THING,
        &json!({"count": 9_007_199_254_740_993_i64, "ratio": 0}),
        r#"
            yes count eq 9007199254740993
            no  count eq 9007199254740992
            yes count gt 9007199254740992
            yes ratio eq -0.0
            yes ratio ge 0
        "#,
    );
    check(
        &THING,
        &json!({"count": i64::MIN}),
        r#"
            yes count eq -9223372036854775808
            yes count le -9223372036854775808.0
            no  count lt -9223372036854775809
        "#,
    );
}

#[test]
fn moments_compare_in_time() {
    check(
        &THING,
        &json!({"when": "2026-01-01T01:00:00+01:00"}),
        r#"
            yes when eq "2026-01-01T00:00:00Z"
            yes when eq "2026-01-01T00:00:00.000Z"
            yes when eq "2026-01-01T00:00:00"
            no  when ne "2025-12-31T23:00:00-01:00"
            yes when lt "2026-01-01T00:00:00.000001Z"
            yes when gt "2025-12-31T23:59:59.9999999Z"
            yes when gt "0001-01-03T00:00:00.0000000Z"
            yes when lt "9999-12-31T23:59:59Z"
        "#,
    );
}

#[test]
fn booleans_and_bytes_are_equal_or_not() {
    check(
        &THING,
        &json!({"on": false, "key": "+/8="}),
        r#"
            yes on eq false
            yes on ne true
            no  on eq true
            yes on pr
            yes key eq "+/8"
            yes key eq "-_8="
            yes key ne "AAAA"
        "#,
    );
    check_in(
        user(),
        &ada(),
        &[Mode::Compat],
        r#"
            yes active eq "True"
            no  active eq "false"
            yes emails[primary eq "TRUE"]
        "#,
    );
}

#[test]
fn one_element_is_enough() {
    check(
        user(),
        &ada(),
        r#"
            yes emails.type eq "home"
            yes emails.type ne "work"
            no  not (emails.type eq "work")
            yes emails.type eq "work" and emails.value co "home"
            no  emails[type eq "work" and value co "home"]
            yes emails[type eq "home" and value co "home"]
            yes emails[type eq "home"].value co "home"
            no  emails[type eq "work"].value co "home"
            yes emails[type eq "work" or type eq "home"].value co "home" and userName pr
            yes emails[type eq "home" and (value sw "x" or value ew "example")]
            yes emails[not (type eq "work")]
            yes not (emails[type eq "other"])
            yes emails[type eq "other"] or userName eq "ada"
            yes emails eq "ADA@example.com"
            no  emails co "nowhere"
            yes emails pr
            yes emails.primary eq true
            // The second address has no `primary`: that is false.
            yes emails.primary eq false
            yes emails[type eq "home" and primary eq false]
            yes emails[type eq "home" and primary ne true]
            no  emails[type eq "home" and primary ne false]
            no  emails[type eq "work" and primary eq false]
            yes emails[not (primary eq true)]
            yes emails[primary pr]
            no  emails[type eq "home" and primary pr]
            no  emails[display pr]
            yes emails[display eq null]
            yes emails[type ne null and display ne "x"]
            // A single complex attribute is its own only element.
            yes name[familyName sw "o'm"]
            no  name[familyName sw "o'm" and givenName pr]
        "#,
    );
    check(
        &THING,
        &json!({"tags": ["Red", "green"], "owner": {"tags": ["x", "y"]}, "primary": null}),
        r#"
            yes tags eq "red"
            yes tags ne "red"
            yes tags co "ee"
            yes tags[value eq "GREEN"]
            no  tags[value sw "r" and value ew "n"]
            yes tags sw "r" and tags ew "n"
            yes tags[value pr]
            yes owner.tags eq "y"
            yes owner[tags eq "x" and tags eq "y"]
            // Only the `primary` of an element has a default.
            no  primary eq false
            yes primary ne false
        "#,
    );
}

#[test]
fn what_is_absent_differs_from_everything() {
    for resource in [
        json!({}),
        json!({"title": null, "emails": null, "name": null, "active": null}),
        json!({"emails": []}),
    ] {
        check(
            user(),
            &resource,
            r#"
                no  title eq "x"
                no  title eq ""
                no  title co ""
                no  title sw ""
                no  title gt "a"
                no  title le "z"
                yes title ne "x"
                yes not (title eq "x")
                no  not (title ne "x")
                no  title pr
                yes not (title pr)
                yes title eq null
                no  title ne null
                no  active eq false
                yes active ne true
                no  emails pr
                yes emails eq null
                yes emails ne "x"
                yes emails.type ne "work"
                no  emails[type ne "work"]
                no  emails.primary eq false
                yes emails.primary ne true
                no  name pr
                yes name.familyName eq null
                no  name[familyName ne "x"]
                no  urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department pr
                yes urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department ne "x"
                no  meta.lastModified lt "2026-01-01T00:00:00Z"
            "#,
        );
    }
    check(
        user(),
        &ada(),
        r#"
            no  nickName pr
            yes nickName eq null
            yes nickName eq ""
            yes name pr
            no  name.givenName pr
            no  name eq null
            no  ims pr
            yes ims.value eq null
            yes title ne null
            yes active ne null
            yes emails[type eq "home"] and emails.display eq null
        "#,
    );
    check(
        user(),
        &json!({"name": {"givenName": "", "familyName": null}, "emails": [{"value": ""}]}),
        r#"
            no  name pr
            no  emails pr
            yes emails eq null
        "#,
    );
}

#[test]
fn extensions_are_found_by_urn() {
    check(
        user(),
        &ada(),
        r#"
            yes urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "RÖNTGEN"
            yes URN:IETF:params:scim:schemas:extension:enterprise:2.0:USER:MANAGER.value eq "M-1"
            no  urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter pr
            yes urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[displayName sw "anna" and value eq "M-1"]
            no  urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager[displayName sw "b"]
        "#,
    );
    // Compat finds them without it, and knows what a manager is.
    check_in(
        user(),
        &ada(),
        &[Mode::Compat],
        r#"
            yes department eq "röntgen"
            yes manager.displayName pr
            yes manager eq "M-1"
            no  manager eq "m-1"
            no  urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "x"
        "#,
    );
}

#[test]
fn members_are_compared_by_value() {
    check(
        group(),
        &json!({"displayName": "G", "members": [{"value": "u1", "$ref": "../Users/u1", "type": "User"}, {"value": "u2"}]}),
        r#"
            yes members eq "u2"
            no  members.value eq "u3"
            yes members[value eq "u1" and type eq "user"]
            yes members[$ref ew "/u1"]
            yes members.$ref eq "../Users/u1"
            no  members[value eq "u2" and $ref pr]
        "#,
    );
}

#[test]
fn a_query_to_many_types_finds_nothing_in_what_a_type_lacks() {
    let resource = object(json!({"displayName": "G"}));
    for (text, expected) in [
        (r#"userName eq "ada""#, false),
        (r#"userName ne "ada""#, true),
        (r#"not (userName eq "ada")"#, true),
        ("userName pr", false),
        ("userName eq null", true),
        ("userName ne null", false),
        (r#"userName gt "a" or displayName eq "g""#, true),
        (r#"emails[type eq "work"]"#, false),
        (r#"not (emails[type eq "work"])"#, true),
        (r#"members[nosuch pr]"#, false),
        (r#"urn:example:9:x eq 1"#, false),
        ("password pr", false),
    ] {
        let bound = parse(text)
            .unwrap()
            .bind_lenient(group(), Mode::Rfc)
            .unwrap();
        assert_eq!(bound.matches(&resource), expected, "{text}");
    }
    for text in ["displayName eq 5", "members gt 1", "meta eq \"x\""] {
        let error = parse(text)
            .unwrap()
            .bind_lenient(group(), Mode::Rfc)
            .unwrap_err();
        refused::refused(&error, text, "`");
    }
}
