//! What of a filter the keys of the store can tell. `docs/QUERIES.md` says it in prose.
//!
//! Each step of a filter becomes a set of resources for it and one against it, children before parents. A set is exact, or it holds more
//! than the step does; then the resources in it are looked at with the filter's own meaning.

use scim_core::filter::{Bound, BoundNode, NodeId, Op, Target};
use scim_core::list::BoundSort;
use scim_core::schema::registry::Index;
use scim_core::schema::{Attribute, Type};
use scim_core::{AttrPath, ResourceType, key};

use super::membership::member_id;
use super::resources::parse_id;
use crate::store::query::{Elements, KeyTable, Keyed, Order, Set, Test};

/// What the store can tell of a filter.
#[derive(Clone, Debug)]
pub struct Pushdown {
    /// The resources among which all hits are; `None` when there can be none.
    pub set: Option<Set>,
    /// Whether all of them are hits.
    pub exact: bool,
    /// The first attribute that no keys are kept of, or none that tell enough.
    pub open: Option<AttrPath>,
    /// Attributes of which a key that is too long to be kept whole would make a difference.
    pub long: Vec<(i32, AttrPath)>,
}

impl Pushdown {
    /// What it can tell of a filter of a resource type.
    #[must_use]
    pub fn new(filter: &Bound, of: &ResourceType) -> Self {
        let planner = Planner {
            of,
            long: Vec::new(),
        };
        planner.pushdown(filter)
    }

    /// What it can tell without a filter: everything.
    #[must_use]
    pub fn all() -> Self {
        Self {
            set: Some(Set::All),
            exact: true,
            open: None,
            long: Vec::new(),
        }
    }
}

/// The order that the store can make; `None` when it keeps no keys of the attribute.
#[must_use]
pub fn order(sort: &BoundSort<'_>, of: &ResourceType, descending: bool) -> Option<Order> {
    let (path, leaf) = sort.path()?;
    if path.sub.is_some() && leaf.multi_valued {
        // Which of them counts is said nowhere.
        return None;
    }
    let index = of.index(&path)?;
    if index.unique && sort.has_several() {
        // Nor which element is the first.
        return None;
    }
    let everywhere = path.urn.as_ref().is_none_or(|urn| {
        let extension = of.extension(urn);
        extension.is_some_and(|extension| extension.required)
    });
    let required = leaf.required && leaf.is_writable() && !sort.has_several();
    let complete = path.name == "meta" || (required && path.sub.is_none() && everywhere);
    Some(Order {
        keys: table(index, sort.has_several()),
        complete,
        descending,
    })
}

fn table(index: &Index, several: bool) -> KeyTable {
    KeyTable {
        attr: index.id,
        unique: index.unique,
        several,
    }
}

struct Planner<'a> {
    of: &'a ResourceType,
    long: Vec<(i32, AttrPath)>,
}

/// What is known of a step: nothing, or a set.
#[derive(Clone, Debug)]
enum Known<S> {
    /// It holds for nothing.
    Nothing,
    /// It holds for everything.
    Everything,
    /// It holds for these and no others.
    Exactly(S),
    /// It holds for none but these.
    Among(S),
    /// It may hold for any.
    Open,
}

/// Sets that can be put together.
trait Algebra: Sized {
    fn and(left: Box<Self>, right: Box<Self>) -> Self;
    fn or(left: Box<Self>, right: Box<Self>) -> Self;
}

impl Algebra for Set {
    fn and(left: Box<Self>, right: Box<Self>) -> Self {
        Self::And(left, right)
    }

    fn or(left: Box<Self>, right: Box<Self>) -> Self {
        Self::Or(left, right)
    }
}

impl Algebra for Elements {
    fn and(left: Box<Self>, right: Box<Self>) -> Self {
        Self::And(left, right)
    }

    fn or(left: Box<Self>, right: Box<Self>) -> Self {
        Self::Or(left, right)
    }
}

impl<S: Algebra> Known<S> {
    fn and(self, other: Self) -> Self {
        use Known::{Among, Everything, Exactly, Nothing, Open};
        match (self, other) {
            (Nothing, _) | (_, Nothing) => Nothing,
            (Everything, known) | (known, Everything) => known,
            (Open, Open) => Open,
            (Open, Exactly(set) | Among(set)) | (Exactly(set) | Among(set), Open) => Among(set),
            (Exactly(a), Exactly(b)) => Exactly(S::and(Box::new(a), Box::new(b))),
            (Exactly(a) | Among(a), Exactly(b) | Among(b)) => {
                Among(S::and(Box::new(a), Box::new(b)))
            }
        }
    }

