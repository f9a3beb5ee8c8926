//! The extractors before a small application, on a database of its own and a clock that stands still.

use std::time::Duration;

use actix_web::http::header::HeaderMap;
use actix_web::middleware::from_fn;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, HttpResponse, web};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::clock::Clock;
use crate::config::Config;
use crate::service::setup;
use crate::service::tenants::{self, NewTenant, TenantPatch};
use crate::service::tokens::{self, NewToken};
use crate::store::{Store, StoreOptions};

const ADMIN: &str = "an-administrators-token-of-some-length";
/// 2026-01-01T00:00:00Z
const START: i64 = 1_767_225_600_000_000;

struct Bed {
    state: web::Data<AppState>,
    _home: TempDir,
}

impl Bed {
    async fn new() -> Self {
        let home = TempDir::new().unwrap();
        let url = format!("sqlite:{}", home.path().join("gate.db").display());
        let store = Store::open(&StoreOptions::new(url)).unwrap();
        store.migrate().unwrap();
        let config = Config {
            failed_auth_per_minute: 5,
            ..Config::default()
        };
        let clock = Clock::test(START);
        let prepared = setup::prepare(store.directory(), clock, Some(&ADMIN.into()))
            .await
            .unwrap();
        let state = web::Data::new(AppState::new(config, store, prepared));
        let bed = Self { state, _home: home };
        bed.tenant("acme", json!({})).await;
        bed.tenant("other", json!({})).await;
        bed
    }

    async fn tenant(&self, slug: &str, policy: Value) {
        let new = NewTenant {
            slug: slug.to_owned(),
            policy: policy.as_object().cloned(),
            ..NewTenant::default()
        };
        tenants::create(&self.state.admin, new).await.unwrap();
    }

    async fn change(&self, slug: &str, patch: Value) {
        let patch: TenantPatch = serde_json::from_value(patch).unwrap();
        tenants::change(&self.state.admin, slug, patch)
            .await
            .unwrap();
    }

    async fn token(&self, slug: &str, scopes: Value) -> tokens::Issued {
        let new: NewToken =
            serde_json::from_value(json!({"name": "test", "scopes": scopes})).unwrap();
        tokens::create(&self.state.admin, slug, new).await.unwrap()
    }

    /// What a GET of the path with these headers gives.
    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.ask(TestRequest::get().uri(path), headers).await
    }

    async fn ask(&self, request: TestRequest, headers: &[(&str, &str)]) -> Answer {
        let app = init_service(
            App::new()
                .app_data(self.state.clone())
                .route("/scim/v2/Users", web::get().to(read))
                .route("/scim/v2/Users", web::post().to(write))
                .route("/t/{slug}/scim/v2/Users", web::get().to(read))
                .route("/scim/v2/Schemas", web::get().to(visit))
                .route("/t/{slug}/scim/v2/Schemas", web::get().to(visit))
                .route("/admin/v1/x", web::get().to(administer))
                .wrap(from_fn(crate::http::trace::request)),
        )
        .await;
        let request = headers.iter().fold(request, |request, (name, value)| {
            request.append_header((*name, *value))
        });
        let answer = call_service(&app, request.to_request()).await;
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: serde_json::from_slice(&read_body(answer).await).unwrap_or_default(),
        }
    }
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}

fn bearer(token: &tokens::Issued) -> String {
    format!("Bearer {}", token.text.expose())
}

async fn read(caller: Caller<Read>) -> HttpResponse {
    HttpResponse::Ok().json(json!({
        "tenant": caller.tenant.slug, "actor": caller.actor, "base": caller.base_url
    }))
}

async fn write(caller: Caller<Write>) -> HttpResponse {
    HttpResponse::Ok().json(json!({"tenant": caller.tenant.slug}))
}

async fn visit(visitor: Visitor<Schemas>) -> HttpResponse {
    let tenant = visitor.tenant.map(|tenant| tenant.slug.clone());
    HttpResponse::Ok().json(json!({"tenant": tenant}))
}

