//! Input made to kill: nesting, length, numbers of terms. The server lives, the next request works, nothing has changed.

use serde_json::json;

use crate::support::client::{USER, encode};
use crate::support::connection::exchange;
use crate::support::{Answer, Client, TestApp};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Filters that no parser should follow to their end.
fn bombs() -> Vec<(&'static str, String)> {
    let mut bombs = Vec::new();
    for deep in [60, 4_000, 100_000] {
        bombs.extend([
            ("parentheses", "(".repeat(deep)),
            (
                "closed parentheses",
                format!("{}userName pr{}", "(".repeat(deep), ")".repeat(deep)),
            ),
            (
                "not",
                format!("{}userName pr{}", "not (".repeat(deep), ")".repeat(deep)),
            ),
            ("not without room", "not(".repeat(deep)),
            ("brackets", "emails[".repeat(deep)),
            ("bare brackets", "[".repeat(deep)),
            (
                "closed brackets",
                format!("{}type pr{}", "emails[".repeat(deep), "]".repeat(deep)),
            ),
            ("mixed", "(not (emails[".repeat(deep / 3)),
            ("only closing", ")".repeat(deep)),
        ]);
    }
    for long in [200, 20_000] {
        bombs.extend([
            (
                "and",
                format!("userName pr{}", " and userName pr".repeat(long)),
            ),
            (
                "or",
                format!("userName eq \"a\"{}", " or userName eq \"a\"".repeat(long)),
            ),
            (
                "and or",
                format!(
                    "userName pr{}",
                    " and userName pr or userName pr".repeat(long)
                ),
            ),
            ("terms that never end", "userName pr and ".repeat(long)),
            ("dots", format!("name{} eq 1", ".givenName".repeat(long))),
            ("colons", format!("{}userName eq 1", "urn:".repeat(long))),
        ]);
    }
    bombs.extend([
        ("a long name", format!("{} pr", "a".repeat(100_000))),
        (
            "a long value",
            format!("userName eq \"{}\"", "a".repeat(100_000)),
        ),
        (
            "escapes",
            format!("userName eq \"{}\"", "\\".repeat(100_001)),
        ),
        ("quotes", "\"".repeat(100_000)),
        ("room", format!("userName{}pr", " ".repeat(100_000))),
        ("digits", format!("userName eq {}", "9".repeat(100_000))),
        (
            "a deep beginning and a bad end",
            format!("{}userName pr{} and !", "(".repeat(49), ")".repeat(49)),
        ),
        (
            "many terms and a bad end",
            format!("userName pr{} and ]", " and userName pr".repeat(90)),
        ),
    ]);
    bombs
}

async fn three(app: &TestApp) -> String {
    for name in ["ada", "bob", "eve"] {
        app.scim.create(json!({"userName": name, "emails": [{"value": format!("{name}@example.com"), "type": "work"}]})).await;
    }
    app.scim.get("/Users").await.ok(200).text.clone()
}

/// Asks with a filter in a URL; a URL that is too long may end the connection.
async fn by_get(client: &Client, path: &str, filter: &str) -> Option<Answer> {
    let authorization = &client.headers[0].1;
    let request = format!(
        "GET /scim/v2{path}?filter={} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {authorization}\r\n\r\n",
        encode(filter)
    );
    exchange(client.address, request.as_bytes()).await
}

async fn by_search(client: &Client, path: &str, filter: &str) -> Answer {
    client
        .post(
            &format!("{path}/.search"),
            json!({"schemas": [SEARCH], "filter": filter}),
        )
        .await
}

/// 400, or, at the root, nobody: what no type has, nobody has (RFC 7644 §3.4.2.1).
#[track_caller]
fn refused_or_nothing(answer: &Answer, path: &str, name: &str) {
    if path.is_empty() && answer.status == 200 {
        assert_eq!(answer.body["totalResults"], 0, "{name}: {}", answer.text);
    } else {
        answer.refused(400, Some("invalidFilter"));
    }
}