    fn or(self, other: Self) -> Self {
        use Known::{Among, Everything, Exactly, Nothing, Open};
        match (self, other) {
            (Everything, _) | (_, Everything) => Everything,
            (Nothing, known) | (known, Nothing) => known,
            (Open, _) | (_, Open) => Open,
            (Exactly(a), Exactly(b)) => Exactly(S::or(Box::new(a), Box::new(b))),
            (Exactly(a) | Among(a), Exactly(b) | Among(b)) => {
                Among(S::or(Box::new(a), Box::new(b)))
            }
        }
    }
}

impl<S> Known<S> {
    fn constant(value: bool) -> Self {
        if value {
            Self::Everything
        } else {
            Self::Nothing
        }
    }
}

/// A step and its opposite.
struct Both {
    yes: Known<Set>,
    no: Known<Set>,
}

impl Both {
    fn exactly(set: Set) -> Self {
        let no = Set::Not(Box::new(set.clone()));
        Self {
            yes: Known::Exactly(set),
            no: Known::Exactly(no),
        }
    }

    fn open() -> Self {
        Self {
            yes: Known::Open,
            no: Known::Open,
        }
    }

    fn constant(value: bool) -> Self {
        Self {
            yes: Known::constant(value),
            no: Known::constant(!value),
        }
    }

    fn turned(self) -> Self {
        Self {
            yes: self.no,
            no: self.yes,
        }
    }
}

