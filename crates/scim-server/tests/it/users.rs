//! The life of a user. RFC 7644 §3.3 to §3.6.

use serde_json::json;

use crate::support::client::{ENTERPRISE, USER};

stories! {
    async fn a_user_is_created_found_changed_and_deleted(app) {
        let created = app.scim.create(json!({
            "userName": "ada@example.com",
            "name": {"givenName": "Ada", "familyName": "Lovelace"},
            "emails": [{"type": "work", "value": "ada@example.com", "primary": true}],
            "active": true,
            ENTERPRISE: {"department": "Engines"}
        })).await;
        created.ok(201);
        let id = created.id();
        let location = format!("http://{}/scim/v2/Users/{id}", app.address);
        assert_eq!(created.body["schemas"], json!([USER, ENTERPRISE]));
        assert_eq!(created.body["meta"]["location"], location);
        assert_eq!(created.header("location"), Some(location.as_str()));
        assert_eq!(created.header("etag"), created.body["meta"]["version"].as_str());
        assert_eq!(created.body["meta"]["created"], created.body["meta"]["lastModified"]);
        assert_eq!(created.body["meta"]["resourceType"], "User");

        let path = format!("/Users/{id}");
        assert_eq!(app.scim.get(&path).await.ok(200).body, created.body);
        let found = app.scim.filter("/Users", "userName eq \"ADA@example.com\"").await;
        assert_eq!(found.ok(200).body["Resources"], json!([created.body]));

        let patched = app.scim.operate(&path, json!([{"op": "replace", "path": "active", "value": false}])).await;
        assert_eq!(patched.ok(200).body["active"], false);
        assert_ne!(patched.header("etag"), created.header("etag"));

        let mut whole = patched.body.clone();
        whole["title"] = json!("Countess");
        let put = app.scim.put(&path, whole).await;
        assert_eq!(put.ok(200).body["title"], "Countess");
        assert_eq!(put.body["active"], false);

        app.scim.delete(&path).await.ok(204);
        app.scim.get(&path).await.refused(404, None);
        app.scim.delete(&path).await.refused(404, None);
        let gone = app.scim.filter("/Users", "userName eq \"ada@example.com\"").await;
        assert_eq!(gone.ok(200).body["totalResults"], 0);
        app.scim.create(json!({"userName": "ada@example.com"})).await;
    }
}
