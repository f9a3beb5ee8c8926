//! Finding a filter's names in a schema, and making comparison keys of its values. RFC 7644 §3.4.2.2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Number;

use super::eval::Exits;
use super::{Filter, Literal, Node, NodeId, Op};
use crate::attr::AttrPath;
use crate::schema::{Attribute, Type};
use crate::{Error, Mode, ResourceType, Result, key};

/// A filter that fits a schema: nothing about it can fail any more.
///
/// It has the form of its [`Filter`], node by node.
#[derive(Clone, Debug)]
pub struct Bound {
    pub(super) nodes: Vec<BoundNode>,
    pub(super) exits: Vec<Exits>,
}

/// One step of a bound filter.
#[derive(Clone, Debug)]
pub enum BoundNode {
    /// Both hold.
    And(NodeId, NodeId),
    /// One holds, or both.
    Or(NodeId, NodeId),
    /// It does not hold.
    Not(NodeId),
    /// The key of some value stands in that relation to `key`. For [`Op::Ne`] also an element without the value, and a resource
    /// without elements, will do.
    Compare {
        /// What is compared.
        target: Target,
        /// How: on booleans and binary values only `eq` and `ne`, on numbers and moments not `co`, `sw`, `ew`.
        op: Op,
        /// With what: a key as [`crate::key`] makes it for [`Target::kind`], not shortened.
        key: String,
    },
    /// There is a value that is not empty (`pr`, `ne null`).
    Present {
        /// What must have a value.
        target: Target,
    },
    /// There is no such value (`eq null`).
    Absent {
        /// What must have none.
        target: Target,
    },
    /// One element satisfies the inner filter.
    ValuePath {
        /// The attribute whose elements are looked at.
        target: Target,
        /// The filter for one element. Its targets have their whole path, as if they stood alone.
        filter: Bound,
    },
    /// The same for every resource: what the type lacks has no value, and no integer equals 0.5.
    Constant(bool),
}

/// An attribute as a filter needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The path in canonical letter case; `.value` is written out where it was left out.
    pub path: AttrPath,
    /// The type of one value.
    pub kind: Type,
    /// Whether strings compare as they are; else by [`key::fold`].
    pub case_exact: bool,
    /// Whether there can be several values.
    pub multi_valued: bool,
    /// Whether an element that lacks it counts as having `false`: `primary` does.
    pub absent_is_false: bool,
    /// Sub-attributes that `pr` must not see.
    pub(super) hidden: Vec<String>,
}

pub(super) fn resource(
    filter: &Filter,
    resource_type: &ResourceType,
    mode: Mode,
    lenient: bool,
) -> Result<Bound> {
    let names = Names::Resource(resource_type);
    Binder {
        names,
        mode,
        lenient,
    }
    .bind(filter)
}

pub(super) fn element(filter: &Filter, attribute: &Attribute, mode: Mode) -> Result<Bound> {
    let path = AttrPath::new(&attribute.name, None);
    readable(&path, attribute)?;
    let names = Names::Element { path, attribute };
    let lenient = false;
    Binder {
        names,
        mode,
        lenient,
    }
    .bind(filter)
}

impl Bound {
    /// All steps, children before parents, each where it is in the [`Filter`].
    #[must_use]
    pub fn nodes(&self) -> &[BoundNode] {
        &self.nodes
    }

    /// The last step, which is the whole filter.
    #[must_use]
    pub fn root(&self) -> NodeId {
        NodeId(self.nodes.len().saturating_sub(1))
    }

    /// Whether the filter looks at an attribute of the core schema, or at a part of it.
    #[must_use]
    pub fn mentions(&self, attribute: &str) -> bool {
        self.nodes
            .iter()
            .any(|node| node.target().is_some_and(|target| target.is_of(attribute)))
    }

