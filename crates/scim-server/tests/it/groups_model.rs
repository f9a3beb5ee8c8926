//! Random writes to groups against a model of them: whatever the order, every read agrees. RFC 7643 §4.2, RFC 7644 §3.5.
//!
//! `PROPTEST_CASES` says how many sequences are tried; with many of them use `cargo test`, which knows no time limit.

mod model;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{TestError, TestRunner};
use serde_json::{Value, json};

use crate::support::client::USER;
use crate::support::{Answer, Client, TestApp, program};
use model::{Held, Model, Reasons, Refusal};
use turns::Who::{Group as G, Nobody as N, User as U};
use turns::{Change, Form, Guard, M, Step, Turn, Who, turn};

const CASES: u32 = 24;
const STEPS: usize = 16;

type Checked<T = ()> = Result<T, TestCaseError>;

/// The model, and the server it is compared with.
struct World {
    client: Client,
    model: Model,
    /// When each version of a group was seen to be written.
    written: BTreeMap<(String, u64), Value>,
}

/// Whether a request was done, and whether that is right.
fn judge(answer: &Answer, done: u16, reasons: &Reasons) -> Checked<bool> {
    let Reasons { must, may } = reasons;
    let kind = answer.body["scimType"].as_str().unwrap_or_default();
    let expected = format!(
        "{must:?} or {may:?}, found {} {}",
        answer.status, answer.text
    );
    if answer.status == done {
        prop_assert!(must.is_empty(), "expected a refusal, {expected}");
        return Ok(true);
    }
    let found = |known: &[Refusal]| known.contains(&(answer.status, kind));
    prop_assert!(
        found(must) || found(may),
        "expected {done} or a refusal, {expected}"
    );
    Ok(false)
}

impl World {
    /// Five users of six and three groups of four, one inside another, in a tenant of their own.
    async fn new(app: &TestApp) -> Checked<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let slug = format!("case-{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let budget = json!({"rateLimit": {"perHour": 1_000_000}});
        let mut world = Self {
            client: app.tenant(&slug, budget).await,
            model: Model::new(format!("http://{}/scim/v2", app.address)),
            written: BTreeMap::new(),
        };
        let plain = |who: &[Who]| Some(who.iter().map(|who| M(*who, Form::Plain, None)).collect());
        for nth in 0..5 {
            world.take(&Step::MakeUser(nth)).await?;
        }
        for step in [
            Step::MakeGroup(1, 1, plain(&[U(2), N(0)])),
            Step::MakeGroup(0, 0, plain(&[U(0), U(1), G(1)])),
            Step::MakeGroup(2, 2, None),
        ] {
            world.take(&step).await?;
        }
        world.check((0, U(0), 0), None).await?;
        Ok(world)
    }

    /// Sends one request, and does to the model what it should do.
    async fn take(&mut self, step: &Step) -> Checked<Option<Answer>> {
        match step {
            Step::Patch(nth, changes, guard, minimal) => {
                self.patch(*nth, changes, *guard, *minimal).await
            }
            Step::Put(nth, name, members, guard) => {
                self.put(*nth, *name, members.as_deref(), *guard).await
            }
            Step::SendBack(nth, whole) => self.send_back(*nth, *whole).await,
            Step::MakeUser(nth) => self.make_user(*nth).await,
            Step::MakeGroup(nth, name, members) => {
                self.make_group(*nth, *name, members.as_deref()).await
            }
            // The version of a user never moves, whatever happens to its groups.
            Step::DeleteUser(nth) => self.delete(U(*nth), "Users", Guard::Right).await,
            Step::DeleteGroup(nth, guard) => self.delete(G(*nth), "Groups", *guard).await,
        }
    }

