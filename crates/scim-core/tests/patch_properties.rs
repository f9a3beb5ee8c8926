//! What holds whatever is sent: of PATCH (RFC 7644 §3.5.2), PUT (§3.5.1) and projection (§3.9).
#![cfg(test)]

#[path = "support/gadget.rs"]
mod gadget;
#[path = "support/generate.rs"]
mod generate;

use std::sync::LazyLock;

use proptest::prelude::*;
use scim_core::attr::Urns;
use scim_core::patch::{PatchRequest, Target, apply, quirks};
use scim_core::resource::canon::{Canon, Message};
use scim_core::resource::project::Projection;
use scim_core::resource::{arrange, changed, replace, validate};
use scim_core::schema::Mutability;
use scim_core::schema::registry::Resolved;
use scim_core::{AttrPath, Mode, ResourceType};
use serde_json::{Map, Value, json};

const MODES: [Mode; 3] = [Mode::Compat, Mode::Rfc, Mode::Strict];

fn types() -> &'static [ResourceType; 2] {
    static TYPES: LazyLock<[ResourceType; 2]> =
        LazyLock::new(|| [gadget::resource_type(false), generate::user()]);
    &TYPES
}

/// Every attribute and sub-attribute, with its path.
fn resolved(resource_type: &ResourceType) -> Vec<Resolved<'_>> {
    let paths = generate::paths(resource_type);
    let found = paths.iter().filter_map(|path| {
        let path = AttrPath::parse(path, &resource_type.urns).unwrap();
        resource_type.resolve(&path, Mode::Rfc)
    });
    found.collect()
}

/// The value at a path; of a list all values of the sub-attribute.
fn at(found: &Resolved<'_>, document: &Map<String, Value>) -> Value {
    let value = found.value(document);
    match (found.sub, value) {
        (Some(sub), Some(Value::Array(items))) => items
            .iter()
            .filter_map(|item| item.get(&sub.name))
            .cloned()
            .collect(),
        (Some(_), None) if found.attribute.multi_valued => json!([]),
        (Some(sub), value) => value.and_then(|value| value.get(&sub.name)).cloned().into(),
        (None, value) => value.cloned().into(),
    }
}

fn request(operations: &[Value], mode: Mode) -> scim_core::Result<PatchRequest> {
    let message = json!({"schemas": [scim_core::urn::PATCH_OP], "Operations": operations});
    PatchRequest::read(message.as_object().unwrap().clone(), mode)
}

/// A PATCH as a server does it; `None` when it is refused.
fn patched(
    resource_type: &ResourceType,
    mode: Mode,
    before: &Map<String, Value>,
    operations: &[Value],
) -> Option<Map<String, Value>> {
    let request = request(operations, mode).ok()?;
    let outcome = apply::apply(resource_type, mode, before.clone(), request).ok()?;
    validate::document(resource_type, mode, &outcome.document).ok()?;
    Some(arrange(resource_type, outcome.document, "1"))
}

/// What a client that sends the document back makes of it.
fn put(
    resource_type: &ResourceType,
    mode: Mode,
    document: &Map<String, Value>,
) -> Map<String, Value> {
    let canon = Canon {
        resource_type,
        mode,
    };
    let mut new = canon.document(document.clone(), Message::Replace).unwrap();
    replace::carry_over(resource_type, document, &mut new).unwrap();
    validate::document(resource_type, mode, &new).unwrap();
    arrange(resource_type, new, "1")
}

fn is_sound(
    resource_type: &ResourceType,
    mode: Mode,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) {
    assert_eq!(
        changed(after, &put(resource_type, mode, after)),
        Vec::<String>::new(),
        "{after:?}"
    );
    for found in resolved(resource_type) {
        let (old, new) = (at(&found, before), at(&found, after));
        let whole = found.attribute.mutability;
        let leaf = found.leaf().mutability;
        let is = |what: Mutability| whole == what || leaf == what;
        if is(Mutability::ReadOnly) {
            assert_eq!(old, new, "{}", found.path());
        }
        let of_element = found.sub.is_some() && found.attribute.multi_valued;
        if is(Mutability::Immutable) && !of_element && !old.is_null() {
            assert_eq!(old, new, "{}", found.path());
        }
    }
    for value in after.values().filter_map(Value::as_array) {
        let primary = |one: &&Value| one.get("primary") == Some(&true.into());
        assert!(value.iter().filter(primary).count() <= 1);
        assert!(!value.is_empty() && value.iter().all(|one| !one.is_null()));
    }
}

