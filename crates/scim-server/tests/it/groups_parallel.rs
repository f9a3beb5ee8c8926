//! Many who write to groups at once: nothing is lost, nothing hangs, and the deleted stay deleted. RFC 7643 §4.2, RFC 7644 §3.5.2.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt, join_all};
use serde_json::{Value, json};

use crate::support::client::{GROUP, USER};
use crate::support::{Answer, Client};

/// After this a test fails: something waits for something that waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sends all at once. None of them may find the server in trouble.
async fn together<'a>(requests: impl IntoIterator<Item = BoxFuture<'a, Answer>>) -> Vec<Answer> {
    let answers = tokio::time::timeout(PATIENCE, join_all(requests)).await;
    let answers = answers.expect("all answers within a minute");
    for answer in &answers {
        assert!(answer.status < 500, "{} {}", answer.status, answer.text);
    }
    answers
}

/// The ids of so many new users.
async fn people(client: &Client, prefix: &str, number: usize) -> Vec<String> {
    let create = |nth: usize| {
        let body = json!({"schemas": [USER], "userName": format!("{prefix}{nth}")});
        client.post("/Users", body).boxed()
    };
    let made = together((0..number).map(create)).await;
    made.iter().map(|answer| answer.ok(201).id()).collect()
}

/// The id of a new group.
async fn group(client: &Client, name: &str, members: &[String]) -> String {
    let body = json!({"schemas": [GROUP], "displayName": name, "members": named(members)});
    client.post("/Groups", body).await.ok(201).id()
}

fn named<'a>(ids: impl IntoIterator<Item = &'a String>) -> Value {
    ids.into_iter().map(|id| json!({"value": id})).collect()
}

/// A PATCH that adds these members, or removes them.
fn patch<'a, 'm>(
    client: &'a Client,
    op: &str,
    group: &str,
    members: impl IntoIterator<Item = &'m String>,
) -> BoxFuture<'a, Answer> {
    let path = format!("/Groups/{group}");
    let operations = json!([{"op": op, "path": "members", "value": named(members)}]);
    async move { client.operate(&path, operations).await }.boxed()
}

fn delete<'a>(client: &'a Client, path: String) -> BoxFuture<'a, Answer> {
    async move { client.delete(&path).await }.boxed()
}

/// A group as it is now: its version and its members.
async fn now(client: &Client, group: &str) -> (u64, Vec<Value>) {
    let answer = client.get(&format!("/Groups/{group}")).await;
    let members = answer.ok(200).body["members"].as_array().unwrap().clone();
    (version(&answer), members)
}

fn version(answer: &Answer) -> u64 {
    let tag = answer.header("etag").unwrap();
    tag.trim_start_matches("W/")
        .trim_matches('"')
        .parse()
        .unwrap()
}

fn values(members: &[Value]) -> BTreeSet<String> {
    members
        .iter()
        .map(|one| one["value"].as_str().unwrap().to_owned())
        .collect()
}

fn set(ids: &[String]) -> BTreeSet<String> {
    ids.iter().cloned().collect()
}

fn with_status(answers: &[Answer], status: u16) -> usize {
    answers
        .iter()
        .filter(|answer| answer.status == status)
        .count()
}