    /// The keys that the filter asks the `value` of an attribute to equal, when it asks nothing else about that attribute: whether a
    /// resource satisfies it then hangs on the elements with these keys alone. `None` when it asks anything else.
    ///
    /// ```
    /// use scim_core::{Mode, filter::{Filter, Limits}, schema::builtin};
    /// let registry = builtin::registry(None);
    /// let group = registry.resource_type("Group").unwrap();
    /// let keys = |text: &str| {
    ///     let filter = Filter::parse(text, registry.urns(), &Limits::default()).unwrap();
    ///     filter.bind(group, Mode::Compat).unwrap().values_asked("members")
    /// };
    /// assert_eq!(keys(r#"displayName pr and (members eq "1" or members[value eq "2"])"#).unwrap(), ["1", "2"]);
    /// assert_eq!(keys(r#"members[value eq "1" and type eq "User"]"#), None);
    /// ```
    #[must_use]
    pub fn values_asked(&self, attribute: &str) -> Option<Vec<String>> {
        let mut keys = Vec::new();
        for node in &self.nodes {
            let node = match node {
                BoundNode::ValuePath { filter, target } if target.is_of(attribute) => {
                    match filter.nodes.as_slice() {
                        [only] => only,
                        _ => return None,
                    }
                }
                node => node,
            };
            let Some(target) = node.target().filter(|target| target.is_of(attribute)) else {
                continue;
            };
            match node {
                BoundNode::Compare {
                    op: Op::Eq, key, ..
                } if target.path.sub.as_deref() == Some("value") => keys.push(key.clone()),
                _ => return None,
            }
        }
        Some(keys)
    }
}

impl BoundNode {
    /// The attribute that a leaf looks at.
    #[must_use]
    pub fn target(&self) -> Option<&Target> {
        match self {
            Self::Compare { target, .. }
            | Self::Present { target }
            | Self::Absent { target }
            | Self::ValuePath { target, .. } => Some(target),
            Self::And(..) | Self::Or(..) | Self::Not(_) | Self::Constant(_) => None,
        }
    }
}

impl Target {
    fn is_of(&self, attribute: &str) -> bool {
        self.path.urn.is_none() && self.path.name == attribute
    }
}

/// Where names are looked for.
enum Names<'a> {
    Resource(&'a ResourceType),
    Element {
        path: AttrPath,
        attribute: &'a Attribute,
    },
}

/// An attribute that was found.
struct Found<'a> {
    path: AttrPath,
    leaf: &'a Attribute,
    multi_valued: bool,
    in_element: bool,
}

struct Binder<'a> {
    names: Names<'a>,
    mode: Mode,
    lenient: bool,
}

impl<'a> Binder<'a> {
    fn bind(&self, filter: &Filter) -> Result<Bound> {
        let nodes: Vec<BoundNode> = filter
            .nodes
            .iter()
            .map(|node| self.node(node))
            .collect::<Result<_>>()?;
        let exits = Exits::of(&nodes);
        Ok(Bound { nodes, exits })
    }

    fn node(&self, node: &Node) -> Result<BoundNode> {
        Ok(match node {
            Node::And(left, right) => BoundNode::And(*left, *right),
            Node::Or(left, right) => BoundNode::Or(*left, *right),
            Node::Not(inner) => BoundNode::Not(*inner),
            Node::Present { path } => match self.find(path)? {
                Some(found) => BoundNode::Present {
                    target: found.target(),
                },
                None => BoundNode::Constant(false),
            },
            Node::Compare { path, op, value } => match self.find(path)? {
                Some(found) => self.compare(found, *op, value)?,
                // What has no value satisfies `eq null`, and `ne` anything else.
                None => BoundNode::Constant((*op == Op::Ne) != (*value == Literal::Null)),
            },
            Node::ValuePath { path, filter } => match self.find(path)? {
                Some(found) => self.value_path(&found, filter)?,
                None => BoundNode::Constant(false),
            },
        })
    }

    fn value_path(&self, found: &Found<'_>, filter: &Filter) -> Result<BoundNode> {
        let has_elements = found.leaf.kind == Type::Complex || found.multi_valued;
        if found.in_element || !has_elements {
            return Err(Error::invalid_filter(format!(
                "`{}`: expected a complex or multi-valued attribute before `[`",
                found.path
            )));
        }
        let inner = Binder {
            names: Names::Element {
                path: found.path.clone(),
                attribute: found.leaf,
            },
            mode: self.mode,
            lenient: self.lenient,
        };
        Ok(BoundNode::ValuePath {
            filter: inner.bind(filter)?,
            target: found.target(),
        })
    }

