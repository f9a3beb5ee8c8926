//! Two tenants, filled alike: whatever one does, the other's rows, versions and lists stay what they were, byte by byte.

use serde_json::{Value, json};

use crate::support::client::{ENTERPRISE, USER, encode};
use crate::support::{Answer, Client, TestApp};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const NAMES: [&str; 3] = ["ada", "bob", "eve"];

/// The same people, with the same names and ids of the source, in whichever tenant.
async fn fill(client: &Client) -> Vec<String> {
    let mut ids = Vec::new();
    for name in NAMES {
        let made = client.create(json!({
            "userName": name, "externalId": format!("ext-{name}"), "displayName": name, "active": true,
            "emails": [{"value": format!("{name}@example.com"), "type": "work", "primary": true}],
            ENTERPRISE: {"employeeNumber": name}
        })).await;
        ids.push(made.id());
    }
    ids
}

/// Everything that a tenant can see of itself, versions among it.
async fn snapshot(client: &Client, ids: &[String]) -> Vec<String> {
    let mut seen = vec![client.get("/Users?count=1000").await.ok(200).text.clone()];
    for id in ids {
        let one = client.get(&format!("/Users/{id}")).await;
        seen.push(format!(
            "{} {:?} {}",
            one.status,
            one.header("etag"),
            one.text
        ));
    }
    seen
}

/// An answer without what differs in every request.
fn comparable(answer: &Answer, id: &str) -> (u16, String, Vec<(String, String)>) {
    let changing = ["x-request-id", "date", "ratelimit", "content-length"];
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !changing.contains(&name.as_str()))
        .cloned()
        .collect();
    headers.sort();
    (answer.status, answer.text.replace(id, "ID"), headers)
}

/// Every request that names a resource.
async fn every_verb(client: &Client, id: &str) -> Vec<Answer> {
    let at = format!("/Users/{id}");
    let whole = json!({"schemas": [USER], "id": id, "userName": format!("taken-{id}"), "externalId": "taken"});
    let any = client.with("If-Match", "*");
    let tagged = client.with("If-Match", "W/\"1\"");
    let known = client.with("If-None-Match", "W/\"1\"");
    vec![
        client.get(&at).await,
        known.get(&at).await,
        client.get(&format!("{at}?attributes=userName")).await,
        client.put(&at, whole.clone()).await,
        any.put(&at, whole.clone()).await,
        tagged.put(&at, whole).await,
        client
            .operate(
                &at,
                json!([{"op": "replace", "path": "active", "value": false}]),
            )
            .await,
        any.operate(&at, json!([{"op": "remove", "path": "externalId"}]))
            .await,
        client
            .operate(
                &at,
                json!([{"op": "add", "value": {"displayName": "taken"}}]),
            )
            .await,
        client.delete(&at).await,
        any.delete(&at).await,
        tagged.delete(&at).await,
    ]
}

async fn two(app: &TestApp) -> (Client, Vec<String>, Client, Vec<String>) {
    let (a, b) = (
        app.tenant("aaa", json!({})).await,
        app.tenant("bbb", json!({})).await,
    );
    let (of_a, of_b) = (fill(&a).await, fill(&b).await);
    (a, of_a, b, of_b)
}

