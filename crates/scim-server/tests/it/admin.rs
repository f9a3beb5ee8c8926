//! Administration of tenants over HTTP: every verb, and every error in its one shape.

use serde_json::{Value, json};

use crate::support::client::USER;
use crate::support::{Answer, Client, TestApp, database::rows_of_all_tables};

/// An error of administration in every respect.
#[track_caller]
pub(crate) fn fault(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(
        answer.header("content-type"),
        Some("application/json"),
        "{}",
        answer.text
    );
    let members: Vec<&String> = answer.body.as_object().unwrap().keys().collect();
    assert_eq!(members, ["status", "error", "detail"], "{}", answer.text);
    assert_eq!(
        (&answer.body["status"], &answer.body["error"]),
        (&json!(status), &json!(code)),
        "{}",
        answer.text
    );
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(
        !detail.is_empty() && !detail.contains(char::is_control),
        "{detail:?}"
    );
}

/// A good answer of administration, which nobody may keep.
#[track_caller]
pub(crate) fn fine(answer: &Answer, status: u16) -> &Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    if status != 204 {
        assert_eq!(
            answer.header("content-type"),
            Some("application/json"),
            "{}",
            answer.text
        );
    }
    &answer.body
}

/// Pages of a list, followed to the end.
pub(crate) async fn all_pages(admin: &Client, path: &str, count: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = admin.get(&format!("{path}?count={count}{cursor}")).await;
        let page = fine(&page, 200).clone();
        let here = page["items"].as_array().unwrap().clone();
        assert!(here.len() <= count);
        items.extend(here);
        match page.get("next") {
            None => return items,
            Some(next) => cursor = format!("&cursor={}", next.as_str().unwrap()),
        }
        assert!(items.len() < 1000, "it does not end");
    }
}

async fn slugs(app: &TestApp) -> Vec<String> {
    let tenants = all_pages(&app.admin(), "/tenants", 1000).await;
    tenants
        .iter()
        .map(|tenant| tenant["slug"].as_str().unwrap().to_owned())
        .collect()
}

