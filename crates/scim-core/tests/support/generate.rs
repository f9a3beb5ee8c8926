//! Documents and PATCH operations made of a schema, and of garbage.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use scim_core::resource::canon::{Canon, Message};
use scim_core::resource::{arrange, validate};
use scim_core::schema::{Attribute, Type, builtin};
use scim_core::{AttrPath, Mode, ResourceType};
use serde_json::{Map, Value, json};

pub(crate) fn user() -> ResourceType {
    let registry = builtin::registry(None);
    let user = registry.resource_type("User").unwrap();
    let (schema, extensions) = (Arc::clone(&user.schema), user.extensions.clone());
    ResourceType::new(1, "User", "/Users", "", schema, extensions)
}

/// The paths of all attributes and sub-attributes.
pub(crate) fn paths(resource_type: &ResourceType) -> Vec<String> {
    let mut paths = Vec::new();
    for schema in resource_type.schemas() {
        let prefix = match resource_type.extension(&schema.id) {
            Some(_) => format!("{}:", schema.id),
            None => String::new(),
        };
        for attribute in &schema.attributes {
            let path = format!("{prefix}{}", attribute.name);
            let subs = attribute.sub_attributes.iter();
            paths.extend(subs.map(|sub| format!("{path}.{}", sub.name)));
            paths.push(path);
        }
    }
    paths
}

/// Few words, so that they meet again; two of them are elements written into a string.
fn word() -> impl Strategy<Value = String> {
    let words = [
        "a",
        "b",
        "A",
        "work",
        "home",
        "é",
        "True",
        "",
        " x ",
        r#"{"value":"a"}"#,
        r#"{"value":"{\"value\":\"b\",\"unknown\":1}"}"#,
    ];
    select(words.to_vec()).prop_map(str::to_owned)
}

fn one_value(attribute: &Attribute) -> BoxedStrategy<Value> {
    match attribute.kind {
        Type::String | Type::Reference if attribute.required => {
            select(vec!["l", "m"]).prop_map(Value::from).boxed()
        }
        Type::Reference => select(vec!["u", "v"]).prop_map(Value::from).boxed(),
        Type::String => word().prop_map(Value::from).boxed(),
        Type::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Type::Integer => (-2..3_i64).prop_map(Value::from).boxed(),
        Type::Decimal => select(vec![-1.0, -0.5, 0.5, 1.0])
            .prop_map(|one: f64| json!(one))
            .boxed(),
        Type::DateTime => select(vec!["2026-01-31T09:30:00Z", "2026-01-31T09:30:00"])
            .prop_map(Value::from)
            .boxed(),
        Type::Binary => select(vec!["MAA=", "AAAA"]).prop_map(Value::from).boxed(),
        Type::Complex => {
            let parts: Vec<_> = attribute
                .sub_attributes
                .iter()
                .filter(|sub| sub.is_writable())
                .map(|sub| {
                    let value = perhaps(sub, one_value(sub));
                    value.prop_map({
                        let name = sub.name.clone();
                        move |value| value.map(|value| (name.clone(), value))
                    })
                })
                .collect();
            parts
                .prop_map(|parts| Value::Object(parts.into_iter().flatten().collect()))
                .boxed()
        }
    }
}

fn perhaps(attribute: &Attribute, value: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    if attribute.required {
        return value.prop_map(Some).boxed();
    }
    proptest::option::weighted(0.4, value).boxed()
}

/// A value that fits the attribute.
fn value(attribute: &Attribute) -> BoxedStrategy<Value> {
    if attribute.multi_valued {
        vec(one_value(attribute), 0..4)
            .prop_map(Value::Array)
            .boxed()
    } else {
        one_value(attribute)
    }
}

/// What a server may have stored.
pub(crate) fn document(resource_type: &ResourceType) -> BoxedStrategy<Map<String, Value>> {
    let mut members = Vec::new();
    for schema in resource_type.schemas() {
        let holder = resource_type
            .extension(&schema.id)
            .map(|one| one.schema.id.clone());
        for attribute in &schema.attributes {
            let place = (holder.clone(), attribute.name.clone());
            let value = perhaps(attribute, value(attribute));
            members.push(value.prop_map(move |value| (place.clone(), value)));
        }
    }
    let one = copy(resource_type);
    let all = members.prop_map(|members| {
        let mut body = Map::new();
        for ((holder, name), value) in members {
            let Some(value) = value else { continue };
            match holder {
                None => body.insert(name, value),
                Some(urn) => {
                    let extension = body.entry(urn).or_insert_with(|| json!({}));
                    extension[name] = value;
                    None
                }
            };
        }
        body
    });
    let valid = all.prop_filter_map("a valid document", move |body| {
        let mut body = body;
        body.insert("schemas".into(), json!([one.schema.id]));
        let canon = Canon {
            resource_type: &one,
            mode: Mode::Compat,
        };
        let mut document = canon.document(body.clone(), Message::Create).unwrap();
        for (name, value) in body {
            // What only the server sets.
            if one.core(&name).is_some_and(|one| !one.is_writable()) && value != json!([]) {
                document.insert(name, value);
            }
        }
        if let Some(parts) = document.get_mut("box") {
            parts["owner"] = "o".into();
        }
        for extension in &one.extensions {
            if let Some(members) = document.get_mut(&extension.schema.id)
                && extension.schema.attribute("owner").is_some()
            {
                members["owner"] = "o".into();
            }
        }
        document.retain(|_, value| *value != json!([{}]));
        validate::document(&one, Mode::Strict, &document).ok()?;
        Some(arrange(&one, document, "1"))
    });
    valid.boxed()
}