stories! {
    async fn three_hundred_adds_at_once_are_three_hundred_members(app) {
        let users = people(&app.scim, "user", 300).await;
        let team = group(&app.scim, "team", &[]).await;
        let brief = app.scim.with("Prefer", "return=minimal");
        let client = |nth: usize| if nth.is_multiple_of(10) { &app.scim } else { &brief };
        let answers = together(users.iter().zip(0..).map(|(user, nth)| patch(client(nth), "add", &team, [user]))).await;
        for (nth, answer) in answers.iter().enumerate() {
            answer.ok(if nth.is_multiple_of(10) { 200 } else { 204 });
        }
        // Without a body it is told the version it made; with one, it may be shown what others have done since.
        let versions: BTreeSet<u64> = answers.iter().filter(|answer| answer.status == 204).map(version).collect();
        assert_eq!(versions.len(), 270, "each made a version of its own");
        for shown in answers.iter().filter(|answer| answer.status == 200) {
            let members = shown.body["members"].as_array().unwrap().len();
            assert_eq!(u64::try_from(members).unwrap() + 1, version(shown), "members and version of one moment");
        }
        let (version, members) = now(&app.scim, &team).await;
        assert_eq!((version, members.len(), values(&members)), (301, 300, set(&users)));
        let answers = together(users.iter().map(|user| patch(&brief, "remove", &team, [user]))).await;
        assert_eq!(with_status(&answers, 204), 300);
        assert_eq!(now(&app.scim, &team).await, (601, Vec::new()));
    }

    async fn arrays_in_opposite_orders_do_not_wait_for_one_another(app) {
        let users = people(&app.scim, "user", 40).await;
        let mut teams = Vec::new();
        for name in ["one", "two", "three"] {
            teams.push(group(&app.scim, name, &[]).await);
        }
        for op in ["add", "remove"] {
            let mut before = Vec::new();
            for team in &teams {
                before.push(now(&app.scim, team).await.0);
            }
            let answers = together((0..48).map(|nth| {
                let part = &users[nth / 6 % 3 * 10..][..20];
                let members: Vec<&String> = if nth % 2 == 0 { part.iter().collect() } else { part.iter().rev().collect() };
                patch(&app.scim, op, &teams[nth / 2 % 3], members)
            })).await;
            assert_eq!(with_status(&answers, 200), 48);
            for (team, before) in teams.iter().zip(before) {
                let (version, members) = now(&app.scim, team).await;
                assert_eq!(values(&members), if op == "add" { set(&users) } else { BTreeSet::new() });
                // Of sixteen writers the first changes something, and at most two others do.
                assert!((before + 2..=before + 3).contains(&version), "{op}: {before} {version}");
            }
        }
    }

    async fn a_member_added_and_removed_at_once_is_in_or_out(app) {
        let user = people(&app.scim, "user", 1).await.remove(0);
        let team = group(&app.scim, "team", &[]).await;
        for _ in 0..10 {
            let (before, was) = now(&app.scim, &team).await;
            let answers = together((0..16).map(|nth| patch(&app.scim, ["add", "remove"][nth % 2], &team, [&user]))).await;
            assert_eq!(with_status(&answers, 200), 16);
            // Each version has another set than the one before.
            let agrees = |version: u64, members: &[Value]| (version - before) % 2 == u64::from(members.len() != was.len());
            for answer in &answers {
                let members = answer.body["members"].as_array().unwrap();
                assert!(agrees(version(answer), members), "{before} {was:?}, then {}", answer.text);
            }
            let (version, members) = now(&app.scim, &team).await;
            assert!(version > before && members.len() <= 1 && agrees(version, &members), "{before} {was:?}, then {version} {members:?}");
            let seen = app.scim.get(&format!("/Users/{user}")).await;
            assert_eq!(seen.body["groups"].as_array().map_or(0, Vec::len), members.len());
            assert_eq!(seen.header("etag"), Some("W/\"1\""));
        }
    }

    async fn of_fifty_patches_with_one_version_one_succeeds(app) {
        let users = people(&app.scim, "user", 50).await;
        let team = group(&app.scim, "team", &[]).await;
        let client = app.scim.with("If-Match", "W/\"1\"");
        let answers = together(users.iter().map(|user| patch(&client, "add", &team, [user]))).await;
        let won: Vec<usize> = (0..50).filter(|nth| answers[*nth].status == 200).collect();
        assert_eq!((won.len(), with_status(&answers, 412)), (1, 49));
        let (version, members) = now(&app.scim, &team).await;
        assert_eq!((version, values(&members)), (2, set(&users[won[0]..=won[0]])));
    }

    async fn users_are_deleted_while_others_come(app) {
        let (gone, come) = (people(&app.scim, "gone", 20).await, people(&app.scim, "come", 20).await);
        let mut teams = Vec::new();
        for name in ["one", "two", "three", "four"] {
            teams.push(group(&app.scim, name, &gone).await);
        }
        let mut requests = Vec::new();
        for (old, new) in gone.iter().zip(&come) {
            requests.push(delete(&app.scim, format!("/Users/{old}")));
            requests.extend(teams.iter().map(|team| patch(&app.scim, "add", team, [new])));
        }
        let answers = together(requests).await;
        assert_eq!((with_status(&answers, 204), with_status(&answers, 200)), (20, 80));
        for team in &teams {
            let (version, members) = now(&app.scim, team).await;
            assert_eq!((version, values(&members)), (41, set(&come)));
        }
        for old in &gone {
            app.scim.get(&format!("/Users/{old}")).await.refused(404, None);
            let found = app.scim.filter("/Groups", &format!("members eq \"{old}\"")).await;
            assert_eq!(found.ok(200).body["totalResults"], 0);
        }
        let found = app.scim.filter("/Users", &format!("groups.value eq \"{}\"", teams[0])).await;
        assert_eq!(found.ok(200).body["totalResults"], 20);
    }

    async fn groups_that_shared_members_are_deleted_together(app) {
        let users = people(&app.scim, "user", 12).await;
        let mut teams = Vec::new();
        for nth in 0..12 {
            teams.push(group(&app.scim, &format!("team {nth}"), &users).await);
        }
        let outer = group(&app.scim, "outer", &[teams.clone(), users.clone()].concat()).await;
        let deletions = users.iter().map(|id| format!("/Users/{id}")).zip(teams.iter().map(|id| format!("/Groups/{id}")));
        let answers = together(deletions.flat_map(|(user, team)| [user, team]).map(|path| delete(&app.scim, path))).await;
        assert_eq!(with_status(&answers, 204), 24);
        assert_eq!(now(&app.scim, &outer).await, (25, Vec::new()));
        assert_eq!(app.scim.get("/Groups").await.body["totalResults"], 1);
        assert_eq!(app.scim.get("/Users").await.body["totalResults"], 0);
    }

    async fn groups_put_into_one_another_do_not_lock_each_other_out(app) {
        let user = people(&app.scim, "user", 1).await;
        for round in 0..10 {
            let a = group(&app.scim, &format!("a{round}"), &user).await;
            let b = group(&app.scim, &format!("b{round}"), &[]).await;
            let answers = together((0..8).map(|nth| {
                let (into, member) = if nth % 2 == 0 { (&a, &b) } else { (&b, &a) };
                patch(&app.scim, "add", into, [member])
            })).await;
            assert_eq!(with_status(&answers, 200), 8);
            let seen = app.scim.get(&format!("/Users/{}", user[0])).await;
            let groups = seen.body["groups"].as_array().unwrap();
            let kind = |id: &String| groups.iter().find(|one| one["value"] == id.as_str()).map(|one| &one["type"]);
            assert_eq!((groups.len(), kind(&a), kind(&b)), (2, Some(&json!("direct")), Some(&json!("indirect"))));
            assert_eq!((now(&app.scim, &a).await.0, now(&app.scim, &b).await.0), (2, 2));

            let remove = [("remove", &a, &b), ("remove", &b, &a), ("add", &b, &a), ("add", &a, &b)];
            let mut requests: Vec<_> = remove.iter().map(|(op, into, member)| patch(&app.scim, op, into, [*member])).collect();
            requests.push(delete(&app.scim, format!("/Groups/{a}")));
            let answers = together(requests).await;
            assert_eq!(answers[4].status, 204);
            assert!(answers.iter().all(|answer| [200, 204, 404].contains(&answer.status)));
            for nth in [1, 2] {
                answers[nth].ok(200);
            }
            app.scim.get(&format!("/Groups/{a}")).await.refused(404, None);
            // What is left of it, if it was put in after it was gone, is an id that nobody has.
            let (_, members) = now(&app.scim, &b).await;
            assert!(members.is_empty() || members == [json!({"value": a})], "{members:?}");
            assert_eq!(app.scim.get(&format!("/Users/{}", user[0])).await.body.get("groups"), None);
            app.scim.delete(&format!("/Groups/{b}")).await.ok(204);
        }
    }

    async fn a_user_deleted_while_it_is_added_is_nobody(app) {
        let reject = app.tenant("reject", json!({"references": "reject"})).await;
        for (client, rejects) in [(&app.scim, false), (&reject, true)] {
            let mut teams = Vec::new();
            for nth in 0..10 {
                teams.push(group(client, &format!("team {nth}"), &[]).await);
            }
            for round in 0..6_usize {
                let user = people(client, &format!("user{round}-"), 1).await.remove(0);
                let mut versions = Vec::new();
                for team in &teams {
                    versions.push(now(client, team).await.0);
                }
                let mut requests: Vec<_> = (0..20).map(|nth| patch(client, "add", &teams[nth % 10], [&user])).collect();
                requests.insert(round * 4, delete(client, format!("/Users/{user}")));
                let answers = together(requests).await;
                answers[round * 4].ok(204);
                let refused = with_status(&answers, 400);
                assert_eq!(with_status(&answers, 200) + refused, 20);
                assert!(rejects || refused == 0);
                client.get(&format!("/Users/{user}")).await.refused(404, None);
                let mut holders = BTreeSet::new();
                for (team, before) in teams.iter().zip(versions) {
                    let (after, members) = now(client, team).await;
                    let bumps = after - before;
                    match members.iter().find(|one| one["value"] == user.as_str()) {
                        Some(member) => {
                            assert!(!rejects, "{member}");
                            assert_eq!(member, &json!({"value": user}), "an id that nobody has any more");
                            assert!([1, 3].contains(&bumps), "{bumps}");
                            holders.insert(team.clone());
                        }
                        None if rejects => assert!([0, 2].contains(&bumps), "{bumps}"),
                        None => assert_eq!(bumps, 2),
                    }
                }
                let found = client.filter("/Groups", &format!("members eq \"{user}\"")).await;
                let found = found.ok(200).body["Resources"].as_array().unwrap().iter();
                assert_eq!(found.map(|one| one["id"].as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), holders);
            }
        }
    }

    async fn of_two_groups_with_one_name_one_is_made(app) {
        for round in 0..10 {
            let create = |name: String| {
                let body = json!({"schemas": [GROUP], "displayName": name, "members": [{"value": "nobody"}]});
                app.scim.post("/Groups", body).boxed()
            };
            let answers = together([create(format!("Team {round}")), create(format!("TEAM {round}"))]).await;
            assert_eq!((with_status(&answers, 201), with_status(&answers, 409)), (1, 1));
            answers.iter().find(|answer| answer.status == 409).unwrap().refused(409, Some("uniqueness"));
            let (one, other) = (group(&app.scim, "one", &[]).await, group(&app.scim, "other", &[]).await);
            let rename = |id: &str, name: String| {
                let path = format!("/Groups/{id}");
                let operations = json!([{"op": "replace", "value": {"displayName": name, "members": [{"value": "nobody"}]}}]);
                let client = &app.scim;
                async move { client.operate(&path, operations).await }.boxed()
            };
            let answers = together([rename(&one, format!("new {round}")), rename(&other, format!("New {round}"))]).await;
            assert_eq!((with_status(&answers, 200), with_status(&answers, 409)), (1, 1));
            for (id, answer) in [one, other].iter().zip(&answers) {
                let (version, members) = now(&app.scim, id).await;
                let changed = answer.status == 200;
                assert_eq!((version, members.len()), if changed { (2, 1) } else { (1, 0) });
                app.scim.delete(&format!("/Groups/{id}")).await.ok(204);
            }
        }
        assert_eq!(app.scim.get("/Groups?count=0").await.body["totalResults"], 10);
    }
}
