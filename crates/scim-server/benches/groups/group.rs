//! A group under measurement: who is in it, who may come in, and the requests that change it.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::Outcome;

/// How many members come and go in one request.
pub(crate) const MANY: usize = 1_000;

/// From so many members on, a PATCH is answered without them.
const ANSWERED: usize = 1_000;

/// A group, and what is known of its members.
pub(crate) struct Group<'a> {
    /// How many members it has between two measurements.
    pub(crate) size: usize,
    pub(crate) id: String,
    inside: Vec<&'a str>,
    /// A thousand users that are not in it.
    outside: VecDeque<&'a str>,
    turn: usize,
}

/// One member comes, another goes; at no time are there more than `size`.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    Add(&'a str),
    Remove(&'a str),
}

impl<'a> Group<'a> {
    /// Members and others are spread evenly over the users, who are sorted by id: a new member comes between others.
    pub(crate) fn plan(size: usize, users: &'a [String]) -> Group<'a> {
        let step = (users.len() / MANY).max(1);
        let nth_of_step = |one: &(usize, &'a String)| one.0 % step == step / 2;
        let (outside, others): (Vec<_>, Vec<_>) =
            users.iter().enumerate().partition(|one| nth_of_step(one));
        let name = |(_, id): (usize, &'a String)| id.as_str();
        let step = (others.len() / size).max(1);
        Group {
            size,
            id: String::new(),
            inside: others
                .into_iter()
                .step_by(step)
                .take(size)
                .map(name)
                .collect(),
            outside: outside.into_iter().take(MANY).map(name).collect(),
            turn: 0,
        }
    }

    pub(crate) fn path(&self) -> String {
        format!("/scim/v2/Groups/{}", self.id)
    }

    pub(crate) fn members(&self) -> &[&'a str] {
        &self.inside
    }

    /// Takes some member out, always another.
    pub(crate) fn leave(&mut self) -> Outcome<Step<'a>> {
        if self.inside.is_empty() {
            return Err("expected a member".into());
        }
        self.turn = (self.turn + 7_919) % self.inside.len();
        let member = self.inside.swap_remove(self.turn);
        self.outside.push_back(member);
        Ok(Step::Remove(member))
    }

    /// Takes in who is out for the longest time.
    pub(crate) fn join(&mut self) -> Outcome<Step<'a>> {
        let member = self.outside.pop_front().ok_or("expected somebody")?;
        self.inside.push(member);
        Ok(Step::Add(member))
    }

    /// The status of a PATCH.
    pub(crate) fn status(&self, minimal: bool) -> u16 {
        if minimal || self.inside.len() > ANSWERED {
            204
        } else {
            200
        }
    }

    /// The body of a PATCH: a thousand come, or the same thousand go.
    pub(crate) fn many(&self, op: &str) -> String {
        patch(&json!({"op": op, "path": "members", "value": elements(self.outside.iter())}))
    }

    /// The body of a POST or PUT: everybody who is in it.
    pub(crate) fn whole(&self, name: &str) -> String {
        let members = elements(self.inside.iter());
        let schemas = [scim_core::urn::GROUP];
        json!({"schemas": schemas, "displayName": name, "members": members}).to_string()
    }

    /// Demands that an answer shows these members, each once and as a user, and no others.
    pub(crate) fn verify(&self, group: &Value) -> Outcome<()> {
        let shown = group.get("members").and_then(Value::as_array);
        let shown = shown.ok_or("expected `members`")?;
        let users = shown.iter().filter(|one| {
            let location = one.get("$ref").and_then(Value::as_str).unwrap_or_default();
            let id = one.get("value").and_then(Value::as_str).unwrap_or_default();
            one.get("type").and_then(Value::as_str) == Some("User") && location.ends_with(id)
        });
        let (users, size) = (users.count(), self.inside.len());
        let ids: BTreeSet<&str> = shown
            .iter()
            .filter_map(|one| one.get("value")?.as_str())
            .collect();
        let expected: BTreeSet<&str> = self.inside.iter().copied().collect();
        let others = ids.symmetric_difference(&expected).count();
        if others == 0 && shown.len() == size && users == size {
            return Ok(());
        }
        let found = shown.len();
        Err(format!(
            "a group of {size}: expected its members, found {found}, of them {users} as users, and {others} missing or strange"
        )
        .into())
    }
}

impl Step<'_> {
    /// The body of a PATCH.
    pub(crate) fn body(self) -> String {
        patch(&match self {
            Step::Add(id) => json!({"op": "add", "path": "members", "value": [{"value": id}]}),
            Step::Remove(id) => {
                json!({"op": "remove", "path": format!("members[value eq \"{id}\"]")})
            }
        })
    }
}

fn elements<'a>(ids: impl Iterator<Item = &'a &'a str>) -> Vec<Value> {
    ids.map(|id| json!({"value": id})).collect()
}

/// A PATCH of one operation.
pub(crate) fn patch(operation: &Value) -> String {
    json!({"schemas": [scim_core::urn::PATCH_OP], "Operations": [operation]}).to_string()
}
