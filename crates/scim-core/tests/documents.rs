//! Documents: what a body becomes, what is allowed, what outlives a PUT, what a client sees. RFC 7643 §2 to §7, RFC 7644 §3.
#![cfg(test)]

#[path = "documents/canonical.rs"]
mod canonical;
#[path = "documents/discovery.rs"]
mod discovery;
#[path = "support/gadget.rs"]
mod gadget;
#[path = "documents/lists.rs"]
mod lists;
#[path = "documents/projection.rs"]
mod projection;
#[path = "documents/put.rs"]
mod put;
#[path = "documents/rules.rs"]
mod rules;

use std::sync::Arc;

use scim_core::resource::canon::{Canon, Message};
use scim_core::schema::builtin;
use scim_core::{Mode, ResourceType, Result, json};
use serde_json::{Map, Value};

const ALL: &[Mode] = &[Mode::Compat, Mode::Rfc, Mode::Strict];
const LAX: &[Mode] = &[Mode::Compat, Mode::Rfc];
const LETTER: &[Mode] = &[Mode::Rfc, Mode::Strict];
const COMPAT: &[Mode] = &[Mode::Compat];
const RFC: &[Mode] = &[Mode::Rfc];
const STRICT: &[Mode] = &[Mode::Strict];

const ENTERPRISE: &str = scim_core::urn::ENTERPRISE_USER;
/// The extension in `testdata/gadget.json`.
const EXTRA: &str = "urn:example:scim:2.0:Gadget:Extra";

fn user() -> Arc<ResourceType> {
    Arc::clone(builtin::registry(None).resource_type("User").unwrap())
}

fn map(text: &str) -> Map<String, Value> {
    let text = text
        .replace("$E", ENTERPRISE)
        .replace("$U", scim_core::urn::USER)
        .replace("$X", EXTRA);
    json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn canonical(
    resource_type: &ResourceType,
    mode: Mode,
    message: Message,
    body: &str,
) -> Result<Map<String, Value>> {
    let canon = Canon {
        resource_type,
        mode,
    };
    canon.document(map(body), message)
}

/// The cells of a table's lines, `a | b`; lines that begin with `#` say what the next ones show.
fn rows(lines: &str) -> impl Iterator<Item = Vec<String>> {
    lines
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            line.split(" | ")
                .map(|cell| cell.trim().to_owned())
                .collect()
        })
}

/// `scimType: detail`
fn words(error: &scim_core::Error) -> String {
    let kind = error.scim_type.map_or("", scim_core::ScimType::as_str);
    format!("{kind}: {}", error.detail)
}