    async fn patch(
        &mut self,
        nth: usize,
        changes: &[Change],
        guard: Guard,
        minimal: bool,
    ) -> Checked<Option<Answer>> {
        let id = self.model.id(G(nth)).to_owned();
        let mut client = self.guarded(&id, guard);
        if minimal {
            client = client.with("Prefer", "return=minimal");
        }
        let operations = changes
            .iter()
            .map(|one| self.model.operation(one))
            .collect();
        let answer = client.operate(&format!("/Groups/{id}"), operations).await;
        let mut after = self.model.held(&id);
        let mut reasons = self.model.change(&id, &mut after, changes);
        self.model.refuse(&id, &after, guard, &mut reasons);
        let done = judge(&answer, if minimal { 204 } else { 200 }, &reasons)?;
        if done {
            self.model.settle(&id, after);
            let tag = self.model.etag(&id);
            prop_assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        Ok(done.then_some(answer))
    }

    async fn put(
        &mut self,
        nth: usize,
        name: Option<usize>,
        members: Option<&[M]>,
        guard: Guard,
    ) -> Checked<Option<Answer>> {
        let id = self.model.id(G(nth)).to_owned();
        let before = self.model.held(&id);
        let (body, after) = self.model.whole(&before, name, members);
        let client = self.guarded(&id, guard);
        let answer = client.put(&format!("/Groups/{id}"), body).await;
        let mut reasons = Reasons::default();
        self.model.refuse(&id, &after, guard, &mut reasons);
        let done = judge(&answer, 200, &reasons)?;
        if done {
            self.model.settle(&id, after);
            let tag = self.model.etag(&id);
            prop_assert_eq!(answer.header("etag"), Some(tag.as_str()));
        }
        Ok(done.then_some(answer))
    }

    /// What was read, by PUT or in a PATCH.
    async fn send_back(&mut self, nth: usize, whole: bool) -> Checked<Option<Answer>> {
        let path = format!("/Groups/{}", self.model.id(G(nth)));
        let read = self.client.get(&path).await;
        if read.status == 404 {
            return Ok(None);
        }
        let answer = if whole {
            self.client.put(&path, read.body.clone()).await
        } else {
            let operation = json!({"op": "replace", "value": read.body});
            self.client.operate(&path, json!([operation])).await
        };
        judge(&answer, 200, &Reasons::default())?;
        prop_assert_eq!(&answer.body, &read.body);
        Ok(Some(answer))
    }

    async fn make_user(&mut self, nth: usize) -> Checked<Option<Answer>> {
        let body = json!({"schemas": [USER], "userName": format!("user{nth}")});
        let answer = self.client.post("/Users", body).await;
        let mut reasons = Reasons::default();
        if self.model.users.contains_key(self.model.id(U(nth))) {
            reasons.must.push((409, "uniqueness"));
        }
        let done = judge(&answer, 201, &reasons)?;
        if done {
            self.model.users.insert(answer.id(), answer.body.clone());
            self.model.ids.insert(U(nth), answer.id());
        }
        Ok(done.then_some(answer))
    }

    /// Where there is a group already the request is a PUT.
    async fn make_group(
        &mut self,
        nth: usize,
        name: usize,
        members: Option<&[M]>,
    ) -> Checked<Option<Answer>> {
        if self.model.groups.contains_key(self.model.id(G(nth))) {
            return self.put(nth, Some(name), members, Guard::No).await;
        }
        let new = self.model.held("");
        let (body, after) = self.model.whole(&new, Some(name), members);
        let answer = self.client.post("/Groups", body).await;
        let mut reasons = Reasons::default();
        if self.model.is_taken("", &after.name) {
            reasons.must.push((409, "uniqueness"));
        }
        let done = judge(&answer, 201, &reasons)?;
        if done {
            self.model.groups.insert(answer.id(), after);
            self.model.ids.insert(G(nth), answer.id());
        }
        Ok(done.then_some(answer))
    }

    async fn delete(&mut self, who: Who, at: &str, guard: Guard) -> Checked<Option<Answer>> {
        let id = self.model.id(who).to_owned();
        let client = self.guarded(&id, guard);
        let answer = client.delete(&format!("/{at}/{id}")).await;
        let must = match (self.model.kind(&id), guard) {
            (None, _) => vec![(404, "")],
            (Some(_), Guard::Stale) => vec![(412, "")],
            (Some(_), _) => Vec::new(),
        };
        let reasons = Reasons {
            must,
            ..Reasons::default()
        };
        if judge(&answer, 204, &reasons)? {
            self.model.forget(&id);
        }
        Ok(None)
    }

    fn guarded(&self, id: &str, guard: Guard) -> Client {
        let known = match guard {
            Guard::No => return self.client.clone(),
            Guard::Right => self.model.etag(id),
            Guard::Stale => "W/\"0\"".to_owned(),
        };
        self.client.with("If-Match", &known)
    }

    /// Everything that can be read is as the model says.
    async fn check(&mut self, ask: (usize, Who, usize), answer: Option<&Answer>) -> Checked {
        let of = |who: &Who| match who {
            U(_) => "Users",
            _ => "Groups",
        };
        let all: Vec<(Who, String)> = self.model.ids.clone().into_iter().collect();
        let gets = all.iter().map(|(who, id)| {
            let (client, path) = (&self.client, format!("/{}/{id}", of(who)));
            async move { client.get(&path).await }
        });
        let read = join_all(gets).await;
        let mut seen = [Vec::new(), Vec::new()];
        for ((_, id), read) in all.iter().zip(&read) {
            match self.model.kind(id) {
                Some("User") => {
                    self.check_user(id, read)?;
                    seen[0].push(read.body.clone());
                }
                Some(_) => {
                    self.check_group(id, read)?;
                    seen[1].push(read.body.clone());
                }
                None => prop_assert_eq!(read.status, 404, "{}", read.text),
            }
        }
        for (at, mut seen) in ["/Users", "/Groups"].into_iter().zip(seen) {
            let list = self.client.get(at).await;
            let mut listed = list.body["Resources"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            let by_id = |one: &Value| one["id"].to_string();
            listed.sort_by_key(by_id);
            seen.sort_by_key(by_id);
            prop_assert_eq!(listed, seen, "GET {}", at);
        }
        if let Some(answer) = answer.filter(|answer| answer.status != 204) {
            let id = answer.body["id"].as_str().unwrap_or_default();
            let now = all.iter().zip(&read).find(|((_, one), _)| one == id);
            prop_assert_eq!(
                Some(&answer.body),
                now.map(|(_, read)| &read.body),
                "what the write answered"
            );
        }
        self.check_filters(ask).await
    }

    fn check_user(&self, id: &str, read: &Answer) -> Checked {
        prop_assert_eq!(read.status, 200, "{}", read.text);
        prop_assert_eq!(read.header("etag"), Some("W/\"1\""));
        let mut body = read.body.clone();
        let found = body
            .as_object_mut()
            .and_then(|body| body.shift_remove("groups"));
        prop_assert_eq!(&body, &self.model.users[id], "a user but for its groups");
        let mut found = found.map(|found| found.as_array().cloned().unwrap_or_default());
        if let Some(found) = &mut found {
            found.sort_by_key(|one| one["value"].to_string());
        }
        let groups = self.model.groups_of(id);
        let expected: Vec<Value> = groups
            .into_iter()
            .map(|(group, direct)| {
                let mut one = self
                    .model
                    .shown(group, Some(&self.model.groups[group].name));
                one["type"] = if direct { "direct" } else { "indirect" }.into();
                one
            })
            .collect();
        let expected = (!expected.is_empty()).then_some(expected);
        prop_assert_eq!(found, expected, "the groups of user {}", id);
        Ok(())
    }

    fn check_group(&mut self, id: &str, read: &Answer) -> Checked {
        prop_assert_eq!(read.status, 200, "{}", read.text);
        let group = &self.model.groups[id];
        let version = self.model.etag(id);
        prop_assert_eq!(
            read.header("etag"),
            Some(version.as_str()),
            "version of {}",
            read.text
        );
        prop_assert_eq!(&read.body["meta"]["version"], &version);
        prop_assert_eq!(&read.body["displayName"], &group.name);
        let mut members = read.body["members"]
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![json!("no members")]);
        for one in &mut members {
            // An id is kept as it was sent, and it matches in any letter case.
            one["value"] = one["value"]
                .as_str()
                .unwrap_or_default()
                .to_lowercase()
                .into();
        }
        let known = members.iter().filter(|one| one.get("type").is_some());
        let ids: Vec<String> = known.map(|one| one["value"].to_string()).collect();
        prop_assert!(
            ids.is_sorted(),
            "members in the order of their ids: {}",
            read.text
        );
        members.sort_by_key(|one| one["value"].to_string());
        let expected = group.members.iter();
        let expected: Vec<Value> = expected
            .map(|(id, name)| self.model.shown(id, *name))
            .collect();
        prop_assert_eq!(members, expected, "members of {}", read.text);
        let modified = &read.body["meta"]["lastModified"];
        let key = (id.to_owned(), group.version);
        let first = self.written.entry(key).or_insert_with(|| modified.clone());
        prop_assert_eq!(modified, first, "the same version at another time");
        Ok(())
    }

    /// One filter at each of both endpoints.
    async fn check_filters(&self, (form, who, nth): (usize, Who, usize)) -> Checked {
        let (id, group) = (self.model.id(who), self.model.id(G(nth)));
        let is_in = |held: &Held, id: &str| held.members.contains_key(id);
        let name = self
            .model
            .groups
            .get(group)
            .map_or("Alpha", |group| &group.name);
        let member = [
            format!("members eq \"{id}\""),
            format!("members.value eq \"{id}\""),
            format!("members[value eq \"{}\"]", id.to_uppercase()),
            format!("not (members eq \"{id}\")"),
            format!("members eq \"{id}\" and not (members.value eq \"{group}\")"),
            format!(
                "members eq \"{id}\" or displayName eq \"{}\"",
                name.to_uppercase()
            ),
        ];
        let holds = |_: &str, held: &Held| match form % 6 {
            0..=2 => is_in(held, id),
            3 => !is_in(held, id),
            4 => is_in(held, id) && !is_in(held, group),
            _ => is_in(held, id) || held.name.eq_ignore_ascii_case(name),
        };
        let expected = self
            .model
            .groups
            .iter()
            .filter(|(id, held)| holds(id, held))
            .map(|(id, _)| id.as_str())
            .collect();
        self.found("/Groups", &member[form % 6], expected).await?;
        let belongs = [
            format!("groups.value eq \"{group}\""),
            format!("groups[value eq \"{group}\"]"),
            format!("not (groups.value eq \"{group}\")"),
            format!("groups[value eq \"{group}\" and type eq \"direct\"]"),
            format!("groups.display eq \"{}\"", name.to_lowercase()),
        ];
        let belong = |user: &str| {
            let groups = self.model.groups_of(user);
            match form % 5 {
                0 | 1 => groups.contains_key(group),
                2 => !groups.contains_key(group),
                3 => groups.get(group) == Some(&true),
                _ => groups
                    .keys()
                    .any(|one| self.model.groups[*one].name.eq_ignore_ascii_case(name)),
            }
        };
        let expected = self
            .model
            .users
            .keys()
            .map(String::as_str)
            .filter(|id| belong(id))
            .collect();
        self.found("/Users", &belongs[form % 5], expected).await
    }

    async fn found(&self, at: &str, filter: &str, expected: BTreeSet<&str>) -> Checked {
        let answer = self.client.filter(at, filter).await;
        prop_assert_eq!(answer.status, 200, "{}: {}", filter, answer.text);
        let found = answer.body["Resources"].as_array().into_iter().flatten();
        let found: Vec<&str> = found.filter_map(|one| one["id"].as_str()).collect();
        let distinct: BTreeSet<&str> = found.iter().copied().collect();
        prop_assert_eq!(&distinct, &expected, "{}?filter={}", at, filter);
        prop_assert_eq!(
            found.len(),
            distinct.len(),
            "nobody is found twice: {}",
            filter
        );
        prop_assert_eq!(&answer.body["totalResults"], found.len(), "{}", filter);
        Ok(())
    }
}

async fn play(app: &TestApp, turns: &[Turn]) -> Checked {
    let mut world = World::new(app).await?;
    for (nth, Turn { step, ask }) in turns.iter().enumerate() {
        let answer = world.take(step).await;
        let checked = match answer {
            Ok(answer) => world.check(*ask, answer.as_ref()).await,
            Err(error) => Err(error),
        };
        checked.map_err(|error| TestCaseError::fail(format!("turn {}: {error}", nth + 1)))?;
    }
    Ok(())
}

/// Tries sequences until one fails, and then shorter ones; its turns, one a line.
fn try_all(app: &TestApp) -> Result<(), String> {
    let default = ProptestConfig::default();
    let asked = std::env::var_os("PROPTEST_CASES").is_some();
    let mut runner = TestRunner::new(ProptestConfig {
        cases: if asked { default.cases } else { CASES },
        failure_persistence: None,
        max_shrink_iters: 400,
        max_shrink_time: 60_000,
        ..default
    });
    let turns = vec(turn(), 1..=STEPS);
    let tried = runner.run(&turns, |turns| program::ask(play(app, &turns)));
    tried.map_err(|error| match error {
        TestError::Abort(reason) => reason.to_string(),
        TestError::Fail(reason, turns) => {
            let turns = turns.iter().zip(1..);
            let turns: Vec<String> = turns
                .map(|(turn, nth)| format!("{nth}. {turn:?}"))
                .collect();
            format!(
                "{reason}\nafter the setting of `World::new`:\n{}",
                turns.join("\n")
            )
        }
    })
}

stories! {
    async fn groups_are_what_the_model_says(app) {
        // Sequences are played on a thread that may wait; the server goes on here.
        let tried = tokio::task::spawn_blocking(move || try_all(&app)).await.unwrap();
        if let Err(why) = tried {
            panic!("{why}");
        }
    }
}
