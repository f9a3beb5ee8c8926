//! The program as a process: how it starts, what it says where, how it stops.

use std::net::TcpListener;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::client::USER;
use crate::support::connection::Connection;
use crate::support::program::{Program, ask, run, scimd, serve};
use crate::support::{Client, Database};

/// Runs a story of processes on both databases.
fn on_both(story: impl Fn(&Path, &str)) {
    let database = Database::sqlite();
    story(database.directory.path(), &database.url);
    if let Some(database) = Database::postgres() {
        story(database.directory.path(), &database.url);
    }
}

fn started(directory: &Path, url: &str) -> Program {
    Program::start(serve(directory, url), directory)
}

fn get(address: std::net::SocketAddr, path: &str) -> (u16, Value) {
    let answer = ask(Client::new(address, "", None).get(path));
    (answer.status, answer.body)
}

#[test]
fn the_first_start_shows_its_secrets_once_and_on_standard_output_only() {
    on_both(|directory, url| {
        let mut first = started(directory, url);
        let out = first.out();
        let lines: Vec<&str> = out.lines().collect();
        assert!(
            lines[0].starts_with(&format!("listening on http://{}", first.address)),
            "{out}"
        );
        let base = first.said("SCIM base URL: ").unwrap();
        assert_eq!(base, format!("http://{}/scim/v2", first.address));
        let (token, admin) = (
            first.said("token: ").unwrap(),
            first.said("admin token: ").unwrap(),
        );
        assert!(token.starts_with("scimd_") && admin.starts_with("scimd_admin_"));
        let made = ask(first.client().create(json!({"userName": "ada"})));
        first.stop();
        for secret in [&token, &admin] {
            assert!(!first.err().contains(secret.as_str()), "{}", first.err());
        }
        let mut second = started(directory, url);
        assert_eq!(second.out().lines().count(), 1, "{}", second.out());
        assert!(!second.out().contains("scimd_") && !second.err().contains("scimd_"));
        // What was shown then still opens the door, and what was written is there.
        let again = ask(second
            .client_of(&token)
            .get(&format!("/Users/{}", made.id())));
        assert_eq!(again.ok(200).body["userName"], "ada");
        let tenants = ask(Client::new(second.address, "/admin/v1", Some(&admin)).get("/tenants"));
        assert_eq!(tenants.status, 200, "{}", tenants.text);
        second.stop();
    });
}

#[test]
fn a_given_admin_token_is_not_shown_and_wins() {
    on_both(|directory, url| {
        let chosen = "an-administrator-token-of-32-chars-or-more";
        let mut command = serve(directory, url);
        command.env("SCIMD_ADMIN_TOKEN", chosen);
        let mut program = Program::start(command, directory);
        assert!(program.said("admin token: ").is_none() && !program.out().contains(chosen));
        let answer = ask(Client::new(program.address, "/admin/v1", Some(chosen)).get("/tenants"));
        assert_eq!(answer.status, 200, "{}", answer.text);
        program.stop();
        assert!(!program.err().contains(chosen));
    });
}

#[test]
fn health_is_told_to_all_and_says_no_more_than_yes() {
    on_both(|directory, url| {
        let mut program = started(directory, url);
        assert_eq!(
            get(program.address, "/health/live"),
            (200, json!({"status": "live"}))
        );
        assert_eq!(
            get(program.address, "/health/ready"),
            (200, json!({"status": "ready"}))
        );
        for path in ["//health//live", "/health/live/"] {
            assert_eq!(get(program.address, path).0, 200, "{path}");
        }
        for path in ["/health", "/health/", "/health/nobody", "/health/live/x"] {
            assert!([401, 404].contains(&get(program.address, path).0), "{path}");
        }
        program.stop();
    });
}

