//! JSON from outside, read strictly. RFC 7644 §3.8, RFC 8259 §4.
//!
//! A member sent twice is an error, also in another letter case, because attribute names are case-insensitive and parsers that keep the
//! first and parsers that keep the last would disagree on what was asked. So is U+0000, which databases disagree on.

use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::{Error, Result};

/// How many arrays and objects may stand inside one another.
pub const MAX_DEPTH: usize = 32;

/// Reads a JSON object.
///
/// # Errors
/// 400 `invalidSyntax` when the bytes are not UTF-8, not JSON, not an object, too deeply nested, or when a member or U+0000 is in them
/// that makes their meaning doubtful.
///
/// ```
/// assert!(scim_core::json::parse(br#"{"active": true}"#).is_ok());
/// assert!(scim_core::json::parse(br#"{"active": true, "Active": false}"#).is_err());
/// ```
pub fn parse(bytes: &[u8]) -> Result<Map<String, Value>> {
    match value(bytes)? {
        Value::Object(map) => Ok(map),
        other => Err(Error::invalid_syntax(format!(
            "the body must be a JSON object, found {}",
            kind(&other)
        ))),
    }
}

/// Reads any JSON value with the same rules as [`parse`].
///
/// # Errors
/// 400 `invalidSyntax`, as [`parse`].
pub fn value(bytes: &[u8]) -> Result<Value> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { depth: 0 }
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|error| Error::invalid_syntax(format!("the body is not valid JSON: {error}")))?;
    Ok(value)
}

/// What a value is, in words for an error.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(&self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: serde::de::Error>(self, value: String) -> Result<Value, E> {
        if value.contains('\0') {
            return Err(E::custom("a string holds U+0000, which is not accepted"));
        }
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self.deeper()?)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        let mut seen = Seen::default();
        while let Some(name) = members.next_key::<String>()? {
            if name.contains('\0') {
                return Err(A::Error::custom("a member name holds U+0000"));
            }
            if !seen.first(&map, &name) {
                let name = crate::error::shorten(&name);
                return Err(A::Error::custom(format_args!(
                    "member `{name}` stands twice (letter case does not tell members apart)"
                )));
            }
            let value = members.next_value_seed(self.deeper()?)?;
            map.insert(name, value);
        }
        Ok(Value::Object(map))
    }
}

/// Which names an object has had: compared one by one while they are few, by a set when they are many.
#[derive(Default)]
struct Seen {
    many: Option<HashSet<String>>,
}

impl Seen {
    const FEW: usize = 16;

    fn first(&mut self, map: &Map<String, Value>, name: &str) -> bool {
        if self.many.is_none() && map.len() < Self::FEW && name.is_ascii() {
            return !map.keys().any(|known| known.eq_ignore_ascii_case(name));
        }
        self.many
            .get_or_insert_with(|| map.keys().map(|known| known.to_lowercase()).collect())
            .insert(name.to_lowercase())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, why: &str) {
        let error = parse(text.as_bytes()).unwrap_err();
        assert!(
            error.is(crate::ScimType::InvalidSyntax),
            "{text}: {error:?}"
        );
        assert!(error.detail.contains(why), "{text}: {}", error.detail);
    }

    #[test]
    fn duplicates_in_any_letter_case_are_refused() {
        refused(r#"{"a":1,"a":2}"#, "stands twice");
        refused(r#"{"userName":"a","USERNAME":"b"}"#, "stands twice");
        refused(r#"{"n":{"x":1,"y":2,"X":3}}"#, "stands twice");
        let many: Vec<String> = (0..40).map(|n| format!("\"k{n}\":1")).collect();
        refused(&format!("{{{},\"K3\":1}}", many.join(",")), "stands twice");
        assert!(parse(format!("{{{}}}", many.join(",")).as_bytes()).is_ok());
        refused("{\"é\":1,\"É\":2}", "stands twice");
    }

    #[test]
    fn nul_and_lone_surrogates_are_refused() {
        refused("{\"a\":\"x\\u0000y\"}", "U+0000");
        refused("{\"a\\u0000\":1}", "U+0000");
        refused(r#"{"a":"\ud800"}"#, "hex escape");
        refused(r#"{"a":"\udc00x"}"#, "surrogate");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
        assert!(parse(deep(MAX_DEPTH - 1).as_bytes()).is_ok());
        refused(&deep(MAX_DEPTH), "nested deeper");
        refused(&"[".repeat(1_000_000), "nested deeper");
        refused(&"{\"a\":".repeat(1_000_000), "nested deeper");
    }

    #[test]
    fn only_objects_are_bodies() {
        for text in ["[]", "1", "\"x\"", "null", "true"] {
            refused(text, "must be a JSON object");
        }
        refused("{", "EOF");
        refused("{} x", "trailing");
        refused("", "EOF");
        assert!(parse(b"{\"a\":\"\xff\"}").is_err());
        refused("{\"a\":1e999}", "out of range");
    }
}
