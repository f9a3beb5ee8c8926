//! Schemas, documents and filters drawn by lot, with few different values so that they meet.

use std::sync::Arc;

use scim_core::attr::AttrPath;
use scim_core::schema::registry::{Extension, Index};
use scim_core::schema::{Attribute, Schema, Type};
use scim_core::{Mode, ResourceType};
use scim_server::service::resources::Document;
use serde_json::{Map, Value, json};
use uuid::Uuid;

pub(crate) const CORE: &str = "urn:example:2.0:Thing";
pub(crate) const EXTRA: &str = "urn:example:2.0:Extra";
const KINDS: [&str; 7] = [
    "string", "string", "boolean", "integer", "decimal", "dateTime", "binary",
];
const OPERATORS: [&str; 9] = ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];

/// A generator of numbers that look random (xorshift), the same for the same seed.
pub(crate) struct Lot(u64);

impl Lot {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap();
        usize::try_from((self.next() >> 11) % limit).unwrap()
    }

    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        let at = self.below(from.len());
        &from[at]
    }

    fn simple(&mut self, name: &str) -> Value {
        let kind = *self.pick(&KINDS);
        let mut attribute = json!({"name": name, "type": kind, "multiValued": self.one_in(4)});
        if kind == "string" {
            attribute["caseExact"] = json!(self.one_in(2));
        }
        attribute
    }

    fn complex(&mut self, name: &str) -> Value {
        let mut subs = vec![self.simple("value"), self.simple("kind")];
        for sub in &mut subs {
            sub["multiValued"] = json!(self.one_in(9));
        }
        if self.one_in(2) {
            subs.push(json!({"name": "primary", "type": "boolean"}));
        }
        json!({"name": name, "type": "complex", "multiValued": !self.one_in(4), "subAttributes": subs})
    }

    fn schema(&mut self, id: &str, prefix: &str, simple: usize, complex: usize) -> Schema {
        let mut attributes: Vec<Value> = (0..simple)
            .map(|nth| self.simple(&format!("{prefix}{nth}")))
            .collect();
        attributes.extend((0..complex).map(|nth| self.complex(&format!("{prefix}c{nth}"))));
        serde_json::from_value(json!({"id": id, "name": prefix, "attributes": attributes})).unwrap()
    }

    /// The attributes of a schema as an administrator defines them, some of them indexed.
    pub(crate) fn definition(&mut self, prefix: &str, simple: usize, complex: usize) -> Vec<Value> {
        let mut attributes: Vec<Value> = (0..simple)
            .map(|nth| self.simple(&format!("{prefix}{nth}")))
            .collect();
        attributes.extend((0..complex).map(|nth| self.complex(&format!("{prefix}c{nth}"))));
        for attribute in &mut attributes {
            match attribute["subAttributes"].as_array_mut() {
                Some(subs) => subs.iter_mut().for_each(|sub| self.perhaps_indexed(sub)),
                None => self.perhaps_indexed(attribute),
            }
        }
        attributes
    }

    pub(crate) fn perhaps_indexed(&mut self, attribute: &mut Value) {
        attribute["constraints"] = json!({"indexed": self.one_in(2)});
    }

    /// A resource type with two schemas of which some attributes are indexed.
    pub(crate) fn resource_type(&mut self) -> ResourceType {
        let core = self.schema(CORE, "a", 6, 2);
        let extra = Extension {
            schema: Arc::new(self.schema(EXTRA, "x", 2, 1)),
            required: false,
        };
        let mut of = ResourceType::new(100, "Thing", "/Things", "", Arc::new(core), vec![extra]);
        let mut paths: Vec<String> = paths(&of).into_iter().filter(|_| !self.one_in(3)).collect();
        paths.extend(["meta.created".to_owned(), "meta.lastModified".to_owned()]);
        let index = |(path, id): (String, i32)| {
            let path = AttrPath::parse(&path, &of.urns).unwrap();
            let leaf = of.resolve(&path, Mode::Rfc).unwrap().leaf();
            let simple = leaf.kind != Type::Complex;
            simple.then_some(Index {
                id,
                path,
                unique: false,
                ready: true,
            })
        };
        of.indexes = paths.into_iter().zip(1_001..).filter_map(index).collect();
        of
    }

    fn text(&mut self) -> String {
        let long = "a".repeat(600);
        let words = [
            "a",
            "A",
            "ab",
            "aB",
            "b",
            "ba",
            "äx",
            "ÄX",
            "a\u{308}x",
            "ß",
            "ss",
            "%",
            "_",
            "a%b",
            "\\",
            "'",
            "\"",
            "",
            "z\u{10FFFF}",
            "z",
            "日本",
        ];
        match self.below(30) {
            0 => long,
            1 => long + "b",
            _ => (*self.pick(&words)).to_owned(),
        }
    }

    fn one(&mut self, attribute: &Attribute) -> Value {
        match attribute.kind {
            Type::String | Type::Reference => self.text().into(),
            Type::Boolean => self.one_in(2).into(),
            Type::Integer => (*self.pick(&[-2_i64, -1, 0, 1, 2, i64::MAX, i64::MIN])).into(),
            Type::Decimal => json!(*self.pick(&[-1.5_f64, -0.0, 0.0, 0.5, 1.0, 1e300])),
            Type::DateTime => (*self.pick(&[
                "2026-01-31T09:30:00Z",
                "2026-01-31T10:30:00+01:00",
                "2026-01-31T09:30:00.5Z",
                "1969-12-31T23:59:59Z",
            ]))
            .into(),
            Type::Binary => (*self.pick(&["MAA=", "AAAA", "aaaa"])).into(),
            Type::Complex => {
                let subs = attribute.sub_attributes.iter();
                let mut members = Map::new();
                for sub in subs {
                    if !self.one_in(4) {
                        members.insert(sub.name.clone(), self.value(sub));
                    }
                }
                // A second primary would be refused, mostly.
                if !self.one_in(3) {
                    members.shift_remove("primary");
                }
                Value::Object(members)
            }
        }
    }

    pub(crate) fn value(&mut self, attribute: &Attribute) -> Value {
        if attribute.multi_valued {
            let count = self.below(4);
            (0..count).map(|_| self.one(attribute)).collect()
        } else {
            self.one(attribute)
        }
    }

    /// The body of a POST.
    pub(crate) fn document(&mut self, of: &ResourceType) -> Document {
        let mut body = Map::new();
        body.insert("schemas".into(), json!([CORE, EXTRA]));
        let attributes = |lot: &mut Self, schema: &Schema| {
            let mut members = Map::new();
            for attribute in &schema.attributes {
                if !lot.one_in(4) {
                    members.insert(attribute.name.clone(), lot.value(attribute));
                }
            }
            members
        };
        body.extend(attributes(self, &of.schema));
        if !self.one_in(3) {
            let extra = attributes(self, &of.extensions[0].schema);
            body.insert(EXTRA.into(), Value::Object(extra));
        }
        body
    }

    /// The path of an attribute or a sub-attribute, in any spelling.
    pub(crate) fn path(&mut self, of: &ResourceType) -> String {
        let mut paths = paths(of);
        paths.extend(
            [
                "id",
                "meta.created",
                "meta.lastModified",
                "meta.version",
                "schemas",
            ]
            .map(str::to_owned),
        );
        let path = self.pick(&paths).clone();
        match self.below(6) {
            0 => path.to_uppercase().replace(&EXTRA.to_uppercase(), EXTRA),
            1 if !path.starts_with("urn:") && !path.starts_with("meta") && path != "id" => {
                format!("{CORE}:{path}")
            }
            _ => path,
        }
    }

    /// A filter that the grammar takes; the schema may not.
    pub(crate) fn filter(&mut self, of: &ResourceType, known: &[(Uuid, Document)]) -> String {
        self.step(of, known, 3)
    }

    fn step(&mut self, of: &ResourceType, known: &[(Uuid, Document)], depth: usize) -> String {
        let choice = if depth == 0 { 9 } else { self.below(10) };
        match choice {
            0 | 1 => {
                let (a, b) = (
                    self.step(of, known, depth - 1),
                    self.step(of, known, depth - 1),
                );
                format!("{a} and {b}")
            }
            2 | 3 => {
                let (a, b) = (
                    self.step(of, known, depth - 1),
                    self.step(of, known, depth - 1),
                );
                format!("({a} or {b})")
            }
            4 => format!("not ({})", self.step(of, known, depth - 1)),
            5 => self.value_path(of),
            _ => {
                let path = self.path(of);
                let parsed = AttrPath::parse(&path, &of.urns).unwrap();
                match of.resolve(&parsed, Mode::Rfc) {
                    Some(found) if path.to_lowercase() != "id" && !path.starts_with("meta") => {
                        let leaf = found.leaf().clone();
                        self.comparison(&path, &leaf)
                    }
                    _ => {
                        // The id or the moment of one that is there.
                        let (id, view) = self.pick(known);
                        let moment = view["meta"]["created"].clone();
                        let operator = *self.pick(&OPERATORS);
                        let value = if path.starts_with("meta") {
                            moment
                        } else {
                            json!(id)
                        };
                        format!("{path} {operator} {value}")
                    }
                }
            }
        }
    }

    fn comparison(&mut self, path: &str, leaf: &Attribute) -> String {
        if self.one_in(8) {
            return format!("{path} pr");
        }
        let operator = *self.pick(&OPERATORS);
        if self.one_in(12) {
            return format!("{path} {} null", if self.one_in(2) { "eq" } else { "ne" });
        }
        let leaf = leaf.sub("value").unwrap_or(leaf);
        let value = self.one(leaf);
        format!("{path} {operator} {value}")
    }

    fn value_path(&mut self, of: &ResourceType) -> String {
        let schemas: Vec<&Arc<Schema>> = of.schemas().collect();
        let schema = *self.pick(&schemas);
        let attribute = self.pick(&schema.attributes).clone();
        let prefix = if schema.id == EXTRA {
            format!("{EXTRA}:")
        } else {
            String::new()
        };
        let part = |lot: &mut Self| {
            let subs = &attribute.sub_attributes;
            let leaf = if subs.is_empty() {
                attribute.clone()
            } else {
                lot.pick(subs).clone()
            };
            let name = if subs.is_empty() {
                "value"
            } else {
                leaf.name.as_str()
            };
            lot.comparison(name, &leaf)
        };
        let inner = match self.below(4) {
            0 => format!("{} and {}", part(self), part(self)),
            1 => format!("{} or {}", part(self), part(self)),
            2 => format!("not ({}) and {}", part(self), part(self)),
            _ => part(self),
        };
        format!("{prefix}{}[{inner}]", attribute.name)
    }
}

/// The paths of all attributes and sub-attributes.
fn paths(of: &ResourceType) -> Vec<String> {
    let mut paths = Vec::new();
    for schema in of.schemas() {
        let prefix = if schema.id == EXTRA {
            format!("{EXTRA}:")
        } else {
            String::new()
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
