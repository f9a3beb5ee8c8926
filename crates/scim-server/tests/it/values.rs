//! Values made to be misread: by SQL, by LIKE, by Unicode, by a decoder of paths.

use serde_json::{Value, json};

use crate::support::client::{ENTERPRISE, USER, encode};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// What has broken out of SQL texts elsewhere.
const INJECTIONS: [&str; 14] = [
    "'",
    "''",
    "\"",
    "';",
    "' OR '1'='1",
    "'; DROP TABLE resource; --",
    "\\'; DELETE FROM tenant; --",
    "1) UNION SELECT digest FROM token --",
    "$1",
    "?1",
    "%27%20OR%201=1",
    "/* */",
    "E'\\x27'",
    "x' || (SELECT value FROM setting) || '",
];

/// Names that are one name, and must be told so by both databases alike.
const SAME: [(&str, &str); 15] = [
    ("kelvin", "\u{212a}elvin"),
    ("\u{e9}ric", "e\u{301}ric"),
    ("\u{c9}RIC2", "\u{e9}ric2"),
    ("stra\u{df}e", "STRASSE"),
    ("\u{fb01}sh", "fish"),
    ("\u{3a3}\u{3b1}\u{3c2}", "\u{3c3}\u{3b1}\u{3c3}"),
    ("\u{ff21}\u{ff24}\u{ff21}", "ada"),
    ("\u{c4}B", "a\u{308}b"),
    ("\u{1e9e}x", "ssx"),
    ("\u{17f}ew", "sew"),
    ("\u{2460}", "1"),
    ("\u{210c}", "h"),
    ("\u{1d400}da4", "ada4"),
    ("\u{3a9}m", "\u{2126}m"),
    ("\u{b5}g", "\u{3bc}g"),
];

/// Names that look alike and are two.
const OTHER: [(&str, &str); 6] = [
    ("\u{131}lk", "ilk"),
    ("p\u{430}ul", "paul"),
    ("a b", "ab"),
    ("o\u{308}k", "ok"),
    ("\u{2010}x", "-x"),
    ("l1", "ll"),
];

/// `%XX` of a byte.
fn percent(byte: u8) -> String {
    format!("%{byte:02X}")
}

/// Values over what LIKE and its escapes read: every one and every two of them, with and without a letter.
fn like_values() -> Vec<String> {
    let signs = ["%", "_", "\\", "'", "\"", "a", "A", "*"];
    let mut values: Vec<String> = Vec::new();
    for one in signs {
        values.push(one.to_owned());
        values.push(format!("a{one}b"));
        for two in ["%", "_", "\\", "a"] {
            values.push(format!("{one}{two}"));
        }
    }
    values.extend(
        [
            "a%b_c\\d", "100%", "\\%", "\\\\", "%%%", "___", "a\\", "\\_x", "[a-z]", "a.b",
        ]
        .map(str::to_owned),
    );
    values.sort();
    values.dedup();
    values
}

/// What a filter means: letter case does not count for this attribute, every other character does.
fn holds(operator: &str, value: &str, wanted: &str) -> bool {
    let (value, wanted) = (value.to_lowercase(), wanted.to_lowercase());
    match operator {
        "eq" => value == wanted,
        "ne" => value != wanted,
        "co" => value.contains(&wanted),
        "sw" => value.starts_with(&wanted),
        _ => value.ends_with(&wanted),
    }
}

