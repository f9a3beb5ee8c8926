//! Secrets stay secret: not in the database, not in the log, whatever is asked and whatever goes wrong.

use std::fs;

use diesel::sql_types::Text;
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use serde_json::{Value, json};

use crate::routes::{admin_requests, scim_requests};
use crate::support::client::{ENTERPRISE, USER, encode};
use crate::support::database::statement;
use crate::support::program::{Program, ask, serve};
use crate::support::{Client, Database, TestApp, app::ADMIN_TOKEN, needles};

const PASSWORDS: [&str; 4] = [
    "canary-password-post-1",
    "canary-password-put-2",
    "canary-password-patch-3",
    "canary-pässwörd-4",
];
const VISIBLE: &str = "canary.visible@example.com";

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

fn lines(connection: &mut PgConnection, query: &str) -> Vec<String> {
    let lines: Vec<Line> = sql_query(query).load(connection).unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

/// All that the database holds: the file with its log, or every row of every table.
fn dump(database: &Database) -> Vec<u8> {
    if !database.is_postgres() {
        let mut bytes = Vec::new();
        for file in fs::read_dir(database.directory.path()).unwrap() {
            bytes.extend(fs::read(file.unwrap().path()).unwrap());
        }
        return bytes;
    }
    let mut connection = PgConnection::establish(&database.url).unwrap();
    let tables = lines(
        &mut connection,
        "SELECT table_name::text AS line FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
    );
    assert!(tables.len() >= 5, "{tables:?}");
    let rows = tables.iter().flat_map(|table| {
        lines(
            &mut connection,
            &format!(
                "SELECT row_to_json(one)::text || E'\\n' || one::text AS line FROM \"{table}\" one"
            ),
        )
    });
    rows.collect::<Vec<_>>().join("\n").into_bytes()
}

/// The part of a token that nobody may see: behind its public id.
fn secret_of(token: &str) -> String {
    let (secret, _) = token
        .rsplit_once('_')
        .map(|(_, rest)| rest.split_at(52))
        .unwrap();
    secret.to_owned()
}

/// The bytes that the secret stands for.
fn secret_bytes(token: &str) -> Vec<u8> {
    data_encoding::BASE32_NOPAD
        .decode(secret_of(token).to_uppercase().as_bytes())
        .unwrap()
}

async fn set_passwords(client: &Client) {
    let made = client
        .create(json!({"userName": VISIBLE, "password": PASSWORDS[0]}))
        .await;
    let at = format!("/Users/{}", made.id());
    client
        .put(
            &at,
            json!({"schemas": [USER], "userName": VISIBLE, "password": PASSWORDS[1]}),
        )
        .await
        .ok(200);
    client
        .operate(
            &at,
            json!([{"op": "replace", "path": "password", "value": PASSWORDS[2]}]),
        )
        .await
        .ok(200);
    client
        .operate(
            &at,
            json!([{"op": "add", "value": {"password": PASSWORDS[3]}}]),
        )
        .await
        .ok(200);
}

async fn tokens(app: &TestApp) -> Vec<String> {
    let mut tokens = vec![app.token.clone(), ADMIN_TOKEN.to_owned()];
    for name in ["a", "b"] {
        tokens.push(app.new_token("default", json!({"name": name})).await);
    }
    for token in &tokens {
        app.client(token).get("/Users").await;
    }
    tokens
}

stories! {
    async fn the_database_holds_no_token_and_no_password(app) {
        let tokens = tokens(&app).await;
        set_passwords(&app.scim).await;
        let held = dump(&app.database);
        // What is stored for all to see is found: the search works.
        assert!(needles::is_in(VISIBLE, &held));
        assert!(needles::is_in(tokens[0].get(6..22).unwrap(), &held), "the public id");
        for password in PASSWORDS {
            assert!(!needles::is_in(password, &held), "{password}");
        }
        for token in &tokens {
            assert!(!needles::is_in(token, &held), "{token}");
        }
        for token in tokens.iter().filter(|token| *token != ADMIN_TOKEN) {
            assert!(!needles::is_in(&secret_of(token), &held), "{token}");
            for spelling in needles::spellings(&secret_bytes(token)) {
                assert!(!needles::contains(&held, &spelling), "{token}");
            }
        }
        assert!(needles::is_in("$argon2id$", &held), "a password is kept as a hash");
    }
}

stories! {
    async fn our_own_mistakes_are_500_and_say_nothing_of_themselves(app) {
        app.scim.create(json!({"userName": "ada"})).await;
        statement(&app.database, "ALTER TABLE resource RENAME TO elsewhere");
        for (method, path, body) in [
            ("GET", "/Users", String::new()),
            ("GET", "/Users?filter=userName%20eq%20%22ada%22", String::new()),
            ("POST", "/Users", json!({"schemas": [USER], "userName": "bob"}).to_string()),
        ] {
            let answer = app.scim.send(method, path, body.as_bytes()).await;
            answer.refused(500, None);
            for word in ["resource", "elsewhere", "relation", "no such table", "SELECT", "sqlite", "postgres", "src/", "scimd.db"] {
                assert!(!answer.text.contains(word), "{word}: {}", answer.text);
            }
        }
        statement(&app.database, "ALTER TABLE elsewhere RENAME TO resource");
        assert_eq!(app.scim.get("/Users").await.ok(200).names(), ["ada"], "nothing was half done");
    }
}

/// Everything that is secret or somebody's own, sent in every place where it could be logged.
struct Canaries {
    tokens: Vec<String>,
    names: Vec<String>,
}

impl Canaries {
    fn all(&self) -> impl Iterator<Item = &String> {
        self.tokens.iter().chain(&self.names)
    }
}

async fn sing(program: &Program) -> Canaries {
    let scim = program.client();
    let token = program.said("token: ").unwrap();
    let admin_token = program.said("admin token: ").unwrap();
    let admin = Client::new(program.address, "/admin/v1", Some(&admin_token))
        .with("Content-Type", "application/json");
    let made = admin
        .post(
            "/tenants/default/tokens",
            json!({"name": "canaryTokenName", "description": "canaryDescription"}),
        )
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let second = made.body["token"].as_str().unwrap().to_owned();
    let names: Vec<String> = [
        "canaryUserName",
        "canary.mail@example.com",
        "canaryGiven",
        "canaryTitle",
        "canaryExternal",
        "canaryDepartment",
        "canaryTokenName",
        "canaryDescription",
        "canaryQuery",
        "canaryWrong",
    ]
    .map(str::to_owned)
    .into();
    let user = json!({
        "schemas": [USER, ENTERPRISE], "userName": names[0], "externalId": names[4], "name": {"givenName": names[2]}, "title": names[3], "password": PASSWORDS[0],
        "emails": [{"value": names[1], "type": "work"}], ENTERPRISE: {"department": names[5]}
    });
    let created = scim.post("/Users", user.clone()).await;
    let at = format!("/Users/{}", created.ok(201).id());
    scim.post("/Users", user.clone())
        .await
        .refused(409, Some("uniqueness"));
    scim.put(&at, user.clone()).await.ok(200);
    scim.operate(&at, json!([{"op": "replace", "path": "title", "value": "canaryTitle2"}, {"op": "replace", "path": "password", "value": PASSWORDS[1]}])).await.ok(200);
    for name in names.iter().chain([&token, &second]) {
        let text = encode(name);
        for path in [
            format!(
                "/Users?filter={}",
                encode(&format!("userName eq \"{name}\""))
            ),
            format!("/Users?filter={text}"),
            format!("/Users/{text}"),
            format!("/{text}"),
            format!("/Users?sortBy={text}"),
            format!("/Schemas/{text}"),
            format!("@/t/{text}/scim/v2/Users"),
            format!("@/health/live?x={text}"),
        ] {
            scim.get(&path).await;
            scim.with("X-Canary", name)
                .with("If-Match", name)
                .with("User-Agent", name)
                .with("Referer", name)
                .get(&path)
                .await;
        }
        scim.send(name, "/Users", b"").await;
        scim.operate(&at, json!([{"op": "replace", "path": name, "value": name}]))
            .await;
        scim.operate(&at, json!([{"op": name, "path": "title", "value": name}]))
            .await;
        scim.send("POST", "/Users", format!("{{\"{name}\":").as_bytes())
            .await;
        scim.send(
            "POST",
            "/Users",
            format!("{{\"userName\":\"{name}\",\"username\":\"{name}\"}}").as_bytes(),
        )
        .await;
        scim.with("Content-Type", name)
            .send("POST", "/Users", b"{}")
            .await;
        admin.get(&format!("/tenants/{text}")).await;
        admin.get(&format!("/tenants?cursor={text}")).await;
        admin.post("/tenants", json!({"slug": name})).await;
        admin
            .post(
                "/tenants/default/tokens",
                json!({"name": name, "scopes": [name]}),
            )
            .await;
        admin.patch("/tenants/default", json!({name: name})).await;
        admin
            .patch("/tenants/default", json!({"policy": {name: name}}))
            .await;
        for authorization in [
            format!("Bearer {name}"),
            format!("Basic {name}"),
            name.clone(),
            format!("Bearer {token}{name}"),
        ] {
            let wrong = Client::new(program.address, "/scim/v2", None)
                .with("Authorization", &authorization);
            wrong.get("/Users").await;
            wrong.get("@/admin/v1/tenants").await;
        }
    }
    for (method, path) in scim_requests().into_iter().chain(admin_requests()) {
        if method != "DELETE" {
            let client = if path.starts_with("/admin") {
                &admin
            } else {
                &scim
            };
            client
                .send(
                    method,
                    &format!("@{path}?token={token}"),
                    user.to_string().as_bytes(),
                )
                .await;
        }
    }
    let broken = format!(
        "GET /scim/v2/Users HTTP/9.9\r\nAuthorization: Bearer {token}\r\n{}\r\n\r\n",
        names[9]
    );
    crate::support::connection::exchange(program.address, broken.as_bytes()).await;
    let filtered = format!("badge[value eq \"{}\"].number", names[8]);
    scim.operate(
        &at,
        json!([{"op": "replace", "path": filtered, "value": names[9]}, {"op": "replace", "path": "active", "value": false}]),
    )
    .await
    .ok(200);
    scim.delete(&at).await.ok(204);
    let mut secrets = vec![token, admin_token, second];
    secrets.extend(PASSWORDS[..2].iter().map(|password| (*password).to_owned()));
    Canaries {
        tokens: secrets,
        names,
    }
}

fn nothing_is_logged(url: &str, database: &Database, format: &str) -> String {
    let directory = database.directory.path();
    let mut command = serve(directory, url);
    command
        .env("RUST_LOG", "trace")
        .env("SCIMD_LOG_FORMAT", format)
        .env("SCIMD_FAILED_AUTH_PER_MINUTE", "1000000");
    let mut program = Program::start(command, directory);
    let canaries = ask(sing(&program));
    program.stop();
    let (out, err) = (program.out(), program.err());
    // The log does log: there are events of the requests, and the search finds what is there.
    assert!(
        needles::contains(err.as_bytes(), b"request answered"),
        "{err}"
    );
    assert!(err.lines().count() > 100, "{err}");
    // What was left out beside a deactivation is named, without the values in its path.
    assert!(needles::contains(err.as_bytes(), b"badge.number"), "{err}");
    let (first, rest): (Vec<&str>, Vec<&str>) =
        out.lines().partition(|line| line.contains("token: "));
    assert_eq!(first.len(), 2, "{out}");
    assert!(needles::is_in(
        &canaries.tokens[0],
        first.join("\n").as_bytes()
    ));
    let rest = rest.join("\n");
    for canary in canaries.all() {
        assert!(
            !needles::is_in(canary, err.as_bytes()),
            "{canary} is in the log: {}",
            around(&err, canary)
        );
        assert!(!needles::is_in(canary, rest.as_bytes()), "{canary}: {rest}");
    }
    for token in canaries
        .tokens
        .iter()
        .filter(|token| token.starts_with("scimd_"))
    {
        for spelling in needles::spellings(&secret_bytes(token)) {
            assert!(!needles::contains(err.as_bytes(), &spelling), "{token}");
        }
    }
    err
}

fn around(text: &str, word: &str) -> String {
    text.lines()
        .filter(|line| line.contains(word))
        .take(3)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn the_log_holds_no_secret_and_no_name_at_any_level_on_sqlite() {
    let database = Database::sqlite();
    nothing_is_logged(&database.url, &database, "text");
}

#[test]
fn the_log_holds_no_secret_and_no_name_at_any_level_on_postgres() {
    if let Some(database) = Database::postgres() {
        let err = nothing_is_logged(&database.url, &database, "json");
        let password = database.url.split([':', '@']).nth(2).unwrap();
        assert!(password.len() < 8 || !err.contains(password));
        for line in err.lines() {
            assert!(
                serde_json::from_str::<Value>(line).is_ok_and(|event| event.is_object()),
                "{line}"
            );
        }
    }
}

/// Names that would forge a line of the log, or move the cursor of who reads it.
#[test]
fn an_event_is_one_line_of_json_whatever_a_client_sends() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    let mut command = serve(directory, &database.url);
    command
        .env("RUST_LOG", "trace")
        .env("SCIMD_LOG_FORMAT", "json");
    let mut program = Program::start(command, directory);
    ask(async {
        let scim = program.client();
        let token = program.said("admin token: ").unwrap();
        let admin = Client::new(program.address, "/admin/v1", Some(&token))
            .with("Content-Type", "application/json");
        for (nth, evil) in [
            "a\nb",
            "a\r\n{\"level\":\"ERROR\"}",
            "\u{1b}[31mred\u{1b}[0m",
            "a\u{2028}b\u{2029}c",
            "\u{85}\u{7f}",
            "{}\n{}",
            "\u{202e}",
        ]
        .into_iter()
        .enumerate()
        {
            scim.post(
                "/Users",
                json!({"schemas": [USER], "userName": format!("{evil}{nth}"), "title": evil}),
            )
            .await
            .ok(201);
            scim.get(&format!("/Users/{}", encode(evil))).await;
            scim.get(&format!("/{}", encode(evil))).await;
            scim.filter("/Users", evil).await;
            scim.get(&format!("@/t/{}/scim/v2/Users", encode(evil)))
                .await;
            admin
                .post(
                    "/tenants",
                    json!({"slug": format!("t{nth}"), "displayName": evil}),
                )
                .await;
            admin.get(&format!("/tenants/{}", encode(evil))).await;
        }
    });
    program.stop();
    let err = program.err();
    assert!(err.lines().count() > 30, "{err}");
    for line in err.lines() {
        let event: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(
            event["timestamp"].is_string() && event["level"].is_string(),
            "{line}"
        );
        assert!(
            !line.contains(|c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}'),
            "{line:?}"
        );
    }
}
