//! What is defined: an extension of fifty attributes of all types, and small ones.

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::client::{Client, Request};

/// How many attributes the wide extension has.
pub(crate) const WIDE: usize = 50;

/// The URN of every extension here.
pub(crate) const URN: &str = "urn:example:benchmark:1.0:User";

const KINDS: [&str; 5] = ["string", "integer", "boolean", "dateTime", "decimal"];

/// The extension of fifty attributes, two of them indexed.
pub(crate) fn wide() -> Value {
    let attributes: Vec<Value> = (0..WIDE)
        .map(|nth| {
            let kind = KINDS.get(nth % KINDS.len());
            json!({"name": format!("attribute{nth}"), "type": kind, "description": "One of fifty.", "constraints": {"indexed": nth < 2}})
        })
        .collect();
    json!({"name": "Wide", "attributes": attributes})
}

/// A value for each of its attributes.
pub(crate) fn values(person: usize) -> Value {
    let mut values = Map::new();
    for nth in 0..WIDE {
        let value = match nth % KINDS.len() {
            0 => json!(format!("value {} of {person}", nth)),
            1 => json!(nth * person),
            2 => json!(nth % 2 == 0),
            3 => json!("2026-01-31T09:30:00Z"),
            _ => json!(0.5),
        };
        values.insert(format!("attribute{nth}"), value);
    }
    Value::Object(values)
}

/// A small extension: one text, indexed or not, of at most so many characters.
pub(crate) fn small(indexed: bool, length: usize) -> Value {
    json!({"name": "Small", "attributes": [
        {"name": "unit", "type": "string", "constraints": {"maxLength": length, "indexed": indexed}}
    ]})
}

/// Puts the schema of a tenant.
pub(crate) fn put(admin: &mut Client, slug: &str, schema: &Value) -> Outcome<()> {
    let path = format!("/admin/v1/tenants/{slug}/schemas/{URN}");
    let body = schema.to_string();
    let answer = admin.answer(&Request::new("PUT", &path, Some(&body)))?;
    if !matches!(answer.status, 200 | 201) {
        return Err(format!("PUT {path}: {}", String::from_utf8_lossy(answer.body)).into());
    }
    Ok(())
}

/// Makes a tenant with a token whose budget does not run out; the token.
pub(crate) fn tenant(admin: &mut Client, slug: &str) -> Outcome<String> {
    let body =
        json!({"slug": slug, "policy": {"rateLimit": {"perHour": 1_000_000_000}}}).to_string();
    admin.ask(&Request::new("POST", "/admin/v1/tenants", Some(&body)), 201)?;
    let path = format!("/admin/v1/tenants/{slug}/tokens");
    let body = r#"{"name": "benchmark"}"#;
    let made = admin
        .ask_json(&Request::new("POST", &path, Some(body)), 201)?
        .1;
    let token = made.get("token").and_then(Value::as_str);
    Ok(token.ok_or("expected a token")?.to_owned())
}