fn copy(one: &ResourceType) -> ResourceType {
    let (schema, extensions) = (Arc::clone(&one.schema), one.extensions.clone());
    ResourceType::new(one.code, &one.name, &one.endpoint, "", schema, extensions)
}

/// Any small JSON; its names are often those of attributes.
pub(crate) fn garbage() -> BoxedStrategy<Value> {
    let names = vec![
        "value",
        "type",
        "primary",
        "label",
        "userName",
        "box",
        "parts",
        "tags",
        "emails",
        "name",
        "name.givenName",
        "VALUE",
        "schemas",
        "op",
        "path",
        "Operations",
        "id",
        "__proto__",
        "",
        "emails[type eq \"work\"].value",
        "parts[value eq \"a\"]",
        "log",
        "owner",
        "displayName",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        any::<f64>().prop_map(|one| json!(one)),
        word().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, move |inner| {
        let member = (select(names.clone()).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::Array),
            vec(member, 0..4).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .boxed()
}

/// A path: right, in other letters, with a URN, with a filter, or no path at all.
pub(crate) fn path(resource_type: &ResourceType) -> BoxedStrategy<String> {
    let plain = select(paths(resource_type));
    let core = resource_type.schema.id.clone();
    let qualified = plain.clone().prop_map(move |path| {
        if path.contains(':') {
            path
        } else {
            format!("{core}:{path}")
        }
    });
    let urns: Vec<String> = resource_type.schemas().map(|one| one.id.clone()).collect();
    prop_oneof![
        6 => plain.clone(),
        1 => plain.prop_map(|path| path.to_uppercase()),
        1 => qualified,
        1 => select(urns),
        4 => picked(resource_type),
        1 => "[a-z:.\\[\\]\" $]{0,12}",
    ]
    .boxed()
}

/// `parts[type eq "work"].value` and the like.
fn picked(resource_type: &ResourceType) -> BoxedStrategy<String> {
    let mut all = Vec::new();
    for attribute in resource_type
        .schema
        .attributes
        .iter()
        .filter(|one| one.multi_valued)
    {
        let mut subs = vec![String::new()];
        subs.extend(
            attribute
                .sub_attributes
                .iter()
                .map(|sub| format!(".{}", sub.name)),
        );
        let filters = [
            "type eq \"work\"",
            "value eq \"a\"",
            "primary eq true",
            "value pr",
            "type eq \"work\" and value eq \"b\"",
            "not (type eq \"home\")",
            "type eq null",
            "type eq \"work\" and primary eq true",
            "value ne \"a\" or type sw \"h\"",
        ];
        for sub in subs {
            let name = &attribute.name;
            all.extend(
                filters
                    .iter()
                    .map(|filter| format!("{name}[{filter}]{sub}")),
            );
        }
    }
    select(all).boxed()
}

/// The value for a path that ends at some attribute, mostly one that fits.
fn fitting(resource_type: &ResourceType, path: &str) -> BoxedStrategy<Value> {
    let plain = match (path.split_once('['), path.rsplit_once(']')) {
        (Some((attribute, _)), Some((_, sub))) => format!("{attribute}{sub}"),
        _ => path.to_owned(),
    };
    let found = AttrPath::parse(&plain, &resource_type.urns).ok();
    let found = found.and_then(|path| {
        resource_type
            .resolve(&path, Mode::Rfc)
            .map(|one| one.leaf())
    });
    let Some(leaf) = found else {
        return garbage();
    };
    let whole = if path.ends_with(']') {
        one_value(leaf)
    } else {
        value(leaf)
    };
    prop_oneof![8 => whole, 2 => one_value(leaf), 1 => Just(Value::Null), 1 => garbage()].boxed()
}

fn pair(resource_type: &ResourceType) -> BoxedStrategy<(String, Value)> {
    let one = copy(resource_type);
    path(resource_type)
        .prop_flat_map(move |path| (Just(path.clone()), fitting(&one, &path)))
        .boxed()
}

/// One to four operations.
pub(crate) fn operations(resource_type: &ResourceType) -> BoxedStrategy<Vec<Value>> {
    let verb = select(vec!["add", "replace", "remove", "Add", "Replace", "Remove"]);
    let aimed = (verb.clone(), pair(resource_type), any::<Index>()).prop_map(
        |(op, (path, value), chance)| {
            let without_value = op.eq_ignore_ascii_case("remove") && chance.index(4) > 0;
            if without_value {
                json!({"op": op, "path": path})
            } else {
                json!({"op": op, "path": path, "value": value})
            }
        },
    );
    let pathless = (
        select(vec!["add", "replace"]),
        vec(pair(resource_type), 0..4),
    )
        .prop_map(|(op, members)| {
            let value: Map<String, Value> = members.into_iter().collect();
            json!({"op": op, "value": value})
        });
    vec(prop_oneof![6 => aimed, 1 => pathless], 1..4).boxed()
}
