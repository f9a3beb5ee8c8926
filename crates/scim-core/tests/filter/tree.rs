//! What can be asked of a filter besides its answer.

use scim_core::Mode;
use scim_core::filter::{Filter, Limits, Literal, Op};
use serde_json::json;

use super::refused::refused;
use super::{BUILTIN, THING, parse, user};

#[test]
fn an_element_is_matched_by_its_sub_attributes() {
    let emails = user().core("emails").unwrap();
    let tags = THING.schema.attribute("tags").unwrap();
    let work = json!({"type": "work", "value": "a@b"});
    for (attribute, text, element, expected) in [
        (emails, "type eq \"WORK\"]", work.clone(), true),
        (emails, " TYPE eq \"home\" ]", work.clone(), false),
        (emails, "not(primary eq true)]", work.clone(), true),
        (
            emails,
            "primary eq false and (value co \"@\")]",
            work.clone(),
            true,
        ),
        (emails, "type eq \"]\" or value pr]", work.clone(), true),
        (emails, "display ne \"x\"]", work.clone(), true),
        (tags, "value eq \"RED\"]", json!("red"), true),
        (tags, "VALUE ne \"red\"]", json!("red"), false),
    ] {
        let (filter, rest) = Filter::scan_value_filter(
            &format!("{text}.rest"),
            BUILTIN.urns(),
            None,
            &Limits::default(),
        )
        .map(|(filter, rest)| (filter, rest.to_owned()))
        .unwrap();
        assert_eq!(rest, ".rest", "{text}");
        let bound = filter.bind_element(attribute, Mode::Compat).unwrap();
        assert_eq!(bound.matches_element(&element), expected, "{text}");
    }
    for text in [
        "",
        "]",
        "type eq \"x\"",
        "a[b pr]]",
        "type pr)",
        "(type pr]",
    ] {
        let error = Filter::scan_value_filter(text, BUILTIN.urns(), None, &Limits::default());
        refused(&error.unwrap_err(), text, "byte");
    }
}

#[test]
fn equalities_make_an_element() {
    let text = r#"type eq "work" and (primary eq true and Size eq 5)"#;
    let filter = parse(text).unwrap();
    assert_eq!(
        filter.eq_terms().unwrap(),
        [
            ("type", &Literal::String("work".into())),
            ("primary", &Literal::Bool(true)),
            ("Size", &Literal::Number(5.into())),
        ]
    );
    for text in [
        "type eq \"a\" or type eq \"b\"",
        "type ne \"a\"",
        "type pr",
        "not (type eq \"a\")",
        "emails.type eq \"a\"",
        "emails[type eq \"a\"]",
        "urn:x:y eq 1",
    ] {
        assert_eq!(parse(text).unwrap().eq_terms(), None, "{text}");
    }
}

#[test]
fn a_filter_is_written_in_its_shortest_form() {
    for (text, expected) in [
        ("((a PR))", "a pr"),
        ("(a pr and b pr) and c pr", "a pr and b pr and c pr"),
        ("a pr and (b pr and c pr)", "a pr and (b pr and c pr)"),
        ("a pr or (b pr and c pr)", "a pr or b pr and c pr"),
        ("(a pr or b pr) and c pr", "(a pr or b pr) and c pr"),
        ("a pr or (b pr or c pr)", "a pr or (b pr or c pr)"),
        ("NOT(a pr)", "not (a pr)"),
        ("a[ (b EQ \"\\u0041\\n\") ]", "a[b eq \"A\\n\"]"),
        ("a gt 1.50 or b eq NULL", ""),
    ] {
        match parse(text) {
            Ok(filter) => {
                assert_eq!(filter.to_string(), expected);
                assert_eq!(parse(expected).unwrap(), filter);
            }
            Err(error) => assert_eq!(expected, "", "{text}: {error}"),
        }
    }
    assert!(
        Op::ALL
            .iter()
            .all(|op| Op::from_word(op.as_str()) == Some(*op))
    );
}
