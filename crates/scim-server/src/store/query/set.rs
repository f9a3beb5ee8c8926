//! Which resources: sets that keys, ids and memberships tell.

use uuid::Uuid;

/// Resources of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Set {
    /// All of them.
    All,
    /// Those with a key that passes a test.
    Keys(Keyed),
    /// Those of which one element of a multi-valued attribute has keys that pass.
    Element(Elements),
    /// The one with this id.
    Id(Uuid),
    /// Those that have this member themselves.
    Holding(Uuid),
    /// Those that are in this group, through other groups too.
    Below(Uuid),
    /// Those in both.
    And(Box<Set>, Box<Set>),
    /// Those in either.
    Or(Box<Set>, Box<Set>),
    /// Those that are not in it.
    Not(Box<Set>),
}

/// Elements of a multi-valued attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elements {
    /// Those with a key that passes a test.
    Keys(Keyed),
    /// Those in both.
    And(Box<Elements>, Box<Elements>),
    /// Those in either.
    Or(Box<Elements>, Box<Elements>),
}

/// The keys of an attribute that pass a test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyed {
    /// Where they are.
    pub keys: KeyTable,
    /// What they must be.
    pub test: Test,
}

/// The keys of one attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyTable {
    /// Number of the attribute.
    pub attr: i32,
    /// Whether no two resources share a key.
    pub unique: bool,
    /// Whether a resource can have several.
    pub several: bool,
}

/// What a key must be; keys as [`scim_core::key::stored`] makes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Any.
    Any,
    /// This one.
    Equal(String),
    /// Greater than this one.
    Greater(String),
    /// This one or greater.
    AtLeast(String),
    /// Less than this one.
    Less(String),
    /// This one or less.
    AtMost(String),
    /// One from the first on, and before the second if there is one: those that begin with the first. See [`Test::prefix`].
    Between(String, Option<String>),
    /// One that holds this.
    Contains(String),
    /// One that ends so.
    Suffix(String),
}

impl Test {
    /// A key that begins so.
    #[must_use]
    pub fn prefix(begin: String) -> Self {
        let mut end = begin.clone();
        while let Some(last) = end.pop() {
            // The next character, and so the next in bytes too.
            if let Some(next) = (last..=char::MAX).nth(1) {
                end.push(next);
                return Self::Between(begin, Some(end));
            }
        }
        Self::Between(begin, None)
    }
}

impl Set {
    /// Sets that all of it is in, when it is an intersection; only those that are told by few keys, perhaps.
    #[must_use]
    pub fn conjuncts(&self) -> Vec<Set> {
        let mut found = Vec::new();
        let mut todo = vec![self];
        while let Some(set) = todo.pop() {
            match set {
                Self::And(left, right) => todo.extend([right.as_ref(), left.as_ref()]),
                Self::Element(elements) => found.extend(elements.conjuncts()),
                Self::Keys(_) | Self::Id(_) | Self::Holding(_) => found.push(set.clone()),
                Self::All | Self::Below(_) | Self::Or(..) | Self::Not(_) => {}
            }
        }
        if matches!(self, Self::And(..) | Self::Element(_)) {
            found
        } else {
            Vec::new()
        }
    }

    /// Whether the statement for it is one of a few, so that a database may keep it prepared.
    pub(super) fn is_simple(&self) -> bool {
        !matches!(self, Self::And(..) | Self::Or(..) | Self::Element(_))
            && !matches!(self, Self::Not(inner) if !inner.is_simple())
    }
}

impl Elements {
    /// Resources that have a key that each of the elements has.
    fn conjuncts(&self) -> Vec<Set> {
        let mut found = Vec::new();
        let mut todo = vec![self];
        while let Some(elements) = todo.pop() {
            match elements {
                Self::Keys(keyed) => found.push(Set::Keys(keyed.clone())),
                Self::And(left, right) => todo.extend([right.as_ref(), left.as_ref()]),
                Self::Or(..) => {}
            }
        }
        found
    }
}
