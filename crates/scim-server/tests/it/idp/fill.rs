//! `{{name}}`, `{{upper:name}}` and `{{guid}}` in what a transcript sends and expects.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;

/// What a story has captured so far.
pub(super) type Captured = BTreeMap<String, String>;

/// The text with its placeholders filled.
pub(super) fn text(text: &str, captured: &Captured) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("{{") {
        let (name, behind) = behind
            .split_once("}}")
            .unwrap_or_else(|| panic!("a placeholder without an end: {text}"));
        filled.push_str(before);
        let value = |name: &str| {
            let value = captured.get(name);
            value.unwrap_or_else(|| panic!("nothing has captured `{name}`"))
        };
        if name == "guid" {
            filled.push_str(&guid());
        } else if let Some(name) = name.strip_prefix("upper:") {
            filled.push_str(&value(name).to_uppercase());
        } else {
            filled.push_str(value(name));
        }
        rest = behind;
    }
    filled + rest
}

/// The value with the placeholders in its strings filled.
pub(super) fn value(value: &Value, captured: &Captured) -> Value {
    match value {
        Value::String(one) => text(one, captured).into(),
        Value::Array(items) => items
            .iter()
            .map(|item| self::value(item, captured))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), self::value(member, captured)))
            .collect(),
        other => other.clone(),
    }
}

/// A GUID that no other place has, in the form of a random one.
fn guid() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let nth = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:08x}-5c1d-4a0e-8f00-{nth:012x}", std::process::id())
}

#[test]
fn placeholders_are_filled_inside_longer_strings() {
    let captured = Captured::from([("ada".to_owned(), "28a9".to_owned())]);
    let filled = |template: &str| text(template, &captured);
    assert_eq!(filled("/Users/{{ada}}?x={{ada}}"), "/Users/28a9?x=28a9");
    assert_eq!(filled("/Users/{{upper:ada}}"), "/Users/28A9");
    assert_eq!(filled("none"), "none");
    let two = filled("{{guid}} {{guid}}");
    let (one, other) = two.split_once(' ').unwrap();
    assert_ne!(one, other);
    assert!(uuid::Uuid::try_parse(one).is_ok(), "{one}");
}
