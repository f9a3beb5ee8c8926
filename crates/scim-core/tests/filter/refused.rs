//! What is refused, and what the refusal says.

use scim_core::attr::Urns;
use scim_core::filter::{Filter, Limits};
use scim_core::{Error, Mode, ResourceType, ScimType};
use serde_json::json;

use super::{EVERY, THING, bind, check, parse, user};

/// The error is a 400 `invalidFilter` that says why.
pub(crate) fn refused(error: &Error, text: &str, why: &str) {
    assert!(error.is(ScimType::InvalidFilter), "{text}: {error:?}");
    assert_eq!(error.status, 400, "{text}");
    assert!(error.detail.contains(why), "{text}: {error}");
}

/// A table has a line for each filter: the filter, `=>`, and a part of the refusal.
fn refused_by(of: &ResourceType, modes: &[Mode], table: &str) {
    for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (text, why) = line.split_once(" => ").unwrap();
        for mode in modes {
            match bind(of, text, *mode) {
                Ok(_) => panic!("{mode:?}: {text} is accepted"),
                Err(error) => refused(&error, text, why),
            }
        }
    }
}

#[test]
fn what_is_not_a_filter_is_refused_at_its_byte() {
    for (text, why) in [
        ("", "empty"),
        (" \t ", "empty"),
        ("()", "byte 1: expected an attribute"),
        (
            "userName",
            "byte 8: expected a space and an operator, found the end",
        ),
        ("userName ", "byte 9: expected one of `pr`, `eq`"),
        ("userName eq", "byte 11: expected a space and a value"),
        (
            "userName eq ",
            "byte 12: expected a string in double quotes",
        ),
        (
            "userName eq 'ada'",
            "byte 12: expected a string in double quotes, a number, `true`, `false` or `null` (in lower case), found `'`",
        ),
        ("userName eq ada", "byte 12"),
        ("active eq True", "byte 10"),
        ("active eq nullx", "byte 10"),
        ("userName eq\"ada\"", "byte 11: expected a space"),
        ("userName = \"ada\"", "byte 9: expected one of"),
        (
            "userName equals \"ada\"",
            "byte 9: expected one of `pr`, `eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le`, found `equals`",
        ),
        (
            "userName pr title pr",
            "byte 12: expected ` and `, ` or ` or the end, found `t`",
        ),
        ("userName pr and", "byte 15: expected a space or `(`"),
        ("userName pr and ", "byte 16: expected an attribute"),
        ("userName pr or or title pr", "byte 18: expected one of"),
        ("and", "byte 3: expected a space and an operator"),
        ("userName eq \"a\"and title pr", "byte 15: expected ` and `"),
        ("userName pr andtitle pr", "byte 12"),
        (
            "(userName pr",
            "byte 12: expected ` and `, ` or ` or the `)` that closes byte 0",
        ),
        ("userName pr)", "byte 11"),
        ("(userName pr]", "byte 12"),
        ("emails[type pr", "the `]` that closes byte 0"),
        ("emails[type pr)", "byte 14"),
        ("emails[]", "byte 7: expected an attribute"),
        ("emails[type pr].", "byte 16: expected a sub-attribute"),
        ("emails[type pr].value", "byte 21"),
        (
            "emails[type pr].a.b eq \"x\"",
            "byte 16: expected a sub-attribute",
        ),
        (
            "emails[a[b pr]]",
            "byte 7: a value path cannot stand in another one",
        ),
        ("emails [type pr]", "byte 7"),
        ("not userName pr", "byte 4: expected `(` behind `not`"),
        ("not", "byte 3: expected `(`"),
        ("a.b.c eq 1", "byte 3: expected a space"),
        (".a eq 1", "byte 0: expected an attribute"),
        ("a. eq 1", "byte 0"),
        ("1 eq 1", "byte 0"),
        ("ü eq 1", "byte 0"),
        ("a eq 1 \u{a0}", "byte 7"),
        (
            "a eq 1\n",
            "byte 6: expected ` and `, ` or ` or the end, found U+000A",
        ),
        (
            "urn:ietf:params:scim:schemas:core:2.0:User pr",
            "byte 42: expected `:` and an attribute",
        ),
        ("a eq \"x", "byte 5: the string has no closing"),
        ("a eq \"x\\\"", "byte 5: the string has no closing"),
        ("a eq \"\\q\"", "byte 5: expected a JSON string"),
        ("a eq \"\t\"", "byte 5: expected a JSON string"),
        ("a eq \"\\ud800\"", "byte 5: expected a JSON string"),
        ("a eq \"\\u0000\"", "byte 5: the string holds U+0000"),
        ("a eq \"\0\"", "byte 5"),
        ("a eq 01", "byte 5: expected a JSON number"),
        ("a eq -", "byte 5: expected a JSON number"),
        ("a eq 1.", "byte 5: expected a JSON number"),
        ("a eq 1e999", "byte 5: expected a JSON number within range"),
        ("a eq +1", "byte 5: expected a string"),
        ("a eq 1and b eq 2", "byte 6"),
        ("a eq [1]", "byte 5"),
        ("a eq {}", "byte 5"),
    ] {
        match parse(text) {
            Ok(filter) => panic!("{text:?} is read as {filter}"),
            Err(error) => refused(&error, text, why),
        }
    }
}