async fn administer(_: Admin) -> HttpResponse {
    HttpResponse::Ok().finish()
}

#[actix_web::test]
async fn a_token_opens_its_tenant_and_says_who_came() {
    let bed = Bed::new().await;
    let token = bed.token("acme", json!(["scim:read"])).await;
    let headers = [
        ("authorization", bearer(&token)),
        ("host", "a.example".to_owned()),
    ];
    let headers: Vec<(&str, &str)> = headers
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let answer = bed.get("/scim/v2/Users", &headers).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["tenant"], "acme");
    assert_eq!(
        answer.body["actor"],
        format!("token:{}", token.row.public_id)
    );
    assert_eq!(answer.body["base"], "http://a.example/scim/v2");
    assert_eq!(
        answer.header("ratelimit-policy"),
        "\"tenant\";q=25000;w=3600"
    );
    assert_eq!(answer.header("ratelimit"), "\"tenant\";r=24999;t=1");
    let answer = bed.get("/t/acme/scim/v2/Users", &headers).await;
    assert_eq!(answer.body["base"], "http://a.example/t/acme/scim/v2");
}

#[actix_web::test]
async fn who_shows_no_good_token_is_refused() {
    let bed = Bed::new().await;
    let token = bearer(&bed.token("acme", json!(["scim:read"])).await);
    let stranger = token::Pepper::new([1; 32]).mint().unwrap();
    let stranger = format!("Bearer {}", stranger.text.expose());
    let twice: &[(&str, &str)] = &[("authorization", &token), ("authorization", &token)];
    for (headers, status, challenge) in [
        (&[][..], 401, "Bearer realm=\"scimd\""),
        (
            &[("authorization", "Basic YTpi")],
            401,
            "Bearer realm=\"scimd\"",
        ),
        (
            &[("authorization", "Bearer ")],
            401,
            "Bearer realm=\"scimd\", error=\"invalid_token\"",
        ),
        (
            &[("authorization", stranger.as_str())],
            401,
            "Bearer realm=\"scimd\", error=\"invalid_token\"",
        ),
        (
            twice,
            400,
            "Bearer realm=\"scimd\", error=\"invalid_request\"",
        ),
    ] {
        let answer = bed.get("/scim/v2/Users", headers).await;
        assert_eq!(
            (answer.status, answer.header("www-authenticate")),
            (status, challenge)
        );
        assert_eq!(answer.body["status"], status.to_string());
        assert_eq!(answer.header("ratelimit"), "");
    }
    let in_query = format!(
        "/scim/v2/Users?access_token={}",
        token.replace("Bearer ", "")
    );
    assert_ne!(bed.get(&in_query, &[]).await.status, 200);
}

#[actix_web::test]
async fn scopes_and_the_policy_say_what_a_token_may() {
    let bed = Bed::new().await;
    for (scopes, access, reads, writes) in [
        (json!(["scim:read"]), "read-write", 200, 403),
        (json!(["scim:write"]), "read-write", 403, 200),
        (json!(["scim:provision"]), "read-write", 403, 200),
        (json!(["scim:read", "scim:write"]), "read-only", 200, 403),
        (
            json!(["scim:read", "scim:provision"]),
            "read-only",
            200,
            200,
        ),
    ] {
        bed.change("acme", json!({"policy": {"access": access}}))
            .await;
        let token = bearer(&bed.token("acme", scopes.clone()).await);
        let headers = [("authorization", token.as_str())];
        let read = bed.get("/scim/v2/Users", &headers).await.status;
        let write = bed
            .ask(TestRequest::post().uri("/scim/v2/Users"), &headers)
            .await
            .status;
        assert_eq!((read, write), (reads, writes), "{scopes} {access}");
    }
}

