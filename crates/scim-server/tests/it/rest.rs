//! What the other stories leave out: places, versions and times of an answer, ids, ties in an order. RFC 7643 §3.1, RFC 7644 §3.

use std::collections::BTreeSet;

use serde_json::json;

use crate::support::client::USER;

stories! {
    async fn an_answer_with_one_user_names_its_version_and_its_place(app) {
        let made = app.scim.create(json!({"userName": "ada"})).await;
        let path = format!("/Users/{}", made.id());
        let whole = json!({"schemas": [USER], "userName": "ada", "title": "Countess"});
        let change = json!([{"op": "replace", "path": "title", "value": "Lady"}]);
        let answers = [
            app.scim.get(&path).await,
            app.scim.put(&path, whole).await,
            app.scim.operate(&path, change).await,
        ];
        for (answer, version) in [&made].into_iter().chain(&answers).zip(["W/\"1\"", "W/\"1\"", "W/\"2\"", "W/\"3\""]) {
            let meta = &answer.body["meta"];
            assert_eq!(meta["version"], version, "{}", answer.text);
            assert_eq!(answer.header("etag"), Some(version));
            assert_eq!(answer.header("location"), meta["location"].as_str());
            assert_eq!(meta["location"], made.body["meta"]["location"]);
        }
        let location = made.header("location").unwrap();
        let place = location.strip_prefix(&format!("http://{}", app.address)).unwrap();
        assert_eq!(app.scim.get(&format!("@{place}")).await.ok(200).body, answers[2].body);
    }

    async fn times_tell_of_changes_only(app) {
        let made = app.scim.create(json!({"userName": "ada", "title": "Countess"})).await;
        let path = format!("/Users/{}", made.id());
        let times = |body: &serde_json::Value| {
            let time = |name: &str| body["meta"][name].as_str().unwrap().to_owned();
            (time("created"), time("lastModified"))
        };
        let (created, modified) = times(&made.body);
        assert_eq!(created, modified);
        assert!(created.ends_with('Z') && created.contains('T'), "{created}");
        let same = app.scim.put(&path, json!({"schemas": [USER], "userName": "ada", "title": "Countess"})).await;
        assert_eq!(times(&same.ok(200).body), (created.clone(), modified.clone()));
        let same = app.scim.operate(&path, json!([{"op": "replace", "path": "title", "value": "Countess"}])).await;
        assert_eq!(times(&same.ok(200).body), (created.clone(), modified.clone()));
        let changed = app.scim.operate(&path, json!([{"op": "remove", "path": "title"}])).await;
        let (then, now) = times(&changed.ok(200).body);
        assert_eq!(then, created);
        assert!(now >= modified, "{now}");
        assert_eq!(app.scim.get(&path).await.body, changed.body);
    }

    async fn a_deleted_user_is_gone_and_its_id_never_comes_back(app) {
        let made = app.scim.create(json!({"userName": "ada", "externalId": "E1"})).await;
        let (id, path) = (made.id(), format!("/Users/{}", made.id()));
        assert_eq!(app.scim.delete(&path).await.ok(204).text, "");
        let whole = json!({"schemas": [USER], "id": id, "userName": "ada", "externalId": "E1"});
        app.scim.get(&path).await.refused(404, None);
        app.scim.put(&path, whole.clone()).await.refused(404, None);
        app.scim.operate(&path, json!([{"op": "add", "path": "title", "value": "x"}])).await.refused(404, None);
        app.scim.delete(&path).await.refused(404, None);
        for filter in [format!("id eq \"{id}\""), "externalId eq \"E1\"".to_owned(), "userName pr".to_owned()] {
            assert_eq!(app.scim.filter("/Users", &filter).await.ok(200).body["totalResults"], 0, "{filter}");
        }
        let again = app.scim.post("/Users", whole).await;
        assert_ne!(again.ok(201).id(), id);
        app.scim.get(&path).await.refused(404, None);
    }

    async fn ids_are_made_here_and_external_ids_are_not(app) {
        let mut ids = BTreeSet::new();
        for n in 0..20 {
            let made = app.scim.create(json!({"userName": format!("u{n}"), "id": "bulkId:1"})).await;
            let id = made.id();
            let groups: Vec<usize> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            assert!(id.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c)), "{id}");
            assert!(made.body.get("externalId").is_none(), "{}", made.text);
            ids.insert(id);
        }
        assert_eq!(ids.len(), 20);
    }

    async fn equal_values_do_not_make_pages_overlap(app) {
        for n in 0..12 {
            app.scim.create(json!({"userName": format!("u{n:02}"), "title": if n % 2 == 0 { "same" } else { "SAME" }})).await;
        }
        for order in ["", "&sortBy=title", "&sortBy=title&sortOrder=descending", "&sortBy=nickName", "&sortBy=active&sortOrder=descending"] {
            for filter in ["", "&filter=title+eq+%22same%22"] {
                let whole = app.scim.get(&format!("/Users?count=100{order}{filter}")).await.ok(200).names();
                let mut pages = Vec::new();
                for start in [1, 6, 11] {
                    pages.extend(app.scim.get(&format!("/Users?startIndex={start}&count=5{order}{filter}")).await.ok(200).names());
                }
                assert_eq!(pages, whole, "{order}{filter}");
                assert_eq!(pages.iter().collect::<BTreeSet<_>>().len(), 12, "{order}{filter}");
            }
        }
    }

    async fn canonical_values_are_suggestions(app) {
        let emails = json!([{"value": "a@x", "type": "aboard"}, {"value": "b@x", "type": "Work"}]);
        for mode in ["compat", "rfc", "strict"] {
            let acme = app.tenant(mode, json!({"mode": mode})).await;
            let made = acme.create(json!({"userName": "ada", "emails": emails})).await;
            assert_eq!(made.body["emails"], emails, "{mode}");
        }
    }
}
