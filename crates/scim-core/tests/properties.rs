//! What holds for every input, not only for the examples one thinks of.
#![cfg(test)]

mod filters {
    //! Filters against a second, slower reading of RFC 7644 §3.4.2.2.

    use std::fmt;
    use std::sync::{Arc, LazyLock};

    use proptest::prelude::*;
    use scim_core::filter::{Filter, Limits, Literal, Node, NodeId};
    use scim_core::schema::{Schema, builtin};
    use scim_core::{Mode, ResourceType};
    use serde_json::{Map, Value, json};

    static THING: LazyLock<ResourceType> = LazyLock::new(|| {
        let schema: Schema = serde_json::from_value(json!({
            "id": "urn:example:2.0:Thing", "name": "Thing", "attributes": [
                {"name": "loose", "type": "string"},
                {"name": "exact", "type": "string", "caseExact": true},
                {"name": "count", "type": "integer"},
                {"name": "on", "type": "boolean"},
                {"name": "tags", "type": "string", "multiValued": true},
                {"name": "items", "type": "complex", "multiValued": true, "subAttributes": [
                    {"name": "loose", "type": "string"},
                    {"name": "count", "type": "integer"},
                    {"name": "primary", "type": "boolean"}]}
            ]
        }))
        .unwrap();
        ResourceType::new(99, "Thing", "/Things", "", Arc::new(schema), Vec::new())
    });

    fn parse(text: &str) -> Filter {
        Filter::parse(text, &THING.urns, &Limits::default())
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// A filter as a tree with pointers, the way the library does not have it.
    #[derive(Clone, Debug, PartialEq)]
    enum Tree {
        And(Box<Tree>, Box<Tree>),
        Or(Box<Tree>, Box<Tree>),
        Not(Box<Tree>),
        Compare(String, &'static str, Value),
        Present(String),
        Elements(String, Box<Tree>),
    }

    /// Everything in parentheses.
    impl fmt::Display for Tree {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            match self {
                Self::And(left, right) => write!(f, "({left}) and ({right})"),
                Self::Or(left, right) => write!(f, "({left}) or ({right})"),
                Self::Not(inner) => write!(f, "not ({inner})"),
                Self::Compare(path, op, value) => write!(f, "{path} {op} {value}"),
                Self::Present(path) => write!(f, "{path} pr"),
                Self::Elements(path, inner) => write!(f, "{path}[{inner}]"),
            }
        }
    }

    impl Tree {
        fn of(filter: &Filter, id: NodeId) -> Self {
            let child = |id: &NodeId| Box::new(Self::of(filter, *id));
            match &filter.nodes()[id.0] {
                Node::And(left, right) => Self::And(child(left), child(right)),
                Node::Or(left, right) => Self::Or(child(left), child(right)),
                Node::Not(inner) => Self::Not(child(inner)),
                Node::Present { path } => Self::Present(path.to_string()),
                Node::Compare { path, op, value } => {
                    let value = match value {
                        Literal::Null => Value::Null,
                        Literal::Bool(value) => (*value).into(),
                        Literal::Number(value) => value.clone().into(),
                        Literal::String(value) => value.clone().into(),
                    };
                    Self::Compare(path.to_string(), op.as_str(), value)
                }
                Node::ValuePath { path, filter } => {
                    Self::Elements(path.to_string(), Box::new(Self::of(filter, filter.root())))
                }
            }
        }

        /// The meaning, clause by clause.
        fn holds(&self, thing: &Value, in_element: bool) -> bool {
            match self {
                Self::And(left, right) => {
                    left.holds(thing, in_element) & right.holds(thing, in_element)
                }
                Self::Or(left, right) => {
                    left.holds(thing, in_element) | right.holds(thing, in_element)
                }
                Self::Not(inner) => !inner.holds(thing, in_element),
                Self::Present(path) => is_present(thing, path),
                Self::Compare(path, "eq", Value::Null) => !is_present(thing, path),
                Self::Compare(path, _, Value::Null) => is_present(thing, path),
                Self::Compare(path, op, value) => {
                    let exact = path == "exact";
                    candidates(thing, path, in_element)
                        .iter()
                        .any(|found| compare(found, op, value, exact))
                }
                Self::Elements(path, inner) => elements(&thing[path])
                    .iter()
                    .any(|one| inner.holds(one, true)),
            }
        }
    }

    fn elements(value: &Value) -> Vec<Value> {
        match value {
            Value::Null => Vec::new(),
            Value::Array(all) => all.clone(),
            one => vec![one.clone()],
        }
    }

    /// The values of a path, null for an element that has none.
    fn candidates(thing: &Value, path: &str, in_element: bool) -> Vec<Value> {
        // The elements of a simple attribute are called `value`.
        if !thing.is_object() {
            return vec![thing.clone()];
        }
        let element = |one: &Value, name: &str| match (&one[name], name) {
            (Value::Null, "primary") => json!(false),
            (found, _) => found.clone(),
        };
        let all = match path.split_once('.') {
            Some((name, sub)) => elements(&thing[name])
                .iter()
                .map(|one| element(one, sub))
                .collect(),
            None if in_element => vec![element(thing, path)],
            None => elements(&thing[path]),
        };
        if all.is_empty() {
            vec![Value::Null]
        } else {
            all
        }
    }

    fn is_present(thing: &Value, path: &str) -> bool {
        if !thing.is_object() {
            return thing != "" && !thing.is_null();
        }
        let all = match path.split_once('.') {
            Some((name, sub)) => elements(&thing[name])
                .iter()
                .map(|one| one[sub].clone())
                .collect(),
            None => elements(&thing[path]),
        };
        all.iter().any(|one| match one {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Object(parts) => parts.values().any(|part| !part.is_null() && part != ""),
            _ => true,
        })
    }

    fn compare(found: &Value, op: &str, value: &Value, exact: bool) -> bool {
        let order = match (found, value) {
            (Value::String(a), Value::String(b)) => {
                let fold = |text: &str| {
                    if exact {
                        text.to_owned()
                    } else {
                        text.to_lowercase()
                    }
                };
                let (a, b) = (fold(a), fold(b));
                match op {
                    "co" => return a.contains(&b),
                    "sw" => return a.starts_with(&b),
                    "ew" => return a.ends_with(&b),
                    _ => a.cmp(&b),
                }
            }
            (Value::Number(a), Value::Number(b)) => {
                a.as_f64().unwrap().total_cmp(&b.as_f64().unwrap())
            }
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::Null, _) => return op == "ne",
            other => panic!("{other:?} in a table of one type"),
        };
        match op {
            "eq" => order.is_eq(),
            "ne" => order.is_ne(),
            "gt" => order.is_gt(),
            "ge" => order.is_ge(),
            "lt" => order.is_lt(),
            "le" => order.is_le(),
            other => panic!("no operator {other}"),
        }
    }