stories! {
    async fn a_tenant_is_created_shown_changed_and_deleted(app) {
        let admin = app.admin();
        let made = admin.post("/tenants", json!({"slug": "acme", "displayName": "Acme \u{1f680}", "profile": "default", "environment": "test", "policy": {"mode": "rfc"}})).await;
        let tenant = fine(&made, 201).clone();
        assert_eq!((&tenant["slug"], &tenant["displayName"], &tenant["profile"]), (&json!("acme"), &json!("Acme \u{1f680}"), &json!("default")));
        assert_eq!((&tenant["environment"], &tenant["suspended"], &tenant["policy"]["mode"]), (&json!("test"), &json!(false), &json!("rfc")));
        assert_eq!(tenant["scimBaseUrl"], format!("http://{}/t/acme/scim/v2", app.address));
        assert!(tenant["createdAt"].as_str().unwrap().ends_with('Z'));
        assert_eq!(made.header("location"), Some(format!("http://{}/admin/v1/tenants/acme", app.address).as_str()));
        assert_eq!(fine(&admin.get("/tenants/acme").await, 200), &tenant);
        let changed = admin.patch("/tenants/acme", json!({"displayName": null, "policy": {"pagination": {"maxCount": 5}}})).await;
        let changed = fine(&changed, 200).clone();
        assert_eq!((&changed["displayName"], &changed["policy"]["mode"], &changed["policy"]["pagination"]["maxCount"]), (&Value::Null, &json!("rfc"), &json!(5)));
        let back = admin.patch("/tenants/acme", json!({"policy": {"pagination": null, "mode": null}})).await;
        assert_eq!((&back.body["policy"]["mode"], &back.body["policy"]["pagination"]["maxCount"]), (&json!("compat"), &json!(1000)));
        assert_eq!(fine(&admin.patch("/tenants/acme", json!({})).await, 200), &back.body);
        fine(&admin.delete("/tenants/acme").await, 204);
        fault(&admin.get("/tenants/acme").await, 404, "not-found");
        fault(&admin.delete("/tenants/acme").await, 404, "not-found");
        fault(&admin.patch("/tenants/acme", json!({"suspended": true})).await, 404, "not-found");
    }

    async fn a_policy_is_in_force_from_the_next_request_on(app) {
        let acme = app.tenant("acme", json!({})).await;
        acme.post("/Users", json!({"schemas": [USER], "userName": "a", "nobody": 1})).await.ok(201);
        fine(&app.admin().patch("/tenants/acme", json!({"policy": {"mode": "strict"}})).await, 200);
        assert_eq!(acme.post("/Users", json!({"schemas": [USER], "userName": "b", "nobody": 1})).await.status, 400);
        fine(&app.admin().patch("/tenants/acme", json!({"policy": {"mode": "compat", "access": "read-only"}})).await, 200);
        acme.post("/Users", json!({"schemas": [USER], "userName": "c"})).await.refused(403, None);
        fine(&app.admin().patch("/tenants/acme", json!({"policy": {"access": null}})).await, 200);
        acme.post("/Users", json!({"schemas": [USER], "userName": "c"})).await.ok(201);
    }

    async fn a_body_that_does_not_fit_names_what_is_wrong_and_makes_nothing(app) {
        let admin = app.admin();
        let before = slugs(&app).await;
        for slug in ["", "A", "a b", "-a", "a_b", "a.b", "a/b", "..", ".", "\u{e9}", "a\u{0}", "admin", "scim", "t", "me", "system", "credential", &"a".repeat(64)] {
            let answer = admin.post("/tenants", json!({"slug": slug})).await;
            fault(&answer, 400, if slug.contains('\u{0}') { "invalid-json" } else { "invalid-value" });
        }
        fault(&admin.post("/tenants", json!({"slug": "default"})).await, 409, "slug-taken");
        for (body, code, word) in [
            (json!({}), "invalid-body", "slug"), (json!({"slug": 1}), "invalid-body", "slug"), (json!({"slug": null}), "invalid-body", "slug"), (json!({"slug": "x", "Slug2": 1}), "invalid-body", "Slug2"),
            (json!({"SLUG": "x"}), "invalid-body", ""), (json!({"slug": "x", "id": 7}), "invalid-body", "id"), (json!({"slug": "x", "suspended": true}), "invalid-body", "suspended"),
            (json!({"slug": "x", "displayName": ""}), "invalid-value", "displayName"), (json!({"slug": "x", "displayName": "a\u{7}"}), "invalid-value", "displayName"), (json!({"slug": "x", "displayName": "x".repeat(257)}), "invalid-value", "displayName"),
            (json!({"slug": "x", "profile": "nobody"}), "invalid-value", "profile"), (json!({"slug": "x", "environment": "prod"}), "invalid-body", "environment"), (json!({"slug": "x", "policy": []}), "invalid-body", "policy"),
            (json!({"slug": "x", "policy": {"nobody": 1}}), "invalid-body", "nobody"), (json!({"slug": "x", "policy": {"rateLimit": {"perHour": 0}}}), "invalid-body", "perHour"), (json!({"slug": "x", "policy": {"access": "none"}}), "invalid-body", "access"),
        ] {
            let answer = admin.post("/tenants", body.clone()).await;
            fault(&answer, 400, code);
            assert!(answer.body["detail"].as_str().unwrap().contains(word), "{body}: {}", answer.text);
        }
        for body in ["", "{", "[]", "null", "{\"slug\":\"x\",\"slug\":\"y\"}", "{\"slug\":\"x\",\"SLUG\":\"y\"}", "{\"slug\":\"x\",\"policy\":{\"mode\":\"rfc\",\"Mode\":\"rfc\"}}", "{\"slug\":\"x\\u0000\"}", "{\"slug\":\"\\ud800\"}", "{\"slug\":\"x\"}x"] {
            fault(&admin.send("POST", "/tenants", body.as_bytes()).await, 400, "invalid-json");
            fault(&admin.send("PATCH", "/tenants/default", body.as_bytes()).await, 400, "invalid-json");
            fault(&admin.send("POST", "/tenants/default/tokens", body.as_bytes()).await, 400, "invalid-json");
        }
        fault(&admin.send("POST", "/tenants", b"{\"slug\":\"\xff\"}").await, 400, "invalid-json");
        for body in [json!({"slug": "other"}), json!({"suspended": "yes"}), json!({"suspended": 1}), json!({"environment": "test"}), json!({"profile": "default"}), json!({"policy": "x"}), json!({"policy": {"mode": "lax"}}), json!({"DisplayName": "x"})] {
            fault(&admin.patch("/tenants/default", body).await, 400, "invalid-body");
        }
        fault(&admin.patch("/tenants/default", json!({"displayName": "\n"})).await, 400, "invalid-value");
        assert_eq!(slugs(&app).await, before);
        let tenant = admin.get("/tenants/default").await;
        assert_eq!((&tenant.body["suspended"], &tenant.body["policy"]["mode"], &tenant.body["displayName"]), (&json!(false), &json!("compat"), &Value::Null));
    }

    async fn media_types_methods_and_paths_are_refused_in_the_same_shape(app) {
        let plain = Client { headers: app.admin().headers.into_iter().filter(|(name, _)| name == "Authorization").collect(), ..app.admin() };
        for kind in ["text/plain", "application/x-www-form-urlencoded", "application/xml"] {
            fault(&plain.with("Content-Type", kind).send("POST", "/tenants", b"{\"slug\":\"x\"}").await, 415, "unsupported-media-type");
        }
        fault(&app.admin().with("Content-Encoding", "gzip").send("POST", "/tenants", b"{\"slug\":\"x\"}").await, 415, "unsupported-media-type");
        for (path, allow) in [
            ("/tenants", "GET, POST"), ("/tenants/default", "GET, PATCH, DELETE"), ("/tenants/default/tokens", "GET, POST"), ("/tenants/default/tokens/x", "DELETE"), ("/profiles", "GET"), ("/profiles/default", "GET"),
        ] {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
                if allow.split(", ").any(|one| one == method) {
                    continue;
                }
                let answer = plain.send(method, path, b"").await;
                fault(&answer, 405, "method-not-allowed");
                assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
            }
        }
        for path in ["", "/", "/nobody", "/tenants/a/b", "/tenants/default/tokens/x/y", "/tenants/default/nobody", "/profiles/nobody", "/tenants/%00", "/tenants/Default", "/tenants/%ff", "/tenants/nosuch/tokens"] {
            let answer = plain.get(path).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text);
            fault(&answer, 404, "not-found");
        }
        assert_eq!(slugs(&app).await, ["default"]);
    }

    async fn lists_come_in_pages(app) {
        let admin = app.admin();
        for nth in 0..5 {
            fine(&admin.post("/tenants", json!({"slug": format!("t{nth}")})).await, 201);
        }
        let expected = ["default", "t0", "t1", "t2", "t3", "t4"];
        assert_eq!(slugs(&app).await, expected);
        for count in 1..=7 {
            let found = all_pages(&admin, "/tenants", count).await;
            let found: Vec<&str> = found.iter().map(|one| one["slug"].as_str().unwrap()).collect();
            assert_eq!(found, expected, "{count}");
        }
        assert!(admin.get("/tenants?count=6").await.body.get("next").is_none());
        assert_eq!(fine(&admin.get("/tenants?count=100000").await, 200)["items"].as_array().unwrap().len(), 6);
        for query in ["count=0", "count=-1", "count=x", "count=", "count=1&count=2", "size=1", "count=1&access_token=x"] {
            fault(&admin.get(&format!("/tenants?{query}")).await, 400, "invalid-query");
            fault(&admin.get(&format!("/tenants/default/tokens?{query}")).await, 400, "invalid-query");
        }
    }

    async fn nothing_is_left_of_a_tenant_that_is_deleted(app) {
        let rows = rows_of_all_tables(&app.database);
        let acme = app.tenant("acme", json!({})).await;
        for nth in 0..3 {
            let made = acme.create(json!({"userName": format!("u{nth}"), "password": "correct horse", "emails": [{"value": "a@example.com", "type": "work"}]})).await;
            acme.operate(&format!("/Users/{}", made.id()), json!([{"op": "add", "path": "title", "value": "x"}])).await.ok(200);
        }
        let mine = app.scim.create(json!({"userName": "mine"})).await;
        assert_ne!(rows_of_all_tables(&app.database), rows);
        fine(&app.admin().delete("/tenants/acme").await, 204);
        acme.get("/Users").await.refused(401, None);
        app.scim.delete(&format!("/Users/{}", mine.id())).await.ok(204);
        let left = rows_of_all_tables(&app.database);
        let but_history = |rows: &[(String, i64)]| rows.iter().filter(|(table, _)| !["change", "resource_count"].contains(&table.as_str())).cloned().collect::<Vec<_>>();
        assert_eq!(but_history(&left), but_history(&rows));
        // What stays on record is of the other tenant: its user came and went.
        let changes = left.iter().find(|(table, _)| table == "change").unwrap();
        assert_eq!(changes.1, 2);
    }

    async fn an_old_token_is_of_no_use_when_a_slug_is_used_again(app) {
        let old = app.tenant("acme", json!({})).await;
        let made = old.create(json!({"userName": "ada"})).await;
        fine(&app.admin().delete("/tenants/acme").await, 204);
        let new = app.tenant("acme", json!({})).await;
        for path in ["/Users", "@/t/acme/scim/v2/Users"] {
            old.get(path).await.refused(401, None);
            assert_eq!(new.get(path).await.ok(200).body["totalResults"], 0);
        }
        new.get(&format!("/Users/{}", made.id())).await.refused(404, None);
        new.create(json!({"userName": "ada"})).await;
    }

    async fn two_who_create_the_same_tenant_make_one(app) {
        let admin = app.admin();
        let requests = (0..8).map(|_| admin.post("/tenants", json!({"slug": "race"})));
        let answers = futures_util::future::join_all(requests).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            fault(answer, 409, "slug-taken");
        }
    }

    async fn profiles_are_shown(app) {
        let list = app.admin().get("/profiles").await;
        let items = fine(&list, 200)["items"].as_array().unwrap().clone();
        assert!(items.iter().any(|one| one["name"] == "default"));
        for one in &items {
            let name = one["name"].as_str().unwrap();
            assert_eq!(fine(&app.admin().get(&format!("/profiles/{name}")).await, 200), one);
        }
    }
}