impl Planner<'_> {
    fn pushdown(mut self, filter: &Bound) -> Pushdown {
        let mut steps: Vec<Option<Both>> = Vec::with_capacity(filter.nodes().len());
        let mut open = None;
        for node in filter.nodes() {
            let mut step = |id: &NodeId| {
                let taken = steps.get_mut(id.0).and_then(Option::take);
                taken.unwrap_or_else(Both::open)
            };
            let both = match node {
                BoundNode::And(left, right) => {
                    let (left, right) = (step(left), step(right));
                    Both {
                        yes: left.yes.and(right.yes),
                        no: left.no.or(right.no),
                    }
                }
                BoundNode::Or(left, right) => {
                    let (left, right) = (step(left), step(right));
                    Both {
                        yes: left.yes.or(right.yes),
                        no: left.no.and(right.no),
                    }
                }
                BoundNode::Not(inner) => step(inner).turned(),
                leaf => {
                    let both = self.leaf(leaf);
                    let told = !matches!(both.yes, Known::Open | Known::Among(_));
                    if !told && open.is_none() {
                        open = leaf.target().map(|target| target.path.clone());
                    }
                    both
                }
            };
            steps.push(Some(both));
        }
        let last = steps.pop().flatten().unwrap_or_else(Both::open);
        let (set, exact) = match last.yes {
            Known::Nothing => (None, true),
            Known::Everything => (Some(Set::All), true),
            Known::Exactly(set) => (Some(set), true),
            Known::Among(set) => (Some(set), false),
            Known::Open => (Some(Set::All), false),
        };
        Pushdown {
            set,
            exact,
            open,
            long: self.long,
        }
    }

    fn leaf(&mut self, leaf: &BoundNode) -> Both {
        match leaf {
            BoundNode::Constant(value) => Both::constant(*value),
            BoundNode::Compare { target, op, key } => self.compare(target, *op, key),
            BoundNode::Present { target } => self.present(target),
            BoundNode::Absent { target } => self.present(target).turned(),
            BoundNode::ValuePath { target, filter } => self.value_path(target, filter),
            BoundNode::And(..) | BoundNode::Or(..) | BoundNode::Not(_) => Both::open(),
        }
    }

    fn compare(&mut self, target: &Target, op: Op, key: &str) -> Both {
        if let Some(linked) = self.linked(target, op, key) {
            return linked;
        }
        if op == Op::Ne {
            // Of several values one may differ while another does not.
            return match self.tested(target, Op::Eq, key) {
                Some(equal) if !target.multi_valued => Both::exactly(Set::Keys(equal)).turned(),
                _ => Both::open(),
            };
        }
        match self.tested(target, op, key) {
            Some(keyed) => Both::exactly(Set::Keys(keyed)),
            None => Both::open(),
        }
    }

    /// A comparison with an id: of the resource, of a member, of a group.
    fn linked(&self, target: &Target, op: Op, key: &str) -> Option<Both> {
        if target.path.urn.is_some() || !matches!(op, Op::Eq | Op::Ne) {
            return None;
        }
        let name = target.path.name.as_str();
        let of_value = target.path.sub.as_deref() == Some("value");
        let is = |attribute: Option<&Attribute>| {
            of_value && attribute.is_some_and(|one| one.name == name)
        };
        let none = || Both::constant(false);
        let equal = if name == "id" && target.path.sub.is_none() {
            parse_id(key).map_or_else(|_| none(), |id| Both::exactly(Set::Id(id)))
        } else if op == Op::Ne {
            return None;
        } else if is(self.of.members()) {
            Both::exactly(Set::Holding(member_id(key)))
        } else if is(self.of.groups()) {
            parse_id(key).map_or_else(|_| none(), |id| Both::exactly(Set::Below(id)))
        } else {
            return None;
        };
        Some(if op == Op::Ne { equal.turned() } else { equal })
    }

    fn present(&mut self, target: &Target) -> Both {
        if target.path.urn.is_none()
            && matches!(target.path.name.as_str(), "id" | "meta" | "schemas")
            && target.path.sub.is_none()
        {
            return Both::constant(true);
        }
        match self.index(target) {
            Some(keys) if target.kind != Type::Complex => Both::exactly(Set::Keys(Keyed {
                keys,
                test: Test::Any,
            })),
            _ => Both::open(),
        }
    }

    fn value_path(&mut self, target: &Target, filter: &Bound) -> Both {
        if let [
            BoundNode::Compare {
                target,
                op: Op::Eq,
                key,
            },
        ] = filter.nodes()
            && let Some(linked) = self.linked(target, Op::Eq, key)
        {
            return linked;
        }
        if !target.multi_valued {
            return Both::open();
        }
        let mut steps: Vec<Option<Known<Elements>>> = Vec::with_capacity(filter.nodes().len());
        for node in filter.nodes() {
            let mut step = |id: &NodeId| {
                let taken = steps.get_mut(id.0).and_then(Option::take);
                taken.unwrap_or(Known::Open)
            };
            let known = match node {
                BoundNode::And(left, right) => step(left).and(step(right)),
                BoundNode::Or(left, right) => step(left).or(step(right)),
                BoundNode::Compare { target, op, key } if *op != Op::Ne => {
                    match self.tested(target, *op, key) {
                        // Of unique keys it is not kept which element has them.
                        Some(keyed) if keyed.keys.several && !keyed.keys.unique => {
                            Known::Exactly(Elements::Keys(keyed))
                        }
                        _ => Known::Open,
                    }
                }
                BoundNode::Constant(false) => Known::Nothing,
                // Elements that lack a value have no key: they are told by nothing.
                _ => Known::Open,
            };
            steps.push(Some(known));
        }
        match steps.pop().flatten().unwrap_or(Known::Open) {
            Known::Nothing => Both::constant(false),
            Known::Exactly(elements) => Both::exactly(Set::Element(elements)),
            Known::Among(elements) => Both {
                yes: Known::Among(Set::Element(elements)),
                no: Known::Open,
            },
            Known::Everything | Known::Open => Both::open(),
        }
    }

    fn index(&self, target: &Target) -> Option<KeyTable> {
        let index = self.of.index(&target.path)?;
        Some(table(index, target.multi_valued))
    }

    /// The test of keys that says the same; `None` when none does.
    fn tested(&mut self, target: &Target, op: Op, key: &str) -> Option<Keyed> {
        let keys = self.index(target)?;
        let text = match target.kind {
            Type::String | Type::Reference => true,
            Type::Boolean | Type::DateTime | Type::Integer | Type::Decimal => false,
            Type::Binary | Type::Complex => return None,
        };
        // No key is kept of `""`.
        if target.absent_is_false || (text && op.holds("", key)) {
            return None;
        }
        if text && op != Op::Eq {
            let long = (keys.attr, target.path.clone());
            if !self.long.contains(&long) {
                self.long.push(long);
            }
        }
        let wanted = key::stored(key);
        let whole = wanted == key;
        let test = match op {
            Op::Eq => Test::Equal(wanted),
            _ if !whole => return None,
            Op::Gt => Test::Greater(wanted),
            Op::Ge => Test::AtLeast(wanted),
            Op::Lt => Test::Less(wanted),
            Op::Le => Test::AtMost(wanted),
            Op::Sw => Test::prefix(wanted),
            Op::Co => Test::Contains(wanted),
            Op::Ew => Test::Suffix(wanted),
            Op::Ne => return None,
        };
        Some(Keyed { keys, test })
    }
}
