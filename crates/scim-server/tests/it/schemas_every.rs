//! A resource type with one attribute of every type, mutability, returned and uniqueness and a required extension, defined over HTTP and then
//! driven through every verb from its schema alone.

use serde_json::{Map, Value, json};

use crate::support::client::encode;
use crate::support::{Client, TestApp};

const CORE: &str = "urn:example:scim:2.0:Gadget";
const EXTRA: &str = "urn:example:scim:2.0:Gadget:Extra";

/// An attribute as `/Schemas` publishes it.
struct Leaf {
    urn: &'static str,
    name: String,
    schema: Value,
}

impl Leaf {
    fn is(&self, characteristic: &str, value: &str) -> bool {
        self.schema[characteristic] == value
    }

    fn path(&self) -> String {
        format!("{}:{}", self.urn, self.name)
    }

    fn is_readable(&self) -> bool {
        !self.is("returned", "never") && !self.is("mutability", "writeOnly")
    }

    fn is_simple(&self) -> bool {
        !self.is("type", "complex")
    }

    /// The first or the second value that fits.
    fn value(&self, nth: usize) -> Value {
        let one = one(&self.schema, nth);
        if self.schema["multiValued"] == true {
            json!([one])
        } else {
            one
        }
    }

    /// Where it stands in a resource.
    fn of<'a>(&self, resource: &'a Value) -> Option<&'a Value> {
        match self.urn {
            CORE => resource.get(&self.name),
            urn => resource.get(urn)?.get(&self.name),
        }
    }
}

fn one(schema: &Value, nth: usize) -> Value {
    match schema["type"].as_str().unwrap() {
        "boolean" => json!(nth == 0),
        "integer" => json!(nth + 1),
        "decimal" => json!(0.5 + [0.0, 1.0][nth]),
        "dateTime" => json!(["2026-01-31T09:30:00Z", "2026-02-01T09:30:00Z"][nth]),
        "binary" => json!(["AAAA", "MAA="][nth]),
        "complex" => {
            let subs = schema["subAttributes"].as_array().unwrap().iter();
            let subs = subs.filter(|sub| sub["mutability"] != "readOnly");
            Value::Object(
                subs.map(|sub| (sub["name"].as_str().unwrap().to_owned(), one(sub, nth)))
                    .collect(),
            )
        }
        _ => json!(["first", "second"][nth]),
    }
}

/// A literal of a filter.
fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => items[0].to_string(),
        other => other.to_string(),
    }
}

async fn published(scim: &Client, urn: &'static str) -> Vec<Leaf> {
    let schema = scim.get(&format!("/Schemas/{urn}")).await;
    let attributes = schema.ok(200).body["attributes"]
        .as_array()
        .unwrap()
        .clone();
    let leaf = |schema: Value| Leaf {
        urn,
        name: schema["name"].as_str().unwrap().to_owned(),
        schema,
    };
    attributes.into_iter().map(leaf).collect()
}

/// A body with what is required and one attribute more.
fn body(label: &str, more: Option<(&Leaf, Value)>) -> Value {
    let mut body = json!({"schemas": [CORE, EXTRA], "label": label, EXTRA: {"must": "m"}});
    if let Some((leaf, value)) = more {
        match leaf.urn {
            CORE => body[&leaf.name] = value,
            urn => body[urn][&leaf.name] = value,
        }
    }
    body
}

async fn define(app: &TestApp) {
    let schemas: Vec<Value> = serde_json::from_str(include_str!(
        "../../../scim-core/tests/testdata/gadget.json"
    ))
    .unwrap();
    for mut schema in schemas {
        let urn = schema["id"].as_str().unwrap().to_owned();
        schema["resourceTypes"] = json!([]);
        // Half of them are found by keys, half by looking at documents.
        for (nth, attribute) in schema["attributes"]
            .as_array_mut()
            .unwrap()
            .iter_mut()
            .enumerate()
        {
            if nth % 2 == 0
                && attribute["type"] != "complex"
                && attribute["mutability"] != "writeOnly"
            {
                attribute["constraints"] = json!({"indexed": true});
            }
        }
        let put = app
            .admin()
            .put(&format!("/tenants/default/schemas/{urn}"), schema)
            .await;
        assert_eq!(put.status, 201, "{}", put.text);
    }
    let body = json!({"endpoint": "/Gadgets", "schema": CORE, "schemaExtensions": [{"schema": EXTRA, "required": true}]});
    let put = app
        .admin()
        .put("/tenants/default/resource-types/Gadget", body)
        .await;
    assert_eq!(put.status, 201, "{}", put.text);
}

