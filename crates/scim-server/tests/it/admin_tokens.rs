//! Administration of tokens over HTTP: made once, shown once, listed without their secret, taken back at once.

use std::time::Duration;

use scim_server::clock::{Clock, parse_rfc3339, rfc3339};
use scim_server::config::Config;
use serde_json::{Value, json};

use crate::admin::{all_pages, fault, fine};
use crate::support::{Database, TestApp, app};

const START: i64 = 1_800_000_000_000_000;

async fn listed(app: &TestApp, name: &str) -> Value {
    let tokens = all_pages(&app.admin(), "/tenants/default/tokens", 1000).await;
    tokens
        .into_iter()
        .find(|token| token["name"] == name)
        .unwrap()
}

stories! {
    async fn a_token_is_shown_once(app) {
        let made = app.admin().post("/tenants/default/tokens", json!({"name": "Entra", "description": "for provisioning", "scopes": ["scim:read"], "expiresAt": "2999-01-01T01:00:00+01:00"})).await;
        let made = fine(&made, 201).clone();
        let text = made["token"].as_str().unwrap();
        assert!(text.starts_with(made["prefix"].as_str().unwrap()) && text.len() > 60, "{made}");
        assert_eq!((&made["name"], &made["description"], &made["scopes"]), (&json!("Entra"), &json!("for provisioning"), &json!(["scim:read"])));
        assert_eq!(parse_rfc3339(made["expiresAt"].as_str().unwrap()), parse_rfc3339("2999-01-01T00:00:00Z"));
        let shown = listed(&app, "Entra").await;
        assert!(shown.get("token").is_none());
        for member in ["id", "name", "description", "prefix", "scopes", "createdAt", "expiresAt"] {
            assert_eq!(shown[member], made[member], "{member}");
        }
        assert_eq!((&shown["state"], &shown["lastUsedAt"], &shown["lastUsedFrom"]), (&json!("active"), &Value::Null, &Value::Null));
        let list = app.admin().get("/tenants/default/tokens").await;
        assert!(!list.text.contains(text) && !list.text.contains(text.get(23..75).unwrap()));
        let plain = app.admin().post("/tenants/default/tokens", json!({"name": "plain"})).await;
        assert_eq!((&plain.body["scopes"], &plain.body["expiresAt"]), (&json!(["scim:read", "scim:write"]), &Value::Null));
    }

    async fn a_token_that_is_taken_back_is_refused_from_the_next_request_on(app) {
        let made = app.admin().post("/tenants/default/tokens", json!({"name": "short"})).await;
        let (id, text) = (made.id(), made.body["token"].as_str().unwrap().to_owned());
        let client = app.client(&text);
        for _ in 0..5 {
            client.get("/Users").await.ok(200);
        }
        fine(&app.admin().delete(&format!("/tenants/default/tokens/{id}")).await, 204);
        client.get("/Users").await.refused(401, None);
        client.post("/Users", json!({})).await.refused(401, None);
        client.get("/ServiceProviderConfig").await.refused(401, None);
        let shown = listed(&app, "short").await;
        assert_eq!(shown["state"], "revoked");
        // Once more does no harm, and others live on.
        fine(&app.admin().delete(&format!("/tenants/default/tokens/{id}")).await, 204);
        assert_eq!(listed(&app, "short").await["revokedAt"], shown["revokedAt"]);
        app.scim.get("/Users").await.ok(200);
    }

    async fn a_token_that_does_not_fit_is_not_made(app) {
        let admin = app.admin();
        let before = all_pages(&admin, "/tenants/default/tokens", 1000).await.len();
        for (body, code, word) in [
            (json!({}), "invalid-body", "name"), (json!({"name": 1}), "invalid-body", "name"), (json!({"name": ""}), "invalid-value", "name"), (json!({"name": " "}), "invalid-value", "name"), (json!({"name": "a\nb"}), "invalid-value", "name"),
            (json!({"name": "x".repeat(257)}), "invalid-value", "name"), (json!({"name": "x", "description": ""}), "invalid-value", "description"), (json!({"name": "x", "scopes": []}), "invalid-value", "scopes"),
            (json!({"name": "x", "scopes": ["scim:admin"]}), "invalid-body", "scopes"), (json!({"name": "x", "scopes": "scim:read"}), "invalid-body", "scopes"), (json!({"name": "x", "scopes": ["SCIM:READ"]}), "invalid-body", "scopes"),
            (json!({"name": "x", "expiresAt": "2001-01-01T00:00:00Z"}), "invalid-value", "expiresAt"), (json!({"name": "x", "expiresAt": "tomorrow"}), "invalid-value", "expiresAt"), (json!({"name": "x", "expiresAt": 7}), "invalid-body", "expiresAt"),
            (json!({"name": "x", "token": "scimd_mine"}), "invalid-body", "token"), (json!({"name": "x", "id": "1"}), "invalid-body", "id"), (json!({"name": "x", "tenant": "other"}), "invalid-body", "tenant"), (json!({"Name": "x"}), "invalid-body", ""),
        ] {
            let answer = admin.post("/tenants/default/tokens", body.clone()).await;
            fault(&answer, 400, code);
            assert!(answer.body["detail"].as_str().unwrap().contains(word), "{body}: {}", answer.text);
        }
        fault(&admin.post("/tenants/nosuch/tokens", json!({"name": "x"})).await, 404, "not-found");
        assert_eq!(all_pages(&admin, "/tenants/default/tokens", 1000).await.len(), before);
    }

    async fn a_token_is_found_only_by_the_id_that_was_given_out(app) {
        let made = app.admin().post("/tenants/default/tokens", json!({"name": "x"})).await;
        let id = made.id();
        let client = app.client(made.body["token"].as_str().unwrap());
        for wrong in [id.to_uppercase(), id.replace('-', ""), "x".to_owned(), "01890000-0000-7000-8000-000000000000".to_owned(), format!("{id}%00"), format!("%7B{id}%7D"), "%ff".to_owned(), made.body["prefix"].as_str().unwrap().to_owned()] {
            fault(&app.admin().delete(&format!("/tenants/default/tokens/{wrong}")).await, 404, "not-found");
        }
        client.get("/Users").await.ok(200);
    }

    async fn tokens_come_in_pages(app) {
        for nth in 0..5 {
            app.new_token("default", json!({"name": format!("n{nth}")})).await;
        }
        let names = ["first start", "n0", "n1", "n2", "n3", "n4"];
        for count in 1..=7 {
            let found = all_pages(&app.admin(), "/tenants/default/tokens", count).await;
            let found: Vec<&str> = found.iter().map(|one| one["name"].as_str().unwrap()).collect();
            assert_eq!(found, names, "{count}");
        }
        fault(&app.admin().get("/tenants/default/tokens?cursor=x").await, 400, "invalid-value");
    }
}

#[test]
fn an_expired_token_is_listed_as_such() {
    app::run_with(
        Database::sqlite(),
        Config::default(),
        Clock::test(START),
        |app| async move {
            app.new_token(
                "default",
                json!({"name": "brief", "expiresAt": rfc3339(START + 1_000_000)}),
            )
            .await;
            assert_eq!(listed(&app, "brief").await["state"], "active");
            app.state.clock.advance(Duration::from_secs(1));
            assert_eq!(listed(&app, "brief").await["state"], "expired");
        },
    );
}
