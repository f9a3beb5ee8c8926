//! Entity tags and conditional requests. RFC 7644 §3.14, RFC 9110 §13.

use serde_json::json;

use crate::support::client::USER;

stories! {
    async fn a_write_happens_only_to_the_version_it_was_meant_for(app) {
        let ada = app.scim.create(json!({"userName": "ada"})).await;
        let path = format!("/Users/{}", ada.id());
        let whole = json!({"schemas": [USER], "userName": "ada", "title": "x"});
        let change = json!([{"op": "add", "path": "title", "value": "y"}]);
        for wrong in ["W/\"9\"", "\"nonsense\"", "W/\"9\", W/\"8\""] {
            let client = app.scim.with("If-Match", wrong);
            client.put(&path, whole.clone()).await.refused(412, None);
            client.operate(&path, change.clone()).await.refused(412, None);
            client.delete(&path).await.refused(412, None);
        }
        assert_eq!(app.scim.get(&path).await.body, ada.body);
        app.scim.with("If-Match", "W/\"1\"").put(&path, whole).await.ok(200);
        app.scim.with("If-Match", "W/\"1\"").operate(&path, change.clone()).await.refused(412, None);
        app.scim.with("If-Match", "\"2\"").operate(&path, change).await.ok(200);
        app.scim.with("If-Match", "*").delete(&path).await.ok(204);
        app.scim.with("If-Match", "*").delete(&path).await.refused(404, None);
    }

    async fn what_is_known_is_not_sent_again(app) {
        let ada = app.scim.create(json!({"userName": "ada"})).await;
        let path = format!("/Users/{}", ada.id());
        for known in ["W/\"1\"", "\"1\"", "*", "W/\"7\", W/\"1\""] {
            let answer = app.scim.with("If-None-Match", known).get(&path).await;
            answer.ok(304);
            assert_eq!((answer.text.as_str(), answer.header("etag")), ("", Some("W/\"1\"")));
        }
        app.scim.with("If-None-Match", "W/\"2\"").get(&path).await.ok(200);
        app.scim.operate(&path, json!([{"op": "add", "path": "title", "value": "x"}])).await.ok(200);
        app.scim.with("If-None-Match", "W/\"1\"").get(&path).await.ok(200);
    }
}