/// Who sees what: by default, by name, without it, and right after it was sent.
async fn projections(scim: &Client, leaf: &Leaf, at: &str) {
    let path = encode(&leaf.path());
    let shown = leaf.is_readable();
    let by_default = shown && !leaf.is("returned", "request");
    for (query, expected) in [
        (String::new(), by_default),
        (format!("?attributes={path}"), shown),
        (
            format!("?excludedAttributes={path}"),
            by_default && leaf.is("returned", "always"),
        ),
        (
            "?attributes=label".to_owned(),
            by_default && (leaf.is("returned", "always") || leaf.name == "label"),
        ),
    ] {
        let got = scim.get(&format!("{at}{query}")).await;
        assert_eq!(
            leaf.of(&got.ok(200).body).is_some(),
            expected,
            "{} {query}: {}",
            leaf.path(),
            got.text
        );
    }
}

async fn queries(scim: &Client, leaf: &Leaf, id: &str) {
    if !leaf.is_simple() {
        return;
    }
    let filter = format!("{} eq {}", leaf.path(), literal(&leaf.value(0)));
    let list = scim.filter("/Gadgets", &filter).await;
    if !leaf.is_readable() {
        list.refused(400, Some("invalidFilter"));
        return;
    }
    let ids: Vec<&Value> = list.ok(200).body["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["id"])
        .collect();
    assert!(ids.contains(&&json!(id)), "{filter}: {}", list.text);
    let other = format!("{} eq {}", leaf.path(), literal(&leaf.value(1)));
    let none = scim.filter("/Gadgets", &other).await;
    assert!(!none.ok(200).text.contains(id), "{other}: {}", none.text);
    for order in ["ascending", "descending"] {
        let sorted = scim
            .get(&format!(
                "/Gadgets?sortBy={}&sortOrder={order}",
                encode(&leaf.path())
            ))
            .await;
        let ids: Vec<&Value> = sorted.ok(200).body["Resources"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["id"])
            .collect();
        let place = if order == "ascending" {
            ids.first()
        } else {
            ids.last()
        };
        assert_eq!(
            place,
            Some(&&json!(id)),
            "{} {order}: {}",
            leaf.path(),
            sorted.text
        );
    }
}

async fn changes(scim: &Client, leaf: &Leaf, at: &str, label: &str) {
    let operation = |op: &str, value: Option<Value>| {
        let mut one = Map::from_iter([
            ("op".to_owned(), json!(op)),
            ("path".to_owned(), json!(leaf.path())),
        ]);
        one.extend(value.map(|value| ("value".to_owned(), value)));
        json!([one])
    };
    let replaced = scim
        .operate(at, operation("replace", Some(leaf.value(1))))
        .await;
    let fixed = leaf.is("mutability", "immutable");
    // A complex attribute with a part that is immutable keeps that part, and so it cannot be replaced.
    let partly = leaf.schema["subAttributes"]
        .as_array()
        .is_some_and(|subs| subs.iter().any(|sub| sub["mutability"] == "immutable"));
    if fixed || (partly && leaf.schema["multiValued"] == false) {
        replaced.refused(400, Some("mutability"));
        scim.operate(at, operation("remove", None))
            .await
            .refused(400, Some("mutability"));
        // RFC 7644 §3.5.1: a PUT with another value is refused, one without it keeps it.
        if fixed {
            scim.put(at, body(label, Some((leaf, leaf.value(1)))))
                .await
                .refused(400, Some("mutability"));
        }
        scim.put(at, body(label, Some((leaf, leaf.value(0)))))
            .await
            .ok(200);
        return;
    }
    replaced.ok(200);
    if leaf.is_readable() && leaf.is_simple() {
        assert_eq!(
            leaf.of(&replaced.body),
            Some(&leaf.value(1)),
            "{}: {}",
            leaf.path(),
            replaced.text
        );
    }
    let removed = scim.operate(at, operation("remove", None)).await;
    if leaf.schema["required"] == true {
        assert_eq!(removed.status, 400, "{}: {}", leaf.path(), removed.text);
        return;
    }
    assert_eq!(leaf.of(&removed.ok(200).body), None, "{}", removed.text);
    scim.operate(at, operation("add", Some(leaf.value(0))))
        .await
        .ok(200);
    let put = scim.put(at, body(label, None)).await;
    assert_eq!(
        leaf.of(&put.ok(200).body),
        None,
        "{}: {}",
        leaf.path(),
        put.text
    );
}

async fn every_verb(scim: &Client, leaf: &Leaf) {
    let label = format!("label of {}", leaf.path());
    let label = if leaf.name == "label" {
        "first".to_owned()
    } else {
        label
    };
    let made = scim
        .post("/Gadgets", body(&label, Some((leaf, leaf.value(0)))))
        .await;
    let (id, at) = (made.ok(201).id(), format!("/Gadgets/{}", made.id()));
    if leaf.is("mutability", "readOnly") {
        assert_eq!(leaf.of(&made.body), None, "{}", made.text);
        let operations = json!([{"op": "replace", "path": leaf.path(), "value": leaf.value(1)}]);
        scim.operate(&at, operations)
            .await
            .refused(400, Some("mutability"));
    } else {
        // What was sent counts as asked for.
        assert_eq!(
            leaf.of(&made.body).is_some(),
            leaf.is_readable(),
            "{}: {}",
            leaf.path(),
            made.text
        );
        projections(scim, leaf, &at).await;
        queries(scim, leaf, &id).await;
        changes(scim, leaf, &at, &label).await;
    }
    scim.delete(&at).await.ok(204);
    scim.get(&at).await.refused(404, None);
}

stories! {
    async fn every_characteristic_is_obeyed_from_the_schema_alone(app) {
        define(&app).await;
        let scim = &app.scim;
        let mut leaves = published(scim, CORE).await;
        leaves.extend(published(scim, EXTRA).await);
        assert!(leaves.len() > 20);
        for leaf in &leaves {
            every_verb(scim, leaf).await;
        }
        assert_eq!(scim.get("/Gadgets").await.ok(200).body["totalResults"], 0);

        // Uniqueness, whatever the letter case, on each way in.
        let one = scim.post("/Gadgets", body("Unique", None)).await.ok(201).id();
        let two = scim.post("/Gadgets", body("other", None)).await.ok(201).id();
        scim.post("/Gadgets", body("UNIQUE", None)).await.refused(409, Some("uniqueness"));
        scim.put(&format!("/Gadgets/{two}"), body("unique", None)).await.refused(409, Some("uniqueness"));
        let replace = json!([{"op": "replace", "path": "label", "value": "uNIQUE"}]);
        scim.operate(&format!("/Gadgets/{two}"), replace.clone()).await.refused(409, Some("uniqueness"));
        scim.operate(&format!("/Gadgets/{one}"), replace).await.ok(200);
        // What is required, on each way in.
        for (missing, of) in [("label", CORE), ("must", EXTRA)] {
            let mut without = body("third", None);
            let holder = if of == CORE { &mut without } else { &mut without[EXTRA] };
            holder.as_object_mut().unwrap().remove(missing);
            scim.post("/Gadgets", without.clone()).await.refused(400, Some("invalidValue"));
            scim.put(&format!("/Gadgets/{two}"), without).await.refused(400, Some("invalidValue"));
        }
        let gone = scim.operate(&format!("/Gadgets/{two}"), json!([{"op": "remove", "path": EXTRA}])).await;
        assert_eq!(gone.status, 400, "{}", gone.text);
        let types = scim.get("/ResourceTypes/Gadget").await;
        assert_eq!(types.ok(200).body["schemaExtensions"], json!([{"schema": EXTRA, "required": true}]));
    }
}
