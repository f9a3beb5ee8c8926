//! Pages by cursor. RFC 9865.

use std::time::Duration;

use scim_server::clock::Clock;
use scim_server::config::Config;
use serde_json::{Value, json};

use crate::support::client::{GROUP, encode};
use crate::support::{Answer, Client, Database, TestApp, app};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const START: i64 = 1_800_000_000_000_000;

/// So many people, of whom some have the same title and some none.
async fn people(scim: &Client, number: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..number {
        let made = scim.create(json!({
            // Neither in the order of the names nor against it.
            "userName": format!("u{:02}", n * 11 % number), "active": n % 2 == 0,
            "title": ([json!("same"), json!("SAME"), json!(format!("t{n}")), Value::Null][n % 4]),
            "emails": [{"value": "all@example.com"}], "externalId": if n % 5 == 0 { "five" } else { "other" }
        }));
        ids.push(made.await.id());
    }
    ids
}

fn ids(page: &Answer) -> Vec<String> {
    let resources = page.ok(200).body["Resources"].as_array().unwrap();
    let ids = resources.iter().map(|one| one["id"].as_str().unwrap());
    ids.map(str::to_owned).collect()
}

fn next(page: &Answer) -> Option<String> {
    let next = page.ok(200).body.get("nextCursor")?.as_str().unwrap();
    assert!(
        next.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)),
        "{next}"
    );
    Some(next.to_owned())
}

/// Pages from this cursor to the last one.
async fn walk(scim: &Client, at: &str, mut cursor: String) -> Vec<Answer> {
    let mut pages = Vec::new();
    loop {
        let page = scim.get(&format!("{at}&cursor={cursor}")).await;
        assert!(
            page.ok(200).body.get("startIndex").is_none(),
            "{}",
            page.text
        );
        assert_eq!(page.body["itemsPerPage"], ids(&page).len());
        let following = next(&page);
        pages.push(page);
        match following {
            Some(next) => cursor = next,
            None => return pages,
        }
    }
}

/// The same by POST.
async fn walk_search(scim: &Client, path: &str, mut question: Value) -> Vec<Answer> {
    let mut pages = Vec::new();
    question["schemas"] = json!([SEARCH]);
    question["cursor"] = json!("");
    loop {
        let page = scim
            .post(&format!("{path}/.search"), question.clone())
            .await;
        let following = next(&page);
        pages.push(page);
        match following {
            Some(next) => question["cursor"] = json!(next),
            None => return pages,
        }
    }
}

fn all(pages: &[Answer]) -> Vec<String> {
    pages.iter().flat_map(ids).collect()
}

#[test]
fn a_cursor_expires() {
    async fn story(app: TestApp) {
        people(&app.scim, 3).await;
        let first = app.scim.get("/Users?count=1&cursor=").await;
        let at = format!("/Users?count=1&cursor={}", next(&first).unwrap());
        let clock = app.state.clock.clone();
        clock.advance(Duration::from_secs(3600));
        let second = app.scim.get(&at).await;
        let following = next(&second).unwrap();
        clock.advance(Duration::from_micros(1));
        app.scim.get(&at).await.refused(400, Some("expiredCursor"));
        let search = json!({"schemas": [SEARCH], "count": 1, "cursor": next(&first)});
        app.scim
            .post("/Users/.search", search)
            .await
            .refused(400, Some("expiredCursor"));
        // Each page gives out a new one.
        let third = app
            .scim
            .get(&format!("/Users?count=1&cursor={following}"))
            .await;
        assert_eq!(ids(&third).len(), 1);
        assert_eq!(next(&third), None);
    }
    for database in [Some(Database::sqlite()), Database::postgres()]
        .into_iter()
        .flatten()
    {
        app::run_with(database, Config::default(), Clock::test(START), story);
    }
}

