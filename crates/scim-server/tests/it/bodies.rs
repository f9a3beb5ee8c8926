//! Bodies and headers that are too large, lie about themselves, or do not arrive.

use std::time::Duration;

use futures_util::future::join_all;
use scim_server::clock::Clock;
use scim_server::config::Config;
use serde_json::json;

use crate::support::client::USER;
use crate::support::connection::exchange;
use crate::support::{Answer, Connection, Database, TestApp, app};

const LIMIT: usize = 16 * 1024 * 1024;

fn on_both<F: Future<Output = ()>>(config: &Config, story: impl Fn(TestApp) -> F) {
    app::run_with(Database::sqlite(), config.clone(), Clock::system(), &story);
    if let Some(database) = Database::postgres() {
        app::run_with(database, config.clone(), Clock::system(), &story);
    }
}

fn hasty() -> Config {
    Config {
        header_timeout: Duration::from_secs(1),
        body_timeout: Duration::from_secs(1),
        ..Config::default()
    }
}

fn small() -> Config {
    Config {
        max_body_bytes: 2048,
        ..Config::default()
    }
}

/// A user in exactly so many bytes of JSON.
fn user_of(name: &str, bytes: usize) -> Vec<u8> {
    let mut body = json!({"schemas": [USER], "userName": name})
        .to_string()
        .into_bytes();
    body.resize(bytes, b' ');
    body
}

/// The head of a POST to `/Users` that stays on its connection.
fn head(app: &TestApp, more: &str) -> Vec<u8> {
    let token = &app.token;
    format!("POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/scim+json\r\n{more}\r\n").into_bytes()
}