    fn text() -> impl Strategy<Value = String> {
        "[abAB%_é\"\\\\]{0,3}"
    }

    fn compared(
        paths: &'static [&'static str],
        ops: &'static [&'static str],
        value: impl Strategy<Value = Value> + 'static,
    ) -> BoxedStrategy<Tree> {
        let path = prop::sample::select(paths);
        (path, prop::sample::select(ops), value)
            .prop_map(|(path, op, value)| Tree::Compare(path.to_owned(), op, value))
            .boxed()
    }

    fn leaf(
        strings: &'static [&'static str],
        numbers: &'static [&'static str],
        booleans: &'static [&'static str],
        all: &'static [&'static str],
    ) -> impl Strategy<Value = Tree> + Clone {
        let words = &["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"];
        let relations = &["eq", "ne", "gt", "ge", "lt", "le"];
        let number = prop_oneof![
            (-3..4).prop_map(Value::from),
            (-6..7).prop_map(|halves| Value::from(f64::from(halves) / 2.0)),
        ];
        let present = prop::sample::select(all).prop_map(|path| Tree::Present(path.to_owned()));
        prop_oneof![
            3 => compared(strings, words, text().prop_map(Value::from)),
            2 => compared(numbers, relations, number),
            1 => compared(booleans, &["eq", "ne"], any::<bool>().prop_map(Value::from)),
            1 => compared(all, &["eq", "ne"], Just(Value::Null)),
            1 => present,
        ]
    }

    fn grown(leaf: impl Strategy<Value = Tree> + 'static, depth: u32) -> BoxedStrategy<Tree> {
        leaf.prop_recursive(depth, 24, 2, |inner| {
            let pair = (inner.clone(), inner.clone());
            prop_oneof![
                pair.clone()
                    .prop_map(|(a, b)| Tree::And(a.into(), b.into())),
                pair.prop_map(|(a, b)| Tree::Or(a.into(), b.into())),
                inner.prop_map(|a| Tree::Not(a.into())),
            ]
        })
        .boxed()
    }

    fn tree() -> BoxedStrategy<Tree> {
        let of_element = leaf(
            &["loose"],
            &["count"],
            &["primary"],
            &["loose", "count", "primary"],
        );
        let of_tag = prop_oneof![
            compared(
                &["value"],
                &["eq", "ne", "co", "gt"],
                text().prop_map(Value::from)
            ),
            Just(Tree::Present("value".to_owned())),
        ];
        let of_thing = leaf(
            &["loose", "exact", "tags", "items.loose"],
            &["count", "items.count"],
            &["on", "items.primary"],
            &[
                "loose",
                "exact",
                "tags",
                "count",
                "on",
                "items",
                "items.loose",
                "items.primary",
            ],
        );
        let elements = |path: &'static str, inner: BoxedStrategy<Tree>| {
            inner.prop_map(move |inner| Tree::Elements(path.to_owned(), inner.into()))
        };
        let any = prop_oneof![
            4 => of_thing,
            1 => elements("items", grown(of_element, 3)),
            1 => elements("tags", grown(of_tag, 2)),
        ];
        grown(any, 4)
    }

    fn object(parts: Vec<(&'static str, Option<Value>)>) -> Value {
        parts
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn thing() -> impl Strategy<Value = Value> {
        let string = || prop::option::of(text().prop_map(Value::from));
        let number = || prop::option::of((-3..4).prop_map(Value::from));
        let boolean = || prop::option::of(any::<bool>().prop_map(Value::from));
        let item = (string(), number(), boolean()).prop_map(|(loose, count, primary)| {
            object(vec![
                ("loose", loose),
                ("count", count),
                ("primary", primary),
            ])
        });
        let items = prop::option::of(prop::collection::vec(item, 0..3).prop_map(Value::from));
        let tags = prop::collection::vec(text().prop_map(Value::from), 0..3);
        let tags = prop::option::of(tags.prop_map(Value::from));
        let simple = (string(), string(), number(), boolean());
        (simple, tags, items).prop_map(|((loose, exact, count, on), tags, items)| {
            object(vec![
                ("loose", loose),
                ("exact", exact),
                ("count", count),
                ("on", on),
                ("tags", tags),
                ("items", items),
            ])
        })
    }

    /// Text made of what filters are made of.
    fn filter_like() -> impl Strategy<Value = String> {
        let token = prop::sample::select(
            &[
                "(",
                ")",
                "[",
                "]",
                "not",
                "and",
                "or",
                "pr",
                "eq",
                "co",
                "gt",
                "userName",
                "emails",
                "emails[",
                ".",
                ":",
                "urn:ietf:params:scim:schemas:core:2.0:User",
                "\"",
                "\"a\"",
                "\\",
                "\\u0041",
                "5",
                "-",
                "1e9",
                "true",
                "null",
                "$ref",
                "é",
                " ",
                " ",
                " ",
                "\t",
                "not (",
                "userName pr",
                " and ",
            ][..],
        );
        prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
    }

    fn never_panics(text: &str) {
        let registry = builtin::registry(None);
        if let Ok(filter) = Filter::parse(text, registry.urns(), &Limits::default()) {
            let written = filter.to_string();
            let again = Filter::parse(&written, registry.urns(), &Limits::default());
            assert_eq!(again.as_ref(), Ok(&filter), "{written}");
            for one in registry.types() {
                let _ = filter.bind(one, Mode::Compat);
            }
        }
        let _ = Filter::scan_value_filter(text, registry.urns(), None, &Limits::default());
    }

    proptest! {
        #[test]
        fn reading_gives_the_tree_that_was_written(tree in tree()) {
            let filter = parse(&tree.to_string());
            prop_assert_eq!(&Tree::of(&filter, filter.root()), &tree);
            prop_assert_eq!(parse(&filter.to_string()), filter);
        }

        #[test]
        fn matching_agrees_with_the_slow_oracle(tree in tree(), things in prop::collection::vec(thing(), 8)) {
            let filter = parse(&tree.to_string());
            let bound = filter.bind(&THING, Mode::Rfc).unwrap();
            let again = parse(&filter.to_string()).bind(&THING, Mode::Rfc).unwrap();
            for thing in things {
                let expected = tree.holds(&thing, false);
                let resource = thing.as_object().unwrap();
                prop_assert_eq!(bound.matches(resource), expected, "{} on {}", filter, thing);
                prop_assert_eq!(again.matches(resource), expected, "{} on {}", filter, thing);
            }
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".*") {
            never_panics(&text);
        }

        #[test]
        fn no_almost_filter_makes_reading_panic(text in filter_like()) {
            never_panics(&text);
        }
    }
}
