//! Media types, encodings, methods and spellings. RFC 7644 §3.1, §3.8, §3.10, §3.12 and §3.13.

use serde_json::{Value, json};

use crate::support::client::{ENTERPRISE, USER, encode};
use crate::support::{Client, TestApp};

const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const PATCH_OP: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// Requests with a body that succeed again and again, as they stand.
async fn bodies(app: &TestApp) -> Vec<(&'static str, String, String, u16)> {
    let made = app.scim.create(json!({"userName": "sample"})).await;
    let at = format!("/Users/{}", made.id());
    let put = json!({"schemas": [USER], "userName": "sample"});
    let patch = json!({"schemas": [PATCH_OP], "Operations": [{"op": "replace", "path": "active", "value": true}]});
    let search = json!({"schemas": [SEARCH], "count": 1});
    vec![
        ("PUT", at.clone(), put.to_string(), 200),
        ("PATCH", at, patch.to_string(), 200),
        ("POST", "/Users/.search".to_owned(), search.to_string(), 200),
        ("POST", "/.search".to_owned(), search.to_string(), 200),
    ]
}

/// A body of so many users, so that each POST is a new one.
fn user(name: &str) -> Vec<u8> {
    json!({"schemas": [USER], "userName": name})
        .to_string()
        .into_bytes()
}

async fn users(client: &Client) -> Value {
    client.get("/Users?count=0").await.ok(200).body["totalResults"].clone()
}

