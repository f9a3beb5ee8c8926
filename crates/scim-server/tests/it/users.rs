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

stories! {
    async fn post_ignores_what_only_the_server_sets(app) {
        let created = app.scim.create(json!({
            "userName": "ada", "id": "mine", "groups": [{"value": "g"}],
            "meta": {"resourceType": "Robot", "created": "2000-01-01T00:00:00Z", "version": "W/\"99\""}
        })).await;
        assert_ne!(created.id(), "mine");
        assert_eq!(created.body["meta"]["resourceType"], "User");
        assert_eq!(created.body["meta"]["version"], "W/\"1\"");
        assert!(created.body.get("groups").is_none());
    }

    async fn post_refuses_what_does_not_fit(app) {
        for (body, kind) in [
            (json!({"userName": "a"}), "invalidSyntax"),
            (json!({"schemas": [], "userName": "a"}), "invalidSyntax"),
            (json!({"schemas": [USER]}), "invalidValue"),
            (json!({"schemas": [USER], "userName": ""}), "invalidValue"),
            (json!({"schemas": [USER], "userName": "  "}), "invalidValue"),
            (json!({"schemas": [USER], "userName": null}), "invalidValue"),
            (json!({"schemas": [USER], "userName": 5}), "invalidValue"),
            (json!({"schemas": [USER], "userName": "a", "active": "maybe"}), "invalidValue"),
            (json!({"schemas": [USER], "userName": "a", "name": "Ada"}), "invalidValue"),
            (json!({"schemas": [USER], "userName": "a", "emails": [{"primary": true, "value": "x"}, {"primary": true, "value": "y"}]}), "invalidValue"),
        ] {
            app.scim.post("/Users", body.clone()).await.refused(400, Some(kind));
        }
        assert_eq!(app.scim.get("/Users").await.body["totalResults"], 0);
    }

    async fn null_and_empty_are_unassigned(app) {
        let created = app.scim.create(json!({
            "userName": "ada", "title": null, "emails": [], "name": {"givenName": null},
            ENTERPRISE: {"department": null}
        })).await;
        for gone in ["title", "emails", "name", ENTERPRISE] {
            assert!(created.body.get(gone).is_none(), "{gone}");
        }
        assert_eq!(created.body["schemas"], json!([USER]));
    }

    async fn an_extension_need_not_be_named_and_naming_it_is_not_enough(app) {
        let unnamed = json!({"schemas": [USER], "userName": "a", ENTERPRISE.to_uppercase(): {"DEPARTMENT": "x"}});
        let created = app.scim.post("/Users", unnamed).await;
        assert_eq!(created.ok(201).body["schemas"], json!([USER, ENTERPRISE]));
        assert_eq!(created.body[ENTERPRISE]["department"], "x");
        let named = app.scim.post("/Users", json!({"schemas": [USER, ENTERPRISE], "userName": "b"})).await;
        assert_eq!(named.ok(201).body["schemas"], json!([USER]));
    }

    async fn a_name_is_unique_in_any_letter_case(app) {
        let ada = app.scim.create(json!({"userName": "Ada@Example.com"})).await;
        let again = json!({"schemas": [USER], "userName": "ada@example.COM"});
        app.scim.post("/Users", again).await.refused(409, Some("uniqueness"));
        let bob = app.scim.create(json!({"userName": "bob"})).await;
        let bobs = format!("/Users/{}", bob.id());
        let stolen = json!({"schemas": [USER], "userName": "ADA@example.com"});
        app.scim.put(&bobs, stolen).await.refused(409, Some("uniqueness"));
        let rename = json!([{"op": "replace", "path": "userName", "value": "ada@EXAMPLE.com"}]);
        app.scim.operate(&bobs, rename).await.refused(409, Some("uniqueness"));
        assert_eq!(app.scim.get(&bobs).await.body, bob.body);
        // Her own name in another letter case is no conflict.
        let own = json!({"schemas": [USER], "userName": "ADA@EXAMPLE.COM"});
        let renamed = app.scim.put(&format!("/Users/{}", ada.id()), own).await;
        assert_eq!(renamed.ok(200).body["userName"], "ADA@EXAMPLE.COM");
        // A name given up is free at once.
        let rename = json!([{"op": "replace", "path": "userName", "value": "countess"}]);
        app.scim.operate(&format!("/Users/{}", ada.id()), rename).await.ok(200);
        let taken = json!([{"op": "replace", "path": "userName", "value": "ada@example.com"}]);
        app.scim.operate(&bobs, taken).await.ok(200);
    }

    async fn ids_match_only_as_they_were_given_out(app) {
        let ada = app.scim.create(json!({"userName": "ada"})).await.id();
        for other in [
            ada.to_uppercase(),
            ada.replace('-', ""),
            format!("{{{ada}}}"),
            format!("urn:uuid:{ada}"),
            "00000000-0000-0000-0000-000000000000".to_owned(),
            "1".to_owned(),
            "ada".to_owned(),
        ] {
            let path = format!("/Users/{}", crate::support::client::encode(&other));
            app.scim.get(&path).await.refused(404, None);
            app.scim.put(&path, json!({"schemas": [USER], "userName": "x"})).await.refused(404, None);
            app.scim.operate(&path, json!([{"op": "remove", "path": "title"}])).await.refused(404, None);
            app.scim.delete(&path).await.refused(404, None);
        }
        assert_eq!(app.scim.get("/Users").await.body["totalResults"], 1);
    }

    async fn put_replaces_and_keeps_what_a_client_cannot_know(app) {
        let ada = app.scim.create(json!({
            "userName": "ada", "title": "Countess", "active": false, "password": "secret one",
            "emails": [{"value": "a@x"}], ENTERPRISE: {"department": "Engines"}
        })).await;
        assert!(!ada.text.contains("secret one"));
        let path = format!("/Users/{}", ada.id());
        let put = app.scim.put(&path, json!({
            "schemas": [USER], "userName": "ada", "id": "other", "displayName": "Ada",
            "meta": {"created": "1999-01-01T00:00:00Z"}, "groups": [{"value": "g"}]
        })).await;
        put.ok(200);
        assert_eq!(put.body["id"], ada.body["id"]);
        assert_eq!(put.body["displayName"], "Ada");
        // An inactive user stays inactive when a PUT says nothing of it.
        assert_eq!(put.body["active"], false);
        assert_eq!(put.body["meta"]["created"], ada.body["meta"]["created"]);
        assert_eq!(put.body["schemas"], json!([USER]));
        for gone in ["title", "emails", ENTERPRISE, "groups"] {
            assert!(put.body.get(gone).is_none(), "{gone}");
        }
        app.scim.put(&path, json!({"schemas": [USER]})).await.refused(400, Some("invalidValue"));
        app.scim.put("/Users/0197f000-0000-7000-8000-000000000000", json!({"schemas": [USER], "userName": "x"}))
            .await.refused(404, None);
        assert_eq!(app.scim.get(&path).await.body, put.body);
    }

    async fn putting_back_what_was_got_changes_nothing(app) {
        let ada = app.scim.create(json!({
            "userName": "ada", "externalId": "E1", "name": {"givenName": "Ada", "formatted": "Ada L."},
            "emails": [{"type": "work", "value": "a@x", "primary": true}, {"type": "home", "value": "b@x"}],
            "addresses": [{"type": "work", "formatted": "1 Road\nTown"}], "password": "p",
            ENTERPRISE: {"manager": {"value": "m"}}
        })).await;
        let path = format!("/Users/{}", ada.id());
        let put = app.scim.put(&path, ada.body.clone()).await;
        assert_eq!(put.ok(200).body, ada.body);
        assert_eq!(put.header("etag"), ada.header("etag"));
        let patched = app.scim.operate(&path, json!([{"op": "replace", "value": ada.body}])).await;
        assert_eq!(patched.ok(200).body, ada.body);
    }
}