    /// The attribute that a path names; `None` when there is none and that is no error.
    fn find(&self, path: &AttrPath) -> Result<Option<Found<'a>>> {
        let found = match &self.names {
            Names::Resource(resource_type) => resource_type.resolve(path, self.mode).map(|found| {
                readable(path, found.attribute)?;
                Ok(Found {
                    path: found.path(),
                    leaf: found.leaf(),
                    multi_valued: found.attribute.multi_valued || found.leaf().multi_valued,
                    in_element: found.sub.is_some(),
                })
            }),
            Names::Element {
                path: of,
                attribute,
            } => in_element(of, attribute, path).map(Ok),
        };
        match found.transpose()? {
            Some(found) => {
                readable(&found.path, found.leaf)?;
                Ok(Some(found))
            }
            None if self.lenient => Ok(None),
            None => Err(self.unknown(path)),
        }
    }

    fn unknown(&self, path: &AttrPath) -> Error {
        Error::invalid_filter(match &self.names {
            Names::Resource(of) => format!("`{path}` is not an attribute of `{}`", of.name),
            Names::Element { path: of, .. } => format!("`{path}` is not a sub-attribute of `{of}`"),
        })
    }

    fn compare(&self, found: Found<'_>, op: Op, value: &Literal) -> Result<BoundNode> {
        if *value == Literal::Null {
            let target = found.target();
            return match op {
                Op::Eq => Ok(BoundNode::Absent { target }),
                Op::Ne => Ok(BoundNode::Present { target }),
                _ => Err(Error::invalid_filter(format!(
                    "`{}`: `{op}` does not compare with null, expected `eq` or `ne`",
                    found.path
                ))),
            };
        }
        let found = found.with_value(self.mode)?;
        let target = found.target();
        applies(&target, op)?;
        let key = match (target.kind, value) {
            (Type::String | Type::Reference, Literal::String(text)) => {
                key::string(text, target.case_exact)
            }
            (Type::Boolean, Literal::Bool(value)) => key::boolean(*value),
            (Type::Boolean, Literal::String(text)) if self.mode == Mode::Compat => {
                key::boolean(spelt(text).ok_or_else(|| mismatch(&target, value))?)
            }
            (Type::Decimal, Literal::Number(number)) => {
                key::decimal(number.as_f64().unwrap_or(f64::NAN))
            }
            (Type::Integer, Literal::Number(number)) => {
                return Ok(match whole(op, number) {
                    Whole::Compare(op, value) => BoundNode::Compare {
                        target,
                        op,
                        key: key::integer(value),
                    },
                    Whole::Constant(value) => BoundNode::Constant(value),
                });
            }
            (Type::DateTime, Literal::String(text)) => {
                key::moment(key::date_time(text).ok_or_else(|| mismatch(&target, value))?)
            }
            (Type::Binary, Literal::String(text)) => {
                binary_key(text).ok_or_else(|| mismatch(&target, value))?
            }
            _ => return Err(mismatch(&target, value)),
        };
        Ok(BoundNode::Compare { target, op, key })
    }
}

impl Found<'_> {
    fn target(&self) -> Target {
        let hidden = self.leaf.sub_attributes.iter();
        // URNs compare in any letter case (RFC 7644 §3.10).
        let is_schemas = self.path.urn.is_none() && !self.in_element && self.leaf.name == "schemas";
        Target {
            path: self.path.clone(),
            kind: self.leaf.kind,
            case_exact: self.leaf.compares_exactly() && !is_schemas,
            multi_valued: self.multi_valued,
            // RFC 7643 §2.4: without `primary` an element is not the primary one.
            absent_is_false: self.in_element
                && self.leaf.kind == Type::Boolean
                && self.leaf.name == "primary",
            hidden: hidden
                .filter(|sub| !sub.is_readable())
                .map(|sub| sub.name.clone())
                .collect(),
        }
    }

    /// What a comparison with a complex attribute means: its `value`.
    fn with_value(self, mode: Mode) -> Result<Self> {
        if self.leaf.kind != Type::Complex {
            return Ok(self);
        }
        let value = self.leaf.sub("value").filter(|value| {
            let implied = self.leaf.multi_valued || mode == Mode::Compat;
            implied && !self.in_element && value.kind != Type::Complex
        });
        let Some(leaf) = value else {
            return Err(Error::invalid_filter(format!(
                "`{}` is complex: expected one of its sub-attributes",
                self.path
            )));
        };
        let mut path = self.path;
        path.sub = Some(leaf.name.clone());
        readable(&path, leaf)?;
        Ok(Self {
            path,
            leaf,
            multi_valued: self.multi_valued || leaf.multi_valued,
            in_element: true,
        })
    }
}

fn in_element<'a>(of: &AttrPath, attribute: &'a Attribute, path: &AttrPath) -> Option<Found<'a>> {
    if path.urn.is_some() || path.sub.is_some() {
        return None;
    }
    if attribute.kind != Type::Complex {
        return path.name.eq_ignore_ascii_case("value").then(|| Found {
            path: of.clone(),
            leaf: attribute,
            multi_valued: true,
            in_element: false,
        });
    }
    let leaf = attribute.sub(&path.name)?;
    let mut path = of.clone();
    path.sub = Some(leaf.name.clone());
    Some(Found {
        path,
        leaf,
        multi_valued: attribute.multi_valued || leaf.multi_valued,
        in_element: true,
    })
}

