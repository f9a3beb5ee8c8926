//! The run: users, three groups, then each operation in rounds over the sizes, so that what disturbs the machine disturbs all alike.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::args::Args;
use crate::bare::Order;
use crate::client::{self, Client, Request};
use crate::database::Database;
use crate::group::{self, Group, MANY, Step};
use crate::memory::Watched;
use crate::operation::Operation;
use crate::process::{Scimd, Server};
use crate::report::{self, Growth};
use crate::samples::Samples;
use crate::{Outcome, load};

/// Rounds that are not counted: they find nothing warm.
const WARM: usize = 5;

/// How often the largest group is read while memory is watched.
const READS: usize = 10;

/// Leaves the members out of an answer.
const WITHOUT: &str = "excludedAttributes=members";

pub(crate) fn all(args: &Args) -> Outcome<()> {
    report::machine(args);
    if args.sqlite {
        one(args, &Database::sqlite()?)?;
    }
    if args.postgres
        && let Some(database) = Database::postgres()?
    {
        one(args, &database)?;
    }
    Ok(())
}

fn one(args: &Args, database: &Database) -> Outcome<()> {
    let start = Instant::now();
    let scimd = Scimd::start(&database.url, database.directory.path())?;
    let watched = Watched::child("scimd");
    client::raise_limit(&scimd)?;
    let ids = load::users(
        scimd.server.address,
        &scimd.token,
        args.members + MANY,
        |nth| {
            let name = format!("user-{nth:07}@example.com");
            json!({"schemas": [scim_core::urn::USER], "userName": name})
        },
    )?;
    let loaded = start.elapsed();

    let mut scim = Client::open(scimd.server.address, &scimd.token)?;
    let mut groups: Vec<Group<'_>> = (args.sizes().iter())
        .map(|size| Group::plan(*size, &ids))
        .collect();
    let (large, others) = groups.split_last_mut().ok_or("expected groups")?;
    // As after an import: the database has not counted what is in its tables.
    let mut early = Vec::new();
    for group in others {
        early.push((group.size, create(&mut scim, group)?));
    }
    database.settle()?;
    let growth = create_watched(&mut scim, large, watched.as_ref())?;
    database.settle()?;
    let bytes = length(&mut scim, groups.first())?;
    let bare = Server::bare(&Order { bytes })?;
    let mut bench = Bench {
        args,
        scim,
        bare: Client::open(bare.address, &scimd.token)?,
        user: ids.first().ok_or("expected a user")?,
        active: true,
        groups,
        samples: Samples::default(),
    };
    bench.measure()?;
    report::tables(
        args,
        &database.title,
        &bench.samples,
        &growth,
        &report::Whole {
            loaded,
            early,
            took: start.elapsed(),
            fixed: bytes,
        },
    );
    Ok(())
}

/// Creates a group with all its members in one request; how long that took.
fn create(scim: &mut Client, group: &mut Group<'_>) -> Outcome<Duration> {
    let body = group.whole(&format!("Group of {}", group.size));
    let request = Request::new("POST", "/scim/v2/Groups", Some(&body));
    let (took, created) = scim.ask_json(&request, 201)?;
    group.id = client::id(&created)?;
    group.verify(&created)?;
    Ok(took)
}

/// Creates the largest group, then reads it again and again; what that does to the memory of the server.
fn create_watched(
    scim: &mut Client,
    group: &mut Group<'_>,
    watched: Option<&Watched>,
) -> Outcome<Growth> {
    let before = watched.and_then(Watched::forget_peak);
    let took = create(scim, group)?;
    let created = watched.and_then(Watched::now);
    // What was borrowed for a moment has been given back.
    std::thread::sleep(Duration::from_secs(2));
    let rest = watched.and_then(Watched::forget_peak);
    let path = group.path();
    let mut bytes = 0;
    for _ in 0..READS {
        bytes = scim.ask(&Request::new("GET", &path, None), 200)?.1.len();
    }
    Ok(Growth {
        before,
        created,
        took,
        rest,
        read: watched.and_then(Watched::now),
        bytes,
    })
}

/// How long an answer is that shows the group without members.
fn length(scim: &mut Client, group: Option<&Group<'_>>) -> Outcome<usize> {
    let group = group.ok_or("expected a group")?;
    let path = format!("{}?{WITHOUT}", group.path());
    Ok(scim.ask(&Request::new("GET", &path, None), 200)?.1.len())
}