stories! {
    async fn signs_of_like_are_letters_like_any_other(app) {
        let values = like_values();
        let mut all = Vec::new();
        for (nth, value) in values.iter().enumerate() {
            let name = format!("user{nth:03}");
            app.scim.create(json!({"userName": name, "nickName": value})).await;
            all.push((name, value.clone()));
        }
        let mut hits = 0;
        for wanted in &values {
            for operator in ["eq", "ne", "co", "sw", "ew"] {
                let filter = format!("nickName {operator} {}", Value::from(wanted.as_str()));
                let expected: Vec<&str> = all.iter().filter(|(_, value)| holds(operator, value, wanted)).map(|(name, _)| name.as_str()).collect();
                let found = app.scim.get(&format!("/Users?count=1000&attributes=userName&filter={}", encode(&filter))).await;
                let mut names = found.ok(200).names();
                names.sort();
                assert_eq!(names, expected, "{filter}");
                hits += names.len();
            }
        }
        assert!(hits > values.len() * 5, "{hits}");
    }

    async fn what_would_be_sql_is_text(app) {
        let control = app.scim.create(json!({"userName": "control"})).await;
        for (nth, evil) in INJECTIONS.into_iter().enumerate() {
            let made = app.scim.create(json!({"userName": format!("{evil}{nth}"), "externalId": evil, "title": evil, "emails": [{"value": evil, "type": evil}], ENTERPRISE: {"department": evil}})).await;
            let at = format!("/Users/{}", made.id());
            assert_eq!(app.scim.get(&at).await.ok(200).body, made.body);
            assert_eq!(made.body["title"], evil);
            for attribute in ["externalId", "title", "emails.value"] {
                for operator in ["eq", "sw", "co", "ew"] {
                    let filter = format!("{attribute} {operator} {} and userName eq {}", Value::from(evil), Value::from(format!("{evil}{nth}")));
                    assert_eq!(app.scim.filter("/Users", &filter).await.ok(200).body["totalResults"], 1, "{filter}");
                }
            }
            let text = encode(evil);
            app.scim.get(&format!("/Users?filter={text}")).await.refused(400, Some("invalidFilter"));
            app.scim.filter("/Users", &format!("userName{evil} eq \"x\"")).await.refused(400, Some("invalidFilter"));
            app.scim.get(&format!("/Users?count={text}")).await.refused(400, Some("invalidValue"));
            app.scim.get(&format!("/Users?startIndex={text}")).await.refused(400, Some("invalidValue"));
            for query in [format!("sortBy={text}"), format!("sortBy=userName&sortOrder={text}"), format!("attributes={text}"), format!("excludedAttributes={text}")] {
                let answer = app.scim.get(&format!("/Users?{query}")).await;
                assert!([200, 400].contains(&answer.status), "{query}: {}", answer.text);
            }
            for path in [format!("/Users/{text}"), format!("/Schemas/{text}"), format!("/ResourceTypes/{text}"), format!("/{text}")] {
                let answer = app.scim.get(&path).await;
                assert!([400, 404].contains(&answer.status), "{path}: {}", answer.text);
                answer.refused(answer.status, answer.body["scimType"].as_str());
            }
            let slug = app.admin().get(&format!("/tenants/{text}")).await;
            assert_eq!(slug.status, 404, "{}", slug.text);
            let cursor = app.admin().get(&format!("/tenants?cursor={text}")).await;
            assert!([200, 400].contains(&cursor.status), "{}", cursor.text);
            app.scim.operate(&at, json!([{"op": "replace", "path": "title", "value": format!("{evil}!")}])).await.ok(200);
            let tagged = app.scim.with("If-Match", &format!("W/\"{}\"", evil.replace(['"', '*'], "")));
            tagged.delete(&at).await.refused(412, None);
            app.scim.delete(&at).await.ok(204);
        }
        let all = app.scim.get("/Users").await;
        assert_eq!(all.ok(200).body["Resources"], json!([control.body]));
    }

    async fn names_that_are_one_name_meet_on_both_databases(app) {
        for (one, other) in SAME {

            for (first, second) in [(one, other), (other, one)] {
                let made = app.scim.post("/Users", json!({"schemas": [USER], "userName": first})).await;
                let at = format!("/Users/{}", made.ok(201).id());
                assert_eq!(made.body["userName"], first);
                app.scim.post("/Users", json!({"schemas": [USER], "userName": second})).await.refused(409, Some("uniqueness"));
                let found = app.scim.filter("/Users", &format!("userName eq {}", Value::from(second))).await;
                assert_eq!(found.ok(200).names(), [first]);
                // Its own other spelling is no conflict, and it is given back as sent.
                let renamed = app.scim.put(&at, json!({"schemas": [USER], "userName": second})).await;
                assert_eq!(renamed.ok(200).body["userName"], second);
                app.scim.delete(&at).await.ok(204);
            }
        }
    }

    async fn names_that_only_look_alike_are_two(app) {
        for (one, other) in OTHER {
            for name in [one, other] {
                app.scim.create(json!({"userName": name})).await;
            }
            for name in [one, other] {
                let found = app.scim.filter("/Users", &format!("userName eq {}", Value::from(name))).await;
                assert_eq!(found.ok(200).names(), [name]);
            }
        }
    }

    async fn text_comes_back_as_it_was_sent(app) {
        for (nth, text) in [
            "\u{1f600}", "\u{10ffff}", "\u{ffff}", "\u{feff}x", "\u{202e}abc", "a\u{200d}b", "\u{1}\u{7f}\u{80}", "\t\n\r", "\u{2028}\u{2029}", "e\u{301}\u{301}\u{301}", "</script>", "\\u0041", "\u{d7ff}\u{e000}",
        ].into_iter().enumerate() {
            let made = app.scim.create(json!({"userName": format!("text{nth}"), "title": text, "externalId": text})).await;
            assert_eq!(made.body["title"], text);
            let back = app.scim.get(&format!("/Users/{}", made.id())).await;
            assert_eq!(back.ok(200).body, made.body);
            let search = app.scim.post("/Users/.search", json!({"schemas": [SEARCH], "filter": format!("externalId eq {}", Value::from(text))})).await;
            assert_eq!(search.ok(200).names(), [format!("text{nth}")], "{text:?}");
        }
    }

    async fn an_id_of_any_bytes_is_404_and_never_a_mistake_of_ours(app) {
        let made = app.scim.create(json!({"userName": "ada"})).await;
        let id = made.id();
        for byte in 0..=255 {
            let sign = percent(byte);
            for spelling in [sign.clone(), format!("{id}{sign}"), format!("{sign}{id}"), format!("{sign}{sign}"), format!("%25{:02X}", byte)] {
                let path = format!("/Users/{spelling}");
                for method in ["GET", "PUT", "PATCH", "DELETE"] {
                    let body = if method == "PATCH" { "{\"schemas\":[\"urn:ietf:params:scim:api:messages:2.0:PatchOp\"],\"Operations\":[{\"op\":\"remove\",\"path\":\"title\"}]}" } else { "{\"schemas\":[\"urn:ietf:params:scim:schemas:core:2.0:User\"],\"userName\":\"x\"}" };
                    if method != "GET" && byte % 16 != 15 && byte > 47 {
                        continue;
                    }
                    let answer = app.scim.send(method, &path, if method == "GET" { b"" } else { body.as_bytes() }).await;
                    assert!([400, 404, 405].contains(&answer.status), "{method} {path}: {} {}", answer.status, answer.text);
                    answer.refused(answer.status, answer.body["scimType"].as_str());
                }
            }
        }
        for path in ["/Users/%", "/Users/%z", "/Users/%zz", "/Users/%4", "/Users/%u0041", "/Users/%C3%28", "/Users/%ED%A0%80", "/Users/%F0%28%8C%BC", "/Users/..%2F..%2Fetc%2Fpasswd", "/%00/%00", "/Users%00/x", "/%FF", "/Users/%FF/.search"] {
            let answer = app.scim.get(path).await;
            assert!([400, 404, 405].contains(&answer.status), "{path}: {}", answer.text);
        }
        assert_eq!(app.scim.get(&format!("/Users/{id}")).await.ok(200).body, made.body);
    }

    async fn a_path_of_a_patch_reaches_only_what_a_schema_has(app) {
        let made = app.scim.create(json!({"userName": "ada", "name": {"givenName": "Ada"}, "emails": [{"value": "a@example.com", "type": "work"}]})).await;
        let at = format!("/Users/{}", made.id());
        for path in [
            "__proto__", "__proto__.admin", "constructor", "constructor.prototype", "toString", "prototype", "nobody", "name.nobody", "name.__proto__", "emails.nobody", "emails[type eq \"work\"].nobody",
            "urn:nobody", "urn:nobody:userName", "urn:ietf:params:scim:schemas:core:2.0:Group:displayName", "urn:ietf:params:scim:api:messages:2.0:PatchOp", ".", "..", "name.", ".name", "name..givenName", "userName.x.y",
            " ", "userName userName", "/userName", "userName/", "#", "$", "*", "emails[", "emails]", "emails[]", "emails[type eq]", "emails[type eq \"work\"", "emails[type eq \"work\"]x", "emails[type eq \"work\"].",
            "emails[type eq \"work\"]]", "[type eq \"work\"]", "userName[value eq \"ada\"]", "name[givenName eq \"Ada\"].nobody", "tenant_id", "rid", "secret", "doc", "emails[0]", "emails.0", "emails[nobody eq \"x\"]",
            "userName\u{0}", "\u{0}", "userN\u{e4}me", "u\u{17f}erName",
        ] {
            for op in ["add", "replace", "remove"] {
                let answer = app.scim.operate(&at, json!([{"op": op, "path": path, "value": "x"}])).await;
                assert_eq!(answer.status, 400, "{op} {path:?}: {}", answer.text);
            }
        }
        for value in [json!({"__proto__": {"active": true}}), json!({"constructor": "x", "toString": "y"}), json!({"nobody": 1, "tenant_id": 2, "secret": "s"}), json!({"urn:nobody": {"a": 1}})] {
            let answer = app.scim.operate(&at, json!([{"op": "add", "value": value}])).await;
            assert!([200, 400].contains(&answer.status), "{}", answer.text);
        }
        assert_eq!(app.scim.get(&at).await.ok(200).body, made.body);
        // A selection of nothing selects nothing.
        for op in ["add", "replace", "remove"] {
            let answer = app.scim.operate(&at, json!([{"op": op, "path": "emails[type eq \"nobody\"].value", "value": "x"}])).await;
            if answer.status == 200 {
                assert_eq!(answer.body["emails"].as_array().unwrap().iter().filter(|one| one["type"] == "work").count(), 1);
                assert_eq!(answer.body["emails"].as_array().unwrap().iter().find(|one| one["type"] == "work").unwrap()["value"], "a@example.com");
            }
        }
    }
}
