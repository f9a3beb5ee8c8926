//! Who may: every route there is × everything that is no credential, or not enough of one. RFC 7644 §2, RFC 6750 §3.

use std::collections::BTreeSet;
use std::time::Duration;

use scim_server::clock::{Clock, rfc3339};
use scim_server::token::Pepper;
use serde_json::{Value, json};

use crate::routes::{admin_requests, patient, scim_requests};
use crate::support::connection::exchange;
use crate::support::{Answer, Client, Database, TestApp, app, app::ADMIN_TOKEN};

const START: i64 = 1_800_000_000_000_000;

/// On both databases, with a clock that stands and no limit of failures.
macro_rules! both {
    ($($name:ident: $story:ident;)*) => {$(
        mod $name {
            use super::*;

            #[test]
            fn sqlite() {
                app::run_with(Database::sqlite(), patient(), Clock::test(START), $story);
            }

            #[test]
            fn postgres() {
                if let Some(database) = Database::postgres() {
                    app::run_with(database, patient(), Clock::test(START), $story);
                }
            }
        }
    )*};
}

both! {
    what_is_no_credential_is_401_everywhere: no_credentials;
    a_token_that_is_over_is_401_everywhere: tokens_that_are_over;
    a_token_does_no_more_than_its_scopes: scopes;
    a_token_is_of_no_use_at_another_tenant: other_tenants;
    a_suspended_tenant_is_403_until_it_is_not: suspension;
    a_token_stands_in_one_header_and_nowhere_else: places;
    nobody_else_is_the_administrator: administration;
    a_read_only_tenant_is_written_by_provisioning_only: read_only;
}

/// A token of the right shape that nobody has.
fn stranger() -> String {
    Pepper::new([7; 32])
        .mint()
        .unwrap()
        .text
        .expose()
        .to_owned()
}

/// The same token with its last character changed, so that its checksum is wrong.
fn misspelt(token: &str) -> String {
    let (head, last) = token.split_at(token.len() - 1);
    format!("{head}{}", if last == "a" { "b" } else { "a" })
}

/// The same public id with another secret and a right checksum.
fn forged(token: &str) -> String {
    let made = stranger();
    let (id, secret) = (token.get(..23).unwrap(), made.get(23..75).unwrap());
    let covered = format!("{id}{secret}");
    let crc = crc32fast::hash(covered.as_bytes()).to_be_bytes();
    format!(
        "{covered}{}",
        data_encoding::BASE32_NOPAD
            .encode(&crc)
            .to_ascii_lowercase()
    )
}

fn with(app: &TestApp, authorization: &str) -> Client {
    app.nobody().with("Authorization", authorization)
}

async fn ask(client: &Client, method: &str, path: &str) -> Answer {
    client
        .send(
            method,
            &format!("@{path}"),
            if method == "GET" { b"" } else { b"{}" },
        )
        .await
}

