//! Lists, filters, sorting, paging, projection and `.search`. RFC 7644 §3.4.2, §3.4.3 and §3.9.

use serde_json::{Value, json};

use crate::support::Client;
use crate::support::client::{ENTERPRISE, USER, encode};

const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// Five people, created in this order.
async fn people(scim: &Client) {
    for person in [
        json!({"userName": "ada", "displayName": "Ada", "active": true, "title": "Countess", "externalId": "E1",
               "name": {"familyName": "Lovelace"},
               "emails": [{"type": "home", "value": "ada@home.example"}, {"type": "work", "value": "ADA@work.example", "primary": true}],
               ENTERPRISE: {"department": "Engines", "employeeNumber": "10", "manager": {"value": "m1"}}}),
        json!({"userName": "Bob", "active": false, "name": {"familyName": "babbage"}, "externalId": "e1",
               "emails": [{"type": "work", "value": "bob@work.example"}], ENTERPRISE: {"department": "engines"}}),
        json!({"userName": "cleo", "active": true, "name": {"familyName": "Äpfel"}, "title": "100%_\\'\""}),
        json!({"userName": "dan", "name": {"givenName": "Dan"}, "emails": [{"type": "home", "value": "dan@work.example"}]}),
        json!({"userName": "eve", "active": true, "title": "Spy", "nickName": "e"}),
    ] {
        scim.create(person).await;
    }
}

async fn check(scim: &Client, filter: &str, names: &[&str]) {
    let list = scim.filter("/Users", filter).await;
    assert_eq!(list.ok(200).names(), names, "{filter}");
    assert_eq!(list.body["totalResults"], names.len(), "{filter}");
    let search = json!({"schemas": [SEARCH], "filter": filter});
    for path in ["/Users/.search", "/.search"] {
        let found = scim.post(path, search.clone()).await;
        assert_eq!(found.ok(200).names(), names, "{path} {filter}");
    }
    let root = scim.filter("", filter).await;
    assert_eq!(root.ok(200).names(), names, "/ {filter}");
}

