//! Filters: their grammar, and what each means. RFC 7644 §3.4.2.2.
//!
//! A [`Filter`] is a text that has been read; a [`Bound`] is a filter whose names have been found in a schema and whose values have
//! become comparison keys ([`crate::key`]). [`Bound::matches`] is the meaning of a filter: what a store computes must agree with it.
//!
//! # Grammar
//!
//! ```text
//! filter  = and *(SP "or" SP and)
//! and     = term *(SP "and" SP term)
//! term    = ["not"] "(" filter ")" / path "[" filter "]" ["." compare] / compare
//! compare = path SP "pr" / path SP operator SP value
//! path    = [URN ":"] name ["." name]
//! value   = a JSON string, number, true, false or null
//! ```
//!
//! Names, operators and URNs are read in any letter case; SP is any run of spaces and tabs; brackets do not nest. Grouping binds before
//! `not`, `not` before `and`, `and` before `or`.
//!
//! `emails[type eq "work"].value eq "x"`, which is not in the RFC's grammar and which Entra ID matches people by, means
//! `emails[type eq "work" and value eq "x"]`.
//!
//! # Meaning
//!
//! * Strings compare by their attribute's `caseExact`, references exactly (but `schemas` like all URNs in any letter case), numbers by
//!   their value, moments in time to the microsecond, binary values by their bytes.
//! * One value that satisfies the comparison is enough. `emails.type eq "work" and emails.value co "x"` may hold through two elements,
//!   `emails[type eq "work" and value co "x"]` only through one.
//! * What is absent satisfies `ne` and nothing else; an absent `primary` of an element is `false` (RFC 7643 §2.4).
//! * `pr` wants a value that is not null, `""`, `[]` or an object of such. `eq null` is `not (… pr)`, `ne null` is `pr`.
//! * `emails`, in a comparison, means `emails.value`; so does `manager` in [`Mode::Compat`].
//! * `true` may be written `"True"` in [`Mode::Compat`].
//! * An attribute that no answer ever shows cannot be asked for either.

mod bind;
mod eval;
mod parse;

use std::fmt;

use serde_json::Number;

pub use bind::{Bound, BoundNode, Target};

use crate::attr::{AttrPath, Urns};
use crate::schema::Attribute;
use crate::{Mode, ResourceType, Result};

/// How large a filter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of text.
    pub length: usize,
    /// Parentheses and brackets inside one another.
    pub depth: usize,
    /// Comparisons, `pr` among them.
    pub terms: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            length: 8192,
            depth: 50,
            terms: 100,
        }
    }
}

/// A filter as it was written: a tree in one list, children before their parents and the left before the right, so that nothing done
/// with it recurses.
///
/// ```
/// use scim_core::attr::Urns;
/// use scim_core::filter::{Filter, Limits};
/// let filter = Filter::parse(r#"title PR or not(userName Eq "ada")"#, &Urns::default(), &Limits::default())?;
/// assert_eq!(filter.to_string(), r#"title pr or not (userName eq "ada")"#);
/// # Ok::<(), scim_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Filter {
    nodes: Vec<Node>,
}

/// The place of a node in [`Filter::nodes`] or [`Bound::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub usize);

/// One step of a filter.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Both hold.
    And(NodeId, NodeId),
    /// One holds, or both.
    Or(NodeId, NodeId),
    /// It does not hold.
    Not(NodeId),
    /// `path operator value`.
    Compare {
        /// What is compared.
        path: AttrPath,
        /// How.
        op: Op,
        /// With what.
        value: Literal,
    },
    /// `path pr`.
    Present {
        /// What must have a value.
        path: AttrPath,
    },
    /// `path[filter]`: one element satisfies the whole inner filter, which holds no value path itself.
    ValuePath {
        /// The attribute whose elements are looked at.
        path: AttrPath,
        /// The filter in the brackets; its names are sub-attributes.
        filter: Filter,
    },
}

/// A comparison operator. RFC 7644 §3.4.2.2, Table 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// Equal.
    Eq,
    /// Not equal.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
}

/// The value in a comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A JSON number.
    Number(Number),
    /// A JSON string, without its quotes and escapes.
    String(String),
}

impl Filter {
    /// Reads a filter, in time that grows with its length only.
    ///
    /// # Errors
    /// 400 `invalidFilter` with the byte at which something else was expected, or the limit that the text exceeds.
    pub fn parse(text: &str, urns: &Urns, limits: &Limits) -> Result<Self> {
        parse::whole(text, urns, limits)
    }