/// A filter on what is never returned would tell it bit by bit.
fn readable(path: &AttrPath, attribute: &Attribute) -> Result<()> {
    if attribute.is_readable() {
        return Ok(());
    }
    Err(Error::invalid_filter(format!(
        "`{path}` is never returned and cannot be filtered on"
    )))
}

fn applies(target: &Target, op: Op) -> Result<()> {
    let fits = match target.kind {
        Type::String | Type::Reference => true,
        Type::Boolean | Type::Binary | Type::Complex => matches!(op, Op::Eq | Op::Ne),
        Type::Integer | Type::Decimal | Type::DateTime => !matches!(op, Op::Co | Op::Sw | Op::Ew),
    };
    if fits {
        return Ok(());
    }
    let others = match target.kind {
        Type::Boolean | Type::Binary => "`eq` or `ne`",
        _ => "`eq`, `ne`, `gt`, `ge`, `lt` or `le`",
    };
    Err(Error::invalid_filter(format!(
        "`{}`: `{op}` does not compare {}, expected {others}",
        target.path,
        plural(target.kind)
    )))
}

fn plural(kind: Type) -> &'static str {
    match kind {
        Type::String => "strings",
        Type::Boolean => "booleans",
        Type::Decimal | Type::Integer => "numbers",
        Type::DateTime => "dates",
        Type::Reference => "references",
        Type::Binary => "binary values",
        Type::Complex => "complex values",
    }
}

fn mismatch(target: &Target, value: &Literal) -> Error {
    let expected = match target.kind {
        Type::String | Type::Reference => "a string",
        Type::Boolean => "`true` or `false`",
        Type::Decimal | Type::Integer => "a number",
        Type::DateTime => "an xsd:dateTime in a string, such as \"2026-01-31T08:00:00Z\"",
        Type::Binary => "base64 in a string",
        Type::Complex => "a sub-attribute",
    };
    let found = match value {
        Literal::Null => "null",
        Literal::Bool(_) => "a boolean",
        Literal::Number(_) => "a number",
        Literal::String(_) if matches!(target.kind, Type::DateTime | Type::Binary) => {
            "another string"
        }
        Literal::String(_) => "a string",
    };
    Error::invalid_filter(format!(
        "`{}`: expected {expected}, found {found}",
        target.path
    ))
}

/// Some clients write booleans as strings, in any letter case.
fn spelt(text: &str) -> Option<bool> {
    [("true", true), ("false", false)]
        .into_iter()
        .find_map(|(word, value)| word.eq_ignore_ascii_case(text).then_some(value))
}

/// The key of a base64 text: its bytes in the one canonical spelling.
pub(super) fn binary_key(text: &str) -> Option<String> {
    key::binary(text).map(|bytes| STANDARD.encode(bytes))
}

enum Whole {
    Compare(Op, i64),
    Constant(bool),
}

/// The comparison among integers that says the same as one with any number.
fn whole(op: Op, number: &Number) -> Whole {
    if let Some(value) = number.as_i64() {
        return Whole::Compare(op, value);
    }
    let value = number.as_f64().unwrap_or(f64::NAN);
    if let Some(value) = integral(value) {
        return Whole::Compare(op, value);
    }
    match op {
        Op::Ne => Whole::Constant(true),
        Op::Gt | Op::Ge if value < TOO_LARGE => Whole::Compare(Op::Ge, saturate(value.ceil())),
        Op::Lt | Op::Le if value >= -TOO_LARGE => Whole::Compare(Op::Le, saturate(value.floor())),
        _ => Whole::Constant(false),
    }
}

/// 2^63, one more than the largest integer.
const TOO_LARGE: f64 = 9_223_372_036_854_775_808.0;

/// The integer that a number without fraction is.
pub(super) fn integral(value: f64) -> Option<i64> {
    let fits = (-TOO_LARGE..TOO_LARGE).contains(&value) && value.fract() == 0.0;
    fits.then(|| saturate(value))
}

#[expect(
    clippy::as_conversions,
    reason = "no other conversion exists, and this one saturates by definition"
)]
fn saturate(value: f64) -> i64 {
    value as i64
}