stories! {
    async fn filters_find_whom_they_mean(app) {
        people(&app.scim).await;
        for (filter, names) in [
            ("userName eq \"ADA\"", &["ada"][..]),
            ("USERNAME Eq \"bob\"", &["Bob"]),
            ("externalId eq \"E1\"", &["ada"]),
            ("externalId eq \"e1\"", &["Bob"]),
            ("userName eq \"nobody\"", &[]),
            ("emails[type eq \"work\"].value eq \"x\"", &[]),
            ("emails[type eq \"work\"].value eq \"ada@work.example\"", &["ada"]),
            ("emails[type eq \"home\"].value eq \"ada@work.example\"", &[]),
            ("emails[type eq \"work\" and value eq \"ada@WORK.example\"]", &["ada"]),
            ("emails[type eq \"work\" and value ew \"home.example\"]", &[]),
            ("emails.type eq \"work\" and emails.value ew \"home.example\"", &["ada"]),
            ("emails co \"work.example\"", &["ada", "Bob", "dan"]),
            ("emails.value eq \"dan@work.example\"", &["dan"]),
            ("active eq true", &["ada", "cleo", "eve"]),
            ("active eq \"True\"", &["ada", "cleo", "eve"]),
            ("active eq false", &["Bob"]),
            ("active ne true", &["Bob", "dan"]),
            ("not (active eq true)", &["Bob", "dan"]),
            ("title pr", &["ada", "cleo", "eve"]),
            ("title eq null", &["Bob", "dan"]),
            ("userName eq \"ada\" or userName eq \"dan\" and title pr", &["ada"]),
            ("(userName eq \"ada\" or userName eq \"dan\") and title pr", &["ada"]),
            ("userName sw \"c\" or userName ew \"E\"", &["cleo", "eve"]),
            ("title co \"%_\"", &["cleo"]),
            ("title co \"\\\\'\"", &["cleo"]),
            ("title sw \"100%_\\\\'\\\"\"", &["cleo"]),
            ("userName gt \"C\"", &["cleo", "dan", "eve"]),
            ("urn:ietf:params:scim:schemas:core:2.0:User:userName sw \"D\"", &["dan"]),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq \"ENGINES\"", &["ada", "Bob"]),
            ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq \"m1\"", &["ada"]),
            ("manager eq \"m1\"", &["ada"]),
            ("schemas eq \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"", &["ada", "Bob"]),
            ("meta.resourceType eq \"User\" and meta.created gt \"2020-01-01T00:00:00Z\"", &["ada", "Bob", "cleo", "dan", "eve"]),
            ("meta.lastModified lt \"2020-01-01T00:00:00Z\"", &[]),
            ("name.familyName co \"ä\"", &["cleo"]),
        ] {
            check(&app.scim, filter, names).await;
        }
    }

    async fn an_id_is_found_by_filter(app) {
        people(&app.scim).await;
        let ada = app.scim.filter("/Users", "userName eq \"ada\"").await.body["Resources"][0].clone();
        let id = ada["id"].as_str().unwrap();
        check(&app.scim, &format!("id eq \"{id}\""), &["ada"]).await;
        check(&app.scim, &format!("id eq \"{id}\" and manager eq \"m1\""), &["ada"]).await;
        check(&app.scim, &format!("id eq \"{id}\" and manager eq \"m2\""), &[]).await;
        check(&app.scim, &format!("id eq \"{}\"", id.to_uppercase()), &[]).await;
    }

    async fn a_filter_that_is_not_understood_finds_nobody(app) {
        people(&app.scim).await;
        for filter in [
            "", " ", "userName", "userName eq", "userName eq ada", "userName eq 'ada'", "userName is \"ada\"",
            "userName eq \"ada", "(userName eq \"ada\"", "userName eq \"ada\")", "nosuch eq \"x\"", "emails.nosuch eq \"x\"",
            "urn:nosuch:2.0:User:userName eq \"ada\"", "userName eq 5", "active gt true", "active co \"t\"",
            "meta.created co \"2\"", "meta.created gt \"yesterday\"", "name eq \"x\"", "password eq \"x\"",
            "password pr", "not userName eq \"ada\"", "emails[type eq \"work\"", "emails[emails[type eq \"x\"]]",
            "userName eq \"ada\" and", "title gt null",
        ] {
            let refused = app.scim.filter("/Users", filter).await;
            refused.refused(400, Some("invalidFilter"));
            assert!(refused.body.get("Resources").is_none(), "{filter}");
        }
    }

    async fn sorting_puts_who_lacks_the_value_last(app) {
        people(&app.scim).await;
        for (query, names) in [
            ("sortBy=userName", ["ada", "Bob", "cleo", "dan", "eve"]),
            ("sortBy=USERNAME&sortOrder=Descending", ["eve", "dan", "cleo", "Bob", "ada"]),
            ("sortBy=name.familyName", ["Bob", "ada", "cleo", "dan", "eve"]),
            ("sortBy=name.familyName&sortOrder=descending", ["eve", "dan", "cleo", "ada", "Bob"]),
            // Of several values the primary one counts.
            ("sortBy=emails", ["ada", "Bob", "dan", "cleo", "eve"]),
            ("sortBy=meta.created", ["ada", "Bob", "cleo", "dan", "eve"]),
            ("sortBy=active", ["Bob", "ada", "cleo", "eve", "dan"]),
        ] {
            assert_eq!(app.scim.get(&format!("/Users?{query}")).await.ok(200).names(), names, "{query}");
        }
        let page = app.scim.get("/Users?sortBy=userName&startIndex=2&count=2").await;
        assert_eq!(page.ok(200).names(), ["Bob", "cleo"]);
        assert_eq!(page.body["totalResults"], 5);
        for (query, kind) in [
            ("sortBy=nosuch", "invalidValue"),
            ("sortBy=name", "invalidValue"),
            ("sortBy=userName&sortOrder=up", "invalidValue"),
            ("sortBy=password", "invalidFilter"),
        ] {
            app.scim.get(&format!("/Users?{query}")).await.refused(400, Some(kind));
        }
    }

    async fn pages_say_how_much_there_is(app) {
        let empty = app.scim.get("/Users").await;
        assert_eq!(empty.ok(200).body, json!({"schemas": [LIST], "totalResults": 0, "startIndex": 1, "itemsPerPage": 0, "Resources": []}));
        people(&app.scim).await;
        for (query, start, names) in [
            ("", 1, &["ada", "Bob", "cleo", "dan", "eve"][..]),
            ("startIndex=2&count=2", 2, &["Bob", "cleo"]),
            ("startIndex=5&count=100", 5, &["eve"]),
            ("startIndex=6", 6, &[]),
            ("startIndex=1000000000000", 1_000_000_000_000_i64, &[]),
            ("startIndex=0&count=1", 1, &["ada"]),
            ("startindex=-5&COUNT=1", 1, &["ada"]),
            ("count=0", 1, &[]),
            ("count=-1", 1, &[]),
            ("count=1000000000000000000", 1, &["ada", "Bob", "cleo", "dan", "eve"]),
            ("nosuch=1&count=1", 1, &["ada"]),
        ] {
            for filter in ["", "&filter=userName+pr"] {
                let page = app.scim.get(&format!("/Users?{query}{filter}")).await;
                assert_eq!(page.ok(200).names(), names, "{query}");
                assert_eq!(page.body["totalResults"], 5, "{query}");
                assert_eq!(page.body["startIndex"], start, "{query}");
                assert_eq!(page.body["itemsPerPage"], names.len(), "{query}");
                assert_eq!(page.body["schemas"], json!([LIST]));
            }
        }
        for query in ["count=x", "startIndex=1.5", "count=", "startIndex=99999999999999999999", "count=1&count=2"] {
            app.scim.get(&format!("/Users?{query}")).await.refused(400, Some("invalidValue"));
        }
    }

    async fn a_page_is_never_larger_than_the_tenant_allows(app) {
        let acme = app.tenant("acme", json!({"pagination": {"defaultCount": 2, "maxCount": 3}})).await;
        people(&acme).await;
        assert_eq!(acme.get("/Users").await.ok(200).names().len(), 2);
        let page = acme.get("/Users?count=100").await;
        assert_eq!((page.ok(200).names().len(), &page.body["itemsPerPage"]), (3, &json!(3)));
        let config = acme.get("/ServiceProviderConfig").await;
        assert_eq!(config.ok(200).body["filter"]["maxResults"], 3);
    }

    async fn projection_shows_what_was_asked_for(app) {
        people(&app.scim).await;
        let ada = app.scim.filter("/Users", "userName eq \"ada\"").await.body["Resources"][0].clone();
        let path = format!("/Users/{}", ada["id"].as_str().unwrap());
        let keys = |body: &Value| {
            let mut keys: Vec<String> = body.as_object().unwrap().keys().cloned().collect();
            keys.sort();
            keys
        };
        for (query, expected) in [
            ("attributes=userName", vec!["id", "schemas", "userName"]),
            ("attributes=USERNAME, title", vec!["id", "schemas", "title", "userName"]),
            ("attributes=nosuch", vec!["id", "schemas"]),
            ("attributes=password", vec!["id", "schemas"]),
            ("attributes=urn:ietf:params:scim:schemas:core:2.0:User:title", vec!["id", "schemas", "title"]),
            ("attributes=urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", vec!["id", "schemas", ENTERPRISE]),
            ("excludedAttributes=id,schemas,meta,emails,name,active,displayName,title,externalId", vec!["id", "schemas", ENTERPRISE, "userName"]),
        ] {
            let query = encode(query).replace("%3D", "=").replace("%2C", ",");
            let seen = app.scim.get(&format!("{path}?{query}")).await;
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(keys(&seen.ok(200).body), expected, "{query}");
            let listed = app.scim.get(&format!("/Users?{query}&filter=userName%20eq%20%22ada%22")).await;
            assert_eq!(listed.ok(200).body["Resources"][0], seen.body, "{query}");
        }
        let part = app.scim.get(&format!("{path}?attributes=emails.value,name.familyName,{ENTERPRISE}:department")).await;
        assert_eq!(part.ok(200).body["emails"], json!([{"value": "ada@home.example"}, {"value": "ADA@work.example"}]));
        assert_eq!(part.body["name"], json!({"familyName": "Lovelace"}));
        assert_eq!(part.body[ENTERPRISE], json!({"department": "Engines"}));
        app.scim.get(&format!("{path}?attributes=a&excludedAttributes=b")).await.refused(400, Some("invalidValue"));
        let search = json!({"schemas": [SEARCH], "attributes": ["userName"], "filter": "title pr", "sortBy": "title", "count": 1});
        let found = app.scim.post("/Users/.search", search).await;
        assert_eq!(keys(&found.ok(200).body["Resources"][0]), ["id", "schemas", "userName"]);
        assert_eq!(found.body["totalResults"], 3);
    }

    async fn projection_goes_with_writes_too(app) {
        let body = json!({"schemas": [USER], "userName": "ada", "title": "Countess"});
        let created = app.scim.post("/Users?attributes=userName", body).await;
        assert!(created.ok(201).body.get("title").is_none());
        let path = format!("/Users/{}", created.id());
        let put = app.scim.put(&format!("{path}?excludedAttributes=title"), json!({"schemas": [USER], "userName": "ada", "title": "x"})).await;
        assert!(put.ok(200).body.get("title").is_none());
        let operations = json!([{"op": "replace", "path": "title", "value": "y"}]);
        let patched = app.scim.with("Prefer", "return=minimal").operate(&format!("{path}?attributes=title"), operations).await;
        assert_eq!(patched.ok(200).body["title"], "y");
    }

    async fn a_search_says_that_it_is_one(app) {
        for body in [json!({}), json!({"schemas": []}), json!({"schemas": [USER]}), json!({"filter": "userName pr"})] {
            app.scim.post("/Users/.search", body.clone()).await.refused(400, Some("invalidSyntax"));
            app.scim.post("/.search", body).await.refused(400, Some("invalidSyntax"));
        }
        let bad = json!({"schemas": [SEARCH], "filter": "userName eq"});
        app.scim.post("/Users/.search", bad).await.refused(400, Some("invalidFilter"));
        let bad = json!({"schemas": [SEARCH], "count": "5"});
        app.scim.post("/Users/.search", bad).await.refused(400, Some("invalidValue"));
    }

    async fn at_the_root_an_unknown_attribute_has_no_value(app) {
        people(&app.scim).await;
        assert_eq!(app.scim.filter("", "nosuch eq \"x\"").await.ok(200).body["totalResults"], 0);
        assert_eq!(app.scim.filter("", "nosuch pr or userName eq \"eve\"").await.ok(200).names(), ["eve"]);
    }
}
