//! How often: a tenant's budget of requests, and an address's budget of failures.

use std::time::Duration;

use futures_util::future::join_all;
use scim_server::clock::Clock;
use scim_server::config::Config;
use serde_json::{Value, json};

use crate::support::client::USER;
use crate::support::{Answer, Client, Database, TestApp, app};

const START: i64 = 1_800_000_000_000_000;

fn on_sqlite<F: Future<Output = ()>>(config: Config, story: impl FnOnce(TestApp) -> F) {
    app::run_with(Database::sqlite(), config, Clock::test(START), story);
}

fn limited(per_hour: u32) -> Value {
    json!({"rateLimit": {"perHour": per_hour}})
}

/// 429 with all that a client needs to come back at the right time.
#[track_caller]
fn over_budget(answer: &Answer, per_hour: u32) -> u64 {
    answer.refused(429, None);
    let policy = format!("\"tenant\";q={per_hour};w=3600");
    assert_eq!(answer.header("ratelimit-policy"), Some(policy.as_str()));
    assert!(
        answer
            .header("ratelimit")
            .unwrap()
            .starts_with("\"tenant\";r=0;t=")
    );
    let wait = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(wait >= 1);
    wait
}

/// How many of so many requests are let in.
async fn admitted(client: &Client, requests: usize) -> usize {
    let mut admitted = 0;
    for _ in 0..requests {
        admitted += usize::from(client.get("/Users?count=0").await.status == 200);
    }
    admitted
}