    /// Reads the filter of a value path from behind its `[`, and returns what stands behind its `]`. `of` is the URN before the `[`.
    ///
    /// # Errors
    /// 400 `invalidFilter` as [`Filter::parse`]; the byte is counted from behind the `[`.
    ///
    /// ```
    /// use scim_core::attr::Urns;
    /// use scim_core::filter::{Filter, Limits};
    /// let (filter, rest) = Filter::scan_value_filter(r#"type eq "work"].value"#, &Urns::default(), None, &Limits::default())?;
    /// assert_eq!((filter.to_string().as_str(), rest), (r#"type eq "work""#, ".value"));
    /// # Ok::<(), scim_core::Error>(())
    /// ```
    pub fn scan_value_filter<'t>(
        text: &'t str,
        urns: &Urns,
        of: Option<&str>,
        limits: &Limits,
    ) -> Result<(Self, &'t str)> {
        parse::in_brackets(text, urns, of, limits)
    }

    /// All steps, children before parents.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The last step, which is the whole filter.
    #[must_use]
    pub fn root(&self) -> NodeId {
        NodeId(self.nodes.len().saturating_sub(1))
    }

    /// The terms of `a eq 1 and b eq "x" and …`, in their order, with the names as written; `None` when the filter is anything else.
    ///
    /// A name may come twice, and a value may be null.
    #[must_use]
    pub fn eq_terms(&self) -> Option<Vec<(&str, &Literal)>> {
        let mut terms = Vec::new();
        for node in &self.nodes {
            match node {
                Node::And(..) => {}
                Node::Compare {
                    path,
                    op: Op::Eq,
                    value,
                } if path.urn.is_none() && path.sub.is_none() => {
                    terms.push((path.name.as_str(), value));
                }
                _ => return None,
            }
        }
        Some(terms)
    }

    /// Finds the filter's names in a resource type.
    ///
    /// # Errors
    /// 400 `invalidFilter` when the type lacks an attribute, never shows it, or an operator or value does not fit it.
    pub fn bind(&self, resource_type: &ResourceType, mode: Mode) -> Result<Bound> {
        bind::resource(self, resource_type, mode, false)
    }

    /// Like [`Filter::bind`], but an attribute that the type lacks has no value: the query goes to many types (RFC 7644 §3.4.2.1).
    ///
    /// # Errors
    /// 400 `invalidFilter` when an attribute that the type has is never shown, or an operator or value does not fit it.
    pub fn bind_lenient(&self, resource_type: &ResourceType, mode: Mode) -> Result<Bound> {
        bind::resource(self, resource_type, mode, true)
    }

    /// Finds the names of a filter in brackets among the sub-attributes of `attribute`; the elements of a simple one have the name
    /// `value`.
    ///
    /// # Errors
    /// 400 `invalidFilter` as [`Filter::bind`].
    pub fn bind_element(&self, attribute: &Attribute, mode: Mode) -> Result<Bound> {
        bind::element(self, attribute, mode)
    }
}

impl Op {
    /// Every operator.
    pub const ALL: [Self; 9] = [
        Self::Eq,
        Self::Ne,
        Self::Co,
        Self::Sw,
        Self::Ew,
        Self::Gt,
        Self::Ge,
        Self::Lt,
        Self::Le,
    ];

    /// The operator's word, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Co => "co",
            Self::Sw => "sw",
            Self::Ew => "ew",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Lt => "lt",
            Self::Le => "le",
        }
    }

    /// The operator of a word in any letter case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|op| op.as_str().eq_ignore_ascii_case(word))
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Number(value) => write!(f, "{value}"),
            Self::String(value) => {
                let json = serde_json::to_string(value).map_err(|_| fmt::Error)?;
                f.write_str(&json)
            }
        }
    }
}

const AND: &str = " and ";
const OR: &str = " or ";

/// What is still to be written, last first.
enum Piece {
    Text(&'static str),
    Node(NodeId),
}

impl Filter {
    fn get(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0)
    }

    /// Puts off both sides of `left word right`, each in parentheses when reading would otherwise group it differently.
    fn put_off(&self, todo: &mut Vec<Piece>, left: NodeId, word: &'static str, right: NodeId) {
        let (left_groups, right_groups) = match word {
            AND => (self.is_or(left), self.is_or(right) || self.is_and(right)),
            _ => (false, self.is_or(right)),
        };
        todo.extend(grouped(right, right_groups));
        todo.push(Piece::Text(word));
        todo.extend(grouped(left, left_groups));
    }

    fn is_and(&self, id: NodeId) -> bool {
        matches!(self.get(id), Some(Node::And(..)))
    }

    fn is_or(&self, id: NodeId) -> bool {
        matches!(self.get(id), Some(Node::Or(..)))
    }
}

fn grouped(id: NodeId, in_parentheses: bool) -> impl Iterator<Item = Piece> {
    let mark = |text| in_parentheses.then_some(Piece::Text(text));
    mark(")")
        .into_iter()
        .chain([Piece::Node(id)])
        .chain(mark("("))
}

/// The filter in its shortest form: reading it gives an equal filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut todo = vec![Piece::Node(self.root())];
        while let Some(piece) = todo.pop() {
            let node = match piece {
                Piece::Text(text) => {
                    f.write_str(text)?;
                    continue;
                }
                Piece::Node(id) => self.get(id).ok_or(fmt::Error)?,
            };
            match node {
                Node::And(left, right) => self.put_off(&mut todo, *left, AND, *right),
                Node::Or(left, right) => self.put_off(&mut todo, *left, OR, *right),
                Node::Not(inner) => {
                    todo.extend([Piece::Text(")"), Piece::Node(*inner), Piece::Text("not (")]);
                }
                Node::Compare { path, op, value } => write!(f, "{path} {op} {value}")?,
                Node::Present { path } => write!(f, "{path} pr")?,
                Node::ValuePath { path, filter } => write!(f, "{path}[{filter}]")?,
            }
        }
        Ok(())
    }
}