struct Bench<'a> {
    args: &'a Args,
    scim: Client,
    bare: Client,
    /// Somebody whose `active` is turned, to see what a change costs that has nothing to do with groups.
    user: &'a str,
    active: bool,
    groups: Vec<Group<'a>>,
    samples: Samples<Operation>,
}

impl<'a> Bench<'a> {
    fn measure(&mut self) -> Outcome<()> {
        for round in 0..self.args.samples + WARM {
            self.fixed(round >= WARM)?;
            self.patch_user(round >= WARM)?;
            for minimal in [true, false] {
                self.one_leaves_one_joins(round, minimal)?;
            }
        }
        self.verify()?;
        let probes = self.probes();
        for round in 0..self.args.samples + WARM {
            self.reads(round, &probes)?;
        }
        for round in 0..self.args.many() {
            self.many(round)?;
        }
        // Each size by itself: what is left behind by a large group must not be paid for by a small one.
        for nth in 0..self.groups.len() {
            self.whole(nth)?;
            for whole in [true, false] {
                self.put(nth, whole)?;
                self.create_and_delete(nth, whole)?;
            }
        }
        self.verify()
    }

    /// The floor of HTTP.
    fn fixed(&mut self, counts: bool) -> Outcome<()> {
        let (took, _) = self.bare.ask(&Request::new("GET", "/fixed", None), 200)?;
        if counts {
            self.samples.add(Operation::Fixed, 0, took);
        }
        Ok(())
    }

    /// The floor of a change that is synced to disk.
    fn patch_user(&mut self, counts: bool) -> Outcome<()> {
        self.active = !self.active;
        let path = format!("/scim/v2/Users/{}", self.user);
        let body = group::patch(&json!({"op": "replace", "path": "active", "value": self.active}));
        let request = Request {
            minimal: true,
            ..Request::new("PATCH", &path, Some(&body))
        };
        let (took, _) = self.scim.ask(&request, 204)?;
        if counts {
            self.samples.add(Operation::PatchUser, 0, took);
        }
        Ok(())
    }

    /// One member leaves each group, then another joins each.
    fn one_leaves_one_joins(&mut self, round: usize, minimal: bool) -> Outcome<()> {
        type Way<'a> = fn(&mut Group<'a>) -> Outcome<Step<'a>>;
        let ways: [(Operation, Way<'a>); 2] = [
            (Operation::RemoveOne { minimal }, Group::leave),
            (Operation::AddOne { minimal }, Group::join),
        ];
        for (operation, step) in ways {
            for turn in 0..self.groups.len() {
                let Some(group) = turned(&mut self.groups, round + turn) else {
                    continue;
                };
                let (path, body) = (group.path(), step(group)?.body());
                let request = Request {
                    minimal,
                    ..Request::new("PATCH", &path, Some(&body))
                };
                let status = group.status(minimal);
                let (took, body) = self.scim.ask(&request, status)?;
                // Not between measurements: that would leave the caches cold for the next.
                if status == 200 && round < WARM {
                    group.verify(&serde_json::from_slice(body)?)?;
                }
                if round >= WARM {
                    self.samples.add(operation, group.size, took);
                }
            }
        }
        Ok(())
    }