stories! {
    async fn a_body_may_be_scim_json_or_json_or_untyped(app) {
        let bodies = bodies(&app).await;
        let fine = [
            None, Some("application/scim+json"), Some("application/json"), Some("application/json; charset=utf-8"),
            Some("application/scim+json;charset=UTF-8"), Some("APPLICATION/JSON"), Some("application/json; charset=\"utf-8\""), Some(""),
        ];
        for (nth, kind) in fine.into_iter().enumerate() {
            let client = kind.map_or_else(|| app.scim.clone(), |kind| app.scim.with("Content-Type", kind));
            client.send("POST", "/Users", &user(&format!("typed{nth}"))).await.ok(201);
            for (method, path, body, status) in &bodies {
                client.send(method, path, body.as_bytes()).await.ok(*status);
            }
        }
    }

    async fn another_media_type_is_415(app) {
        let bodies = bodies(&app).await;
        let before = users(&app.scim).await;
        for kind in [
            "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json",
            "application/merge-patch+json", "application/json-patch+json", "application/json; charset=iso-8859-1",
            "application/scim+json; charset=utf-16", "nonsense", "application/scim+jsonx",
        ] {
            let client = app.scim.with("Content-Type", kind);
            client.send("POST", "/Users", &user("never")).await.refused(415, None);
            for (method, path, body, _) in &bodies {
                client.send(method, path, body.as_bytes()).await.refused(415, None);
            }
        }
        assert_eq!(users(&app.scim).await, before);
    }

    async fn an_encoded_body_is_415(app) {
        for encoding in ["gzip", "br", "zstd", "deflate", "compress", "x-unknown", "gzip, identity"] {
            let client = app.scim.with("Content-Encoding", encoding).with("Content-Type", "application/scim+json");
            client.send("POST", "/Users", &user("never")).await.refused(415, None);
        }
        let plain = app.scim.with("Content-Encoding", "identity");
        plain.send("POST", "/Users", &user("plain")).await.ok(201);
        assert_eq!(users(&app.scim).await, 1);
    }

    async fn every_answer_is_scim_json_whatever_is_accepted(app) {
        let made = app.scim.create(json!({"userName": "ada"})).await;
        let at = format!("/Users/{}", made.id());
        for accept in ["application/scim+json", "application/json", "*/*", "text/html", "application/xml", "application/json;q=0.5, text/html", "garbage"] {
            let client = app.scim.with("Accept", accept);
            client.get(&at).await.ok(200);
            client.get("/Users").await.ok(200);
            client.get("/ServiceProviderConfig").await.ok(200);
            client.get("/Schemas").await.ok(200);
            client.get("/Users/unknown").await.refused(404, None);
            client.send("DELETE", "/Users", b"").await.refused(405, None);
            client.post("/Users", json!({"schemas": [USER]})).await.refused(400, Some("invalidValue"));
            client.post("/Users", json!({"schemas": [USER], "userName": "ADA"})).await.refused(409, Some("uniqueness"));
            client.with("If-Match", "W/\"999\"").delete(&at).await.refused(412, None);
            client.post("/Bulk", json!({})).await.refused(501, None);
            client.get("/Me").await.refused(501, None);
            client.with("Content-Type", "text/plain").send("POST", "/Users", b"{}").await.refused(415, None);
        }
    }

    async fn a_body_that_is_not_json_is_invalid_syntax(app) {
        let bodies = bodies(&app).await;
        let before = app.scim.get("/Users").await.text;
        let twice = |member: &str, again: &str| format!("{{\"schemas\":[\"{USER}\"],\"{member}\":\"a\",\"{again}\":\"b\"}}").into_bytes();
        let wrong: Vec<Vec<u8>> = vec![
            b"".to_vec(), b" ".to_vec(), b"{".to_vec(), b"}".to_vec(), b"{}x".to_vec(), b"{}{}".to_vec(), b"[]".to_vec(), b"[{}]".to_vec(), b"1".to_vec(),
            b"null".to_vec(), b"true".to_vec(), b"\"text\"".to_vec(), b"{'a':1}".to_vec(), b"{\"a\":1,}".to_vec(), b"{\"a\":NaN}".to_vec(),
            b"{\"a\":1e999}".to_vec(), b"{\"a\":-1e999}".to_vec(), b"{\"a\":01}".to_vec(), b"{a:1}".to_vec(), b"<xml/>".to_vec(), b"a=1".to_vec(),
            b"\xef\xbb\xbf{}".to_vec(), b"{\"a\":\"\xff\"}".to_vec(), b"{\"a\xc3\x28\":1}".to_vec(), b"{\"a\":\"\xed\xa0\x80\"}".to_vec(), b"{\"a\":\"\xc0\xaf\"}".to_vec(),
            b"{\"a\":\"\\ud800\"}".to_vec(), b"{\"a\":\"\\udc00\\ud800\"}".to_vec(), b"{\"a\":\"\\u0000\"}".to_vec(), b"{\"a\\u0000\":1}".to_vec(), b"{\"a\":\"\0\"}".to_vec(),
            b"{\"a\":\"\n\"}".to_vec(), b"\xff\xfe{\0}\0".to_vec(), b"{\"a\":1 \"b\":2}".to_vec(),
            twice("userName", "userName"), twice("userName", "username"), twice("USERNAME", "userName"), twice("active", "Active"),
            b"{\"name\":{\"givenName\":\"a\",\"GIVENNAME\":\"b\"}}".to_vec(), b"{\"Operations\":[],\"operations\":[]}".to_vec(),
        ];
        for body in &wrong {
            for client in [app.scim.clone(), app.scim.with("Content-Type", "application/json")] {
                client.send("POST", "/Users", body).await.refused(400, Some("invalidSyntax"));
                for (method, path, _, _) in &bodies {
                    client.send(method, path, body).await.refused(400, Some("invalidSyntax"));
                }
            }
        }
        assert_eq!(app.scim.get("/Users").await.text, before);
    }

    async fn duplicates_are_refused_for_every_attribute_in_every_letter_case(app) {
        let schema = app.scim.get(&format!("/Schemas/{USER}")).await.body;
        for attribute in schema["attributes"].as_array().unwrap() {
            let name = attribute["name"].as_str().unwrap();
            for again in [name.to_owned(), name.to_uppercase(), name.to_lowercase()] {
                let body = format!("{{\"schemas\":[\"{USER}\"],\"{name}\":null,\"x\":1,\"{again}\":null}}");
                app.scim.send("POST", "/Users", body.as_bytes()).await.refused(400, Some("invalidSyntax"));
            }
        }
        assert_eq!(users(&app.scim).await, 0);
    }

    async fn names_are_read_in_any_letter_case_and_written_in_one(app) {
        let body = json!({
            "SCHEMAS": [USER.to_uppercase(), ENTERPRISE.to_lowercase()], "USERNAME": "ada", "Name": {"GIVENNAME": "Ada"},
            "eMails": [{"VALUE": "ada@example.com", "TYPE": "work", "Primary": true}], ENTERPRISE.to_uppercase(): {"DEPARTMENT": "Engines"}
        });
        let made = app.scim.post("/Users", body).await;
        let at = format!("/Users/{}", made.ok(201).id());
        assert_eq!(made.body["schemas"], json!([USER, ENTERPRISE]));
        assert_eq!(made.body["userName"], "ada");
        assert_eq!(made.body["name"]["givenName"], "Ada");
        assert_eq!(made.body["emails"], json!([{"value": "ada@example.com", "type": "work", "primary": true}]));
        assert_eq!(made.body[ENTERPRISE]["department"], "Engines");
        for filter in ["USERNAME eq \"ada\"", "Name.GIVENNAME Eq \"Ada\"", "EMAILS[TYPE EQ \"work\" AND VALUE CO \"ada\"]", &format!("{}:Department sw \"Eng\"", ENTERPRISE.to_uppercase())] {
            assert_eq!(app.scim.filter("/Users", filter).await.ok(200).names(), ["ada"], "{filter}");
        }
        let seen = app.scim.get(&format!("{at}?ATTRIBUTES=USERNAME,NAME.givenname")).await;
        assert_eq!(seen.ok(200).body["userName"], "ada");
        assert_eq!(seen.body["name"]["givenName"], "Ada");
        assert!(seen.body.get("emails").is_none());
        app.scim.get("/Users?SORTBY=USERNAME&SortOrder=Descending").await.ok(200);
        let patched = app.scim.patch(&at, json!({"SCHEMAS": [PATCH_OP.to_uppercase()], "OPERATIONS": [{"OP": "Replace", "PATH": "NAME.FAMILYNAME", "VALUE": "Lovelace"}]})).await;
        assert_eq!(patched.ok(200).body["name"], json!({"familyName": "Lovelace", "givenName": "Ada"}));
    }

    async fn order_does_not_matter(app) {
        let made = app.scim.post("/Users", json!({ENTERPRISE: {"department": "E"}, "userName": "ada", "schemas": [ENTERPRISE, USER]})).await;
        let at = format!("/Users/{}", made.ok(201).id());
        let again = app.scim.put(&at, json!({"schemas": [USER, ENTERPRISE], "userName": "ada", ENTERPRISE: {"department": "E"}})).await;
        assert_eq!(again.ok(200).body, made.body);
    }

    async fn only_version_2_is_served(app) {
        for path in ["@/scim/v3/Users", "@/scim/v1/Users", "@/v1/Users", "@/V3/Users", "@/scim/v2/v3/Users", "@/t/default/scim/v3/Users", "@/scim/v20/Users", "@/scim/v3"] {
            let answer = app.scim.get(path).await;
            assert!([400, 404].contains(&answer.status), "{path}: {}", answer.text);
            answer.refused(answer.status, (answer.status == 400).then_some("invalidVers"));
            app.nobody().get(path).await.refused(401, None);
        }
    }

    async fn unknown_parameters_are_ignored(app) {
        let made = app.scim.create(json!({"userName": "ada"})).await;
        let at = format!("/Users/{}", made.id());
        for query in ["aadOptscim062020=1", "foo=bar&foo=baz", "api-version=2.0&$top=1", "a=%ff", "%C3%28=1", "=&&=="] {
            assert_eq!(app.scim.get(&format!("{at}?{query}")).await.ok(200).body["userName"], "ada");
            assert_eq!(app.scim.get(&format!("/Users?{query}")).await.ok(200).body["totalResults"], 1);
            let patched = app.scim.operate(&format!("{at}?{query}"), json!([{"op": "add", "path": "active", "value": true}])).await;
            assert_eq!(patched.ok(200).body["active"], true);
            app.scim.operate(&at, json!([{"op": "remove", "path": "active"}])).await.ok(200);
            let again = app.scim.post(&format!("/Users?{query}"), json!({"schemas": [USER], "userName": "eve"})).await;
            app.scim.delete(&format!("/Users/{}?{query}", again.ok(201).id())).await.ok(204);
        }
    }

    async fn numbers_that_are_not_whole_are_no_integers(app) {
        for value in ["1.0", "1e0", "1e3", "one", "0x1", "9223372036854775808", "1e999", "%2B", "1,0", "null"] {
            for name in ["count", "startIndex"] {
                app.scim.get(&format!("/Users?{name}={value}")).await.refused(400, Some("invalidValue"));
            }
        }
        for value in ["1.0", "1e0", "1.5", "\"1\"", "true", "[1]", "{}", "1e30", "9223372036854775808"] {
            let body = format!("{{\"schemas\":[\"{SEARCH}\"],\"count\":{value}}}");
            let answer = app.scim.send("POST", "/Users/.search", body.as_bytes()).await;
            assert_eq!(answer.status, 400, "{value}: {}", answer.text);
        }
        app.scim.get("/Users?count=1&startIndex=1").await.ok(200);
    }

    async fn huge_and_negative_pages_are_harmless(app) {
        for name in 0..3 {
            app.scim.create(json!({"userName": format!("u{name}")})).await;
        }
        for (query, seen) in [
            ("count=0", 0), ("count=-1", 0), ("count=-9223372036854775808", 0), ("count=2147483648", 3), ("count=1000000000000000000", 3), ("count=9223372036854775807", 3),
            ("startIndex=0", 3), ("startIndex=-5", 3), ("startIndex=4", 0), ("startIndex=9223372036854775807", 0), ("startIndex=9223372036854775807&count=9223372036854775807", 0),
            ("startIndex=-9223372036854775808&count=2", 2),
        ] {
            for path in ["/Users", "", "/Users?filter=userName%20pr&", "/Users?sortBy=userName&"] {
                let glue = if path.ends_with('&') { "" } else { "?" };
                let answer = app.scim.get(&format!("{path}{glue}{query}")).await;
                assert_eq!(answer.ok(200).body["totalResults"], 3, "{path} {query}");
                let found = answer.body["Resources"].as_array().map_or(0, Vec::len);
                assert_eq!(found, seen, "{path} {query}");
            }
        }
    }

    async fn a_method_that_is_not_offered_is_405_and_says_which_are(app) {
        let made = app.scim.create(json!({"userName": "ada"})).await;
        let one = format!("/Users/{}", made.id());
        for (path, allow) in [(one.as_str(), "GET, PUT, PATCH, DELETE"), ("/Users", "GET, POST"), ("/Users/.search", "POST"), ("/.search", "POST"), ("", "GET")] {
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "PROPFIND", "get"] {
                if allow.split(", ").any(|one| one == method) {
                    continue;
                }
                let answer = app.scim.send(method, path, b"").await;
                assert_eq!(answer.refused(405, None).header("allow"), Some(allow), "{method} {path}");
            }
        }
        assert_eq!(app.scim.get(&one).await.ok(200).body, made.body);
    }

    async fn an_answer_to_head_has_no_body(app) {
        for path in ["/Users", "/ServiceProviderConfig", "/Users/unknown"] {
            let answer = app.scim.send("HEAD", path, b"").await;
            assert_eq!(answer.text, "", "{path}");
            assert!([200, 404, 405].contains(&answer.status), "{path}: {}", answer.status);
        }
    }

    async fn every_spelling_of_an_endpoint_is_the_same(app) {
        let made = app.scim.create(json!({"userName": "ada"})).await;
        let id = made.id();
        let expected = app.scim.get("/Users").await.text;
        for path in [
            "@/scim/v2/Users", "@/scim/v2/Users/", "@/scim/v2//Users", "@//scim//v2//Users//", "@/scim/Users", "@/Users", "@/Users/", "@/v2/Users", "@/scim/v2/users",
            "@/SCIM/V2/USERS", "@/scim/v2/%55sers", "@/scim/v2/%55%73%65%72%73", "@/t/default/scim/v2/Users", "@/t/default/Users", "@/t/default/scim/users/", "@/t/default//v2//Users",
        ] {
            let answer = app.scim.get(path).await;
            let same = answer.ok(200).text.replace("/t/default/scim/v2", "/scim/v2");
            assert_eq!(same, expected, "{path}");
        }
        let first: String = id.bytes().take(1).map(|byte| format!("%{byte:02x}")).collect();
        let encoded = format!("/Users/{first}{}", id.get(1..).unwrap());
        assert_eq!(app.scim.get(&encoded).await.ok(200).body, made.body);
        for path in [format!("/users/{id}"), format!("/Users/{id}/"), format!("//Users//{id}")] {
            assert_eq!(app.scim.get(&path).await.ok(200).body, made.body, "{path}");
        }
        for spelling in [id.to_uppercase(), id.replace('-', ""), format!("{{{id}}}"), format!("urn:uuid:{id}"), format!("{id} "), format!(" {id}"), format!("{id}\0")] {
            app.scim.get(&format!("/Users/{}", encode(&spelling))).await.refused(404, None);
        }
        for search in ["/Users/.search", "/users/.SEARCH", "//Users/.search/", "/.search", "/.Search"] {
            let found = app.scim.post(search, json!({"schemas": [SEARCH]})).await;
            assert_eq!(found.ok(200).body["totalResults"], 1, "{search}");
        }
        for path in ["/schemas", "/SCHEMAS/", "/resourcetypes", "/serviceproviderconfig"] {
            app.scim.get(path).await.ok(200);
        }
    }
}
