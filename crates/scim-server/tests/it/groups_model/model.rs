//! The model: who lives, which group holds whom, and what a request makes of that.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::turns::{Change, Form, Guard, M, NAMES, NOBODY, Pick, Who, Wrong};
use crate::support::client::GROUP;
use Who::{Group as G, Nobody as N, User as U};

/// What a group is to be.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Held {
    pub(super) name: String,
    /// By id in lower case, with `display`.
    pub(super) members: BTreeMap<String, Option<&'static str>>,
    pub(super) version: u64,
}

/// A status and a scimType, empty for none.
pub(super) type Refusal = (u16, &'static str);

/// All that should be known.
pub(super) struct Model {
    /// What the addresses of resources begin with.
    base: String,
    /// The latest id of each.
    pub(super) ids: BTreeMap<Who, String>,
    /// The living, with what was answered when they were made.
    pub(super) users: BTreeMap<String, Value>,
    pub(super) groups: BTreeMap<String, Held>,
}

/// Why there is a refusal, if there is one.
#[derive(Default)]
pub(super) struct Reasons {
    /// One of these, when there are any.
    pub(super) must: Vec<Refusal>,
    /// Or one of these.
    pub(super) may: Vec<Refusal>,
}

fn rename(group: &mut Held, name: Option<usize>) {
    if let Some(nth) = name {
        group.name = NAMES[nth].to_owned();
    }
}

impl Model {
    pub(super) fn new(base: String) -> Self {
        let unborn = |nth: usize| format!("0197f000-0000-7000-8000-0000000000{nth:02}");
        let users = (0..6).map(|nth| (U(nth), unborn(nth)));
        let groups = (0..4).map(|nth| (G(nth), unborn(10 + nth)));
        let nobody = (0..2).map(|nth| (N(nth), NOBODY[nth].to_owned()));
        Self {
            base,
            ids: users.chain(groups).chain(nobody).collect(),
            users: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
    }

    pub(super) fn id(&self, who: Who) -> &str {
        &self.ids[&who]
    }

    pub(super) fn kind(&self, id: &str) -> Option<&'static str> {
        let user = self.users.contains_key(id).then_some("User");
        user.or_else(|| self.groups.contains_key(id).then_some("Group"))
    }

    fn location(&self, kind: &str, id: &str) -> String {
        format!("{}/{kind}s/{id}", self.base)
    }

    // What is sent.

    fn element(&self, M(who, form, name): M) -> Value {
        let id = self.id(who);
        let kind = self.kind(id);
        let mut one = match form {
            Form::Plain => json!({"value": id}),
            Form::Whole => self.shown(id, None),
            Form::Upper => json!({"value": id.to_uppercase()}),
            Form::NullRef => json!({"$ref": null, "value": id}),
            Form::RefOnly => json!({"$ref": self.location(kind.unwrap_or("User"), id)}),
            Form::Lying => {
                json!({"value": id, "$ref": "https://elsewhere/Users/x", "type": if kind == Some("User") { "Group" } else { "User" }})
            }
        };
        if let Some(name) = name {
            one["display"] = name.into();
        }
        one
    }

    fn elements(&self, members: &[M]) -> Value {
        members.iter().map(|one| self.element(*one)).collect()
    }

    fn filter(&self, pick: Pick) -> String {
        let is = |who: Who| format!("value eq \"{}\"", self.id(who));
        match pick {
            Pick::Is(who) => is(who),
            Pick::IsUpper(who) => format!("value eq \"{}\"", self.id(who).to_uppercase()),
            Pick::Either(one, other) => format!("{} or {}", is(one), is(other)),
            Pick::EitherOrType(one, kind) => format!("{} or type eq \"{kind}\"", is(one)),
            Pick::Both(one, kind) => format!("type eq \"{kind}\" and {}", is(one)),
            Pick::Not(who) => format!("not ({})", is(who)),
            Pick::Type(kind) => format!("type eq \"{kind}\""),
            Pick::DisplayBegins => "display sw \"A\"".to_owned(),
            Pick::NoDisplay => "not (display pr)".to_owned(),
        }
    }

    pub(super) fn operation(&self, change: &Change) -> Value {
        let at = |op: &str, value: Value| json!({"op": op, "path": "members", "value": value});
        let whole = |op: &str, name: &Option<usize>, members: Option<&Vec<M>>| {
            let mut value = json!({});
            if let Some(nth) = name {
                value["displayName"] = NAMES[*nth].into();
            }
            if let Some(members) = members {
                value["members"] = self.elements(members);
            }
            json!({"op": op, "value": value})
        };
        let where_value = |who: Who| format!("members[{}]", self.filter(Pick::Is(who)));
        match change {
            Change::Add(members) => at("add", self.elements(members)),
            Change::AddObject(member) => at("Add", self.element(*member)),
            Change::AddString(who) => at("add", self.id(*who).into()),
            Change::AddWithoutPath(name, members) => whole("add", name, Some(members)),
            Change::Remove(members) => at("Remove", self.elements(members)),
            Change::RemoveWhere(pick) => {
                json!({"op": "remove", "path": format!("members[{}]", self.filter(*pick))})
            }
            Change::RemoveAll => json!({"op": "remove", "path": "members"}),
            Change::RemoveNull => at("remove", Value::Null),
            Change::Replace(members) => at("replace", self.elements(members)),
            Change::ReplaceNull => at("replace", Value::Null),
            Change::ReplaceWithoutPath(name, members) => whole("replace", name, members.as_ref()),
            Change::ReplaceOne(who) => {
                let same = self.element(M(*who, Form::Plain, None));
                json!({"op": "replace", "path": where_value(*who), "value": same})
            }
            Change::Rename(nth) => {
                json!({"op": "replace", "path": "displayName", "value": NAMES[*nth]})
            }
            Change::Refused(wrong) => match wrong {
                Wrong::RemoveNothing => json!({"op": "remove"}),
                Wrong::UnknownPath => json!({"op": "add", "path": "nosuch", "value": 1}),
                Wrong::DisplayOfAll => {
                    json!({"op": "replace", "path": "members.display", "value": "x"})
                }
                Wrong::ValueOf(who) => {
                    json!({"op": "replace", "path": format!("{}.value", where_value(*who)), "value": "x"})
                }
                Wrong::RemoveName => json!({"op": "remove", "path": "displayName"}),
            },
        }
    }

    /// A group to send, and what it is then.
    pub(super) fn whole(
        &self,
        before: &Held,
        name: Option<usize>,
        members: Option<&[M]>,
    ) -> (Value, Held) {
        let mut body = json!({"schemas": [GROUP]});
        let mut after = Held {
            version: before.version,
            ..Held::default()
        };
        if let Some(nth) = name {
            body["displayName"] = NAMES[nth].into();
            rename(&mut after, name);
        }
        if let Some(members) = members {
            body["members"] = self.elements(members);
            self.put_in(&mut after, before, members);
        }
        (body, after)
    }

    // What is to happen.

    /// Members come in. Who comes without a name keeps the one it has, or had before the request.
    fn put_in(&self, group: &mut Held, before: &Held, members: &[M]) {
        for M(who, _, name) in members {
            let id = self.id(*who);
            let known = [&group.members, &before.members].map(|members| members.get(id));
            let had = known.into_iter().flatten().next().copied().flatten();
            group.members.insert(id.to_owned(), name.or(had));
        }
    }

    fn picks(&self, pick: Pick, id: &str, name: &str) -> bool {
        let is = |who: Who| self.id(who) == id;
        let has_type = |kind: &str| self.kind(id) == Some(kind);
        match pick {
            Pick::Is(who) | Pick::IsUpper(who) => is(who),
            Pick::Either(one, other) => is(one) || is(other),
            Pick::EitherOrType(one, kind) => is(one) || has_type(kind),
            Pick::Both(one, kind) => is(one) && has_type(kind),
            Pick::Not(who) => !is(who),
            Pick::Type(kind) => has_type(kind),
            Pick::DisplayBegins => name.to_lowercase().starts_with('a'),
            Pick::NoDisplay => name.is_empty(),
        }
    }

    /// What the operations make of a group, and why they are to be refused.
    pub(super) fn change(&self, id: &str, group: &mut Held, changes: &[Change]) -> Reasons {
        let before = group.clone();
        let mut reasons = Reasons::default();
        for change in changes {
            match change {
                Change::Add(members) => self.put_in(group, &before, members),
                Change::AddObject(member) => self.put_in(group, &before, &[*member]),
                Change::AddString(who) => {
                    self.put_in(group, &before, &[M(*who, Form::Plain, None)]);
                }
                Change::Remove(members) => {
                    for M(who, _, _) in members {
                        group.members.remove(self.id(*who));
                    }
                }
                Change::RemoveWhere(pick) => {
                    let picked = |id: &str, name: Option<&str>| {
                        self.picks(*pick, id, name.unwrap_or_default())
                    };
                    group.members.retain(|id, name| !picked(id, *name));
                }
                Change::RemoveAll | Change::RemoveNull | Change::ReplaceNull => {
                    group.members.clear();
                }
                Change::Replace(members) => {
                    group.members.clear();
                    self.put_in(group, &before, members);
                }
                Change::AddWithoutPath(name, members) => {
                    rename(group, *name);
                    self.put_in(group, &before, members);
                }
                Change::ReplaceWithoutPath(name, members) => {
                    rename(group, *name);
                    if let Some(members) = members {
                        group.members.clear();
                        self.put_in(group, &before, members);
                    }
                }
                Change::ReplaceOne(who) => {
                    if !group.members.contains_key(self.id(*who)) {
                        reasons.must.push((400, "noTarget"));
                        if self.id(*who) == id {
                            reasons.must.push((400, "invalidValue"));
                        }
                    }
                }
                Change::Rename(nth) => rename(group, Some(*nth)),
                Change::Refused(wrong) => reasons.must.extend(self.wrong(group, *wrong)),
            }
            if group.members.contains_key(id) {
                // Put in and taken out again within one request: this may be refused or not, but it does not stay.
                reasons.may.push((400, "invalidValue"));
            }
        }
        reasons
    }

    fn wrong(&self, group: &Held, wrong: Wrong) -> Vec<Refusal> {
        match wrong {
            Wrong::RemoveNothing => vec![(400, "noTarget")],
            Wrong::UnknownPath => vec![(400, "invalidPath")],
            Wrong::ValueOf(who) if !group.members.contains_key(self.id(who)) => {
                vec![(400, "mutability"), (400, "noTarget")]
            }
            Wrong::DisplayOfAll | Wrong::ValueOf(_) | Wrong::RemoveName => {
                vec![(400, "mutability")]
            }
        }
    }

    /// Why a group may not become this one.
    pub(super) fn refuse(&self, id: &str, after: &Held, guard: Guard, reasons: &mut Reasons) {
        let mut why = |holds: bool, refusal| {
            if holds {
                reasons.must.push(refusal);
            }
        };
        why(self.is_taken(id, &after.name), (409, "uniqueness"));
        why(after.members.contains_key(id), (400, "invalidValue"));
        why(after.name.is_empty(), (400, "invalidValue"));
        let known = self.groups.contains_key(id);
        why(known && guard == Guard::Stale, (412, ""));
        why(!known, (404, ""));
    }

    /// Whether another group than this one has the name.
    pub(super) fn is_taken(&self, id: &str, name: &str) -> bool {
        let mut others = self.groups.iter().filter(|(other, _)| *other != id);
        others.any(|(_, one)| one.name.eq_ignore_ascii_case(name))
    }

    /// A group as it is; where there is none, as one begins.
    pub(super) fn held(&self, id: &str) -> Held {
        let new = Held {
            version: 1,
            ..Held::default()
        };
        self.groups.get(id).cloned().unwrap_or(new)
    }

    /// The version of a user or a group, as a header has it; a user's never moves.
    pub(super) fn etag(&self, id: &str) -> String {
        let version = self.groups.get(id).map_or(1, |group| group.version);
        format!("W/\"{version}\"")
    }

    /// A group is now this; what changes nothing leaves the version.
    pub(super) fn settle(&mut self, id: &str, mut after: Held) {
        let before = &self.groups[id];
        after.version = before.version + u64::from(*before != after);
        self.groups.insert(id.to_owned(), after);
    }

    /// Somebody is gone, from every group too.
    pub(super) fn forget(&mut self, id: &str) {
        self.users.remove(id);
        self.groups.remove(id);
        for group in self.groups.values_mut() {
            group.version += u64::from(group.members.remove(id).is_some());
        }
    }

    // What is read.

    /// How an answer shows somebody.
    pub(super) fn shown(&self, id: &str, name: Option<&str>) -> Value {
        let mut one = json!({"value": id});
        if let Some(kind) = self.kind(id) {
            one["$ref"] = self.location(kind, id).into();
            one["type"] = kind.into();
        }
        if let Some(name) = name {
            one["display"] = name.into();
        }
        one
    }

    /// The groups that hold somebody, and whether they do so themselves.
    pub(super) fn groups_of(&self, id: &str) -> BTreeMap<&str, bool> {
        let holders = |id: &str| {
            let holds = |(_, group): &(&String, &Held)| group.members.contains_key(id);
            let found: Vec<&str> = self
                .groups
                .iter()
                .filter(holds)
                .map(|(id, _)| id.as_str())
                .collect();
            found
        };
        let mut found: BTreeMap<&str, bool> =
            holders(id).into_iter().map(|id| (id, true)).collect();
        let mut open: Vec<&str> = found.keys().copied().collect();
        while let Some(group) = open.pop() {
            for holder in holders(group) {
                if !found.contains_key(holder) {
                    found.insert(holder, false);
                    open.push(holder);
                }
            }
        }
        found
    }
}
