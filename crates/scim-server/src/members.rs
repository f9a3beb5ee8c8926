//! Reading a JSON object into a type, with errors that name the member. For administration and policies.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// What is wrong with a member of a JSON object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberError {
    /// The member, with dots: `pagination.maxCount`; empty for the object as a whole.
    pub path: String,
    /// What was found and what was expected.
    pub reason: String,
}

impl MemberError {
    /// An error at a member.
    pub fn new(path: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            reason: reason.into(),
        }
    }

    /// The same error, seen from the object that holds this one as `member`.
    #[must_use]
    pub fn within(self, member: &str) -> Self {
        let path = match self.path.as_str() {
            "" => member.to_owned(),
            path => format!("{member}.{path}"),
        };
        Self { path, ..self }
    }
}

impl fmt::Display for MemberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "`{path}`: {}", self.reason),
        }
    }
}

impl std::error::Error for MemberError {}

/// Reads an object into `T`.
///
/// # Errors
/// Names the first member that `T` does not have or whose value does not fit; a missing member is named in the reason.
pub fn read<T: DeserializeOwned>(object: Map<String, Value>) -> Result<T, MemberError> {
    let object = Value::Object(object);
    T::deserialize(&object).map_err(|error| {
        culprit::<T>(&object, &mut Vec::new())
            .unwrap_or_else(|| MemberError::new("", plain(&error)))
    })
}

/// Merges a patch into an object, RFC 7396: `null` removes, objects merge, everything else replaces.
pub fn merge(target: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match value {
            Value::Null => {
                target.shift_remove(&name);
            }
            Value::Object(patch) => {
                let slot = target.entry(name).or_insert(Value::Null);
                let mut inner = match slot.take() {
                    Value::Object(inner) => inner,
                    _ => Map::new(),
                };
                merge(&mut inner, patch);
                *slot = Value::Object(inner);
            }
            other => {
                target.insert(name, other);
            }
        }
    }
}

/// Tries each member alone: the one that still fails is the one to name.
fn culprit<T: DeserializeOwned>(object: &Value, outer: &mut Vec<String>) -> Option<MemberError> {
    for (name, value) in object.as_object()? {
        outer.push(name.clone());
        let alone = outer.iter().rev().fold(value.clone(), |inner, name| {
            Value::Object(Map::from_iter([(name.clone(), inner)]))
        });
        if let Err(error) = T::deserialize(&alone)
            && !error.to_string().starts_with("missing field")
        {
            let here = MemberError::new(outer.join("."), plain(&error));
            return Some(culprit::<T>(value, outer).unwrap_or(here));
        }
        outer.pop();
    }
    None
}

/// Serde's sentence without the names of Rust types.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    ["u16", "u32", "u64"].iter().fold(text, |text, kind| {
        text.replace(&format!("expected {kind}"), "expected a whole number")
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, expecting = "an object")]
    struct Outer {
        name: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default, expecting = "an object")]
    struct Inner {
        count: u32,
    }

    #[test]
    fn what_fits_is_read() {
        let object = json!({"name": "a", "inner": {"count": 2}});
        let outer = read::<Outer>(object.as_object().unwrap().clone()).unwrap();
        assert_eq!((outer.name.as_str(), outer.inner.unwrap().count), ("a", 2));
    }

    #[test]
    fn errors_name_the_member() {
        for (object, expected) in [
            (json!({}), "missing field `name`"),
            (
                json!({"name": 5}),
                "`name`: invalid type: integer `5`, expected a string",
            ),
            (
                json!({"inner": {"count": -1}, "name": "a"}),
                "`inner.count`: invalid value: integer `-1`, expected a whole number",
            ),
            (
                json!({"name": "a", "inner": 1}),
                "`inner`: invalid type: integer `1`, expected an object",
            ),
            (
                json!({"name": "a", "inner": {"cuont": 1}}),
                "`inner.cuont`: unknown field `cuont`, expected `count`",
            ),
            (
                json!({"name": "a", "Name": "b"}),
                "`Name`: unknown field `Name`, expected `name` or `inner`",
            ),
        ] {
            let error = read::<Outer>(object.as_object().unwrap().clone()).unwrap_err();
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn merge_follows_the_table_of_rfc_7396_appendix_a() {
        for (target, patch, expected) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (
                json!({"a": "b"}),
                json!({"b": "c"}),
                json!({"a": "b", "b": "c"}),
            ),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (
                json!({"a": "b", "b": "c"}),
                json!({"a": null}),
                json!({"b": "c"}),
            ),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (
                json!({"a": {"b": "c"}}),
                json!({"a": {"b": "d", "c": null}}),
                json!({"a": {"b": "d"}}),
            ),
            (
                json!({"a": [{"b": "c"}]}),
                json!({"a": [1]}),
                json!({"a": [1]}),
            ),
            (
                json!({"e": null}),
                json!({"a": 1}),
                json!({"e": null, "a": 1}),
            ),
            (
                json!({}),
                json!({"a": {"bb": {"ccc": null}}}),
                json!({"a": {"bb": {}}}),
            ),
        ] {
            let mut merged = target.as_object().unwrap().clone();
            merge(&mut merged, patch.as_object().unwrap().clone());
            assert_eq!(Value::Object(merged), expected, "{target} + {patch}");
        }
    }
}