stories! {
    async fn cursors_lead_to_everybody_once_and_in_order(app) {
        people(&app.scim, 25).await;
        for name in ["x", "y", "z"] {
            app.scim.post("/Groups", json!({"schemas": [GROUP], "displayName": name})).await.ok(201);
        }
        for (filter, hits) in [
            ("", 25), ("title pr", 19), ("userName sw \"u\" and active eq true", 13), ("emails.value eq \"all@example.com\"", 25),
            ("externalId eq \"five\"", 5), ("externalId eq \"five\" and active eq true", 3), ("userName eq \"u03\"", 1), ("title eq \"nobody's\"", 0),
        ] {
            for order in ["", "userName ascending", "userName descending", "title ascending", "title descending", "nickName descending", "id descending"] {
                for path in ["/Users", ""] {
                    let hits = if path.is_empty() && filter.is_empty() { hits + 3 } else { hits };
                    let mut at = format!("{path}?count=7");
                    let mut question = json!({"count": 7});
                    if !filter.is_empty() {
                        at += &format!("&filter={}", encode(filter));
                        question["filter"] = json!(filter);
                    }
                    if let Some((by, order)) = order.split_once(' ') {
                        at += &format!("&sortBy={by}&sortOrder={order}");
                        question["sortBy"] = json!(by);
                        question["sortOrder"] = json!(order);
                    }
                    let whole = ids(&app.scim.get(&at.replace("count=7", "count=100")).await);
                    assert_eq!(whole.len(), hits, "{at}");
                    let pages = walk(&app.scim, &at, String::new()).await;
                    assert_eq!(all(&pages), whole, "{at}");
                    assert_eq!(pages.len(), hits.div_ceil(7).max(1), "{at}");
                    assert!(pages.iter().all(|page| page.body["totalResults"] == hits), "{at}");
                    let (last, full) = pages.split_last().unwrap();
                    assert!(full.iter().all(|page| ids(page).len() == 7) && ids(last).len() <= 7, "{at}");
                    assert_eq!(all(&walk_search(&app.scim, path, question).await), whole, "{at}");
                }
            }
        }
    }

    async fn who_is_there_throughout_is_met_once_while_others_come_and_go(app) {
        let staying: Vec<String> = people(&app.scim, 40).await;
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let guests: Vec<_> = (0..3).map(|writer| {
            let (scim, ended) = (app.scim.clone(), ended.clone());
            actix_web::rt::spawn(async move {
                let (mut visits, mut here) = (0_usize, Vec::new());
                while !ended.load(std::sync::atomic::Ordering::Relaxed) {
                    let (name, title) = (format!("u{:02}-{writer}-{visits}", visits * 17 % 40), format!("t{}", visits * 7 % 40));
                    here.push(scim.create(json!({"userName": name, "title": title, "active": visits % 2 == 0})).await.ok(201).id());
                    if here.len() > 8 {
                        let leaver = here.remove(visits * 5 % 8);
                        scim.delete(&format!("/Users/{leaver}")).await.ok(204);
                    }
                    visits += 1;
                }
                visits
            })
        }).collect();
        let mut pages = 0;
        for query in [
            "count=3", "count=5&sortBy=userName", "count=4&sortBy=userName&sortOrder=descending", "count=3&sortBy=title", "count=5&sortBy=title&sortOrder=descending",
            "count=4&sortBy=meta.created&sortOrder=descending", "count=3&filter=active+pr", "count=7&filter=title+pr&sortBy=title", "count=6&filter=nickName+pr+or+userName+sw+%22u%22",
        ] {
            let walked = walk(&app.scim, &format!("/Users?{query}"), String::new()).await;
            pages += walked.len();
            let met = all(&walked);
            let expected: Vec<&String> = if query.contains("title+pr") {
                let whole = all(&walk(&app.scim, "/Users?count=100&filter=title+pr", String::new()).await);
                staying.iter().filter(|one| whole.contains(one)).collect()
            } else {
                staying.iter().collect()
            };
            for one in expected {
                assert_eq!(met.iter().filter(|id| *id == one).count(), 1, "{query}: {one}");
            }
            let mut once = met.clone();
            once.sort_unstable();
            once.dedup();
            assert_eq!(once.len(), met.len(), "{query}: somebody was met twice");
        }
        ended.store(true, std::sync::atomic::Ordering::Relaxed);
        for guest in guests {
            // There was something going on.
            assert!(guest.await.unwrap() > 9 && pages > 80, "{pages}");
        }
    }

    async fn only_who_sends_a_cursor_gets_one(app) {
        let of_nobody = app.scim.get("/Users?cursor=").await;
        assert_eq!((ids(&of_nobody).len(), next(&of_nobody)), (0, None));
        people(&app.scim, 14).await;
        for query in ["count=7", "count=7&startIndex=1", "count=7&sortBy=title", "count=7&filter=title+pr"] {
            let page = app.scim.get(&format!("/Users?{query}")).await;
            assert_eq!((next(&page), &page.body["startIndex"]), (None, &json!(1)), "{query}");
        }
        // A page that is just full is the last one all the same.
        let pages = walk(&app.scim, "/Users?count=7", String::new()).await;
        assert_eq!(pages.len(), 2);
        for count in ["0", "-1"] {
            for order in ["", "&sortBy=title", "&filter=userName+pr"] {
                let page = app.scim.get(&format!("/Users?cursor=&count={count}{order}")).await;
                assert_eq!((ids(&page).len(), next(&page), &page.body["totalResults"]), (0, None, &json!(14)), "{count}{order}");
            }
        }
        for query in ["startIndex=1&cursor=", "cursor=x&startindex=2", "cursor=&cursor="] {
            app.scim.get(&format!("/Users?{query}")).await.refused(400, Some("invalidValue"));
        }
        for members in [json!({"startIndex": 1, "cursor": ""}), json!({"cursor": 7})] {
            let mut search = members;
            search["schemas"] = json!([SEARCH]);
            app.scim.post("/Users/.search", search.clone()).await.refused(400, Some("invalidValue"));
            app.scim.post("/.search", search).await.refused(400, Some("invalidValue"));
        }
    }

    async fn a_cursor_is_good_for_nothing_else(app) {
        people(&app.scim, 5).await;
        let acme = app.tenant("acme", json!({})).await;
        people(&acme, 5).await;
        let another = app.client(&app.new_token("default", json!({"name": "another"})).await);
        let asked = "filter=userName+pr&sortBy=userName&attributes=userName&count=2";
        let first = app.scim.get(&format!("/Users?{asked}&cursor=")).await;
        let cursor = next(&first).unwrap();
        let at = format!("/Users?{asked}&cursor={cursor}");
        let second = app.scim.get(&at).await;
        assert_eq!(second.ok(200).names(), ["u02", "u03"]);
        // The same question by the other way.
        let search = json!({
            "schemas": [SEARCH], "filter": "userName pr", "sortBy": "userName", "attributes": ["userName"], "count": 2, "cursor": cursor
        });
        let searched = app.scim.post("/Users/.search", search).await;
        assert_eq!(searched.ok(200).names(), second.names());

        let mut refused = vec![
            acme.get(&at).await, another.get(&at).await,
            app.scim.get(&at.replace("/Users", "/Groups").replace("filter=userName", "filter=displayName").replace("sortBy=userName", "sortBy=displayName")).await,
            app.scim.get(&at.replace("/Users", "")).await,
        ];
        for changed in [
            at.replace("filter=userName+pr", "filter=userName+sw+%22u%22"), at.replace("filter=userName+pr&", ""),
            at.replace("sortBy=userName", "sortBy=title"), at.replace("&sortBy=userName", ""), format!("{at}&sortOrder=descending"),
            at.replace("attributes=userName", "attributes=title"), at.replace("&attributes=userName", ""),
            at.replace("attributes=userName", "excludedAttributes=userName"), format!("{at}A"), format!("{at}%3D"), format!("{at}%00"),
        ] {
            refused.push(app.scim.get(&changed).await);
        }
        let mut forged = vec!["x".to_owned(), "%20".to_owned(), "%C3%A9".to_owned(), "A".repeat(100), cursor.to_ascii_lowercase(), format!("{cursor}{cursor}")];
        for place in 0..cursor.len() {
            let mut bytes = cursor.clone().into_bytes();
            bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
            forged.push(String::from_utf8(bytes).unwrap());
        }
        for place in [1, 4, cursor.len() - 4, cursor.len() - 1] {
            let (head, tail) = cursor.split_at(place);
            forged.extend([head.to_owned(), tail.to_owned()]);
        }
        for cursor in forged {
            refused.push(app.scim.get(&format!("/Users?{asked}&cursor={cursor}")).await);
        }
        for answer in &refused {
            answer.refused(400, Some("invalidCursor"));
            assert_eq!(answer.body["detail"], refused[0].body["detail"]);
        }
        for count in ["count=3", "count=0"] {
            app.scim.get(&at.replace("count=2", count)).await.refused(400, Some("invalidCount"));
        }
        assert_eq!(app.scim.get(&at).await.ok(200).names(), second.names());
    }

    async fn what_comes_and_goes_meanwhile_neither_hides_nor_doubles_anybody(app) {
        let before = people(&app.scim, 25).await;
        let mut gone = Vec::new();
        for (nth, order) in ["", "&sortBy=userName", "&sortBy=title&sortOrder=descending", "&filter=userName+pr", "&filter=userName+pr&sortBy=title"].iter().enumerate() {
            let at = format!("/Users?count=7{order}");
            let first = app.scim.get(&format!("{at}&cursor=")).await;
            let mut met = ids(&first);
            // Whom the cursor stands on, somebody seen, somebody not seen yet.
            let unseen = before.iter().find(|id| !met.contains(id) && !gone.contains(*id)).unwrap();
            for id in [&met[6], &met[2], unseen] {
                app.scim.delete(&format!("/Users/{id}")).await.ok(204);
                gone.push(id.clone());
            }
            for (name, title) in [("a", "a"), ("u065", "same"), ("z", "z")] {
                app.scim.create(json!({"userName": format!("{name}{nth}"), "title": title})).await;
            }
            let pages = walk(&app.scim, &at, next(&first).unwrap()).await;
            met.extend(all(&pages));
            let mut once = met.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), met.len(), "{order}");
            for id in &before {
                assert!(met.contains(id) || gone.contains(id), "{order}");
            }
            assert!(!met.contains(unseen), "{order}");
        }
    }

    async fn a_long_value_fits_into_a_cursor(app) {
        let long = "ä".repeat(3000);
        for n in 0..5 {
            app.scim.create(json!({"userName": format!("u{n}"), "displayName": format!("{long}{n}")})).await;
        }
        for query in ["sortBy=displayName", "sortBy=displayName&sortOrder=descending"] {
            let pages = walk(&app.scim, &format!("/Users?count=1&{query}"), String::new()).await;
            let mut names: Vec<String> = pages.iter().flat_map(Answer::names).collect();
            names.sort();
            assert_eq!(names, ["u0", "u1", "u2", "u3", "u4"], "{query}");
            assert!(pages.iter().filter_map(next).all(|cursor| cursor.len() < 1000));
        }
    }
}