fn get(app: &TestApp) -> Vec<u8> {
    format!(
        "GET /scim/v2/Users?count=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n",
        app.token
    )
    .into_bytes()
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(size) {
        chunks.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    chunks
}

async fn total(app: &TestApp) -> i64 {
    app.scim.get("/Users?count=0").await.ok(200).body["totalResults"]
        .as_i64()
        .unwrap()
}

#[track_caller]
fn too_large(answer: &Answer, limit: usize) {
    answer.refused(413, None);
    assert!(answer.text.contains(&limit.to_string()), "{}", answer.text);
}

stories! {
    async fn sixteen_mebibytes_are_taken_and_one_byte_more_is_not(app) {
        app.scim.send("POST", "/Users", &user_of("exactly", LIMIT)).await.ok(201);
        too_large(&app.scim.send("POST", "/Users", &user_of("more", LIMIT + 1)).await, LIMIT);
        let admin = app.admin().send("POST", "/tenants", &vec![b' '; LIMIT + 1]).await;
        assert_eq!((admin.status, &admin.body["status"]), (413, &json!(413)), "{}", admin.text);
        assert!(admin.text.contains(&LIMIT.to_string()));
        assert_eq!(app.scim.get("/Users").await.names(), ["exactly"]);
    }
}

#[test]
fn a_body_that_is_too_large_does_not_cost_the_connection() {
    on_both(&small(), |app| async move {
        let body = user_of("more", 300_000);
        let mut connection = Connection::open(app.address).await;
        for framing in [
            format!("Content-Length: {}\r\n", body.len()),
            "Transfer-Encoding: chunked\r\n".to_owned(),
        ] {
            connection.write(&head(&app, &framing)).await;
            let sent = if framing.starts_with('T') {
                chunked(&body, 10_000)
            } else {
                body.clone()
            };
            assert!(connection.write(&sent).await);
            too_large(&connection.answer().await.unwrap(), 2048);
            connection.write(&get(&app)).await;
            assert_eq!(
                connection.answer().await.unwrap().ok(200).body["totalResults"],
                0
            );
        }
        for (method, path) in [
            ("PUT", "/Users/x"),
            ("PATCH", "/Users/x"),
            ("POST", "/.search"),
            ("POST", "/Users/.search"),
        ] {
            let answer = app.scim.send(method, path, &body).await;
            assert!(
                [404, 413].contains(&answer.status),
                "{method} {path}: {}",
                answer.text
            );
            answer.refused(answer.status, None);
        }
        app.scim
            .send("POST", "/Users", &user_of("fits", 2048))
            .await
            .ok(201);
        too_large(
            &app.scim.send("POST", "/Users", &user_of("not", 2049)).await,
            2048,
        );
    });
}

#[test]
fn a_body_in_chunks_is_a_body() {
    on_both(&small(), |app| async move {
        for (nth, size) in [1, 2, 7, 5000].into_iter().enumerate() {
            let name = format!("chunked{nth}");
            let mut request = head(&app, "Transfer-Encoding: chunked\r\nConnection: close\r\n");
            request.extend(chunked(&user_of(&name, 200), size));
            exchange(app.address, &request).await.unwrap().ok(201);
        }
        assert_eq!(total(&app).await, 4);
    });
}

/// Lengths that lie, and two ways to say where a body ends: refused, or read in the one way that cannot smuggle.
#[test]
fn a_request_that_lies_about_its_length_smuggles_nothing() {
    on_both(&hasty(), |app| async move {
        let inner = String::from_utf8(user_of("inner", 120)).unwrap();
        let smuggled = format!(
            "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: 120\r\n\r\n{inner}",
            app.token
        );
        for lie in [
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Content-Length: 0\r\nContent-Length: 5\r\n",
            "Content-Length: +5\r\n",
            "Content-Length: -1\r\n",
            "Content-Length: 5,6\r\n",
            "Content-Length: 0x5\r\n",
            "Content-Length: 99999999999999999999\r\n",
            "Content-Length: five\r\n",
            "Content-Length: \r\n",
            "Transfer-Encoding: xchunked\r\n",
            "Transfer-Encoding: gzip, chunked\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Transfer-Encoding : chunked\r\n",
            "Content-Length : 5\r\n",
        ] {
            let mut request = head(&app, lie);
            request.extend_from_slice(b"0\r\n\r\n");
            request.extend_from_slice(smuggled.as_bytes());
            let mut connection = Connection::open(app.address).await;
            connection.write(&request).await;
            if let Some(answer) = connection.answer().await {
                assert!(
                    (400..=501).contains(&answer.status),
                    "{lie}: {}",
                    answer.status
                );
            }
            assert_eq!(total(&app).await, 0, "{lie}");
        }
        // Two honest requests on one connection are two: the second would have been let in.
        let mut request = head(&app, "Content-Length: 120\r\n");
        request.extend(user_of("outer", 120));
        request.extend_from_slice(smuggled.as_bytes());
        let mut connection = Connection::open(app.address).await;
        connection.write(&request).await;
        for _ in 0..2 {
            connection.answer().await.unwrap().ok(201);
        }
        assert_eq!(total(&app).await, 2);
    });
}

#[test]
fn a_length_that_is_too_short_cuts_the_body() {
    on_both(&hasty(), |app| async move {
        let mut request = head(&app, "Content-Length: 20\r\n");
        request.extend(user_of("cut", 120));
        let mut connection = Connection::open(app.address).await;
        connection.write(&request).await;
        connection
            .answer()
            .await
            .unwrap()
            .refused(400, Some("invalidSyntax"));
        assert_eq!(total(&app).await, 0);
    });
}

#[test]
fn chunks_that_are_none_are_refused() {
    on_both(&hasty(), |app| async move {
        for chunks in [
            "zz\r\n{}\r\n0\r\n\r\n",
            "-1\r\n{}\r\n0\r\n\r\n",
            "ffffffffffffffffff\r\n{}\r\n",
            "2;x=y\r\n{}XX0\r\n\r\n",
            "\r\n\r\n",
            "2\r\n{}",
        ] {
            let mut request = head(&app, "Transfer-Encoding: chunked\r\n");
            request.extend_from_slice(chunks.as_bytes());
            if let Some(answer) = exchange(app.address, &request).await {
                assert!(
                    [400, 408].contains(&answer.status),
                    "{chunks:?}: {}",
                    answer.text
                );
            }
        }
        assert_eq!(total(&app).await, 0);
    });
}

#[test]
fn a_body_that_stalls_is_408_wherever_it_was_going() {
    on_both(&hasty(), |app| async move {
        let made = app.scim.create(json!({"userName": "ada"})).await;
        let at = format!("/scim/v2/Users/{}", made.id());
        let tenant = app.token.clone();
        let admin = app::ADMIN_TOKEN.to_owned();
        let requests = [
            ("POST", "/scim/v2/Users", &tenant),
            ("PUT", &at, &tenant),
            ("PATCH", &at, &tenant),
            ("POST", "/scim/v2/Users/.search", &tenant),
            ("POST", "/scim/v2/.search", &tenant),
            ("POST", "/admin/v1/tenants", &admin),
            ("PATCH", "/admin/v1/tenants/default", &admin),
        ];
        let stalled = requests.map(|(method, path, token)| {
            let framings = ["Content-Length: 100\r\n\r\n", "Content-Length: 100\r\n\r\n{\"schemas\":", "Transfer-Encoding: chunked\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"];
            framings.map(|framing| format!("{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n{framing}"))
        });
        let stalled: Vec<String> = stalled.into_iter().flatten().collect();
        let answers = join_all(
            stalled
                .iter()
                .map(|request| exchange(app.address, request.as_bytes())),
        )
        .await;
        for (request, answer) in stalled.iter().zip(answers) {
            let answer = answer.unwrap();
            assert_eq!(answer.status, 408, "{request}: {}", answer.text);
            if !request.contains("/admin/") {
                answer.refused(408, None);
            }
        }
        assert_eq!(
            app.scim.get("/Users").await.ok(200).body["Resources"],
            json!([made.body])
        );
    });
}

#[test]
fn a_body_that_drips_does_not_win_time() {
    on_both(&hasty(), |app| async move {
        let mut connection = Connection::open(app.address).await;
        connection
            .write(&head(&app, "Content-Length: 100\r\n"))
            .await;
        // A byte is always on its way; the whole is what must arrive.
        for byte in &user_of("drip", 100)[..60] {
            connection.write(&[*byte]).await;
            actix_web::rt::time::sleep(Duration::from_millis(50)).await;
        }
        connection.answer().await.unwrap().refused(408, None);
        assert_eq!(total(&app).await, 0);
    });
}

#[test]
fn a_header_that_stalls_ends_the_connection() {
    on_both(&hasty(), |app| async move {
        let mut waiting = Vec::new();
        for begun in [
            "G",
            "GET /scim/v2/Users HTTP/1.1\r\n",
            "GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer",
            "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nX: y\r\n",
        ] {
            let mut connection = Connection::open(app.address).await;
            connection.write(begun.as_bytes()).await;
            waiting.push((begun, connection));
        }
        for (begun, mut connection) in waiting {
            if let Some(answer) = connection.answer().await {
                assert_eq!(answer.status, 408, "{begun:?}");
                assert!(connection.is_closed().await, "{begun:?}");
            }
        }
        app.scim.get("/Users").await.ok(200);
    });
}

#[test]
fn many_slow_clients_do_not_keep_others_out() {
    let patient = Config::default();
    on_both(&patient, |app| async move {
        let mut slow = Vec::new();
        for nth in 0..300 {
            let mut connection = Connection::open(app.address).await;
            let begun = if nth % 2 == 0 {
                b"GET /scim/v2/Users HT".to_vec()
            } else {
                head(&app, "Content-Length: 100\r\n")
            };
            connection.write(&begun).await;
            slow.push(connection);
        }
        for nth in 0..20 {
            app.scim
                .create(json!({"userName": format!("quick{nth}")}))
                .await;
        }
        assert_eq!(total(&app).await, 20);
        // They were only slow: one of them gets its answer in the end.
        let last = slow.last_mut().unwrap();
        last.write(&user_of("slow", 100)).await;
        last.answer().await.unwrap().ok(201);
    });
}

#[test]
fn a_client_that_asks_before_it_sends_is_told_to_go_on() {
    on_both(&small(), |app| async move {
        let mut connection = Connection::open(app.address).await;
        connection
            .write(&head(
                &app,
                "Content-Length: 100\r\nExpect: 100-continue\r\n",
            ))
            .await;
        assert_eq!(connection.answer().await.unwrap().status, 100);
        connection.write(&user_of("asked", 100)).await;
        connection.answer().await.unwrap().ok(201);
    });
}
