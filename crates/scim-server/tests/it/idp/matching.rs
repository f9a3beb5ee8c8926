//! Whether a body is as a transcript expects it.

use std::fmt;

use serde_json::Value;

/// A place where it is not.
#[derive(Debug, PartialEq)]
pub(super) struct Mismatch {
    /// `emails[0].value`
    pub(super) at: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl Mismatch {
    pub(super) fn new(at: &str, expected: impl fmt::Display, found: impl fmt::Display) -> Self {
        Self {
            at: at.to_owned(),
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            at,
            expected,
            found,
        } = self;
        write!(
            f,
            "at `{at}`\n    expected {expected}\n    found    {found}"
        )
    }
}

/// Every place where the value found is not what is expected. The README of the transcripts says what matches what.
pub(super) fn mismatches(expected: &Value, found: Option<&Value>, at: &str) -> Vec<Mismatch> {
    let wrong = |expected: &dyn fmt::Display| {
        let found = found.map_or_else(|| "nothing".to_owned(), Value::to_string);
        vec![Mismatch::new(at, expected, found)]
    };
    match (expected, found) {
        (Value::String(word), None) if word == "$absent" => Vec::new(),
        (Value::String(word), _) if word == "$absent" => wrong(&"nothing"),
        (Value::String(word), Some(value)) if word == "$any" && !value.is_null() => Vec::new(),
        (Value::String(word), _) if word == "$any" => wrong(&"any value"),
        (Value::Object(members), _) if members.len() == 1 && members.contains_key("$not") => {
            let fits = |value: &Value| mismatches(&members["$not"], Some(value), at).is_empty();
            match found {
                Some(value) if !value.is_null() && !fits(value) => Vec::new(),
                _ => wrong(&expected),
            }
        }
        (Value::Object(members), _) if is_about_a_list(members.keys()) => {
            let Some(Value::Array(items)) = found else {
                return wrong(&expected);
            };
            let wanted = members.get("$contains").and_then(Value::as_array);
            let fits = |one: &Value| {
                items
                    .iter()
                    .any(|item| mismatches(one, Some(item), at).is_empty())
            };
            let length = members.get("$length");
            let as_long = length.is_none_or(|length| *length == items.len());
            if as_long && wanted.into_iter().flatten().all(fits) {
                Vec::new()
            } else {
                wrong(&expected)
            }
        }
        (Value::Object(members), Some(Value::Object(have))) => members
            .iter()
            .flat_map(|(name, member)| mismatches(member, have.get(name), &below(at, name)))
            .collect(),
        (Value::Array(items), Some(Value::Array(have))) if items.len() == have.len() => items
            .iter()
            .zip(have)
            .enumerate()
            .flat_map(|(nth, (item, one))| mismatches(item, Some(one), &format!("{at}[{nth}]")))
            .collect(),
        (expected, Some(value)) if expected == value => Vec::new(),
        (expected, _) => wrong(&expected),
    }
}

/// `$contains`, `$length` or both; `$ref` is a member like others.
fn is_about_a_list<'n>(mut names: impl Iterator<Item = &'n String>) -> bool {
    let known = |name: &String| ["$contains", "$length"].contains(&name.as_str());
    names.next().is_some_and(known) && names.all(known)
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}

/// What is wrong with an answer whatever was asked: a member that is null, a password.
pub(super) fn forbidden(body: &Value, at: &str) -> Vec<Mismatch> {
    match body {
        Value::Null => vec![Mismatch::new(at, "no null anywhere", "null")],
        Value::Array(items) => items
            .iter()
            .enumerate()
            .flat_map(|(nth, item)| forbidden(item, &format!("{at}[{nth}]")))
            .collect(),
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, member)| {
                let at = below(at, name);
                let mut wrong = forbidden(member, &at);
                if name.eq_ignore_ascii_case("password") {
                    wrong.push(Mismatch::new(&at, "no password", "one"));
                }
                wrong
            })
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_body_matches_as_the_readme_says() {
        let body =
            json!({"a": 1, "b": {"c": "x", "d": null}, "e": [{"f": 1}, {"f": 2}], "$ref": "y"});
        for (expected, wrong) in [
            (json!({}), ""),
            (json!({"a": 1, "$ref": "y"}), ""),
            (json!({"a": "1"}), "a"),
            (json!({"a": true}), "a"),
            (json!({"b": {"c": "$any"}}), ""),
            (json!({"b": {"d": "$any"}}), "b.d"),
            (json!({"b": {"d": "$absent"}}), "b.d"),
            (json!({"b": {"x": "$absent"}, "b.c": "$absent"}), ""),
            (json!({"x": "$any"}), "x"),
            (json!({"x": {}}), "x"),
            (json!({"e": [{}, {"f": 2}]}), ""),
            (json!({"e": [{"f": 2}, {"f": 1}]}), "e[0].f e[1].f"),
            (json!({"e": [{"f": 1}]}), "e"),
            (json!({"e": {"$contains": [{"f": 2}]}}), ""),
            (json!({"e": {"$contains": [{"f": 3}]}}), "e"),
            (
                json!({"e": {"$length": 2, "$contains": [{"f": 2}, {"f": 1}]}}),
                "",
            ),
            (json!({"e": {"$length": 3}}), "e"),
            (json!({"a": {"$length": 1}}), "a"),
            (json!({"a": {"$not": 2}, "b": {"$not": {"c": "y"}}}), ""),
            (json!({"a": {"$not": 1}, "b": {"$not": {"c": "x"}}}), "a b"),
            (
                json!({"b": {"d": {"$not": 1}, "x": {"$not": 1}}}),
                "b.d b.x",
            ),
        ] {
            let found: Vec<_> = mismatches(&expected, Some(&body), "")
                .into_iter()
                .map(|one| one.at)
                .collect();
            assert_eq!(found.join(" "), wrong, "{expected}");
        }
    }

    #[test]
    fn nulls_and_passwords_are_seen_anywhere() {
        let body = json!({"a": [{"b": null}], "name": "password", "c": {"Password": "x"}});
        let found: Vec<_> = forbidden(&body, "").into_iter().map(|one| one.at).collect();
        assert_eq!(found, ["a[0].b", "c.Password"]);
    }
}