#[actix_web::test]
async fn another_tenants_slug_and_one_that_does_not_exist_look_the_same() {
    let bed = Bed::new().await;
    let token = bearer(&bed.token("acme", json!(["scim:read"])).await);
    let headers = [("authorization", token.as_str())];
    let other = bed.get("/t/other/scim/v2/Users", &headers).await;
    let nobody = bed.get("/t/nobody/scim/v2/Users", &headers).await;
    assert_eq!((other.status, nobody.status), (403, 403));
    assert_eq!(other.body, nobody.body);
}

#[actix_web::test]
async fn what_administration_changes_holds_from_the_next_request_on() {
    let bed = Bed::new().await;
    let issued = bed.token("acme", json!(["scim:read"])).await;
    let token = bearer(&issued);
    let headers = [("authorization", token.as_str())];
    let status = async || bed.get("/scim/v2/Users", &headers).await.status;
    assert_eq!(status().await, 200);
    bed.change("acme", json!({"suspended": true})).await;
    assert_eq!(status().await, 403);
    bed.change("acme", json!({"suspended": false})).await;
    assert_eq!(status().await, 200);
    let id = issued.row.id.to_string();
    tokens::revoke(&bed.state.admin, "acme", &id).await.unwrap();
    assert_eq!(status().await, 401);

    let token = bearer(&bed.token("acme", json!(["scim:read"])).await);
    let headers = [("authorization", token.as_str())];
    assert_eq!(bed.get("/scim/v2/Users", &headers).await.status, 200);
    tenants::delete(&bed.state.admin, "acme").await.unwrap();
    bed.tenant("acme", json!({})).await;
    assert_eq!(bed.get("/scim/v2/Users", &headers).await.status, 401);
}

#[actix_web::test]
async fn a_token_ends_on_time() {
    let bed = Bed::new().await;
    let new = json!({"name": "short", "expiresAt": "2026-01-01T00:01:00Z"});
    let new = serde_json::from_value(new).unwrap();
    let token = bearer(&tokens::create(&bed.state.admin, "acme", new).await.unwrap());
    let headers = [("authorization", token.as_str())];
    bed.state.clock.advance(Duration::from_secs(59));
    assert_eq!(bed.get("/scim/v2/Users", &headers).await.status, 200);
    bed.state.clock.advance(Duration::from_secs(1));
    assert_eq!(bed.get("/scim/v2/Users", &headers).await.status, 401);
}

#[actix_web::test]
async fn a_tenant_over_its_budget_waits_and_others_do_not() {
    let bed = Bed::new().await;
    bed.change("acme", json!({"policy": {"rateLimit": {"perHour": 2}}}))
        .await;
    let token = bearer(&bed.token("acme", json!(["scim:read"])).await);
    let other = bearer(&bed.token("other", json!(["scim:read"])).await);
    let headers = [("authorization", token.as_str())];
    for left in ["r=1;t=1800", "r=0;t=3600"] {
        let answer = bed.get("/scim/v2/Users", &headers).await;
        assert_eq!(
            (answer.status, answer.header("ratelimit")),
            (200, &*format!("\"tenant\";{left}"))
        );
    }
    let refused = bed.get("/scim/v2/Users", &headers).await;
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (429, "1800")
    );
    assert_eq!(refused.header("ratelimit"), "\"tenant\";r=0;t=1800");
    assert_eq!(refused.header("ratelimit-policy"), "\"tenant\";q=2;w=3600");
    assert_eq!(refused.body["status"], "429");
    assert_eq!(
        bed.get("/scim/v2/Users", &[("authorization", &other)])
            .await
            .status,
        200
    );
    bed.state.clock.advance(Duration::from_secs(1800));
    assert_eq!(bed.get("/scim/v2/Users", &headers).await.status, 200);
}