    /// For each group members to look for, and in how many groups each of them is.
    fn probes(&self) -> Vec<Vec<(&'a str, usize)>> {
        let sets: Vec<std::collections::BTreeSet<&str>> = (self.groups.iter())
            .map(|group| group.members().iter().copied().collect())
            .collect();
        let hits = |id: &&'a str| (*id, sets.iter().filter(|set| set.contains(id)).count());
        let probes = |group: &Group<'a>| {
            let step = (group.members().len() / self.args.samples).max(1);
            group.members().iter().step_by(step).map(hits).collect()
        };
        self.groups.iter().map(probes).collect()
    }

    /// What reads no members.
    fn reads(&mut self, round: usize, probes: &[Vec<(&str, usize)>]) -> Outcome<()> {
        for turn in 0..self.groups.len() {
            let Some(group) = turned(&mut self.groups, round + turn) else {
                continue;
            };
            let path = format!("{}?{WITHOUT}", group.path());
            let request = Request::new("GET", &path, None);
            let (without, shown) = self.scim.ask_json(&request, 200)?;
            if shown.get("members").is_some() || client::id(&shown)? != group.id {
                return Err(format!("expected the group without members, found {shown}").into());
            }

            let mine = probes.get((round + turn) % probes.len().max(1));
            let mine = mine.ok_or("expected members")?;
            let probe = mine.get(round % mine.len().max(1));
            let (member, hits) = probe.ok_or("expected a member")?;
            let path = format!("/scim/v2/Groups?filter=members%20eq%20%22{member}%22&{WITHOUT}");
            let (filter, list) = self.scim.ask_json(&Request::new("GET", &path, None), 200)?;
            if list.get("totalResults") != Some(&json!(hits)) {
                return Err(format!("expected {hits} groups of a member, found {list}").into());
            }
            if round >= WARM {
                self.samples.add(Operation::GetWithout, group.size, without);
                self.samples.add(Operation::Filter, group.size, filter);
            }
        }
        Ok(())
    }

    /// A thousand come in one request, and go in one.
    fn many(&mut self, round: usize) -> Outcome<()> {
        let ways = [
            (Operation::AddMany, "add"),
            (Operation::RemoveMany, "remove"),
        ];
        for (operation, op) in ways {
            for turn in 0..self.groups.len() {
                let Some(group) = turned(&mut self.groups, round + turn) else {
                    continue;
                };
                let (path, body) = (group.path(), group.many(op));
                let request = Request {
                    minimal: true,
                    ..Request::new("PATCH", &path, Some(&body))
                };
                let (took, _) = self.scim.ask(&request, 204)?;
                self.samples.add(operation, group.size, took);
            }
        }
        Ok(())
    }

    fn whole(&mut self, nth: usize) -> Outcome<()> {
        let group = self.groups.get(nth).ok_or("expected a group")?;
        let path = group.path();
        let request = Request::new("GET", &path, None);
        for round in 0..self.args.reads(group.size) + WARM {
            let (took, _) = self.scim.ask(&request, 200)?;
            if round >= WARM {
                self.samples.add(Operation::GetWhole, group.size, took);
            }
        }
        Ok(())
    }

    /// The whole set is sent, with another member in the place of one.
    fn put(&mut self, nth: usize, whole: bool) -> Outcome<()> {
        let group = self.groups.get_mut(nth).ok_or("expected a group")?;
        let path = shown(group.path(), whole);
        for _ in 0..self.args.sent(group.size) {
            group.leave()?;
            group.join()?;
            let body = group.whole(&format!("Group of {}", group.size));
            let request = Request::new("PUT", &path, Some(&body));
            let (took, answer) = self.scim.ask_json(&request, 200)?;
            if whole {
                group.verify(&answer)?;
            }
            self.samples.add(Operation::Put { whole }, group.size, took);
        }
        Ok(())
    }

    /// A group with the same members comes and goes.
    fn create_and_delete(&mut self, nth: usize, whole: bool) -> Outcome<()> {
        let group = self.groups.get(nth).ok_or("expected a group")?;
        let path = shown("/scim/v2/Groups".to_owned(), whole);
        let body = group.whole(&format!("Copy of {} members", group.size));
        let request = Request::new("POST", &path, Some(&body));
        for _ in 0..self.args.sent(group.size) {
            let (created, answer) = self.scim.ask_json(&request, 201)?;
            let path = format!("/scim/v2/Groups/{}", client::id(&answer)?);
            let (deleted, _) = self.scim.ask(&Request::new("DELETE", &path, None), 204)?;
            self.scim.ask(&Request::new("GET", &path, None), 404)?;
            self.samples
                .add(Operation::Create { whole }, group.size, created);
            self.samples.add(Operation::Delete, group.size, deleted);
        }
        Ok(())
    }

    /// Each group has the members that it should have, and no others.
    fn verify(&mut self) -> Outcome<()> {
        for group in &self.groups {
            let path = group.path();
            let (_, shown) = self.scim.ask_json(&Request::new("GET", &path, None), 200)?;
            group.verify(&shown)?;
        }
        Ok(())
    }
}

/// The path, with or without members in the answer.
fn shown(path: String, whole: bool) -> String {
    if whole {
        path
    } else {
        format!("{path}?{WITHOUT}")
    }
}

/// Each round begins with another size.
fn turned<'g, 'a>(groups: &'g mut [Group<'a>], place: usize) -> Option<&'g mut Group<'a>> {
    let count = groups.len().max(1);
    groups.get_mut(place % count)
}