stories! {
    async fn filters_made_to_kill_are_refused_and_the_server_lives(app) {
        let before = three(&app).await;
        for (name, filter) in bombs() {
            let too_long = filter.len() > 16_000;
            for path in ["/Users", ""] {
                let got = by_get(&app.scim, path, &filter).await;
                if too_long {
                    let status = got.map_or(400, |answer| answer.status);
                    assert!([400, 414, 431].contains(&status), "{name}: {status}");
                } else {
                    refused_or_nothing(&got.unwrap(), path, name);
                }
                refused_or_nothing(&by_search(&app.scim, path, &filter).await, path, name);
            }
        }
        assert_eq!(app.scim.get("/Users").await.ok(200).text, before);
    }

    async fn paths_of_a_patch_made_to_kill_are_refused_too(app) {
        let before = three(&app).await;
        let id = app.scim.filter("/Users", "userName eq \"ada\"").await.body["Resources"][0]["id"].as_str().unwrap().to_owned();
        let at = format!("/Users/{id}");
        for (name, filter) in bombs() {
            let enough = if filter.len() > 16_000 { 1 } else { 3 };
            for path in [filter.clone(), format!("emails[{filter}]"), format!("emails[{filter}].value"), format!("emails[type eq \"work\"]{filter}")] {
                for op in ["replace", "add", "remove"].into_iter().take(enough) {
                    let answer = app.scim.operate(&at, json!([{"op": op, "path": path, "value": "x"}])).await;
                    assert_eq!(answer.status, 400, "{name}: {}", answer.text);
                    let kind = answer.body["scimType"].as_str().unwrap_or_default();
                    assert!(["invalidPath", "invalidFilter"].contains(&kind), "{name}: {}", answer.text);
                }
            }
        }
        assert_eq!(app.scim.get("/Users").await.ok(200).text, before);
    }

    async fn as_much_as_is_allowed_is_answered(app) {
        three(&app).await;
        let nested = |deep: usize| format!("{}userName eq \"ada\"{}", "(".repeat(deep), ")".repeat(deep));
        let terms = |many: usize| format!("userName eq \"ada\"{}", " or userName eq \"ada\"".repeat(many - 1));
        for filter in [nested(40), terms(90), format!("not (not ({}))", nested(30))] {
            assert_eq!(app.scim.filter("/Users", &filter).await.ok(200).names(), ["ada"], "{filter}");
            assert_eq!(by_search(&app.scim, "/Users", &filter).await.ok(200).names(), ["ada"], "{filter}");
        }
    }

    async fn a_filter_that_is_refused_shows_nobody(app) {
        let before = three(&app).await;
        for filter in [
            "", " ", "userName", "userName eq", "eq \"ada\"", "userName eq ada", "userName eq 'ada'", "userName == \"ada\"", "userName eq \"ada", "userName eq \"ada\" and", "and userName pr",
            "userName pr or", "userName pr userName pr", "(userName pr", "userName pr)", "()", "not", "not userName pr", "not ()", "userName xx \"a\"", "userName eq \"a\" \"b\"",
            "nobody eq \"a\"", "name.nobody eq \"a\"", "urn:nobody:userName eq \"a\"", "emails[", "emails[]", "emails[type eq]", "emails[nobody eq \"x\"]", "userName[value eq \"a\"]",
            "active gt true", "active eq \"yes\"", "active co \"t\"", "meta.created gt \"yesterday\"", "emails[type eq \"work\"", "emails type eq \"work\"]", "userName eq \"\\x\"",
            "1 eq 1", "\"a\" eq \"a\"", "true", "*", "%", "userName eq \"a\u{0}\"", "userName\u{0} pr", "userName eq \"\\ud800\"", "userName eq {}", "userName eq [1]", "userName eq 1e999",
            "password eq \"x\"", "PASSWORD pr", "not (password pr)", "userName pr and password sw \"a\"",
        ] {
            for path in ["/Users", ""] {
                refused_or_nothing(&by_get(&app.scim, path, filter).await.unwrap(), path, filter);
                let answer = by_search(&app.scim, path, filter).await;
                // U+0000 is no JSON that is taken.
                if filter.contains('\u{0}') {
                    answer.refused(400, Some("invalidSyntax"));
                } else {
                    refused_or_nothing(&answer, path, filter);
                }
            }
        }
        assert_eq!(app.scim.get("/Users").await.ok(200).text, before);
    }

    async fn json_without_an_end_is_refused_everywhere(app) {
        let before = three(&app).await;
        let id = app.scim.get("/Users").await.body["Resources"][0]["id"].as_str().unwrap().to_owned();
        let at = format!("@/scim/v2/Users/{id}");
        let admin = app.admin();
        let million = 1_000_000;
        let many: String = (0..200_000).map(|n| format!("\"m{n}\":1,")).collect();
        let mut bodies = vec![
            "[".repeat(million), "{\"a\":".repeat(million), format!("{{\"a\":{}", "[".repeat(million)), format!("{}{}", "[".repeat(million), "]".repeat(million)),
            format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"x\",\"name\":{}1{}}}", "{\"a\":".repeat(million), "}".repeat(million)), "\"".repeat(million), "[[],".repeat(million),
            format!("{{{many}\"M7\":2}}"),
        ];
        for deep in [33, 127, 128, 129, 10_000] {
            bodies.push(format!("{{\"schemas\":[\"{USER}\"],\"userName\":\"x\",\"x\":{}{}}}", "[".repeat(deep), "]".repeat(deep)));
        }
        for body in &bodies {
            let targets = [
                (&app.scim, "POST", "@/scim/v2/Users"), (&app.scim, "PATCH", &*at), (&app.scim, "POST", "@/scim/v2/Users/.search"), (&admin, "POST", "@/admin/v1/tenants"),
                (&app.scim, "PUT", &at), (&app.scim, "POST", "@/scim/v2/.search"), (&admin, "PATCH", "@/admin/v1/tenants/default"), (&admin, "POST", "@/admin/v1/tenants/default/tokens"),
            ];
            // The largest go once to each kind of body, the others to every place that takes one.
            let enough = if body.len() > 100_000 { 4 } else { targets.len() };
            for (client, method, path) in targets.into_iter().take(enough) {
                let answer = client.send(method, path, body.as_bytes()).await;
                assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
                assert!(answer.text.len() < 1000, "{}", answer.text.len());
                if !path.starts_with("@/admin") {
                    answer.refused(400, Some("invalidSyntax"));
                }
            }
        }
        assert_eq!(app.scim.get("/Users").await.ok(200).text, before);
    }

    async fn values_of_any_size_and_number_are_taken_or_refused(app) {
        let before = three(&app).await;
        let deep = (0..20).fold(json!("x"), |inner, _| json!({"a": inner}));
        let long = "x".repeat(1_000_000);
        let many: Vec<_> = (0..3_000).map(|n| json!({"value": format!("{n}@example.com"), "type": format!("t{n}")})).collect();
        for body in [
            json!({"schemas": [USER], "userName": deep}), json!({"schemas": [USER], "userName": ["a"]}), json!({"schemas": [USER], "userName": 1}), json!({"schemas": [USER], "userName": true}),
            json!({"schemas": [USER], "userName": "x", "active": "perhaps"}), json!({"schemas": [USER], "userName": "x", "emails": "a@b"}), json!({"schemas": [USER], "userName": "x", "name": "y"}),
            json!({"schemas": USER, "userName": {"a": 1}}), json!({"schemas": [USER], "userName": "x", "emails": [1e300]}), json!({"schemas": [[USER]], "userName": "x"}),
            json!({"schemas": [USER], "userName": "x", "meta": 1, "name": []}),
        ] {
            let answer = app.scim.post("/Users", body.clone()).await;
            if answer.status == 201 {
                app.scim.delete(&format!("/Users/{}", answer.id())).await.ok(204);
            } else {
                assert_eq!(answer.status, 400, "{body}: {}", answer.text);
            }
        }
        for body in [json!({"schemas": [USER], "userName": long}), json!({"schemas": [USER], "userName": "many", "emails": many}), json!({"schemas": [USER], "userName": "title", "title": long})] {
            let answer = app.scim.post("/Users", body.clone()).await;
            if answer.status == 201 {
                let at = format!("/Users/{}", answer.id());
                assert_eq!(app.scim.get(&at).await.ok(200).text, answer.text);
                app.scim.post("/Users", body).await.refused(409, Some("uniqueness"));
                app.scim.delete(&at).await.ok(204);
            } else {
                answer.refused(400, Some("invalidValue"));
            }
        }
        assert_eq!(app.scim.get("/Users").await.ok(200).text, before);
    }

    async fn patches_of_many_operations_end(app) {
        three(&app).await;
        let made = app.scim.create(json!({"userName": "patched"})).await;
        let at = format!("/Users/{}", made.id());
        let operations: Vec<_> = (0..500).map(|n| json!({"op": "add", "path": "emails", "value": [{"value": format!("{n}@example.com"), "type": "work"}]})).collect();
        let answer = app.scim.patch(&at, json!({"schemas": [PATCH_OP], "Operations": operations})).await;
        answer.ok(200);
        let too_many = vec![json!({"op": "add", "path": "title", "value": "x"}); 1_001];
        let refused = app.scim.patch(&at, json!({"schemas": [PATCH_OP], "Operations": too_many})).await;
        assert!(refused.refused(413, None).text.contains("1000"), "{}", refused.text);
        let mut spoilt = operations;
        spoilt.push(json!({"op": "replace", "path": "active", "value": "perhaps"}));
        let before = app.scim.get(&at).await.text;
        app.scim.patch(&at, json!({"schemas": [PATCH_OP], "Operations": spoilt})).await.refused(400, Some("invalidValue"));
        assert_eq!(app.scim.get(&at).await.ok(200).text, before);
    }

    async fn urls_and_headers_without_an_end_are_refused(app) {
        let before = three(&app).await;
        let bearer = format!("Authorization: Bearer {}\r\n", app.token);
        let headers: String = (0..5_000).map(|n| format!("X-H{n}: {n}\r\n")).collect();
        let parameters: String = (0..5_000).map(|n| format!("p{n}={n}&")).collect();
        for (target, more) in [
            (format!("/scim/v2/Users/{}", "a".repeat(60_000)), String::new()), (format!("/scim/v2/Users/{}", "a".repeat(1 << 20)), String::new()),
            (format!("/scim/v2/Users?x={}", "a".repeat(1 << 20)), String::new()), (format!("/scim/v2{}", "/a".repeat(30_000)), String::new()), (format!("/scim/v2/Users/{}", "%41".repeat(20_000)), String::new()),
            (format!("/{}scim/v2/Nobody", "/".repeat(30_000)), String::new()), ("/scim/v2/Nobody".to_owned(), headers.clone()), ("/scim/v2/Nobody".to_owned(), format!("X: {}\r\n", "a".repeat(1 << 20))),
            (format!("/scim/v2/Nobody?{parameters}"), String::new()),
        ] {
            let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{bearer}{more}\r\n");
            let status = exchange(app.address, request.as_bytes()).await.map_or(400, |answer| answer.status);
            let shown: String = target.chars().take(40).collect();
            assert!([400, 404, 413, 414, 431].contains(&status), "{shown}: {status}");
        }
        let attributes = vec!["userName"; 5_000].join(",");
        let wide = app.scim.get(&format!("/Users?attributes={attributes}")).await;
        assert!([200, 400, 414].contains(&wide.status), "{}", wide.status);
        assert_eq!(app.scim.get("/Users").await.ok(200).text, before);
    }
}
