//! PATCH through the door: envelope, atomicity, what it answers. RFC 7644 §3.5.2; what operations mean is told in scim-core.

use serde_json::json;

use crate::support::client::{ENTERPRISE, PATCH_OP, USER};

stories! {
    async fn a_request_with_one_bad_operation_changes_nothing(app) {
        let ada = app.scim.create(json!({"userName": "ada", "title": "Countess"})).await;
        let path = format!("/Users/{}", ada.id());
        let good = json!({"op": "replace", "path": "title", "value": "changed"});
        for (bad, kind) in [
            (json!({"op": "replace", "path": "nosuch", "value": 1}), "invalidPath"),
            (json!({"op": "replace", "path": "emails[", "value": 1}), "invalidFilter"),
            (json!({"op": "replace", "path": "a b", "value": 1}), "invalidPath"),
            (json!({"op": "replace", "path": "emails[nosuch eq \"x\"].value", "value": "x"}), "invalidFilter"),
            (json!({"op": "replace", "path": "emails[type eq \"nonexistent\"].value", "value": "x"}), "noTarget"),
            (json!({"op": "remove"}), "noTarget"),
            (json!({"op": "remove", "path": "userName"}), "mutability"),
            (json!({"op": "replace", "path": "id", "value": "x"}), "mutability"),
            (json!({"op": "replace", "path": "meta.created", "value": "2020-01-01T00:00:00Z"}), "mutability"),
            (json!({"op": "add", "path": "groups", "value": [{"value": "g"}]}), "mutability"),
            (json!({"op": "replace", "path": "active", "value": "maybe"}), "invalidValue"),
            (json!({"op": "add", "path": "title"}), "invalidValue"),
            (json!({"op": "add", "value": "title"}), "invalidValue"),
            (json!({"op": "move", "path": "title"}), "invalidSyntax"),
            (json!({"path": "title", "value": "x"}), "invalidSyntax"),
            (json!("replace"), "invalidSyntax"),
        ] {
            let answer = app.scim.operate(&path, json!([good, bad])).await;
            let kind = if answer.body["scimType"] == "invalidPath" && kind == "invalidFilter" { "invalidPath" } else { kind };
            answer.refused(400, Some(kind));
            assert_eq!(app.scim.get(&path).await.body, ada.body, "{bad}");
        }
    }

    async fn the_envelope_is_checked(app) {
        let path = format!("/Users/{}", app.scim.create(json!({"userName": "ada"})).await.id());
        let operations = json!([{"op": "add", "path": "title", "value": "x"}]);
        for body in [
            json!({"schemas": [PATCH_OP]}),
            json!({"schemas": [PATCH_OP], "Operations": []}),
            json!({"schemas": [PATCH_OP], "Operations": {}}),
            json!({"schemas": [USER], "Operations": operations}),
        ] {
            app.scim.patch(&path, body).await.refused(400, Some("invalidSyntax"));
        }
        app.scim.patch(&path, json!({"operations": operations})).await.ok(200);
        let strict = app.tenant("strict", json!({"mode": "rfc"})).await;
        let path = format!("/Users/{}", strict.create(json!({"userName": "ada"})).await.id());
        strict.patch(&path, json!({"Operations": operations})).await.refused(400, Some("invalidSyntax"));
        strict.operate(&path, operations).await.ok(200);
    }

    async fn minimal_is_answered_with_nothing_but_the_version(app) {
        let ada = app.scim.create(json!({"userName": "ada"})).await;
        let path = format!("/Users/{}", ada.id());
        let operations = json!([{"op": "add", "path": "title", "value": "x"}]);
        let patched = app.scim.with("Prefer", "return=minimal").operate(&path, operations).await;
        patched.ok(204);
        assert_eq!(patched.text, "");
        assert_eq!(patched.header("etag"), Some("W/\"2\""));
        assert_eq!(app.scim.get(&path).await.body["title"], "x");
    }

    async fn what_changes_nothing_leaves_the_version(app) {
        let ada = app.scim.create(json!({
            "userName": "ada", "active": true, "emails": [{"type": "work", "value": "a@x", "primary": true}]
        })).await;
        let path = format!("/Users/{}", ada.id());
        for operation in [
            json!({"op": "replace", "path": "active", "value": true}),
            json!({"op": "Replace", "path": "active", "value": "True"}),
            json!({"op": "add", "path": "emails", "value": [{"type": "work", "value": "a@x", "primary": true}]}),
            json!({"op": "remove", "path": "title"}),
            json!({"op": "remove", "path": "emails[type eq \"home\"]"}),
            json!({"op": "replace", "value": {"id": "other", "active": true, "nosuch": 1}}),
            json!({"op": "remove", "path": ENTERPRISE}),
        ] {
            let same = app.scim.operate(&path, json!([operation])).await;
            assert_eq!(same.ok(200).body, ada.body, "{operation}");
            assert_eq!(same.header("etag"), ada.header("etag"));
        }
    }

    async fn a_leaver_does_not_stay_because_of_an_unmapped_attribute(app) {
        let ada = app.scim.create(json!({"userName": "ada", "active": true, "title": "Countess"})).await;
        let path = format!("/Users/{}", ada.id());
        let unmapped = json!({"op": "Replace", "path": "favouriteColour", "value": "blue"});
        let left = app.scim.operate(&path, json!([unmapped, {"op": "Replace", "path": "active", "value": "False"}])).await;
        assert_eq!(left.ok(200).body["active"], false);
        app.scim.operate(&path, json!([unmapped, {"op": "Replace", "path": "active", "value": "True"}]))
            .await.refused(400, Some("invalidPath"));
        let rfc = app.tenant("rfc", json!({"mode": "rfc"})).await;
        let path = format!("/Users/{}", rfc.create(json!({"userName": "ada", "active": true})).await.id());
        rfc.operate(&path, json!([unmapped, {"op": "replace", "path": "active", "value": false}]))
            .await.refused(400, Some("invalidPath"));
        assert_eq!(rfc.get(&path).await.body["active"], true);
    }

    async fn strict_tenants_refuse_what_no_schema_has(app) {
        let strict = app.tenant("strict", json!({"mode": "strict"})).await;
        let unknown = json!({"schemas": [USER], "userName": "a", "nosuch": 1});
        strict.post("/Users", unknown).await.refused(400, Some("invalidSyntax"));
        let path = format!("/Users/{}", strict.create(json!({"userName": "ada"})).await.id());
        strict.operate(&path, json!([{"op": "replace", "value": {"active": false}}])).await.refused(400, Some("invalidSyntax"));
        strict.post("/Users", json!({"schemas": [USER, "urn:x"], "userName": "b"})).await.refused(400, Some("invalidValue"));
    }
}
