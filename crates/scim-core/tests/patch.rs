//! PATCH, as tables: what was there, one operation, what is there then. RFC 7644 §3.5.2.
#![cfg(test)]

#[path = "patch/add.rs"]
mod add;
#[path = "patch/clients.rs"]
mod clients;
#[path = "patch/envelope.rs"]
mod envelope;
#[path = "support/gadget.rs"]
mod gadget;
#[path = "patch/mutability.rs"]
mod mutability;
#[path = "patch/paths.rs"]
mod paths;
#[path = "patch/remove.rs"]
mod remove;
#[path = "patch/replace.rs"]
mod replace;

use scim_core::patch::PatchRequest;
use scim_core::patch::apply::{self, Outcome};
use scim_core::resource::{arrange, validate};
use scim_core::schema::builtin;
use scim_core::{Error, Mode, ResourceType, Result};
use serde_json::{Map, Value, json};

const ALL: &[Mode] = &[Mode::Compat, Mode::Rfc, Mode::Strict];
/// Where an operation without a path is allowed.
const LAX: &[Mode] = &[Mode::Compat, Mode::Rfc];
const LETTER: &[Mode] = &[Mode::Rfc, Mode::Strict];
const COMPAT: &[Mode] = &[Mode::Compat];
const RFC: &[Mode] = &[Mode::Rfc];
const STRICT: &[Mode] = &[Mode::Strict];

const ENTERPRISE: &str = scim_core::urn::ENTERPRISE_USER;
/// The extension in `testdata/gadget.json`.
const EXTRA: &str = "urn:example:scim:2.0:Gadget:Extra";

/// Lines `before | op | path | value | after`. An empty path or value is not sent; `after` is a scimType, or `=` when nothing changes.
/// `$E` is the URN of the enterprise extension. Lines that begin with `#` say what the next ones show.
fn users(modes: &[Mode], lines: &str) {
    table(&builtin_type("User"), ("userName", "ada"), modes, lines);
}

fn groups(modes: &[Mode], lines: &str) {
    table(&builtin_type("Group"), ("displayName", "all"), modes, lines);
}

/// The same for the type of `testdata/gadget.json`; `$X` is the URN of its extension.
fn gadgets(modes: &[Mode], lines: &str) {
    table(
        &gadget::resource_type(false),
        ("label", "one"),
        modes,
        lines,
    );
}

fn table(resource_type: &ResourceType, required: (&str, &str), modes: &[Mode], lines: &str) {
    let mut wrong = Vec::new();
    for line in lines.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.replace("$E", ENTERPRISE).replace("$X", EXTRA);
        let columns: Vec<&str> = line.split('|').map(str::trim).collect();
        let [before, op, path, value, after] = columns[..] else {
            panic!("five columns: {line}");
        };
        let mut operation = json!({"op": op});
        if !path.is_empty() {
            operation["path"] = path.into();
        }
        if !value.is_empty() {
            operation["value"] = serde_json::from_str(value).expect(&line);
        }
        for mode in modes {
            let document = document(resource_type, required, before);
            let patched = patch(resource_type, *mode, &document, &json!([operation]));
            let found = summary(patched, &document, required);
            let expected: Value = serde_json::from_str(after).unwrap_or_else(|_| after.into());
            if found != expected {
                wrong.push(format!("{mode:?}: {line}\n    found {found}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn summary(
    patched: Result<Map<String, Value>>,
    before: &Map<String, Value>,
    required: (&str, &str),
) -> Value {
    match patched {
        Err(error) => error
            .scim_type
            .map_or(Value::Null, |one| one.as_str().into()),
        Ok(after) if after == *before => "=".into(),
        Ok(mut after) => {
            after.retain(|name, value| {
                name != "schemas" && name != "id" && !(name == required.0 && value == required.1)
            });
            Value::Object(after)
        }
    }
}

/// A document with what is written, and what is required of every resource of the type.
fn document(
    resource_type: &ResourceType,
    required: (&str, &str),
    attributes: &str,
) -> Map<String, Value> {
    let mut attributes: Map<String, Value> = serde_json::from_str(attributes).expect(attributes);
    if !attributes.contains_key(required.0) {
        attributes.insert(required.0.into(), required.1.into());
    }
    let names = attributes.len();
    let document = arrange(resource_type, attributes, "1");
    assert_eq!(document.len(), names + 2, "names are canonical");
    document
}

/// As a server does it: read the message, apply it, look at the whole, arrange it.
fn outcome(
    resource_type: &ResourceType,
    mode: Mode,
    before: &Map<String, Value>,
    operations: &Value,
) -> Result<Outcome> {
    let message = json!({"schemas": [scim_core::urn::PATCH_OP], "Operations": operations});
    let request = PatchRequest::read(message.as_object().unwrap().clone(), mode)?;
    let mut outcome = apply::apply(resource_type, mode, before.clone(), request)?;
    validate::document(resource_type, mode, &outcome.document)?;
    outcome.document = arrange(resource_type, outcome.document, "1");
    Ok(outcome)
}

fn patch(
    resource_type: &ResourceType,
    mode: Mode,
    before: &Map<String, Value>,
    operations: &Value,
) -> Result<Map<String, Value>> {
    Ok(outcome(resource_type, mode, before, operations)?.document)
}

/// Several operations on a user; `after` as in a table.
fn check(modes: &[Mode], before: &str, operations: &Value, after: &Value) {
    let required = ("userName", "ada");
    let user = builtin_type("User");
    for mode in modes {
        let document = document(&user, required, before);
        let found = summary(
            patch(&user, *mode, &document, operations),
            &document,
            required,
        );
        assert_eq!(found, *after, "{mode:?}: {operations}");
    }
}

fn error(mode: Mode, before: &str, operations: &Value) -> Error {
    let user = builtin_type("User");
    let document = document(&user, ("userName", "ada"), before);
    patch(&user, mode, &document, operations).unwrap_err()
}

fn builtin_type(name: &str) -> std::sync::Arc<ResourceType> {
    std::sync::Arc::clone(builtin::registry(None).resource_type(name).unwrap())
}
