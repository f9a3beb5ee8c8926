//! The examples of RFC 7643 §8 and RFC 7644 §3, as files in `testdata/`, named by their section.
#![cfg(test)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use scim_core::list::{Paging, Query, Start};
use scim_core::patch::{PatchRequest, apply};
use scim_core::resource::canon::{Canon, Message};
use scim_core::resource::project::Projection;
use scim_core::resource::{arrange, changed, replace, validate};
use scim_core::schema::builtin;
use scim_core::{Error, Mode, ResourceType, json};
use serde_json::{Map, Value};

const ALL: [Mode; 3] = [Mode::Compat, Mode::Rfc, Mode::Strict];

/// Every file of a folder, by name.
fn files(folder: &str) -> Vec<(String, Map<String, Value>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/testdata")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, json::parse(&fs::read(&path).unwrap()).unwrap())
        })
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

fn file(folder: &str, name: &str) -> Map<String, Value> {
    let mut files = files(folder).into_iter();
    files.find(|(known, _)| known == name).unwrap().1
}

fn resource_type(name: &str) -> Arc<ResourceType> {
    Arc::clone(builtin::registry(None).resource_type(name).unwrap())
}

/// The type whose schema a resource names first.
fn type_of(resource: &Map<String, Value>) -> Arc<ResourceType> {
    let urn = resource["schemas"][0].as_str().unwrap();
    let name = urn.rsplit(':').next().unwrap();
    resource_type(name)
}

fn canonical(
    resource_type: &ResourceType,
    mode: Mode,
    message: Message,
    body: Map<String, Value>,
) -> Map<String, Value> {
    let canon = Canon {
        resource_type,
        mode,
    };
    let document = canon.document(body, message).unwrap();
    validate::document(resource_type, mode, &document).unwrap();
    arrange(resource_type, document, "1")
}

/// What the RFC prints, without what only the server sets.
fn writable(resource: &Map<String, Value>) -> Map<String, Value> {
    let mut rest = resource.clone();
    for name in ["id", "meta", "groups"] {
        rest.shift_remove(name);
    }
    let manager = rest
        .get_mut(scim_core::urn::ENTERPRISE_USER)
        .and_then(|extension| extension.get_mut("manager"));
    if let Some(Value::Object(manager)) = manager {
        manager.shift_remove("displayName");
    }
    // An attribute without values is an attribute that is not there.
    rest.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
    rest
}

/// A resource is read, kept whole, and read again from what was kept.
fn round_trip(name: &str, resource: &Map<String, Value>) {
    let one = type_of(resource);
    for mode in ALL {
        let document = canonical(&one, mode, Message::Create, resource.clone());
        assert_eq!(writable(&document), writable(resource), "{name} {mode:?}");
        let mut again = canonical(&one, mode, Message::Replace, document.clone());
        replace::carry_over(&one, &document, &mut again).unwrap();
        let again = arrange(&one, again, "1");
        assert_eq!(changed(&document, &again), Vec::<String>::new(), "{name}");
        let texts = [&document, &again].map(|one| serde_json::to_string(one).unwrap());
        assert_eq!(texts[0], texts[1], "{name}");
        let seen = Projection::Default.apply(&one, document.clone(), &[]);
        assert!(!seen.contains_key("password"), "{name}");
        assert_eq!(
            seen.len() + usize::from(document.contains_key("password")),
            document.len()
        );
    }
}

#[test]
fn rfc_7643_section_8_resources() {
    let files = files("rfc7643");
    assert_eq!(files.len(), 4);
    for (name, resource) in files {
        round_trip(&name, &resource);
    }
}

#[test]
fn rfc_7644_section_3_resources() {
    let mut count = 0;
    for (name, resource) in files("rfc7644") {
        if ["3.3-", "3.4.1-", "3.5.1-"]
            .iter()
            .any(|section| name.starts_with(section))
        {
            round_trip(&name, &resource);
            count += 1;
        }
    }
    assert_eq!(count, 5);
}

#[test]
fn rfc_7644_section_3_5_1_request_becomes_its_response() {
    let user = resource_type("User");
    let request = file("rfc7644", "3.5.1-replace-request.json");
    let response = file("rfc7644", "3.5.1-replace-response.json");
    let before = file("rfc7644", "3.4.1-get-response.json");
    for mode in ALL {
        let before = canonical(&user, mode, Message::Create, before.clone());
        let mut after = canonical(&user, mode, Message::Replace, request.clone());
        replace::carry_over(&user, &before, &mut after).unwrap();
        let after = arrange(&user, after, "1");
        assert_eq!(writable(&after), writable(&response));
        assert_eq!(changed(&before, &after), ["emails", "name", "phoneNumbers"]);
    }
}

#[test]
fn rfc_7644_section_3_5_2_patches() {
    let mut count = 0;
    for (name, file) in files("rfc7644") {
        if !name.starts_with("3.5.2") {
            continue;
        }
        count += 1;
        let one = resource_type(file["resourceType"].as_str().unwrap());
        let document = |key: &str| arrange(&one, file[key].as_object().unwrap().clone(), "1");
        for mode in ALL {
            let request =
                PatchRequest::read(file["request"].as_object().unwrap().clone(), mode).unwrap();
            let without_path = request.operations.iter().any(|one| one.path.is_none());
            let patched = apply::apply(&one, mode, document("before"), request);
            if mode == Mode::Strict && without_path {
                // The interoperability profile forbids what the RFC shows.
                assert!(patched.unwrap_err().is(scim_core::ScimType::InvalidSyntax));
                continue;
            }
            let patched = patched.unwrap().document;
            validate::document(&one, mode, &patched).unwrap();
            assert_eq!(
                arrange(&one, patched, "1"),
                document("after"),
                "{name} {mode:?}"
            );
        }
    }
    assert_eq!(count, 11);
}

#[test]
fn rfc_7644_section_3_4_3_search() {
    let user = resource_type("User");
    let body = file("rfc7644", "3.4.3-search-request.json");
    let query = Query::from_search(&body, &user.urns, &Paging::default()).unwrap();
    assert_eq!((&query.start, query.count), (&Start::Index(1), 10));
    let bound = query
        .filter
        .as_ref()
        .unwrap()
        .bind(&user, Mode::Strict)
        .unwrap();
    let smith = json::parse(br#"{"displayName":"Smith, James","userName":"smith"}"#).unwrap();
    assert!(bound.matches(&smith));
    let projection = query.projection(&user, Mode::Strict).unwrap();
    assert_eq!(projection.apply(&user, smith.clone(), &[]), smith);
}

#[test]
fn rfc_7644_section_3_9_projection() {
    let user = resource_type("User");
    let file = file("rfc7644", "3.9-projected.json");
    let names: Vec<String> = serde_json::from_value(file["attributes"].clone()).unwrap();
    let projection = Projection::new(Some(&names), None, &user, Mode::Rfc).unwrap();
    let resource = file["resource"].as_object().unwrap().clone();
    assert_eq!(
        Value::Object(projection.apply(&user, resource, &[])),
        file["seen"]
    );
}

#[test]
fn rfc_7644_section_3_12_errors() {
    for (name, error) in [
        (
            "3.12-error.json",
            Error::mutability("Attribute 'id' is readOnly"),
        ),
        (
            "3.12-error-not-found.json",
            Error::plain(
                404,
                "Resource 2819c223-7f76-453a-919d-413861904646 not found",
            ),
        ),
    ] {
        assert_eq!(error.body(), Value::Object(file("rfc7644", name)), "{name}");
    }
}