/// A replace of each attribute with what it has.
fn the_same_again(resource_type: &ResourceType, document: &Map<String, Value>) -> Vec<Value> {
    let mut operations = vec![json!({"op": "replace", "path": "id", "value": "1"})];
    for found in resolved(resource_type)
        .into_iter()
        .filter(|found| found.sub.is_none())
    {
        let value = at(&found, document);
        if !value.is_null() {
            let path = found.path().to_string();
            operations.push(json!({"op": "replace", "path": path, "value": value}));
        }
    }
    operations
}

fn case() -> impl Strategy<Value = (usize, Map<String, Value>, Vec<Value>)> {
    let of = |which: usize| {
        let one = &types()[which];
        let (document, operations) = (generate::document(one), generate::operations(one));
        (Just(which), document, operations)
    };
    prop_oneof![of(0), of(1)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, max_shrink_iters: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_patch_leaves_a_sound_document_or_none((which, before, operations) in case()) {
        let one = &types()[which];
        for mode in MODES {
            let Some(after) = patched(one, mode, &before, &operations) else {
                continue;
            };
            is_sound(one, mode, &before, &after);
            let again = patched(one, mode, &after, &the_same_again(one, &after));
            prop_assert_eq!(again, Some(after));
        }
    }

    #[test]
    fn each_step_of_a_patch_is_a_patch((which, before, operations) in case()) {
        let one = &types()[which];
        for mode in MODES {
            let lenient = request(&operations, mode).is_ok_and(|whole| quirks::deactivates(one, &whole));
            let Ok(all) = request(&operations, mode).and_then(|all| apply::apply(one, mode, before.clone(), all)) else {
                continue;
            };
            prop_assume!(!lenient);
            let mut document = before.clone();
            for operation in &operations {
                let step = request(std::slice::from_ref(operation), mode).unwrap();
                document = apply::apply(one, mode, document, step).unwrap().document;
            }
            prop_assert_eq!(document, all.document);
        }
    }

    #[test]
    fn what_was_read_can_be_sent_back((which, document, _) in case()) {
        let one = &types()[which];
        for mode in MODES {
            let again = put(one, mode, &document);
            let texts = [&document, &again].map(|one| serde_json::to_string(one).unwrap());
            prop_assert_eq!(&texts[0], &texts[1]);
        }
    }

    #[test]
    fn secrets_are_never_seen(
        (which, document, _) in case(),
        names in prop::collection::vec(generate::path(&types()[0]), 0..4),
        excluding in any::<bool>(),
        sent in prop::collection::vec(prop::sample::select(vec!["secret", "pin", "box", "password"]), 0..3),
    ) {
        let one = &types()[which];
        let (only, without) = if excluding { (None, Some(&names[..])) } else { (Some(&names[..]), None) };
        let sent: Vec<String> = sent.into_iter().map(str::to_owned).collect();
        for mode in MODES {
            for projection in [Projection::new(only, without, one, mode).unwrap(), Projection::Default] {
                let seen = projection.apply(one, document.clone(), &sent);
                prop_assert!(seen.contains_key("id") && seen.contains_key("schemas"));
                prop_assert_eq!(seen.contains_key("code"), document.contains_key("code"));
                let text = serde_json::to_string(&seen).unwrap();
                for hidden in ["\"secret\"", "\"pin\"", "\"key\"", "\"password\""] {
                    prop_assert!(!text.contains(hidden), "{}", text);
                }
            }
        }
    }

    #[test]
    fn nothing_panics(text in ".{0,40}", value in generate::garbage(), path in generate::path(&types()[0])) {
        let one = &types()[0];
        for mode in MODES {
            for text in [&text, &path] {
                let _ = Target::parse(text, &Urns::default());
                let _ = Target::parse(text, &one.urns);
            }
            if let Value::Object(body) = &value {
                let canon = Canon { resource_type: one, mode };
                let _ = canon.document(body.clone(), Message::Replace);
                let _ = PatchRequest::read(body.clone(), mode);
            }
            let operations = [json!({"op": "add", "path": text, "value": value}), json!({"op": "replace", "value": value})];
            for operation in operations {
                let _ = patched(one, mode, &arrange(one, Map::new(), "1"), &[operation]);
            }
        }
    }
}

#[test]
fn what_is_generated_is_often_accepted() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut accepted = 0;
    for _ in 0..200 {
        let (which, before, operations) = case().new_tree(&mut runner).unwrap().current();
        let after = patched(&types()[which], Mode::Compat, &before, &operations);
        accepted += usize::from(after.is_some_and(|after| after != before));
    }
    assert!(accepted > 30, "{accepted} of 200");
}