/// It is refused by SCIM or by administration, each in its own words, and says how to authenticate.
#[track_caller]
fn is_401(answer: &Answer, path: &str, error: Option<&str>) {
    if path.starts_with("/admin") {
        assert_eq!(answer.status, 401, "{path}: {}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.body["status"], 401);
        assert!(!answer.body["error"].as_str().unwrap().is_empty());
    } else {
        answer.refused(401, None);
    }
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer realm="), "{challenge}");
    let said = challenge
        .split_once("error=\"")
        .map(|(_, rest)| rest.trim_end_matches('"'));
    assert_eq!(said, error, "{path}: {challenge}");
}

fn all_requests() -> Vec<(&'static str, String)> {
    scim_requests()
        .into_iter()
        .chain(admin_requests())
        .collect()
}

async fn no_credentials(app: TestApp) {
    let stranger = format!("Bearer {}", stranger());
    let misspelt = format!("Bearer {}", misspelt(&app.token));
    let forged = format!("Bearer {}", forged(&app.token));
    let long = format!("Bearer scimd_{}", "a".repeat(4000));
    let quoted = format!("Bearer \"{}\"", app.token);
    let twice = format!("Bearer Bearer {}", app.token);
    let joined = format!("Bearer {0},Bearer {0}", app.token);
    let basic = format!("Basic {}", app.token);
    for (authorization, error) in [
        ("", None),
        ("Basic dXNlcjpwYXNz", None),
        (&*basic, None),
        ("Digest username=\"a\"", None),
        (&*app.token, None),
        ("Bearer", Some("invalid_token")),
        ("Bearer ", Some("invalid_token")),
        ("bearer null", Some("invalid_token")),
        ("Bearer undefined", Some("invalid_token")),
        ("Bearer {{token}}", Some("invalid_token")),
        ("Bearer scimd_", Some("invalid_token")),
        (&*stranger, Some("invalid_token")),
        (&*misspelt, Some("invalid_token")),
        (&*forged, Some("invalid_token")),
        (&*long, Some("invalid_token")),
        (&*quoted, Some("invalid_token")),
        (&*twice, Some("invalid_token")),
        (&*joined, Some("invalid_token")),
    ] {
        for (method, path) in all_requests() {
            is_401(
                &ask(&with(&app, authorization), method, &path).await,
                &path,
                error,
            );
        }
    }
    for (method, path) in all_requests() {
        if !path.ends_with("/ServiceProviderConfig") {
            is_401(&ask(&app.nobody(), method, &path).await, &path, None);
        }
    }
    // The same with the token is let in: what was refused was the credential.
    app.scim.get("/Users").await.ok(200);
    with(&app, &format!("bEARER   {} ", app.token))
        .get("/Users")
        .await
        .ok(200);
}

async fn tokens_that_are_over(app: TestApp) {
    let end = rfc3339(START + 60_000_000);
    let expiring = app
        .new_token("default", json!({"name": "expiring", "expiresAt": end}))
        .await;
    let revoked = app
        .admin()
        .post("/tenants/default/tokens", json!({"name": "revoked"}))
        .await;
    let (id, revoked) = (
        revoked.id(),
        revoked.body["token"].as_str().unwrap().to_owned(),
    );
    let orphan = app.tenant("gone", json!({})).await;
    for client in [app.client(&expiring), app.client(&revoked), orphan.clone()] {
        client.get("/Users").await.ok(200);
    }
    let clock = app.state.clock.clone();
    clock.advance(Duration::from_millis(59_999));
    app.client(&expiring).get("/Users").await.ok(200);
    clock.advance(Duration::from_millis(1));
    assert_eq!(
        app.admin()
            .delete(&format!("/tenants/default/tokens/{id}"))
            .await
            .status,
        204
    );
    assert_eq!(app.admin().delete("/tenants/gone").await.status, 204);
    for client in [app.client(&expiring), app.client(&revoked), orphan] {
        for (method, path) in scim_requests() {
            is_401(
                &ask(&client, method, &path).await,
                &path,
                Some("invalid_token"),
            );
        }
    }
    app.scim.get("/Users").await.ok(200);
}

async fn scopes(app: TestApp) {
    let token = async |scopes: Value| {
        app.client(
            &app.new_token("default", json!({"name": "x", "scopes": scopes}))
                .await,
        )
    };
    let reader = token(json!(["scim:read"])).await;
    let writer = token(json!(["scim:write"])).await;
    for (method, path) in scim_requests() {
        let unoffered = path.ends_with("/Bulk") || path.ends_with("/Me");
        let reads = method == "GET" || path.ends_with(".search");
        let (other, needed) = if reads {
            (&writer, "scim:read")
        } else {
            (&reader, "scim:write")
        };
        let answer = ask(other, method, &path).await;
        if unoffered {
            answer.refused(501, None);
            continue;
        }
        answer.refused(403, None);
        let challenge = answer.header("www-authenticate").unwrap_or_default();
        assert!(
            challenge.contains("insufficient_scope") && challenge.contains(needed),
            "{challenge}"
        );
        let own = if reads { &reader } else { &writer };
        assert_ne!(ask(own, method, &path).await.status, 403, "{method} {path}");
    }
    let made = writer.create(json!({"userName": "written"})).await;
    let at = format!("/Users/{}", made.id());
    for refused in [reader.delete(&at).await, writer.get(&at).await] {
        refused.refused(403, None);
    }
    assert_eq!(reader.get(&at).await.ok(200).body, made.body);
    // A resource that is not there looks the same to who may not ask.
    let (there, nowhere) = (writer.get(&at).await, writer.get("/Users/nobody").await);
    assert_eq!(there.text, nowhere.text);
}

async fn other_tenants(app: TestApp) {
    let acme = app.tenant("acme", json!({})).await;
    for (method, path) in scim_requests()
        .into_iter()
        .filter(|(_, path)| path.starts_with("/t/"))
    {
        let theirs = ask(&acme, method, &path).await;
        theirs.refused(403, None);
        let nowhere = ask(&acme, method, &path.replacen("/t/default", "/t/nosuch", 1)).await;
        nowhere.refused(403, None);
        assert_eq!(theirs.text, nowhere.text, "{method} {path}");
        let names = |answer: &Answer| {
            answer
                .headers
                .iter()
                .map(|(name, _)| name.clone())
                .collect::<BTreeSet<_>>()
        };
        assert_eq!(names(&theirs), names(&nowhere), "{method} {path}");
        let own = ask(&acme, method, &path.replacen("/t/default", "/t/acme", 1)).await;
        assert_ne!(own.status, 403, "{method} {path}");
    }
    for slug in [
        "Acme",
        "ACME",
        "acme%00",
        "acme%2F",
        "..",
        ".",
        "%2e%2e",
        "acme.",
        "%20acme",
        "default%2F..%2Facme",
        "*",
        "%25",
    ] {
        let answer = acme.get(&format!("@/t/{slug}/scim/v2/Users")).await;
        assert!(
            [400, 401, 403, 404].contains(&answer.status),
            "{slug}: {}",
            answer.text
        );
    }
    acme.get("@/t/acme/scim/v2/Users").await.ok(200);
    acme.get("@/t/%61cme/scim/v2/Users").await.ok(200);
}

async fn suspension(app: TestApp) {
    let suspend = async |suspended: bool| {
        let answer = app
            .admin()
            .patch("/tenants/default", json!({"suspended": suspended}))
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    };
    suspend(true).await;
    for (method, path) in scim_requests() {
        ask(&app.scim, method, &path).await.refused(403, None);
    }
    app.nobody()
        .get("@/t/default/scim/v2/ServiceProviderConfig")
        .await
        .refused(401, None);
    suspend(false).await;
    app.scim.get("/Users").await.ok(200);
    app.nobody()
        .get("@/t/default/scim/v2/ServiceProviderConfig")
        .await
        .ok(200);
}

async fn places(app: TestApp) {
    let token = &app.token;
    let bearer = format!("Bearer {token}");
    for (method, path) in all_requests() {
        if path.ends_with("/ServiceProviderConfig") {
            continue;
        }
        for query in [
            format!("access_token={token}"),
            format!("token={token}"),
            format!("Authorization=Bearer%20{token}"),
            format!("access_token={ADMIN_TOKEN}").replace(' ', "%20"),
        ] {
            is_401(
                &ask(&app.nobody(), method, &format!("{path}?{query}")).await,
                &path,
                None,
            );
        }
        for (name, value) in [
            ("Proxy-Authorization", &bearer),
            ("X-Authorization", &bearer),
            ("Authentication", &bearer),
            ("Cookie", &format!("Authorization={bearer}; token={token}")),
            ("X-Api-Key", token),
            ("X-Original-URL", &"/health/live".to_owned()),
            ("X-Rewrite-URL", &"/ServiceProviderConfig".to_owned()),
            ("X-HTTP-Method-Override", &"OPTIONS".to_owned()),
        ] {
            is_401(
                &ask(&app.nobody().with(name, value), method, &path).await,
                &path,
                None,
            );
        }
        for (first, second) in [
            (&*bearer, &*bearer),
            (&*bearer, "Basic YTpi"),
            ("Bearer wrong", &*bearer),
            ("", &*bearer),
        ] {
            let answer = ask(
                &with(&app, first).with("Authorization", second),
                method,
                &path,
            )
            .await;
            assert!(
                [400, 401].contains(&answer.status),
                "{method} {path}: {}",
                answer.text
            );
            if !path.starts_with("/admin") {
                answer.refused(answer.status, None);
            }
        }
    }
    let form = app
        .nobody()
        .with("Content-Type", "application/x-www-form-urlencoded");
    form.send("POST", "/Users", format!("access_token={token}").as_bytes())
        .await
        .refused(401, None);
    // A header that no server should read to its end: refused, and nobody else notices.
    for target in ["/scim/v2/Users", "/admin/v1/tenants"] {
        let huge = format!(
            "GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {}\r\n\r\n",
            "a".repeat(1 << 20)
        );
        if let Some(answer) = exchange(app.address, huge.as_bytes()).await {
            assert!(
                [400, 401, 413, 431].contains(&answer.status),
                "{}",
                answer.status
            );
        }
    }
    for bytes in [
        &b"Bearer \xff\xfe"[..],
        b"Bearer a\0b",
        b"Bearer \x01",
        b"B\xc3\xa9arer x",
    ] {
        let mut request =
            b"GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: "
                .to_vec();
        request.extend_from_slice(bytes);
        request.extend_from_slice(b"\r\n\r\n");
        let status = exchange(app.address, &request)
            .await
            .map_or(400, |answer| answer.status);
        assert!([400, 401].contains(&status), "{bytes:?}: {status}");
    }
    app.scim.get("/Users").await.ok(200);
}

async fn administration(app: TestApp) {
    for (method, path) in admin_requests() {
        is_401(
            &ask(&app.scim, method, &path).await,
            &path,
            Some("invalid_token"),
        );
    }
    let admin = Client::new(app.address, "/scim/v2", Some(ADMIN_TOKEN));
    for (method, path) in scim_requests() {
        is_401(
            &ask(&admin, method, &path).await,
            &path,
            Some("invalid_token"),
        );
    }
    for path in [
        "/admin/v1/nowhere",
        "/admin/v1",
        "/admin",
        "/admin/",
        "/admin/v2/tenants",
        "/console/",
        "/metrics",
        "/openapi.json",
        "/docs",
        "/oauth/token",
    ] {
        let answer = ask(&app.nobody(), "GET", path).await;
        assert!(
            [401, 404].contains(&answer.status),
            "{path}: {}",
            answer.text
        );
    }
    assert_eq!(app.admin().get("/tenants").await.status, 200);
    for nearly in [
        ADMIN_TOKEN.to_uppercase(),
        format!("{ADMIN_TOKEN}x"),
        ADMIN_TOKEN.get(1..).unwrap().to_owned(),
    ] {
        let answer = ask(
            &with(&app, &format!("Bearer {nearly}")),
            "GET",
            "/admin/v1/tenants",
        )
        .await;
        is_401(&answer, "/admin/v1/tenants", Some("invalid_token"));
    }
}

async fn read_only(app: TestApp) {
    let plain = app.tenant("archive", json!({"access": "read-only"})).await;
    let filling = app
        .new_token(
            "archive",
            json!({"name": "fill", "scopes": ["scim:provision"]}),
        )
        .await;
    let filling = app.client(&filling);
    let made = filling.create(json!({"userName": "ada"})).await;
    for (method, path) in scim_requests()
        .into_iter()
        .filter(|(_, path)| path.starts_with("/scim/v2"))
    {
        let reads = method == "GET" || path.ends_with(".search");
        if !reads && !path.ends_with("/Bulk") && !path.ends_with("/Me") {
            ask(&plain, method, &path).await.refused(403, None);
        }
    }
    let at = format!("/Users/{}", made.id());
    plain.delete(&at).await.refused(403, None);
    assert_eq!(plain.get(&at).await.ok(200).body, made.body);
    filling.get(&at).await.refused(403, None);
    filling.delete(&at).await.ok(204);
}