stories! {
    async fn another_tenants_ids_are_404_for_every_verb_and_nothing_changes(app) {
        let (a, of_a, b, of_b) = two(&app).await;
        let (before_a, before_b) = (snapshot(&a, &of_a).await, snapshot(&b, &of_b).await);
        // An id that never was, to compare with: whoever asks must not hear the difference.
        let never = "01890000-0000-7000-8000-00000000abcd";
        let expected = every_verb(&a, never).await;
        for id in &of_b {
            for (answer, nothing) in every_verb(&a, id).await.iter().zip(&expected) {
                answer.refused(404, None);
                assert_eq!(comparable(answer, id), comparable(nothing, never));
            }
            for answer in every_verb(&a, id).await {
                assert!(!answer.text.contains("example.com"));
            }
        }
        assert_eq!(snapshot(&b, &of_b).await, before_b);
        assert_eq!(snapshot(&a, &of_a).await, before_a);
        // The snapshot does see a change.
        b.operate(&format!("/Users/{}", of_b[0]), json!([{"op": "replace", "path": "active", "value": false}])).await.ok(200);
        assert_ne!(snapshot(&b, &of_b).await, before_b);
    }

    async fn no_query_reaches_into_another_tenant(app) {
        let (a, _, b, of_b) = two(&app).await;
        let only_b = b.create(json!({"userName": "only-b", "externalId": "only-b", "title": "secret"})).await;
        let before = snapshot(&b, &of_b).await;
        let mut filters: Vec<String> = of_b.iter().chain([&only_b.id()]).map(|id| format!("id eq \"{id}\"")).collect();
        filters.extend(["userName eq \"only-b\"", "externalId eq \"only-b\"", "title pr", "title eq \"secret\"", "userName sw \"only\""].map(str::to_owned));
        filters.push(format!("id eq \"{}\" or title eq \"secret\"", of_b[0]));
        filters.push(format!("meta.location co \"{}\"", of_b[0]));
        for filter in &filters {
            for path in ["/Users", "", "/"] {
                let by_get = a.filter(path, filter).await;
                assert_eq!(by_get.ok(200).body["totalResults"], 0, "{filter}: {}", by_get.text);
            }
            for path in ["/Users/.search", "/.search"] {
                let by_post = a.post(path, json!({"schemas": [SEARCH], "filter": filter})).await;
                assert_eq!(by_post.ok(200).body["totalResults"], 0, "{filter}: {}", by_post.text);
            }
            let own = b.filter("/Users", filter).await;
            assert_ne!(own.ok(200).body["totalResults"], 0, "{filter}");
        }
        for query in ["count=1000", "sortBy=userName", "sortBy=title&sortOrder=descending", "startIndex=2", "filter=userName%20pr", "filter=not%20(id%20eq%20%22x%22)"] {
            let list = a.get(&format!("/Users?{query}")).await;
            assert_eq!(list.ok(200).body["totalResults"], 3, "{query}");
            assert!(!list.text.contains("only-b") && of_b.iter().all(|id| !list.text.contains(id)), "{query}: {}", list.text);
        }
        assert_eq!(snapshot(&b, &of_b).await, before);
    }

    async fn the_same_names_live_in_both_and_neither_hears_of_the_other(app) {
        let (a, of_a, b, of_b) = two(&app).await;
        let before = snapshot(&b, &of_b).await;
        for name in NAMES {
            a.post("/Users", json!({"schemas": [USER], "userName": name.to_uppercase()})).await.refused(409, Some("uniqueness"));
        }
        for id in &of_a {
            a.delete(&format!("/Users/{id}")).await.ok(204);
        }
        assert_eq!(a.get("/Users").await.ok(200).body["totalResults"], 0);
        assert_eq!(snapshot(&b, &of_b).await, before);
        // Their names are free again here, and still taken there.
        fill(&a).await;
        b.post("/Users", json!({"schemas": [USER], "userName": "ada"})).await.refused(409, Some("uniqueness"));
        assert_eq!(snapshot(&b, &of_b).await, before);
    }

    async fn whatever_one_sends_it_owns_nothing_of_the_other(app) {
        let (a, of_a, b, of_b) = two(&app).await;
        let before = snapshot(&b, &of_b).await;
        let (mine, theirs) = (of_a[0].as_str(), of_b[0].as_str());
        let grafted = a.post("/Users", json!({
            "schemas": [USER], "id": theirs, "userName": "graft", "externalId": theirs, "emails": [{"value": "ada@example.com"}], "tenant": "bbb", "tenant_id": 1,
            "meta": {"location": format!("http://x/scim/v2/Users/{theirs}"), "version": "W/\"9\"", "resourceType": "Group"}
        })).await;
        assert_ne!(grafted.ok(201).id(), theirs);
        let at = format!("/Users/{mine}");
        let put = a.put(&at, json!({"schemas": [USER], "id": theirs, "userName": "ada", "externalId": theirs})).await;
        assert_eq!(put.ok(200).id(), mine);
        for operations in [
            json!([{"op": "replace", "path": "id", "value": theirs}]), json!([{"op": "add", "value": {"id": theirs}}]),
            json!([{"op": "replace", "path": "externalId", "value": theirs}]), json!([{"op": "replace", "path": "meta.location", "value": theirs}]),
            json!([{"op": "add", "path": format!("{ENTERPRISE}:manager"), "value": {"value": theirs}}]),
        ] {
            let answer = a.operate(&at, operations).await;
            assert!([200, 400].contains(&answer.status), "{}", answer.text);
            assert_eq!(a.get(&at).await.ok(200).id(), mine);
            assert!(!answer.text.contains("/t/bbb"));
        }
        assert_eq!(a.get(&format!("/Users/{theirs}")).await.status, 404);
        assert_eq!(snapshot(&b, &of_b).await, before);
    }

    async fn an_external_id_is_never_an_id(app) {
        let (a, of_a, b, of_b) = two(&app).await;
        let long = "9".repeat(400);
        for external in ["1", "0", "-1", "1e309", "null", "undefined", ".", "..", "*", of_a[0].as_str(), of_b[0].as_str(), "00000000-0000-0000-0000-000000000000", &long, "ada"] {
            let made = a.create(json!({"userName": format!("x{}", external.len()), "externalId": external})).await;
            let id = made.id();
            assert_ne!(id, external);
            assert_eq!(made.body["externalId"], external);
            if !of_a.contains(&external.to_owned()) {
                let answer = a.get(&format!("/Users/{}", encode(external))).await;
                assert!([401, 404].contains(&answer.status), "{external}: {}", answer.text);
            }
            let by_id = a.filter("/Users", &format!("id eq \"{external}\"")).await;
            assert!(by_id.ok(200).body["Resources"].as_array().is_none_or(|found| found.iter().all(|one| one["id"] != Value::String(id.clone()))));
            a.delete(&format!("/Users/{id}")).await.ok(204);
        }
        a.post("/Users", json!({"schemas": [USER], "userName": "empty", "externalId": ""})).await;
        assert_eq!(b.get("/Users").await.body["totalResults"], 3);
    }

    async fn a_name_that_is_taken_is_a_conflict_and_no_adoption(app) {
        let (a, of_a, ..) = two(&app).await;
        let before = snapshot(&a, &of_a).await;
        for body in [
            json!({"schemas": [USER], "userName": "ada"}), json!({"schemas": [USER], "userName": "ADA", "externalId": "other"}),
            json!({"schemas": [USER], "userName": "ada", "externalId": "ext-ada", "emails": [{"value": "evil@example.com"}], "password": "new password"}),
        ] {
            a.post("/Users", body.clone()).await.refused(409, Some("uniqueness"));
            a.put(&format!("/Users/{}", of_a[1]), body).await.refused(409, Some("uniqueness"));
        }
        for operations in [
            json!([{"op": "replace", "path": "userName", "value": "Ada"}]), json!([{"op": "replace", "value": {"userName": "ada"}}]),
            json!([{"op": "replace", "path": "displayName", "value": "first"}, {"op": "replace", "path": "userName", "value": "ada"}]),
        ] {
            a.operate(&format!("/Users/{}", of_a[1]), operations).await.refused(409, Some("uniqueness"));
        }
        assert_eq!(snapshot(&a, &of_a).await, before);
    }

    async fn tokens_are_administered_only_through_their_own_tenant(app) {
        let (a, _, b, of_b) = two(&app).await;
        let before = snapshot(&b, &of_b).await;
        let tokens = app.admin().get("/tenants/bbb/tokens").await;
        let id = tokens.body["items"][0]["id"].as_str().unwrap().to_owned();
        assert_eq!(app.admin().delete(&format!("/tenants/aaa/tokens/{id}")).await.status, 404);
        assert_eq!(app.admin().delete(&format!("/tenants/nosuch/tokens/{id}")).await.status, 404);
        assert_eq!(snapshot(&b, &of_b).await, before);
        assert_eq!(app.admin().delete("/tenants/aaa").await.status, 204);
        a.get("/Users").await.refused(401, None);
        assert_eq!(snapshot(&b, &of_b).await, before);
        assert_eq!(app.admin().delete(&format!("/tenants/bbb/tokens/{id}")).await.status, 204);
        b.get("/Users").await.refused(401, None);
    }
}