#[actix_web::test]
async fn an_address_that_fails_too_often_is_told_to_wait_but_its_good_tokens_are_not() {
    let bed = Bed::new().await;
    let token = bearer(&bed.token("acme", json!(["scim:read"])).await);
    for path in [
        "/scim/v2/Users",
        "/admin/v1/x",
        "/scim/v2/Users",
        "/admin/v1/x",
        "/scim/v2/Schemas",
    ] {
        assert_eq!(bed.get(path, &[]).await.status, 401);
    }
    let refused = bed.get("/scim/v2/Users", &[]).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "12"));
    assert_eq!(bed.get("/admin/v1/x", &[]).await.status, 429);
    assert_eq!(
        bed.get("/scim/v2/Users", &[("authorization", &token)])
            .await
            .status,
        200
    );
    let admin = format!("Bearer {ADMIN}");
    assert_eq!(
        bed.get("/admin/v1/x", &[("authorization", &admin)])
            .await
            .status,
        200
    );
    bed.state.clock.advance(Duration::from_secs(12));
    assert_eq!(bed.get("/scim/v2/Users", &[]).await.status, 401);
}

#[actix_web::test]
async fn only_the_administrators_token_administers() {
    let bed = Bed::new().await;
    let token = bearer(&bed.token("acme", json!(["scim:read", "scim:write"])).await);
    let admin = format!("Bearer {ADMIN}");
    assert_eq!(
        bed.get("/admin/v1/x", &[("authorization", &admin)])
            .await
            .status,
        200
    );
    assert_eq!(
        bed.get("/admin/v1/x", &[("authorization", &token)])
            .await
            .status,
        401
    );
    assert_eq!(
        bed.get("/scim/v2/Users", &[("authorization", &admin)])
            .await
            .status,
        401
    );
    let refused = bed.get("/admin/v1/x", &[]).await;
    assert_eq!(
        (refused.status, &refused.body["error"]),
        (401, &json!("no-credentials"))
    );
}

#[actix_web::test]
async fn discovery_is_open_where_the_policy_says_so() {
    let bed = Bed::new().await;
    assert_eq!(bed.get("/scim/v2/Schemas", &[]).await.status, 401);
    assert_eq!(bed.get("/t/acme/scim/v2/Schemas", &[]).await.status, 401);
    assert_eq!(bed.get("/t/nobody/scim/v2/Schemas", &[]).await.status, 401);
    bed.change("acme", json!({"policy": {"publicDiscovery": ["Schemas"]}}))
        .await;
    let shown = bed.get("/t/acme/scim/v2/Schemas", &[]).await;
    assert_eq!((shown.status, &shown.body["tenant"]), (200, &json!("acme")));
    bed.change("acme", json!({"suspended": true})).await;
    assert_eq!(bed.get("/t/acme/scim/v2/Schemas", &[]).await.status, 401);
    let token = bearer(&bed.token("other", json!(["scim:read"])).await);
    let read = bed
        .get("/scim/v2/Schemas", &[("authorization", &token)])
        .await;
    assert_eq!((read.status, &read.body["tenant"]), (200, &json!("other")));
}

#[actix_web::test]
async fn the_last_use_of_a_token_is_written_later() {
    let bed = Bed::new().await;
    let token = bed.token("acme", json!(["scim:read"])).await;
    let value = bearer(&token);
    bed.get("/scim/v2/Users", &[("authorization", &value)])
        .await;
    bed.state.gate.usage.flush(&bed.state.admin.directory).await;
    let (rows, _) = tokens::page(&bed.state.admin, "acme", None, 10)
        .await
        .unwrap();
    assert_eq!(
        (rows[0].last_used, rows[0].last_used_from.as_deref()),
        (Some(START), Some("0.0.0.0"))
    );
}

#[actix_web::test]
async fn a_second_start_makes_nothing_new() {
    let bed = Bed::new().await;
    let again = async |chosen| {
        let directory = bed.state.store.directory();
        setup::prepare(directory, Clock::test(START), chosen)
            .await
            .unwrap()
            .made
    };
    let first = again(None).await;
    assert!(first.token.is_none() && first.admin.is_some());
    let second = again(None).await;
    assert!(second.token.is_none() && second.admin.is_none());
    assert!(tenants::find(&bed.state.admin, "default").await.is_ok());
}