#[test]
fn exactly_the_budget_is_admitted_and_then_it_fills_evenly() {
    on_sqlite(Config::default(), |app| async move {
        let clock = app.state.clock.clone();
        let acme = app.tenant("acme", limited(5)).await;
        for left in (0..5).rev() {
            let answer = acme.get("/Users").await;
            assert_eq!(
                answer.ok(200).header("ratelimit-policy"),
                Some("\"tenant\";q=5;w=3600")
            );
            let budget = answer.header("ratelimit").unwrap();
            assert!(
                budget.starts_with(&format!("\"tenant\";r={left};t=")),
                "{budget}"
            );
        }
        let wait = over_budget(&acme.get("/Users").await, 5);
        assert_eq!(wait, 720);
        // As long as told, less a millisecond, is not enough.
        clock.advance(Duration::from_millis(wait * 1000 - 1));
        assert_eq!(over_budget(&acme.get("/Users").await, 5), 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(admitted(&acme, 2).await, 1);
        clock.advance(Duration::from_secs(2 * 720));
        assert_eq!(admitted(&acme, 4).await, 2);
        clock.advance(Duration::from_secs(1_000_000));
        assert_eq!(admitted(&acme, 10).await, 5);
    });
}

#[test]
fn every_kind_of_request_counts_and_nothing_is_done_over_the_budget() {
    on_sqlite(Config::default(), |app| async move {
        let acme = app.tenant("acme", limited(6)).await;
        let body = json!({"schemas": [USER], "userName": "ada"});
        acme.post("/Users", body.clone()).await.ok(201);
        acme.get("/Users/unknown").await.refused(404, None);
        acme.get("/Schemas").await.ok(200);
        acme.get("/ServiceProviderConfig").await.ok(200);
        acme.send("DELETE", "/Users", b"").await.refused(405, None);
        acme.send("POST", "/Users", b"not json")
            .await
            .refused(400, Some("invalidSyntax"));
        for (method, path) in [
            ("GET", "/Users"),
            ("POST", "/Users"),
            ("GET", "/Schemas"),
            ("PUT", "/Users/x"),
            ("DELETE", "/Users"),
            ("GET", "/Nobody"),
            ("POST", "/Bulk"),
        ] {
            over_budget(
                &acme.send(method, path, body.to_string().as_bytes()).await,
                6,
            );
        }
        let open = app
            .admin()
            .patch("/tenants/acme", json!({"policy": limited(100)}))
            .await;
        assert_eq!(open.status, 200, "{}", open.text);
        assert_eq!(acme.get("/Users").await.ok(200).names(), ["ada"]);
    });
}

#[test]
fn a_tenant_that_is_over_its_budget_takes_nothing_from_others() {
    on_sqlite(Config::default(), |app| async move {
        let acme = app.tenant("acme", limited(2)).await;
        let other = app.tenant("other", limited(2)).await;
        assert_eq!(admitted(&acme, 5).await, 2);
        // Another token and another path do not help it.
        let second = app.client(&app.new_token("acme", json!({"name": "second"})).await);
        over_budget(&second.get("/Users").await, 2);
        over_budget(&second.get("@/t/acme/scim/v2/Users").await, 2);
        assert_eq!(admitted(&other, 5).await, 2);
        assert_eq!(admitted(&app.scim, 20).await, 20);
    });
}

#[test]
fn requests_at_the_same_time_share_one_budget() {
    on_sqlite(Config::default(), |app| async move {
        let acme = app.tenant("acme", limited(10)).await;
        let answers = join_all((0..30).map(|_| acme.get("/Users"))).await;
        let admitted = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(admitted, 10);
        let refused: Vec<_> = answers
            .iter()
            .filter(|answer| answer.status == 429)
            .collect();
        assert_eq!(refused.len(), 20);
        for answer in refused {
            over_budget(answer, 10);
        }
    });
}

#[test]
fn what_is_refused_at_the_gate_is_not_charged_to_the_tenant() {
    on_sqlite(Config::default(), |app| async move {
        let acme = app.tenant("acme", limited(3)).await;
        for _ in 0..5 {
            app.client("wrong")
                .get("@/t/acme/scim/v2/Users")
                .await
                .refused(401, None);
            app.scim
                .get("@/t/acme/scim/v2/Users")
                .await
                .refused(403, None);
            app.nobody()
                .get("@/t/acme/scim/v2/ServiceProviderConfig")
                .await
                .ok(200);
        }
        assert_eq!(admitted(&acme, 5).await, 3);
    });
}

fn strict() -> Config {
    Config {
        failed_auth_per_minute: 3,
        ..Config::default()
    }
}

#[test]
fn an_address_may_fail_only_so_often_and_valid_tokens_do_not_suffer() {
    on_sqlite(strict(), |app| async move {
        let clock = app.state.clock.clone();
        let wrong = app.client("wrong");
        for _ in 0..3 {
            wrong.get("/Users").await.refused(401, None);
        }
        for client in [
            &wrong,
            &app.nobody(),
            &app.nobody().with("Authorization", "Basic YTpi"),
        ] {
            for path in ["/Users", "/Schemas", "/Nobody", "/Bulk"] {
                let answer = client.get(path).await;
                answer.refused(429, None);
                assert_eq!(answer.header("retry-after"), Some("20"));
            }
        }
        // Administration says it in its own words.
        let admin = Client::new(app.address, "/admin/v1", Some("wrong"))
            .get("/tenants")
            .await;
        assert_eq!(
            (admin.status, &admin.body["status"], &admin.body["error"]),
            (429, &json!(429), &json!("too-many-failures"))
        );
        assert_eq!(admin.header("retry-after"), Some("20"));
        // A valid token passes, also that of the administrator, and what is open stays open.
        app.scim.get("/Users").await.ok(200);
        app.nobody().get("/ServiceProviderConfig").await.ok(200);
        assert_eq!(app.admin().get("/tenants").await.status, 200);
        clock.advance(Duration::from_millis(19_999));
        wrong.get("/Users").await.refused(429, None);
        clock.advance(Duration::from_millis(1));
        wrong.get("/Users").await.refused(401, None);
        wrong.get("/Users").await.refused(429, None);
        clock.advance(Duration::from_secs(3600));
        for status in [401, 401, 401, 429] {
            wrong.get("/Users").await.refused(status, None);
        }
    });
}

#[test]
fn an_address_is_not_what_a_header_says() {
    on_sqlite(strict(), |app| async move {
        let from = |address: &str| {
            app.client("wrong")
                .with("X-Forwarded-For", address)
                .with("Forwarded", &format!("for={address}"))
                .with("X-Real-IP", address)
        };
        for (nth, status) in [401, 401, 401, 429, 429].into_iter().enumerate() {
            from(&format!("192.0.2.{nth}"))
                .get("/Users")
                .await
                .refused(status, None);
        }
    });
}

#[test]
fn behind_a_trusted_proxy_it_is_what_the_proxy_says() {
    let trusting = Config {
        trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()],
        ..strict()
    };
    on_sqlite(trusting, |app| async move {
        let from = |hops: &str| app.client("wrong").with("X-Forwarded-For", hops);
        for (hops, status) in [
            ("192.0.2.1", 401),
            ("192.0.2.1", 401),
            ("198.51.100.9, 192.0.2.1", 401),
            ("192.0.2.1", 429),
            ("198.51.100.10, 192.0.2.1", 429),
            ("192.0.2.2", 401),
        ] {
            from(hops).get("/Users").await.refused(status, None);
        }
    });
}
