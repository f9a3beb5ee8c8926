//! Two at the same time: uniqueness, versions, lost updates. RFC 7644 §3.14.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use serde_json::json;

use crate::support::client::USER;

stories! {
    async fn of_equal_posts_one_creates(app) {
        for round in 0..10 {
            let body = json!({"schemas": [USER], "userName": format!("twin-{round}"), "externalId": "x"});
            let answers = join_all((0..8).map(|_| app.scim.post("/Users", body.clone()))).await;
            let mut statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
            statuses.sort_unstable();
            assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
            for answer in answers.iter().filter(|answer| answer.status == 409) {
                answer.refused(409, Some("uniqueness"));
            }
        }
        assert_eq!(app.scim.get("/Users?count=0").await.body["totalResults"], 10);
        assert_eq!(app.scim.filter("/Users", "externalId eq \"x\"").await.names().len(), 10);
    }

    async fn of_fifty_puts_with_one_version_one_succeeds(app) {
        let ada = app.scim.create(json!({"userName": "ada"})).await;
        let path = format!("/Users/{}", ada.id());
        let client = app.scim.with("If-Match", "W/\"1\"");
        let put = |n: usize| {
            let body = json!({"schemas": [USER], "userName": "ada", "title": format!("writer {n}")});
            client.put(&path, body)
        };
        let answers = {
            let futures: Vec<_> = (0..50).map(put).collect();
            join_all(futures).await
        };
        let won: Vec<_> = answers.iter().filter(|answer| answer.status == 200).collect();
        assert_eq!(won.len(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 412).count(), 49);
        let now = app.scim.get(&path).await;
        assert_eq!((now.header("etag"), &now.body), (Some("W/\"2\""), &won[0].body));
    }

    async fn patches_of_one_user_lose_nothing(app) {
        let ada = app.scim.create(json!({"userName": "ada"})).await;
        let path = format!("/Users/{}", ada.id());
        let answers = join_all((0..40).map(|n| {
            let value = json!([{"type": "other", "value": format!("ada-{n}@x")}]);
            let (app, path) = (&app, &path);
            async move { app.scim.operate(path, json!([{"op": "add", "path": "emails", "value": value}])).await }
        })).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        let now = app.scim.get(&path).await;
        assert_eq!(now.body["emails"].as_array().unwrap().len(), 40);
        assert_eq!(now.header("etag"), Some("W/\"41\""));
        let tags: BTreeSet<_> = answers.iter().map(|answer| answer.header("etag").unwrap()).collect();
        assert_eq!(tags.len(), 40, "each saw a version of its own");
    }

    async fn a_name_given_up_goes_to_one(app) {
        let old = app.scim.create(json!({"userName": "wanted"})).await;
        let mut paths = Vec::new();
        for n in 0..6 {
            paths.push(format!("/Users/{}", app.scim.create(json!({"userName": format!("u{n}")})).await.id()));
        }
        app.scim.delete(&format!("/Users/{}", old.id())).await.ok(204);
        let rename = json!([{"op": "replace", "path": "userName", "value": "Wanted"}]);
        let answers = join_all(paths.iter().map(|path| app.scim.operate(path, rename.clone()))).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 409).count(), 5);
    }
}