#[test]
fn a_signal_lets_a_request_in_flight_finish() {
    on_both(|directory, url| {
        for signal in ["TERM", "INT"] {
            let mut program = started(directory, url);
            // The token of the first start, or one made beside it.
            let made = run(scimd(
                directory,
                &["token", "create", "default", "--database-url", url],
            ));
            let token = made.fine().out.trim().to_owned();
            let body =
                json!({"schemas": [USER], "userName": format!("in flight {signal}")}).to_string();
            let answer = ask(async {
                let mut connection = Connection::open(program.address).await;
                let head = format!(
                    "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {}\r\n\r\n",
                    body.len()
                );
                let (begun, rest) = body.split_at(10);
                connection.write(head.as_bytes()).await;
                connection.write(begun.as_bytes()).await;
                // It is in flight when another request that came later has its answer.
                program.client_of(&token).get("/Users").await.ok(200);
                program.signal(signal);
                while !program.err().contains("stopping") {
                    actix_web::rt::time::sleep(std::time::Duration::from_millis(10)).await;
                }
                connection.write(rest.as_bytes()).await;
                connection.answer().await
            });
            answer.unwrap().ok(201);
            let status = program.wait();
            assert_eq!(status.code(), Some(0), "{}", program.err());
            assert!(
                std::net::TcpStream::connect(program.address).is_err(),
                "nobody listens any more"
            );
        }
        let mut again = started(directory, url);
        let made = run(scimd(
            directory,
            &["token", "create", "default", "--database-url", url],
        ));
        let list = ask(again.client_of(made.fine().out.trim()).get("/Users"));
        assert_eq!(list.ok(200).names(), ["in flight TERM", "in flight INT"]);
        again.stop();
    });
}

#[test]
fn an_idle_server_ends_at_once_though_connections_are_open() {
    on_both(|directory, url| {
        let mut program = started(directory, url);
        let idle: Vec<_> = (0..5)
            .map(|_| std::net::TcpStream::connect(program.address).unwrap())
            .collect();
        program.stop();
        drop(idle);
        assert!(!program.err().contains("panicked"), "{}", program.err());
    });
}

#[test]
fn a_second_server_on_the_same_file_is_refused_and_the_first_lives_on() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    let mut first = started(directory, &database.url);
    run(serve(directory, &database.url)).refused(2, "scimd.db");
    ask(first.client().get("/Users")).ok(200);
    first.stop();
    started(directory, &database.url).stop();
}

#[test]
fn several_servers_share_a_postgres_and_one_shows_the_secrets() {
    let Some(database) = Database::postgres() else {
        return;
    };
    let directory = database.directory.path();
    let (mut one, mut two) = std::thread::scope(|scope| {
        let other = scope.spawn(|| started(directory, &database.url));
        let own = database.directory.path().join("own");
        std::fs::create_dir(&own).unwrap();
        let one = started(&own, &database.url);
        (one, other.join().unwrap())
    });
    let tokens: Vec<String> = [&one, &two]
        .iter()
        .filter_map(|program| program.said("token: "))
        .collect();
    let admins: Vec<String> = [&one, &two]
        .iter()
        .filter_map(|program| program.said("admin token: "))
        .collect();
    assert_eq!(
        (tokens.len(), admins.len()),
        (1, 1),
        "{} {}",
        one.out(),
        two.out()
    );
    let made = ask(one.client_of(&tokens[0]).create(json!({"userName": "ada"})));
    let seen = ask(two.client_of(&tokens[0]).get("/Users"));
    assert_eq!(seen.ok(200).body["Resources"][0]["id"], made.body["id"]);
    one.stop();
    two.stop();
}

#[test]
fn a_log_in_json_is_an_object_a_line_on_standard_error() {
    on_both(|directory, url| {
        let mut command = serve(directory, url);
        command
            .args(["--log-format", "json"])
            .env("RUST_LOG", "trace");
        let mut program = Program::start(command, directory);
        ask(program.client().get("/Users")).ok(200);
        program.stop();
        let err = program.err();
        assert!(err.contains("request answered"), "{err}");
        for line in err.lines() {
            let event: Value =
                serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
            assert!(event.is_object(), "{line}");
        }
        let answered = err
            .lines()
            .find(|line| line.contains("request answered"))
            .unwrap();
        assert!(answered.contains("request.id"), "{answered}");
    });
}

#[test]
fn a_port_in_use_is_one_line_and_no_secret_is_lost() {
    on_both(|directory, url| {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        run(scimd(
            directory,
            &["serve", "--listen", &address, "--database-url", url],
        ))
        .refused(2, &address);
        drop(taken);
        // The first start is still to come: its secrets are shown then.
        let mut program = started(directory, url);
        assert!(program.said("token: ").is_some() && program.said("admin token: ").is_some());
        program.stop();
    });
}

#[test]
fn a_log_that_nobody_reads_does_not_hold_up_requests() {
    let database = Database::sqlite();
    let directory = database.directory.path();
    let mut command = serve(directory, &database.url);
    command.env("RUST_LOG", "trace");
    // The pipe is full after 64 KiB: a line a request is more than that.
    let mut program = Program::start_logging(command, directory, Some(Stdio::piped()));
    ask(async {
        let scim = program.client();
        for _ in 0..1500 {
            scim.get("/Users?count=0").await.ok(200);
        }
    });
    program.stop();
}
