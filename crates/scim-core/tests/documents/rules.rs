//! What a whole document must satisfy. RFC 7643 §2.4, §4, §6 and §7.

use scim_core::resource::validate;
use scim_core::{Mode, ResourceType};

use super::{ALL, COMPAT, LETTER, gadget, map, rows, user, words};

/// Lines `document | ok`, or `| scimType: detail`.
fn check(resource_type: &ResourceType, modes: &[Mode], lines: &str) {
    for row in rows(lines) {
        for mode in modes {
            let found = match validate::document(resource_type, *mode, &map(&row[0])) {
                Ok(()) => "ok".to_owned(),
                Err(error) => words(&error),
            };
            assert_eq!(
                found,
                row[1].replace("$X", super::EXTRA),
                "{mode:?} {row:?}"
            );
        }
    }
}

#[test]
fn required_attributes_are_there_and_say_something() {
    check(
        &user(),
        ALL,
        r#"
        {"userName":"ada"} | ok
        {} | invalidValue: `userName`: required, but missing
        {"userName":""} | invalidValue: `userName`: required, must not be empty
        {"userName":" \t "} | invalidValue: `userName`: required, must not be empty
        {"userName":"Ada Lovelace"} | ok
        "#,
    );
    check(
        &gadget::resource_type(false),
        ALL,
        r#"
        {"label":"l"} | ok
        {"label":"l","box":{"width":1}} | invalidValue: `box.colour`: required, but missing
        {"label":"l","box":{"colour":"red"}} | ok
        {"label":"l","$X":{"free":"f"}} | invalidValue: `$X:must`: required, but missing
        {"label":"l","$X":{"must":" "}} | invalidValue: `$X:must`: required, must not be empty
        {"label":"l","$X":{"must":"m"}} | ok
        "#,
    );
    check(
        &gadget::resource_type(true),
        ALL,
        r#"
        {"label":"l"} | invalidValue: `$X`: this extension is required
        {"label":"l","$X":{"must":"m"}} | ok
        "#,
    );
}

#[test]
fn one_element_is_primary() {
    check(
        &user(),
        ALL,
        r#"
        {"userName":"a","emails":[{"primary":true},{"primary":false},{"value":"a"}]} | ok
        {"userName":"a","emails":[{"primary":true}],"phoneNumbers":[{"primary":true}]} | ok
        {"userName":"a","emails":[{"primary":true},{"primary":true}]} | invalidValue: `emails`: only one element may have `primary` true
        "#,
    );
}

#[test]
fn countries_and_certificates_are_looked_at_in_the_letter() {
    let lines = r#"
        {"userName":"a","addresses":[{"country":"NL"},{"locality":"X"}]} | ok
        {"userName":"a","addresses":[{"country":"nl"}]} | ok
        {"userName":"a","x509Certificates":[{"value":"MAA="}]} | ok
        "#;
    check(&user(), ALL, lines);
    check(
        &user(),
        LETTER,
        r#"
        {"userName":"a","addresses":[{"country":"NL"},{"country":"Netherlands"}]} | invalidValue: `addresses[1].country`: expected a country code of two letters
        {"userName":"a","addresses":[{"country":"N1"}]} | invalidValue: `addresses[0].country`: expected a country code of two letters
        {"userName":"a","x509Certificates":[{"value":"AAAA"}]} | invalidValue: `x509Certificates[0].value`: expected one DER certificate in base64
        {"userName":"a","x509Certificates":[{"value":"MAAwAA=="}]} | invalidValue: `x509Certificates[0].value`: expected one DER certificate in base64
        "#,
    );
    check(
        &user(),
        COMPAT,
        r#"
        {"userName":"a","addresses":[{"country":"Netherlands"}]} | ok
        {"userName":"a","x509Certificates":[{"value":"AAAA"}]} | ok
        "#,
    );
}
