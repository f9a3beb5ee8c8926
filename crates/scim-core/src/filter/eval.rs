//! Whether a resource satisfies a filter. RFC 7644 §3.4.2.2.

use std::borrow::Cow;
use std::slice;

use serde_json::{Map, Value};

use super::bind::{binary_key, integral};
use super::{Bound, BoundNode, NodeId, Op, Target};
use crate::key;
use crate::schema::Type;

/// Where evaluation goes from a node.
#[derive(Clone, Copy, Debug)]
enum Next {
    Node(NodeId),
    Answer(bool),
}

/// The two ways out of a node. With them a filter is a path through its leaves, always forward, that leaves out what cannot change the
/// answer and needs no stack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exits {
    yes: Next,
    no: Next,
}

impl Exits {
    /// The exits of all nodes: each passes its own on to its children, which stand before it.
    pub(super) fn of(nodes: &[BoundNode]) -> Vec<Self> {
        let outermost = Self {
            yes: Next::Answer(true),
            no: Next::Answer(false),
        };
        let mut exits = vec![outermost; nodes.len()];
        for (at, node) in nodes.iter().enumerate().rev() {
            let own = exits.get(at).copied().unwrap_or(outermost);
            let mut set = |id: NodeId, to: Self| {
                if let Some(exit) = exits.get_mut(id.0) {
                    *exit = to;
                }
            };
            match node {
                BoundNode::And(left, right) => {
                    set(*right, own);
                    set(
                        *left,
                        Self {
                            yes: behind(*left),
                            ..own
                        },
                    );
                }
                BoundNode::Or(left, right) => {
                    set(*right, own);
                    set(
                        *left,
                        Self {
                            no: behind(*left),
                            ..own
                        },
                    );
                }
                BoundNode::Not(inner) => {
                    let (yes, no) = (own.no, own.yes);
                    set(*inner, Self { yes, no });
                }
                _ => {}
            }
        }
        exits
    }
}

/// The first leaf of a right side: it stands right behind the left side.
fn behind(left: NodeId) -> Next {
    Next::Node(NodeId(left.0 + 1))
}

impl Op {
    /// Whether the comparison holds between two keys, the one of a value and the one it is compared with.
    ///
    /// ```
    /// assert!(scim_core::filter::Op::Sw.holds("babs", "ba"));
    /// ```
    #[must_use]
    pub fn holds(self, found: &str, key: &str) -> bool {
        match self {
            Op::Eq => found == key,
            Op::Ne => found != key,
            Op::Co => found.contains(key),
            Op::Sw => found.starts_with(key),
            Op::Ew => found.ends_with(key),
            Op::Gt => found > key,
            Op::Ge => found >= key,
            Op::Lt => found < key,
            Op::Le => found <= key,
        }
    }
}

impl Bound {
    /// Whether a resource satisfies a filter made by [`super::Filter::bind`]. The resource is whole: names in canonical letter case,
    /// with `schemas`, `id`, `meta` and its extensions under their URNs.
    #[must_use]
    pub fn matches(&self, resource: &Map<String, Value>) -> bool {
        self.walk(|leaf| match leaf {
            BoundNode::Compare { target, op, key } => {
                let elements = target.elements(resource);
                // What has no elements is different from everything.
                (elements.is_empty() && *op == Op::Ne)
                    || elements.iter().any(|one| target.compare(one, *op, key))
            }
            BoundNode::Present { target } => target.is_present(resource),
            BoundNode::Absent { target } => !target.is_present(resource),
            BoundNode::ValuePath { target, filter } => target
                .elements(resource)
                .iter()
                .any(|one| filter.matches_element(one)),
            BoundNode::Constant(value) => *value,
            BoundNode::And(..) | BoundNode::Or(..) | BoundNode::Not(_) => false,
        })
    }

    /// Whether an element satisfies a filter made by [`super::Filter::bind_element`].
    #[must_use]
    pub fn matches_element(&self, element: &Value) -> bool {
        self.walk(|leaf| match leaf {
            BoundNode::Compare { target, op, key } => target.compare(element, *op, key),
            BoundNode::Present { target } => target.has_value(element),
            BoundNode::Absent { target } => !target.has_value(element),
            BoundNode::Constant(value) => *value,
            _ => false,
        })
    }

    /// Goes from leaf to leaf until the answer is known.
    fn walk(&self, holds: impl Fn(&BoundNode) -> bool) -> bool {
        let mut at = 0;
        while let (Some(leaf), Some(exits)) = (self.nodes.get(at), self.exits.get(at)) {
            let next = if holds(leaf) { exits.yes } else { exits.no };
            match next {
                Next::Answer(answer) => return answer,
                Next::Node(id) => at = id.0,
            }
        }
        false
    }
}

impl Target {
    /// The elements of the attribute: one when it is single-valued.
    fn elements<'v>(&self, resource: &'v Map<String, Value>) -> &'v [Value] {
        let holder = match &self.path.urn {
            None => Some(resource),
            Some(urn) => resource.get(urn).and_then(Value::as_object),
        };
        list(holder.and_then(|holder| holder.get(&self.path.name)))
    }

    /// The values of the path in one element.
    fn values<'v>(&self, element: &'v Value) -> &'v [Value] {
        match &self.path.sub {
            None => list(Some(element)),
            Some(sub) => list(element.get(sub)),
        }
    }

    fn compare(&self, element: &Value, op: Op, key: &str) -> bool {
        let values = self.values(element);
        if !values.is_empty() {
            return values.iter().any(|value| match self.key(value) {
                Some(found) => op.holds(&found, key),
                None => op == Op::Ne,
            });
        }
        if self.absent_is_false {
            return op.holds(&key::boolean(false), key);
        }
        op == Op::Ne
    }

    fn is_present(&self, resource: &Map<String, Value>) -> bool {
        self.elements(resource)
            .iter()
            .any(|one| self.has_value(one))
    }

    fn has_value(&self, element: &Value) -> bool {
        self.values(element).iter().any(|value| match value {
            Value::Object(parts) => parts
                .iter()
                .any(|(name, part)| !self.hidden.contains(name) && is_something(part)),
            other => is_something(other),
        })
    }

    /// The comparison key of a value; `None` when it is not of the attribute's type.
    fn key<'v>(&self, value: &'v Value) -> Option<Cow<'v, str>> {
        let key = match self.kind {
            Type::String | Type::Reference => {
                let text = value.as_str()?;
                let as_it_is = self.case_exact || is_folded(text);
                return Some(if as_it_is {
                    Cow::Borrowed(text)
                } else {
                    Cow::Owned(key::fold(text))
                });
            }
            Type::Boolean => key::boolean(value.as_bool()?),
            Type::Integer => key::integer(match value.as_i64() {
                Some(value) => value,
                None => integral(value.as_f64()?)?,
            }),
            Type::Decimal => key::decimal(value.as_f64()?),
            Type::DateTime => key::moment(key::date_time(value.as_str()?)?),
            Type::Binary => binary_key(value.as_str()?)?,
            Type::Complex => return None,
        };
        Some(Cow::Owned(key))
    }
}

/// Most strings are their own key.
fn is_folded(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

/// A value as a list: null is none, a single value is one.
fn list(value: Option<&Value>) -> &[Value] {
    match value {
        None | Some(Value::Null) => &[],
        Some(Value::Array(items)) => items,
        Some(single) => slice::from_ref(single),
    }
}

/// Whether a value counts as one: null, `""`, and arrays and objects of nothing do not (RFC 7643 §2.5).
fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(is_something),
        Value::Object(parts) => parts.values().any(is_something),
        Value::Bool(_) | Value::Number(_) => true,
    }
}