#[test]
fn limits_are_named() {
    let limits = Limits {
        length: 40,
        depth: 2,
        terms: 2,
    };
    let read = |text: &str| Filter::parse(text, &Urns::default(), &limits);
    assert!(read("((a pr) and b pr)").is_ok());
    assert!(read("a[(b pr or c pr)]").is_ok());
    for (text, why) in [
        ("(((a pr)))", "byte 2: nested deeper than 2 levels"),
        ("(not (b[a pr]))", "nested deeper than 2 levels"),
        ("a pr or b pr or c pr", "more than 2 comparisons"),
        ("a[b pr or c pr or d pr]", "more than 2 comparisons"),
        (
            "a eq \"0123456789012345678901234567890123456789\"",
            "longer than 40 bytes",
        ),
    ] {
        refused(&read(text).unwrap_err(), text, why);
    }
}

#[test]
fn what_does_not_fit_the_schema_is_refused() {
    refused_by(
        user(),
        &EVERY,
        r#"
            nosuch pr => `nosuch` is not an attribute of `User`
            name.nosuch pr => `name.nosuch` is not an attribute
            userName.value pr => `userName.value` is not an attribute
            emails[nosuch pr] => `nosuch` is not a sub-attribute of `emails`
            emails[emails.type pr] => `emails.type` is not a sub-attribute
            urn:example:9:x pr => `urn:example:9:x` is not an attribute
            members pr => `members` is not an attribute
            name eq "x" => `name` is complex
            addresses co "x" => `addresses` is complex
            meta gt "x" => `meta` is complex
            userName[value eq "x"] => `userName`: expected a complex or multi-valued attribute
            emails.type[value eq "x"] => `emails.type`: expected a complex
            userName eq 5 => `userName`: expected a string, found a number
            userName co true => `userName`: expected a string, found a boolean
            active eq 1 => `active`: expected `true` or `false`, found a number
            active eq "yes" => `active`: expected `true` or `false`, found a string
            active gt true => `active`: `gt` does not compare booleans
            active co "t" => `active`: `co` does not compare booleans
            emails.primary sw "t" => `emails.primary`: `sw` does not compare booleans
            meta.created eq "yesterday" => `meta.created`: expected an xsd:dateTime
            meta.created gt 2026 => `meta.created`: expected an xsd:dateTime
            meta.created sw "2026" => `meta.created`: `sw` does not compare dates
            title gt null => `title`: `gt` does not compare with null
            title co null => null
            active le null => null
            x509Certificates co "AAAA" => `x509Certificates.value`: `co` does not compare binary
            x509Certificates gt "AAAA" => `gt` does not compare binary
            x509Certificates eq "*" => expected base64
        "#,
    );
    refused_by(
        user(),
        &[Mode::Rfc, Mode::Strict],
        r#"
            active eq "true" => `active`: expected `true` or `false`, found a string
            department eq "x" => `department` is not an attribute of `User`
            urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager eq "M-1" => is complex
        "#,
    );
    refused_by(
        &THING,
        &EVERY,
        r#"
            count eq "5" => `count`: expected a number, found a string
            count co 5 => `count`: `co` does not compare numbers
            ratio ew 5 => `ratio`: `ew` does not compare numbers
            tags[other pr] => `other` is not a sub-attribute of `tags`
            tags[value.x pr] => `value.x` is not a sub-attribute of `tags`
        "#,
    );
}

#[test]
fn what_is_never_shown_cannot_be_asked_for() {
    for lenient in [false, true] {
        for mode in EVERY {
            for (of, text) in [
                (user(), "password pr"),
                (user(), "PASSWORD eq \"x\""),
                (user(), "password ne \"x\""),
                (user(), "password eq null"),
                (user(), "userName pr or password sw \"a\""),
                (
                    user(),
                    "urn:ietf:params:scim:schemas:core:2.0:User:password pr",
                ),
                (&*THING, "secrets.value eq \"x\""),
                (&*THING, "secrets eq \"x\""),
                (&*THING, "secrets[value sw \"x\"]"),
                (&*THING, "secrets[label pr and value pr]"),
                (&*THING, "pin pr"),
                (&*THING, "pin[value eq \"1\"]"),
            ] {
                let filter = Filter::parse(text, &of.urns, &Limits::default()).unwrap();
                let bound = if lenient {
                    filter.bind_lenient(of, mode)
                } else {
                    filter.bind(of, mode)
                };
                refused(&bound.unwrap_err(), text, "never returned");
            }
        }
    }
    let pin = THING.schema.attribute("pin").unwrap();
    let filter = parse("value eq \"1\"").unwrap();
    assert!(filter.bind_element(pin, Mode::Compat).is_err());
    // `pr` does not see it either.
    check(
        &THING,
        &json!({"secrets": [{"value": "x"}]}),
        "no secrets pr",
    );
    check(
        &THING,
        &json!({"secrets": [{"label": "x"}]}),
        "yes secrets pr",
    );
}
