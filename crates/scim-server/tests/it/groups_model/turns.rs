//! What is sent in a sequence: plain data, with indexes into a small universe, so that any part of a sequence is one too.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use Who::{Group as G, Nobody as N, User as U};

/// Names of groups; some are one name.
pub(super) const NAMES: [&str; 6] = ["Alpha", "Beta", "Gamma", "ALPHA", "gamma", "Delta"];

/// Ids that nobody has.
pub(super) const NOBODY: [&str; 2] = ["0197f000-0000-7000-8000-00000000dead", "nobody@elsewhere"];

/// Somebody whom a member may name. A user or group that is made again has a new id; until it is made, an id that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who {
    User(usize),
    Group(usize),
    Nobody(usize),
}

/// How a client writes a member.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// `{"value"}`
    Plain,
    /// All of it, as an answer shows it.
    Whole,
    /// The id in capitals.
    Upper,
    /// `{"$ref": null, "value"}`, as Entra ID sends it.
    NullRef,
    /// By `$ref` only.
    RefOnly,
    /// With a `type` and a `$ref` of its own invention.
    Lying,
}

/// A member as a client writes it, with its `display`.
#[derive(Clone, Copy, Debug)]
pub(super) struct M(
    pub(super) Who,
    pub(super) Form,
    pub(super) Option<&'static str>,
);

/// What a filter behind `members` picks.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pick {
    Is(Who),
    IsUpper(Who),
    Either(Who, Who),
    EitherOrType(Who, &'static str),
    Both(Who, &'static str),
    Not(Who),
    Type(&'static str),
    DisplayBegins,
    NoDisplay,
}

/// An operation that is refused, wherever it stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrong {
    RemoveNothing,
    UnknownPath,
    DisplayOfAll,
    ValueOf(Who),
    RemoveName,
}

/// One operation of a PATCH.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Add(Vec<M>),
    AddObject(M),
    AddString(Who),
    AddWithoutPath(Option<usize>, Vec<M>),
    Remove(Vec<M>),
    RemoveWhere(Pick),
    RemoveAll,
    RemoveNull,
    Replace(Vec<M>),
    ReplaceNull,
    ReplaceWithoutPath(Option<usize>, Option<Vec<M>>),
    /// `members[value eq …]`, with the same again.
    ReplaceOne(Who),
    Rename(usize),
    Refused(Wrong),
}

/// What a write says about the version.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Guard {
    No,
    Right,
    Stale,
}

/// One request.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Patch(usize, Vec<Change>, Guard, bool),
    Put(usize, Option<usize>, Option<Vec<M>>, Guard),
    /// What was read, by PUT or as the value of a PATCH.
    SendBack(usize, bool),
    MakeUser(usize),
    MakeGroup(usize, usize, Option<Vec<M>>),
    DeleteUser(usize),
    DeleteGroup(usize, Guard),
}

/// A request, and whom filters ask for afterwards.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) step: Step,
    pub(super) ask: (usize, Who, usize),
}

fn who() -> impl Strategy<Value = Who> {
    prop_oneof![
        8 => (0..6_usize).prop_map(U),
        4 => (0..4_usize).prop_map(G),
        1 => (0..2_usize).prop_map(N),
    ]
}

fn member() -> impl Strategy<Value = M> {
    use Form::{Lying, NullRef, Plain, RefOnly, Upper, Whole};
    let forms = vec![Plain, Plain, Whole, Upper, NullRef, RefOnly, Lying];
    let names = vec![None, None, Some("Ada"), Some("bob")];
    (who(), select(forms), select(names)).prop_map(|(who, form, name)| M(who, form, name))
}

/// Who is named twice is written in several ways, but under one name: which of two would count is left open.
fn members() -> impl Strategy<Value = Vec<M>> {
    vec(member(), 0..5).prop_map(|mut members| {
        for nth in 1..members.len() {
            let first = members.iter().find(|one| one.0 == members[nth].0);
            members[nth].2 = first.and_then(|one| one.2);
        }
        members
    })
}

fn name() -> impl Strategy<Value = usize> {
    0..NAMES.len()
}

fn pick() -> impl Strategy<Value = Pick> {
    let kind = || select(vec!["User", "Group"]);
    prop_oneof![
        3 => who().prop_map(Pick::Is),
        1 => who().prop_map(Pick::IsUpper),
        2 => (who(), who()).prop_map(|(one, other)| Pick::Either(one, other)),
        1 => (who(), kind()).prop_map(|(one, kind)| Pick::EitherOrType(one, kind)),
        1 => (who(), kind()).prop_map(|(one, kind)| Pick::Both(one, kind)),
        1 => who().prop_map(Pick::Not),
        1 => kind().prop_map(Pick::Type),
        1 => Just(Pick::DisplayBegins),
        1 => Just(Pick::NoDisplay),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    use Wrong::{DisplayOfAll, RemoveName, RemoveNothing, UnknownPath};
    let wrong = select(vec![RemoveNothing, UnknownPath, DisplayOfAll, RemoveName]);
    let wrong = prop_oneof![4 => wrong, 1 => who().prop_map(Wrong::ValueOf)];
    let some = || option::weighted(0.7, members());
    prop_oneof![
        6 => members().prop_map(Change::Add),
        2 => member().prop_map(Change::AddObject),
        2 => who().prop_map(Change::AddString),
        2 => (option::of(name()), members()).prop_map(|(name, members)| Change::AddWithoutPath(name, members)),
        4 => members().prop_map(Change::Remove),
        4 => pick().prop_map(Change::RemoveWhere),
        1 => prop_oneof![Just(Change::RemoveAll), Just(Change::RemoveNull), Just(Change::ReplaceNull)],
        3 => members().prop_map(Change::Replace),
        2 => (option::of(name()), some()).prop_map(|(name, members)| Change::ReplaceWithoutPath(name, members)),
        1 => who().prop_map(Change::ReplaceOne),
        2 => name().prop_map(Change::Rename),
        1 => wrong.prop_map(Change::Refused),
    ]
}

/// A request in which much meets: few people, few groups, few names.
pub(super) fn turn() -> impl Strategy<Value = Turn> {
    let guard =
        || prop_oneof![6 => Just(Guard::No), 1 => Just(Guard::Right), 1 => Just(Guard::Stale)];
    let group = || 0..4_usize;
    let changes = prop_oneof![3 => vec(change(), 1), 2 => vec(change(), 2..5)];
    let some = || option::weighted(0.8, members());
    let step = prop_oneof![
        12 => (group(), changes, guard(), any::<bool>()).prop_map(|(nth, changes, guard, minimal)| Step::Patch(nth, changes, guard, minimal)),
        4 => (group(), option::weighted(0.9, name()), some(), guard()).prop_map(|(nth, name, members, guard)| Step::Put(nth, name, members, guard)),
        1 => (group(), any::<bool>()).prop_map(|(nth, whole)| Step::SendBack(nth, whole)),
        2 => (0..6_usize).prop_map(Step::MakeUser),
        4 => (group(), name(), some()).prop_map(|(nth, name, members)| Step::MakeGroup(nth, name, members)),
        2 => (0..6_usize).prop_map(Step::DeleteUser),
        2 => (group(), guard()).prop_map(|(nth, guard)| Step::DeleteGroup(nth, guard)),
    ];
    (step, (0..30_usize, who(), group())).prop_map(|(step, ask)| Turn { step, ask })
}
